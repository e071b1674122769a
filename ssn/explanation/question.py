"""What is asked of the explainer, and who watches while it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from ssn.errors import ExplanationError
from ssn.explanation.pair import Target, face_digest
from ssn.faces.types import AlignedFace

SideName = Literal["probe", "gallery"]
Sides = Literal["probe", "gallery", "both"]
Baseline = str | np.ndarray
"""A baseline's name, or a picture (128, 128) in [0, 1]."""

Progress = Callable[[float], None]
"""Told the share done, in [0, 1], after every chunk."""


class Cancel(Protocol):
    """Anything that says whether to stop, such as a ``threading.Event``."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Watch:
    """Who is told how far the work is, and who may stop it; by default nobody."""

    progress: Progress | None = None
    cancel: Cancel | None = None

    @property
    def stopped(self) -> bool:
        """Has somebody asked to stop?"""
        return self.cancel is not None and self.cancel.is_set()

    def tell(self, share: float) -> None:
        """Say the share done, in [0, 1]."""
        if self.progress is not None:
            self.progress(share)

    def part(self, number: int, parts: int) -> Watch:
        """The same watch, over one of several equal parts."""
        if self.progress is None:
            return self
        progress = self.progress
        return replace(self, progress=lambda share: progress((number + share) / parts))


NOBODY = Watch()


@dataclass(frozen=True, eq=False)
class Question:
    """Which pixels made ``probe`` match ``target``, by which method and looked at from where.

    ``sides``: whose pixels; ``baseline``: None for the method's own; ``parameters``: those that differ from the
    method's own.
    """

    probe: AlignedFace
    target: Target
    method: str = "ig"
    sides: Sides = "probe"
    baseline: Baseline | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def pair_key(self) -> tuple[str, str]:
        """What stands for the two faces in a cache."""
        return face_digest(self.probe), self.target.digest

    @property
    def key(self) -> tuple:
        """What the answer depends on."""
        settings = tuple(sorted(self.parameters.items()))
        return (*self.pair_key, self.method, self.sides, baseline_key(self.baseline), settings)

    def face(self, side: SideName) -> AlignedFace:
        """The face of that side. Raises ExplanationError where the target has no photo."""
        if side == "probe":
            return self.probe
        if self.target.face is None:
            raise ExplanationError(
                f"There is no photo behind {self.target.name}.", "Compare with a photo, or explain the probe."
            )
        return self.target.face

    def with_face(self, side: SideName, face: AlignedFace) -> Question:
        """The same question about another face on that side; the target's direction stays."""
        if side == "probe":
            return replace(self, probe=face)
        return replace(self, target=replace(self.target, face=face))


def baseline_key(baseline: Baseline | None) -> str | None:
    """A name as it is, a picture as 12 hex digits of its values."""
    if baseline is None or isinstance(baseline, str):
        return baseline
    return hashlib.sha256(np.ascontiguousarray(baseline, np.float32).tobytes()).hexdigest()[:12]
