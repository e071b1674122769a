"""The recipe of stage 0.

Faces grow with training (64, 96, 128 pixels): a small view costs a quarter of a large one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ssn.errors import CheckpointError, DataError
from ssn.training.augment import ViewRanges
from ssn.training.option import option

Shares = tuple[tuple[int, float], ...]
SCHEDULES = ("cosine", "linear", "constant")
LEAST = 0.01
"""What is left of the rate at the end."""


def sizes_of(text: str) -> Shares:
    """ "64:0.6,128:0.4" → ((64, 0.6), (128, 0.4)). Raises DataError for what cannot be read, or shares other than 1."""
    try:
        sizes = tuple((int(side), float(share)) for side, share in (pair.split(":") for pair in text.split(",")))
    except ValueError as error:
        raise DataError(f"{text!r} are no sizes and shares.", "Write them like 64:0.6,128:0.4.") from error
    if any(side < 32 or share <= 0 for side, share in sizes) or abs(sum(share for _, share in sizes) - 1) > 1e-6:
        raise DataError(f"{text!r} are no sizes of 32 and more whose shares make 1.", "Write them like 64:0.6,128:0.4.")
    return sizes


def sizes_as_text(sizes: Shares) -> str:
    """The reverse of ``sizes_of``."""
    return ",".join(f"{side}:{share:g}" for side, share in sizes)


@dataclass(frozen=True)
class DistillConfig:
    """Everything that decides the result of stage 0, but for the faces and where it starts."""

    images: int = option(210_000, low=64)
    """Distillation: views to learn from in all."""
    batch: int = option(32, name="distill-batch", low=2)
    """Distillation: views of a batch."""
    partners: int = option(8, low=0)
    """Distillation: how many of a batch are partners, who show a person of the batch again in the other spectrum."""
    sizes: tuple[tuple[int, float], ...] = option(
        ((64, 0.585), (96, 0.10), (128, 0.315)), read=sizes_of, write=sizes_as_text
    )
    """Distillation: sides of the views in pixels and their shares of the views, in order. A network that knows small
    faces knows little of large ones at first: the last size needs a third of the views, and a rate not yet fallen."""
    learning_rate: float = option(8e-4, low=0)
    """Distillation: peak rate of AdamW."""
    weight_decay: float = 0.02
    warmup: float = option(0.015, low=0, high=1)
    """Distillation: share of the views in which the rate rises; 0 begins at its peak."""
    schedule: str = option("cosine")
    """Distillation: cosine and linear let the rate fall after the warm-up; constant keeps it up to the anneal."""
    anneal: float = option(0.1, low=0, high=1)
    """Distillation: last share of the views, in which a constant rate falls too."""
    clip: float = 5.0
    relation: float = 10.0
    """Weight of the similarity matrices' term."""
    ranking: float = 0.25
    """Weight of the term that ranks all training faces by likeness."""
    sharpness: float = option(16.0, low=0)
    """Distillation: what cosines are multiplied by before they become the probabilities of the ranking."""
    identity_pull: float = 0.4
    """How far a descriptor is moved towards the mean of its person's, where the person is known."""
    ema: float = option(0.998, low=0, high=1)
    """Distillation: what the running average of the weights keeps of itself in a step."""
    simulate_nir: bool = option(False)
    """Simulate NIR from VIS photos also of people and sets that have real NIR."""
    seed: int = option(0)
    """Decides every random choice."""
    views: ViewRanges = field(default_factory=ViewRanges)

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise DataError(f"There is no schedule {self.schedule!r}.", f"Use one of {', '.join(SCHEDULES)}.")
        if not 0 <= 2 * self.partners <= self.batch:
            raise DataError(
                f"A batch of {self.batch} has no room for {self.partners} partners and whom they belong to.",
                "Use --partners of half of --distill-batch at most.",
            )

    @property
    def steps(self) -> int:
        """Batches in all."""
        return max(1, self.images // self.batch)

    def size_at(self, step: float) -> int:
        """Side of the views of a step, in pixels."""
        done, reached = step / self.steps, 0.0
        for size, share in self.sizes:
            reached += share
            if done < reached - 1e-9:
                return size
        return self.sizes[-1][0]

    def rate_at(self, step: float) -> float:
        """Linear warm-up; then down to 1 % of the rate: by half a cosine or in a straight line at once, or, where it is
        constant, by half a cosine in the last share ``anneal`` of the steps."""
        warm = round(self.warmup * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        begin = max(warm, round((1 - self.anneal) * self.steps)) if self.schedule == "constant" else warm
        done = min(max((step - begin) / max(1, self.steps - begin), 0.0), 1.0)
        left = 1 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
        return self.learning_rate * (LEAST + (1 - LEAST) * left)


PRESETS = {
    "cpu": DistillConfig(),
    "gpu": DistillConfig(
        images=918_912,
        batch=128,
        partners=32,
        sizes=((128, 1.0),),
        learning_rate=1.6e-3,
        warmup=0.0418,
        schedule="linear",
        sharpness=15.0,
        ema=0.999,
        views=ViewRanges(occluders="many", occluded=0.69, occlusion_low=0.2, occlusion_high=0.75),
    ),
}
"""What the options of a distillation are where they are not said. ``gpu``: a small batch keeps a GPU waiting for its
next command, so batches are larger and there are more of them."""


def recipe_of(state: dict[str, Any]) -> DistillConfig:
    """The recipe a training state was made with. Raises CheckpointError where the state is none of a distillation."""
    try:
        made = dict(state["recipe"])
        made["views"] = ViewRanges(**made["views"])
        made["sizes"] = tuple(tuple(pair) for pair in made["sizes"])
        return DistillConfig(**made)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError("That is no state of a distillation.", "Start without --resume.") from error
