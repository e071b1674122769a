"""What every run starts with: the base's own embeddings of the people's photos, and a classifier that fits them.

What the base says is computed once per base and photos, the classifier once per seed, and both are kept in a file: all
rows of an ablation share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ssn.data.face_store import StoredFaces
from ssn.machine import autocast
from ssn.models.network import SaliencySearchNetwork
from ssn.models.pixel_selection import BRANCHES
from ssn.training.augment import as_they_are
from ssn.training.crops import Crops
from ssn.training.search.batches import draw_micro
from ssn.training.search.people import TrainingPeople
from ssn.training.search.recipe import Recipe, WarmUpConfig
from ssn.training.spectra import Spectra
from ssn.training.states import load_state, save_state
from ssn.training.team import Team
from ssn.training.transfer import to_device

Draw = Callable[[np.ndarray], tuple[Tensor, Tensor]]
"""Positions (n,) among the people's photos → views (n, 1, S, S) and branches (n,)."""
NIR, VIS = BRANCHES.index("nir"), BRANCHES.index("vis")
STILL_AT_ONCE = 32
"""Photos that are embedded together."""


@dataclass(frozen=True)
class WarmStart:
    """``targets`` (R, 256) unit rows, what the base says of each photo; ``classifier`` (classes, 256)."""

    targets: Tensor
    classifier: Tensor

    def linear(self, cold: int | None = None) -> nn.Linear:
        """The classifier as a layer of its own, to be tuned; with a seed ``cold`` one of random weights."""
        classes, width = self.classifier.shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(cold or 0)
            layer = nn.Linear(width, classes, bias=False)
        if cold is None:
            with torch.no_grad():
                layer.weight.copy_(self.classifier)
        return layer


@dataclass(frozen=True)
class Embedder:
    """The untuned base, on the people's photos, shared out over the team. Views are drawn where the ``crops`` are."""

    base: SaliencySearchNetwork
    faces: StoredFaces
    people: TrainingPeople
    size: int
    team: Team
    bfloat16: bool
    crops: Crops

    @torch.no_grad()
    def embed_all(self, draw: Draw, at_once: int, what: str) -> Tensor:
        """All photos, drawn in pieces of about ``at_once`` → embeddings (R, W) float32, in every process. A process
        without a piece adds nothing."""
        count = len(self.people)
        pieces = np.array_split(np.arange(count), max(1, count // at_once))
        blank = self._embed(torch.zeros(1, 1, self.size, self.size), torch.tensor([VIS]))  # tells everybody the width
        embeddings = blank.new_zeros(count, blank.shape[1])
        for number in tqdm(self.team.share(len(pieces)), desc=what, disable=not self.team.first, mininterval=5):
            embeddings[torch.from_numpy(pieces[number])] = self._embed(*draw(pieces[number]))
        return self.team.sum([embeddings])[0]

    def _embed(self, views: Tensor, branch: Tensor) -> Tensor:
        device = self.team.device
        with autocast(device, self.bfloat16):
            return self.base(to_device(views, device, channels_last=True), to_device(branch, device)).float()

    def targets(self) -> Tensor:
        """The base's view of every photo, complete and in its own spectrum, as it is and mirrored → (R, 256), unit
        rows."""

        def still(mirrored: bool) -> Draw:
            def draw(places: np.ndarray) -> tuple[Tensor, Tensor]:
                rows = self.people.rows[places]
                gray = as_they_are(self.crops.at(rows), self.size)
                nir = torch.from_numpy(np.asarray(self.faces.nir[rows], bool))
                return gray.flip(3) if mirrored else gray, torch.where(nir, NIR, VIS)

            return draw

        both = [self.embed_all(still(mirrored), STILL_AT_ONCE, "base") for mirrored in (False, True)]
        return F.normalize(F.normalize(both[0], dim=1) + F.normalize(both[1], dim=1), dim=1)

    def views(self, recipe: Recipe) -> Tensor:
        """Random views of every photo, NIR and VIS in turn where a photo can be both → (views · R, 256)."""
        spectra = Spectra(self.faces, recipe.batches.simulate_nir)
        embeddings = []
        for view in range(recipe.warm_up.views):

            def draw(places: np.ndarray, view: int = view) -> tuple[Tensor, Tensor]:
                rows = self.people.rows[places]
                nir = spectra.nir[rows] | (spectra.simulated[rows] & (view % 2 == NIR))
                seed = np.random.SeedSequence((9, view, int(places[0]))).generate_state(1)[0]
                generator = torch.Generator().manual_seed(int(seed))
                micro = draw_micro(self.crops, self.faces, self.people, places, nir, recipe.batches, generator)
                return micro.views, micro.branch

            embeddings.append(self.embed_all(draw, recipe.batches.micro, f"warm-up {view + 1}"))
        return torch.cat(embeddings)


def fit_classifier(embeddings: Tensor, labels: Tensor, classes: int, config: WarmUpConfig, seed: int) -> Tensor:
    """Embeddings (V, 256) and labels (V,) → weights (classes, 256) by AdamW on the cross-entropy, rate falling to 0."""
    generator = torch.Generator().manual_seed(seed)
    weight = (0.01 * torch.randn(classes, embeddings.shape[1], generator=generator)).to(embeddings.device)
    weight.requires_grad_()
    optimizer = torch.optim.AdamW([weight], lr=config.learning_rate, weight_decay=config.weight_decay)
    steps = config.epochs * -(-len(labels) // config.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    for _ in range(config.epochs):
        for rows in torch.randperm(len(labels), generator=generator).split(config.batch):
            rows = rows.to(embeddings.device)
            optimizer.zero_grad()
            F.cross_entropy(embeddings[rows] @ weight.T, labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return weight.detach()


def warm_start(
    base: SaliencySearchNetwork,
    faces: StoredFaces,
    people: TrainingPeople,
    recipe: Recipe,
    team: Team,
    bfloat16: bool,
    file: str | Path | None = None,
    crops: Crops | None = None,
) -> WarmStart:
    """Targets, and a classifier of the recipe's seed. What the base says of the photos depends on no seed: it is read
    from ``file`` where that holds it for this base, photos and recipe, else made and kept there. Only the first process
    reads, fits and writes; the others get what it has."""
    key = {name: asdict(recipe)[name] for name in ("base", "held_out", "batches", "warm_up")}
    key["data"] = people.fingerprint
    known = team.first_does(lambda: _read(file, key))
    if known is None:
        crops = crops or Crops(faces.pixels, team.device)
        embedder = Embedder(base.eval(), faces, people, recipe.batches.size, team, bfloat16, crops)
        targets, views = embedder.targets().cpu(), embedder.views(recipe).cpu()
        known = {"key": key, "targets": targets, "views": views, "classifiers": {}}

    def classifier() -> Tensor:
        if recipe.seed not in known["classifiers"]:
            views = known["views"].to(team.device).float()
            labels = torch.from_numpy(people.labels).to(team.device).repeat(len(views) // len(people))
            weight = fit_classifier(views, labels, people.classes, recipe.warm_up, recipe.seed)
            known["classifiers"][recipe.seed] = weight.cpu()
            if file is not None:
                save_state(known, file)
        return known["classifiers"][recipe.seed]

    weight = team.first_does(classifier)
    return WarmStart(known["targets"].to(team.device), weight.to(team.device))


def _read(file: str | Path | None, key: dict[str, Any]) -> dict[str, Any] | None:
    """What the file holds for this key; None where it holds none, or there is no file yet."""
    if file is None or not Path(file).is_file():
        return None
    state = load_state(file)
    return state if state.get("key") == key else None
