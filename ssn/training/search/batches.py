"""Batches for search and fine-tuning: micro-batches of one spectrum each, drawn from nothing but their number.

A micro-batch is the unit of all that looks at several faces together (batch normalisation and shuffling in the
bottleneck), so neither the number of processes nor a restart changes what is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.models.pixel_selection import BRANCHES
from ssn.training.augment import ViewRanges, random_rectangles, random_views
from ssn.training.search.people import Learners


@dataclass(frozen=True)
class BatchConfig:
    """What a batch is made of."""

    batch: int = 128
    """Faces of a batch; half of them NIR, half VIS."""
    micro: int = 32
    """Faces that go through the network together; their gradients are added up to those of the batch."""
    size: int = 128
    """Side of a face in pixels."""
    mode: Literal["complete", "partial"] = "partial"
    """Partial: random masks on the NIR faces in every iteration."""
    masked: float = 1.0
    """Share of the NIR faces that get a mask in partial mode."""
    masked_vis: float = 0.0
    """The same of the VIS faces. None in the paper; re-ranking embeds masked VIS faces, which then are nothing new."""
    mask_low: float = 0.15
    mask_high: float = 0.8
    """Sides of a mask, as shares of the face's; wide enough to hold what the two test masks hide."""
    told: float = 0.5
    """Share of the masked micro-batches whose masks an adaptive selection is told."""
    shift: float = 5.0
    rotation: float = 8.0
    scale: float = 0.06
    """How far a face is moved (px), turned (degrees) and stretched at random."""

    def __post_init__(self) -> None:
        if self.mode not in ("complete", "partial"):
            raise DataError(f"There is no mode {self.mode!r}.", "Use complete or partial.")
        if self.micro < 2 or self.batch % (2 * self.micro):
            raise DataError(
                f"A batch of {self.batch} cannot be shared out by {self.micro} to both spectra.",
                "Make the batch a multiple of twice the micro-batch.",
            )

    @property
    def micros(self) -> int:
        return self.batch // self.micro

    @property
    def views(self) -> ViewRanges:
        return ViewRanges(shift=self.shift, rotation=self.rotation, scale=self.scale, occluded=0.0)


@dataclass(frozen=True)
class MicroBatch:
    """``views`` (n, 1, S, S) in [0, 1], ``branch`` (n,) all one spectrum, ``mask`` (n, 1, S, S) float, 1 where hidden,
    or None where nothing is; whether an adaptive network is ``told`` it; ``labels`` (n,) and ``places`` (n,) in the
    learners; ``roll`` shuffles."""

    views: Tensor
    branch: Tensor
    mask: Tensor | None
    told: bool
    labels: Tensor
    places: Tensor
    roll: int

    def to(self, device: torch.device) -> MicroBatch:
        moved = {
            "views": self.views.to(device, memory_format=torch.channels_last),
            "branch": self.branch.to(device),
            "mask": None if self.mask is None else self.mask.to(device),
            "labels": self.labels.to(device),
            "places": self.places.to(device),
        }
        return MicroBatch(told=self.told, roll=self.roll, **moved)


class Batches:
    """An endless, numbered supply from the learners at ``members`` (positions in the learners).

    An epoch is one random order of the members; what does not fill a batch waits for another epoch's order.
    ``stream`` keeps the random choices of several supplies apart.
    """

    def __init__(
        self, crops: StoredFaces, learners: Learners, members: np.ndarray, config: BatchConfig, seed: int, stream: int
    ):
        self.crops, self.learners, self.members = crops, learners, members
        self.config, self.seed, self.stream = config, seed, stream
        self.per_epoch = len(members) // config.batch
        if self.per_epoch < 1:
            raise DataError(f"{len(members)} photos do not fill a batch of {config.batch}.", "Use a smaller batch.")

    def places(self, number: int) -> np.ndarray:
        """Batch ``number`` → the positions (batch,) of its photos in the learners."""
        epoch, place = divmod(number, self.per_epoch)
        order = np.random.default_rng((self.seed, self.stream, epoch)).permutation(len(self.members))
        return self.members[order[place * self.config.batch : (place + 1) * self.config.batch]]

    def micro(self, number: int, part: int) -> MicroBatch:
        """Part ``part`` of batch ``number``; NIR and VIS in turn, changing over at every epoch."""
        config = self.config
        places = self.places(number)[part * config.micro : (part + 1) * config.micro]
        branch = (part + number // self.per_epoch) % 2
        key = np.random.SeedSequence((self.seed, self.stream, number, part)).generate_state(2)
        generator = torch.Generator().manual_seed(int(key[0]) << 20 ^ int(key[1]))
        return draw_micro(self.crops, self.learners, places, branch, config, generator)


def draw_micro(
    crops: StoredFaces,
    learners: Learners,
    places: np.ndarray,
    branch: int,
    config: BatchConfig,
    generator: torch.Generator,
) -> MicroBatch:
    """Random views of the learners at ``places`` in one spectrum (an index into ``BRANCHES``)."""
    count, nir = len(places), BRANCHES[branch] == "nir"
    pixels = torch.from_numpy(crops.pixels[learners.rows[places]])
    views, mask = random_views(pixels, torch.full((count,), nir), config.size, generator, config.views)
    chance = (config.masked if nir else config.masked_vis) if config.mode == "partial" else 0.0
    if chance > 0:
        mask = random_rectangles(count, config.size, generator, chance, config.mask_low, config.mask_high)
        views = views.masked_fill(mask, 0.0)
    told = chance > 0 and torch.rand(1, generator=generator).item() < config.told
    return MicroBatch(
        views=views,
        branch=torch.full((count,), branch),
        mask=mask.float() if chance > 0 else None,
        told=told,
        labels=torch.from_numpy(learners.labels[places]),
        places=torch.from_numpy(places),
        roll=int(torch.randint(1, count, (1,), generator=generator)),
    )
