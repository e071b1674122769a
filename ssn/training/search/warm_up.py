"""What every run starts with: the base's own embeddings of the learners, and a classifier that fits them.

What the base says is computed once per base and people, the classifier once per seed, and both are kept in a file: all
rows of an ablation share it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.faces.gray import to_gray
from ssn.machine import autocast
from ssn.models.network import SaliencySearchNetwork
from ssn.models.pixel_selection import BRANCHES
from ssn.training.augment import ViewRanges, sample_geometry
from ssn.training.search.batches import draw_micro
from ssn.training.search.people import Learners
from ssn.training.search.recipe import Recipe, WarmUpConfig
from ssn.training.states import load_state, save_state
from ssn.training.team import Team

STILL = ViewRanges(shift=0.0, rotation=0.0, scale=0.0, flip=0.0)


@dataclass(frozen=True)
class WarmStart:
    """``targets`` (R, 256) unit rows, what the base says of each learner; ``classifier`` (classes, 256)."""

    targets: Tensor
    classifier: Tensor

    def linear(self) -> nn.Linear:
        """The classifier as a layer of its own, to be tuned."""
        classes, width = self.classifier.shape
        layer = nn.Linear(width, classes, bias=False)
        with torch.no_grad():
            layer.weight.copy_(self.classifier)
        return layer


def _embed_all(base: SaliencySearchNetwork, draw, count: int, team: Team, half: bool, size: int, what: str) -> Tensor:
    """Views ``draw(rows) -> (views, branch)`` of all ``count`` faces, in pieces of ``size``, shared out over the team →
    embeddings (count, W) float32."""
    pieces = np.array_split(np.arange(count), max(1, count // size))
    found: Tensor | None = None
    with torch.no_grad():
        for number in tqdm(team.share(len(pieces)), desc=what, disable=not team.first, mininterval=5):
            views, branch = draw(pieces[number])
            views = views.to(team.device, memory_format=torch.channels_last)
            with autocast(team.device, half):
                rows = base(views, branch.to(team.device)).float()
            if found is None:
                found = rows.new_zeros(count, rows.shape[1])
            found[torch.from_numpy(pieces[number])] = rows
    if found is None:
        raise CheckpointError(f"{count} faces are too few for {team.size} processes.", "Use fewer processes.")
    return team.sum([found])[0]


def still_views(crops: StoredFaces, rows: np.ndarray, size: int) -> Tensor:
    """Crops at ``rows`` as they are, in VIS → gray (n, 1, size, size) in [0, 1]."""
    pixels = torch.from_numpy(crops.pixels[rows]).permute(0, 3, 1, 2).float() / 255
    return to_gray(sample_geometry(pixels, size, STILL, torch.Generator().manual_seed(0)))


def base_targets(
    base: SaliencySearchNetwork, crops: StoredFaces, learners: Learners, size: int, team: Team, half: bool
) -> Tensor:
    """The base's view of every learner, complete and in VIS, as it is and mirrored → (R, 256), unit rows."""

    def still(rows: np.ndarray, mirrored: bool) -> tuple[Tensor, Tensor]:
        gray = still_views(crops, learners.rows[rows], size)
        return gray.flip(3) if mirrored else gray, torch.full((len(rows),), BRANCHES.index("vis"))

    both = [
        _embed_all(base, lambda rows, m=mirrored: still(rows, m), len(learners), team, half, 32, "base")
        for mirrored in (False, True)
    ]
    return F.normalize(F.normalize(both[0], dim=1) + F.normalize(both[1], dim=1), dim=1)


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
    crops: StoredFaces,
    learners: Learners,
    recipe: Recipe,
    team: Team,
    half: bool,
    file: str | Path | None = None,
) -> WarmStart:
    """Targets, and a classifier of the recipe's seed. What the base says of the learners depends on no seed: it is read
    from ``file`` where that holds it for this base, people and recipe, else made and kept there."""
    key = {name: asdict(recipe)[name] for name in ("base", "held_out", "batches", "warm_up")}
    key["data"] = learners.fingerprint
    kept = load_state(file) if file is not None and Path(file).is_file() else {}
    if kept.get("key") != key:
        kept = {"key": key, **_said_by(base.eval(), crops, learners, recipe, team, half), "classifiers": {}}
    seen, classifiers = kept["seen"].to(team.device).float(), kept["classifiers"]
    if recipe.seed not in classifiers:
        labels = torch.from_numpy(learners.labels).to(team.device).repeat(len(seen) // len(learners))
        classifiers[recipe.seed] = fit_classifier(seen, labels, learners.classes, recipe.warm_up, recipe.seed).cpu()
        if file is not None and team.first:
            save_state(kept, file)
        team.wait()
    return WarmStart(kept["targets"].to(team.device), classifiers[recipe.seed].to(team.device))


def _said_by(
    base: SaliencySearchNetwork, crops: StoredFaces, learners: Learners, recipe: Recipe, team: Team, half: bool
) -> dict[str, Tensor]:
    """``targets`` (R, 256), and ``seen`` (views · R, 256), the base's embeddings of random views of the learners."""
    targets = base_targets(base, crops, learners, recipe.batches.size, team, half)
    seen = []
    for view in range(recipe.warm_up.views):

        def draw(rows: np.ndarray, view: int = view) -> tuple[Tensor, Tensor]:
            seed = np.random.SeedSequence((9, view, int(rows[0]))).generate_state(1)[0]
            generator = torch.Generator().manual_seed(int(seed))
            micro = draw_micro(crops, learners, rows, view % 2, recipe.batches, generator)
            return micro.views, micro.branch

        what = f"warm-up {view + 1}"
        seen.append(_embed_all(base, draw, len(learners), team, half, recipe.batches.micro, what))
    return {"targets": targets.cpu(), "seen": torch.cat(seen).cpu()}
