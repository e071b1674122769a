"""What stage 0 shows at each step, and what it wants to hear: the recipe, the targets, and the draw of a batch.

3/4 of a batch are different crops; the rest are partners: any photo of the same person where the person is known,
else another view of the same photo, shown in the other spectrum. Faces grow with training (64, 96, 128 pixels): a small
view costs a quarter of a large one.

Every random choice of step ``i`` comes from a generator seeded by (seed, i): a resumed run needs only its step number
to go on as if it had never stopped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.faces.descriptor import centred
from ssn.training.augment import ViewRanges, random_views


@dataclass(frozen=True)
class DistillConfig:
    """The recipe. Everything that decides the result is here."""

    images: int = 210_000
    """Views seen in all."""
    batch: int = 32
    partners: int = 8
    """How many of a batch are partners."""
    sizes: tuple[tuple[int, float], ...] = ((64, 0.585), (96, 0.10), (128, 0.315))
    """(side of the view, share of the images), in order. A network that knows small faces knows little of large ones
    at first: the last size needs a third of the views, and a rate that has not yet fallen."""
    learning_rate: float = 8e-4
    weight_decay: float = 0.02
    warmup: float = 0.015
    clip: float = 5.0
    relation: float = 10.0
    """Weight of the similarity matrices' term."""
    ranking: float = 0.25
    """Weight of the term that ranks all training crops by likeness."""
    sharpness: float = 16.0
    """What cosines are multiplied by before they become that ranking's probabilities."""
    identity_pull: float = 0.4
    """How far a descriptor is moved towards the mean of its person's, where the person is known."""
    ema: float = 0.998
    seed: int = 0
    views: ViewRanges = field(default_factory=ViewRanges)

    @property
    def steps(self) -> int:
        return max(1, self.images // self.batch)

    def size_at(self, step: int) -> int:
        done, reached = step / self.steps, 0.0
        for size, share in self.sizes:
            reached += share
            if done < reached - 1e-9:
                return size
        return self.sizes[-1][0]

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to 1 % of the rate."""
        warm = max(1, round(self.warmup * self.steps))
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def recipe_of(state: dict) -> DistillConfig:
    """The recipe a training state was made with. Raises CheckpointError where the state is none of a distillation."""
    try:
        made = dict(state["config"])
        made["views"] = ViewRanges(**made["views"])
        made["sizes"] = tuple(tuple(pair) for pair in made["sizes"])
        return DistillConfig(**made)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError("That is no state of a distillation.", "Start without --resume.") from error


class Targets:
    """What the student should reproduce for each crop: its centred descriptor, pulled towards its person's mean."""

    def __init__(self, crops: StoredFaces, pull: float):
        self.mean = crops.descriptors.mean(axis=0)
        unit = centred(crops.descriptors, self.mean)
        self.members: dict[int, np.ndarray] = {}
        order = np.argsort(crops.identities, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(crops.identities[order])) + 1):
            identity = int(crops.identities[rows[0]])
            if identity >= 0 and len(rows) > 1:
                self.members[identity] = rows
                person = unit[rows].mean(axis=0)
                unit[rows] = (1 - pull) * unit[rows] + pull * person / np.linalg.norm(person)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        self.unit = torch.from_numpy(unit)


def ranking_divergence(answer: Tensor, target: Tensor, bank: Tensor, sharpness: float) -> Tensor:
    """How far the order in which answers (N, D) find the rows of ``bank`` (M, D) alike is from the targets' (N, D), all
    of unit length: the Kullback–Leibler divergence of the two softmax distributions, summed over N."""
    ranked, wanted = (F.log_softmax(sharpness * side @ bank.T, dim=1) for side in (answer, target))  # (N, M)
    return F.kl_div(ranked, wanted, reduction="sum", log_target=True)


def draw_batch(crops: StoredFaces, targets: Targets, config: DistillConfig, step: int) -> tuple[Tensor, Tensor]:
    """The views (batch, 1, S, S) and targets (batch, 128) of one step; depends on nothing but its arguments."""
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    fresh = config.batch - config.partners
    epoch, place = divmod(step * fresh, len(crops))
    rows = []
    while len(rows) < fresh:
        order = np.random.default_rng((config.seed, epoch)).permutation(len(crops))
        rows += order[place : place + fresh - len(rows)].tolist()
        epoch, place = epoch + 1, 0
    for row in rows[: config.partners]:
        family = targets.members.get(int(crops.identities[row]), [row])
        rows.append(int(family[torch.randint(len(family), (1,), generator=generator).item()]))
    nir = torch.rand(fresh, generator=generator) < 0.5
    nir = torch.cat([nir, ~nir[: config.partners]])
    pixels = torch.from_numpy(crops.pixels[rows])
    views, _ = random_views(pixels, nir, config.size_at(step), generator, config.views)
    return views, targets.unit[rows]
