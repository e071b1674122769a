"""What every data set is turned into before anything is measured on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssn.faces.types import Spectrum


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture of one person. ``image`` is a file, or a function that makes the picture (H, W, 3) uint8 RGB;
    ``landmarks`` (68, 2) in its pixels where they are known exactly. Samples are told apart as objects."""

    identity: str
    spectrum: Spectrum
    image: Path | Callable[[], np.ndarray]
    landmarks: np.ndarray | None = None


@dataclass(frozen=True)
class Protocol:
    """Who is compared with whom. ``pairs`` (probe, gallery sample, same person?) serve verification; ``probes`` against
    ``gallery`` serve identification and, where there are no pairs, verification too, all against all.

    ``train`` holds the people a method may learn from, disjoint from all others. ``notes`` go into the report.
    """

    name: str
    gallery: list[Sample] = field(default_factory=list)
    probes: list[Sample] = field(default_factory=list)
    pairs: list[tuple[Sample, Sample, bool]] = field(default_factory=list)
    train: list[Sample] = field(default_factory=list)
    notes: tuple[str, ...] = ()
