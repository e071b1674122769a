"""Batches for search and fine-tuning: micro-batches of one spectrum each, drawn from nothing but their number.

A micro-batch is the unit of all that looks at several faces together (batch normalisation and shuffling in the
bottleneck), so neither the number of processes nor a restart changes what is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssn.data.face_store import StoredFaces
from ssn.errors import DataError
from ssn.models.pixel_selection import BRANCHES
from ssn.training.ahead import Ahead
from ssn.training.augment import ViewRanges, random_rectangles, random_views
from ssn.training.crops import Crops
from ssn.training.option import option
from ssn.training.search.people import TrainingPeople
from ssn.training.spectra import Spectra
from ssn.training.transfer import to_device

MODES = ("complete", "partial")


@dataclass(frozen=True)
class BatchConfig:
    """What a batch is made of."""

    batch: int = option(128, low=4)
    """Search, fine-tuning: faces of a batch; half of them NIR, half VIS."""
    micro: int = option(32, low=2)
    """Search, fine-tuning: faces that go through the network together; their gradients add up to the batch's."""
    size: int = 128
    """Side of a face in pixels."""
    mode: str = option("partial")
    """Search, fine-tuning: complete, or partial with random masks on the NIR faces in every iteration."""
    masked: float = option(1.0, low=0, high=1)
    """Partial mode: share of the NIR faces that get a mask."""
    masked_vis: float = option(0.0, low=0, high=1)
    """Partial mode: share of the VIS faces that get a mask. None in the paper; re-ranking embeds masked VIS faces."""
    mask_low: float = 0.15
    mask_high: float = 0.8
    """Sides of a mask, as shares of the face's; wide enough to hold what the two test masks hide."""
    told: float = 0.5
    """Share of the masked micro-batches whose masks an adaptive selection is told."""
    shift: float = 5.0
    rotation: float = 8.0
    scale: float = 0.06
    """How far a face is moved (px), turned (degrees) and stretched at random."""
    simulate_nir: bool = option(False)
    """Simulate NIR from VIS photos also of people and sets that have real NIR."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise DataError(f"There is no mode {self.mode!r}.", f"Use {' or '.join(MODES)}.")
        if self.micro < 2 or self.batch % (2 * self.micro):
            raise DataError(
                f"A batch of {self.batch} cannot be shared out by {self.micro} to both spectra.",
                "Make the batch a multiple of twice the micro-batch.",
            )

    @property
    def micros(self) -> int:
        """Micro-batches of a batch."""
        return self.batch // self.micro

    @property
    def views(self) -> ViewRanges:
        """How far a view may stray; masks are drawn apart."""
        return ViewRanges(shift=self.shift, rotation=self.rotation, scale=self.scale, occluders="none")


@dataclass(frozen=True)
class MicroBatch:
    """``views`` (n, 1, S, S) in [0, 1], ``branch`` (n,) indices into ``BRANCHES``, ``mask`` (n, 1, S, S) float, 1 where
    hidden, or None where nothing is; whether an adaptive network is ``told`` it; ``labels`` (n,) and ``places`` (n,)
    among the training people; ``roll`` shuffles."""

    views: Tensor
    branch: Tensor
    mask: Tensor | None
    told: bool
    labels: Tensor
    places: Tensor
    roll: int

    def to(self, device: torch.device) -> MicroBatch:
        """The same on a device."""
        return replace(
            self,
            views=to_device(self.views, device, channels_last=True),
            branch=to_device(self.branch, device),
            mask=None if self.mask is None else to_device(self.mask, device),
            labels=to_device(self.labels, device),
            places=to_device(self.places, device),
        )


class Batches:
    """An endless, numbered supply from the people's photos at ``members`` (positions among the people's).

    An epoch is one random order of the members; what does not fill a batch waits for another epoch's order. A photo
    that cannot be shown in a micro-batch's spectrum makes room for another of the same person, or if there is none for
    any of the members. ``stream`` keeps the random choices of several supplies apart. Views are drawn where the
    ``crops`` are, which without any is here.
    """

    def __init__(
        self,
        faces: StoredFaces,
        people: TrainingPeople,
        members: np.ndarray,
        config: BatchConfig,
        seed: int,
        stream: int,
        crops: Crops | None = None,
    ):
        self.faces, self.people, self.members = faces, people, members
        self.config, self.seed, self.stream = config, seed, stream
        self.crops = crops or Crops(faces.pixels)
        self.per_epoch = len(members) // config.batch
        if self.per_epoch < 1:
            raise DataError(
                f"{len(members)} photos do not fill a batch of {config.batch}.", "Use a smaller --batch, and --micro."
            )
        self.spectra = Spectra(faces, config.simulate_nir)
        self._shows = {nir: self.spectra.shown_in(nir)[people.rows] for nir in (True, False)}
        self._able = {nir: members[shows[members]] for nir, shows in self._shows.items()}
        if not all(len(able) for able in self._able.values()):
            missing = "NIR" if len(self._able[False]) else "VIS"
            raise DataError(f"No photo can be shown in {missing}.", "Use faces of both spectra, or --simulate-nir.")
        self._ahead: Ahead[list[MicroBatch]] | None = None

    def places(self, number: int) -> np.ndarray:
        """Batch ``number`` → the positions (batch,) of its photos, before any makes room."""
        epoch, place = divmod(number, self.per_epoch)
        order = np.random.default_rng((self.seed, self.stream, epoch)).permutation(len(self.members))
        return self.members[order[place * self.config.batch : (place + 1) * self.config.batch]]

    def micro(self, number: int, part: int) -> MicroBatch:
        """Part ``part`` of batch ``number``; NIR and VIS in turn, changing over at every epoch."""
        config = self.config
        places = self.places(number)[part * config.micro : (part + 1) * config.micro]
        nir = BRANCHES[(part + number // self.per_epoch) % 2] == "nir"
        key = np.random.SeedSequence((self.seed, self.stream, number, part)).generate_state(2)
        generator = torch.Generator().manual_seed(int(key[0]) << 20 ^ int(key[1]))
        places = np.array([self._shown(place, nir, generator) for place in places])
        return draw_micro(self.crops, self.faces, self.people, places, np.full(len(places), nir), config, generator)

    def take(self, number: int, parts: range) -> list[MicroBatch]:
        """These parts of batch ``number``, while the next batch's are drawn."""
        if self._ahead is None:
            self._ahead = Ahead(lambda ahead: [self.micro(ahead, part) for part in parts], self.crops.device)
        return self._ahead.take(number)

    def close(self) -> None:
        """End the drawing ahead."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _shown(self, place: int, nir: bool, generator: torch.Generator) -> int:
        """The photo at ``place``, or who stands in for it in that spectrum."""
        if self._shows[nir][place]:
            return int(place)
        able = self._able[nir]
        own = able[self.people.labels[able] == self.people.labels[place]]
        able = own if len(own) else able
        return int(able[torch.randint(len(able), (1,), generator=generator).item()])


def draw_micro(
    crops: Crops,
    faces: StoredFaces,
    people: TrainingPeople,
    places: np.ndarray,
    nir: np.ndarray,
    config: BatchConfig,
    generator: torch.Generator,
) -> MicroBatch:
    """Random views of the photos at ``places`` (n,), each in NIR where ``nir`` (n,) says so; a real NIR photo as it is,
    any other simulated. Views and masks lie where the ``crops`` of the faces do, all else here."""
    count, rows = len(places), people.rows[places]
    shown = torch.from_numpy(nir)
    simulated = torch.from_numpy(nir & ~np.asarray(faces.nir[rows], bool))
    drawing = crops.drawing(generator)
    views, mask = random_views(crops.at(rows), simulated, config.size, drawing, config.views)
    chance = torch.where(shown, config.masked, config.masked_vis) if config.mode == "partial" else torch.zeros(count)
    hidden = bool((chance > 0).any())
    if hidden:
        chance = to_device(chance, crops.device)
        mask = random_rectangles(count, config.size, drawing, chance, config.mask_low, config.mask_high)
        views = views.masked_fill(mask, 0.0)
    told = hidden and torch.rand(1, generator=generator).item() < config.told
    return MicroBatch(
        views=views,
        branch=torch.where(shown, BRANCHES.index("nir"), BRANCHES.index("vis")),
        mask=mask.float() if hidden else None,
        told=told,
        labels=torch.from_numpy(people.labels[places]),
        places=torch.from_numpy(places),
        roll=int(torch.randint(1, count, (1,), generator=generator)),
    )
