"""What may be hidden of a probe in a run: the named occlusions, and covers drawn on the photographed face."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import cast

import numpy as np

from ssn.errors import DataError, LandmarksUnknownError
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.types import AlignedFace
from ssn.people.dressed import dress
from ssn.people.worn import WORN, Worn

COVERS: tuple[str, ...] = tuple(worn for worn in WORN if worn != "none")
"""Goggles, surgical mask, scarf."""
OPAQUE = 0.5
"""From this opacity on a pixel counts as hidden."""


def hideable() -> tuple[str, ...]:
    """Every name ``--occlusions`` may hold."""
    return (*OCCLUSIONS, *COVERS)


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each of them once. Raises DataError for one that hides nothing known, or for none at all."""
    chosen = tuple(dict.fromkeys(names))
    if unknown := [name for name in chosen if name not in hideable()]:
        raise DataError(f"{unknown[0]!r} is no occlusion.", f"Use some of {', '.join(hideable())}.")
    if not chosen:
        raise DataError("No occlusion was given.", f"Use some of {', '.join(hideable())}.")
    return chosen


def as_probe(face: AlignedFace, occlusion: str, tell_covers: bool = False) -> AlignedFace:
    """A complete face in the spectrum it is shown in → the probe of a row.

    A named occlusion blackens its pixels and is known to be there. A drawn cover replaces them by cloth or glass; what
    it hides enters the face's mask only with ``tell_covers``. The same photo wears the same cover in every run and in
    every spectrum. Raises LandmarksUnknownError for a cover on a face without landmarks.
    """
    if occlusion not in COVERS:
        return occlude(face, named_mask(occlusion, face.landmarks))
    if face.landmarks is None:
        raise LandmarksUnknownError
    seed = zlib.crc32(np.asarray(face.landmarks, np.float32).tobytes() + occlusion.encode())
    dressed, opacity = dress(face, cast(Worn, occlusion), np.random.default_rng(seed))
    return dressed.with_(mask=dressed.mask | (opacity >= OPAQUE)) if tell_covers else dressed
