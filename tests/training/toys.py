"""A backbone of two thousand weights, and crops of people nobody is, for tests of search and fine-tuning."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ssn.data.acquire import CROP_SIZE
from ssn.data.face_store import StoredFaces
from ssn.models.light_cnn import MFMConv
from ssn.models.network import SaliencySearchNetwork
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import Objective
from ssn.training.search.people import choose_people
from ssn.training.search.recipe import FinetuneConfig, Recipe, SearchConfig
from ssn.training.search.variants import start_network, variant_named
from ssn.training.search.warm_up import WarmStart
from ssn.training.team import Team

SHAPES = ((4, 16, 16), (6, 8, 8), (6, 4, 4), (6, 4, 4))
"""Block outputs of the toy for 32×32 faces."""

FULL_SHAPES = ((4, 64, 64), (6, 32, 32), (6, 16, 16), (6, 16, 16))
"""The same for 128×128."""


class ToyGroup(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv_a, self.conv = MFMConv(inputs, inputs, 1, 0), MFMConv(inputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv_a(x))


class ToyBackbone(nn.Module):
    """Light CNN's plan with a convolution for a block: faces of 32×32 pixels or more → 16 values."""

    def __init__(self):
        super().__init__()
        self.width, self.block_shapes = 16, FULL_SHAPES
        self.readers = tuple(f"groups.{number}.conv_a.filter.weight" for number in range(4))
        self.conv1, self.fc = MFMConv(1, 4, 3, 1), nn.Linear(6 * 2 * 2, 16)
        self.blocks = nn.ModuleList(MFMConv(c, c, 3, 1) for c, _, _ in SHAPES)
        widths = [c for c, _, _ in SHAPES] + [6]
        self.groups = nn.ModuleList(ToyGroup(a, b) for a, b in pairwise(widths))

    def stages(self):
        return tuple(zip(self.blocks, self.groups, (True, True, False, True), strict=True))

    def pool(self, x: Tensor) -> Tensor:
        return nn.functional.max_pool2d(x, 2)

    def stem(self, x: Tensor) -> Tensor:
        return self.pool(self.conv1(x))

    def embed(self, x: Tensor) -> Tensor:
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


def toy_crops(people: int = 6, photos: int = 8) -> StoredFaces:
    """People of one flat colour each, with noise."""
    rng = np.random.default_rng(0)
    count = people * photos
    colours = rng.integers(30, 220, (people, 1, 1, 1, 3))
    noise = rng.integers(-20, 20, (people, photos, CROP_SIZE // 8, CROP_SIZE // 8, 3))
    pixels = (colours + noise).clip(0, 255).astype(np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    return StoredFaces(
        pixels.reshape(count, CROP_SIZE, CROP_SIZE, 3),
        np.zeros((count, 68, 2), np.float32),
        rng.normal(size=(count, 128)).astype(np.float32),
        np.repeat(np.arange(people), photos),
        np.full(count, "toys"),
        np.zeros(count, bool),
    )


def toy_base(seed: int = 0) -> SaliencySearchNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SaliencySearchNetwork(ToyBackbone(), shapes=SHAPES)


def toy_recipe(variant: str = "ssn", **search) -> Recipe:
    return Recipe(
        variant=variant,
        held_out=0,
        batches=BatchConfig(batch=8, micro=4, size=32),
        search=SearchConfig(**{"epochs": 2, **search}),
        finetune=FinetuneConfig(epochs=1),
    )


class Toys:
    """Everything a stage needs, made anew: ``objective``, ``faces``, ``people``, ``recipe``, ``team``."""

    def __init__(self, recipe: Recipe | None = None):
        self.recipe = recipe or toy_recipe()
        self.faces = toy_crops()
        self.people = choose_people(self.faces, self.recipe.held_out)
        self.team = Team("cpu")
        variant = variant_named(self.recipe.variant)
        made = torch.Generator().manual_seed(1)
        targets = nn.functional.normalize(torch.randn(len(self.people), 16, generator=made), dim=1)
        start = WarmStart(targets, 0.1 * torch.randn(self.people.classes, 16, generator=made))
        network = start_network(toy_base(), variant)
        self.objective = Objective(network, start.linear(), targets, variant, self.recipe.loss, size=32)

    def make(self, kind):
        """A stage of that kind."""
        return kind(self.objective, self.faces, self.people, self.recipe, self.team, bfloat16=False)
