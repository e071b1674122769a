"""What every data set is turned into before anything is learned from it or measured on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssn.faces.types import Spectrum


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture of one person. ``image`` is a file, or a function that makes the picture (H, W, 3) uint8 RGB;
    ``landmarks`` (68, 2) in its pixels where they are known exactly. ``key`` names a picture that is made: the same key
    is the same picture, so that it may be stored; one without a key is not. Samples are told apart as objects."""

    identity: str
    spectrum: Spectrum
    image: Path | Callable[[], np.ndarray]
    landmarks: np.ndarray | None = None
    key: str = ""

    @property
    def name(self) -> str:
        """What a report calls the picture: the end of its path, or its key, or whose it is."""
        return "/".join(self.image.parts[-4:]) if isinstance(self.image, Path) else self.key or self.identity


@dataclass(frozen=True)
class Failure:
    """A picture that gave no face, and why: it is missing, unreadable, or nobody's face was detected in it."""

    picture: str
    why: str


@dataclass(frozen=True)
class Protocol:
    """Who is compared with whom. ``pairs`` (probe, gallery sample, same person?) serve verification; ``probes`` against
    ``gallery`` serve identification and, where there are no pairs, verification too, all against all.

    ``train`` holds the people a method may learn from, disjoint from all others, and ``train_source`` what they are
    called in a card. ``withheld``: pictures of everybody who may be tested, where those compared are not all of them.
    ``notes`` go into the report. ``groups``: identity → the group of people it is reported with, where one is known.
    """

    name: str
    gallery: list[Sample] = field(default_factory=list)
    probes: list[Sample] = field(default_factory=list)
    pairs: list[tuple[Sample, Sample, bool]] = field(default_factory=list)
    train: list[Sample] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    withheld: list[Sample] = field(default_factory=list)
    train_source: str = ""
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def compared(self) -> list[Sample]:
        """Every sample that is compared, once: gallery, probes, then those of the pairs."""
        paired = [sample for probe, enrolled, _ in self.pairs for sample in (probe, enrolled)]
        return list(dict.fromkeys([*self.gallery, *self.probes, *paired]))

    @property
    def tested(self) -> list[Sample]:
        """Pictures of the people nobody may learn from."""
        return self.withheld or self.compared
