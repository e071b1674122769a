"""Methods of the comparison by name, and the training people some of them are fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ssn.data.face_store import FaceStore
from ssn.data.protocol import Protocol
from ssn.errors import DataError
from ssn.evaluation.face_set import acquired
from ssn.evaluation.families import FAMILIES, Material
from ssn.evaluation.families.spectrum_transfer import Transferred
from ssn.evaluation.matcher import FamilyMatcher
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace

MOST_FACES = 200
"""Training faces of either spectrum that a transfer is fitted on."""


def family_names(text: str | None) -> tuple[str, ...]:
    """ "saliency,inpainting" → names of the registry, each of them once; ``all`` is all but an ONNX file, which must be
    named. Raises DataError for one that is not there."""
    names = tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))
    if names == ("all",):
        return tuple(name for name in FAMILIES if name not in ("onnx", "light-cnn-finetuned"))
    if unknown := [name for name in names if name not in FAMILIES]:
        raise DataError(f"There is no family {unknown[0]!r}.", f"Use some of {', '.join(FAMILIES)}, or all.")
    return names


def learn_from_people(names: Sequence[str]) -> bool:
    """Is any of these fitted on training people?"""
    return any(issubclass(FAMILIES[name], Transferred) for name in names)


def training_faces(
    protocol: Protocol, store: FaceStore | None = None, most: int = MOST_FACES
) -> dict[Literal["nir", "vis"], list[AlignedFace]]:
    """Aligned faces of the protocol's training people, ``most`` of either spectrum, evenly from all of them. Where it
    has no NIR of them, it is simulated from VIS. Raises DataError where nobody is to be learned from."""
    vis = [sample for sample in protocol.train if sample.spectrum == "vis"]
    nir = [sample for sample in protocol.train if sample.spectrum != "vis"]
    if not vis:
        raise DataError(
            f"{protocol.name} has no training people.", "Leave out families with a spectrum transfer, or add some."
        )
    seen = _faces(_evenly(vis, most), store)
    return {"nir": _faces(_evenly(nir, most), store) or [simulated_nir_face(face) for face in seen], "vis": seen}


def _evenly(samples: list, most: int) -> list:
    places = np.unique(np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int))
    return [samples[i] for i in places]


def _faces(samples: list, store: FaceStore | None) -> list[AlignedFace]:
    found, _ = acquired(samples, store)
    return [found[sample]() for sample in samples if sample in found]


def family_matchers(names: Sequence[str], material: Material) -> dict[str, FamilyMatcher]:
    """Families built from the material. Raises DataError where some of it is missing."""
    return {name: FamilyMatcher(FAMILIES[name].build(material)) for name in names}
