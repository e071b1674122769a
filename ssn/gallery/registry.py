"""What kinds of gallery and of index there are: a new one is a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ssn.errors import DataError, GalleryError
from ssn.gallery.exact import ExactIndex
from ssn.gallery.index import TemplateIndex
from ssn.gallery.milvus import MilvusGallery
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore

MakeIndex = Callable[[torch.device], TemplateIndex]
OpenStore = Callable[[str, str, torch.device, MakeIndex], GalleryStore]

INDICES: dict[str, MakeIndex] = {"exact": ExactIndex}
DEFAULT_INDEX = "exact"

STORES: dict[str, OpenStore] = {"": Gallery, "http": MilvusGallery, "https": MilvusGallery}
"""By the scheme of the address: what stands before ``://``. A path has none."""


def scheme_of(where: str | Path) -> str:
    """``http`` of ``http://host:1``; empty for a path."""
    head, sign, _ = str(where).partition("://")
    return head.lower() if sign else ""


def find_index(name: str) -> MakeIndex:
    """Raises DataError for a name that is not in ``INDICES``."""
    if name not in INDICES:
        raise DataError(f"{name!r} is no index.", f"Use one of {', '.join(INDICES)}.")
    return INDICES[name]


def open_store(
    where: str | Path, model_id: str, device: torch.device | str = "cpu", index: str = DEFAULT_INDEX
) -> GalleryStore:
    """The gallery at a path or an address. Raises GalleryError where it cannot be opened, or no kind of gallery has
    such addresses; DataError for an unknown index."""
    scheme = scheme_of(where)
    if not str(where).strip():  # which SQLite takes for a file that goes when it is closed
        raise GalleryError("The gallery has no name.", "Name a file.")
    if scheme not in STORES:
        known = ", ".join(f"{name}://" for name in STORES if name)
        raise GalleryError(f"No gallery is kept at {scheme}://.", f"Name a file{f' or use {known}' if known else ''}.")
    return STORES[scheme](str(where), model_id, torch.device(device), find_index(index))
