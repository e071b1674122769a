"""Stage 0: teach Light CNN-29 v2 the descriptors of a strong face network, in both spectra and under occlusion.

A step: 3/4 of the batch are different crops; the rest are partners: any photo of the same person where the person is
known, else another view of the same photo, shown in the other spectrum. Loss: 1 − cosine between a linear 256 → 128
head and the teacher's centred descriptor, plus the squared difference of the batch's two similarity matrices, taken on
the 256-d embedding itself, since that is what is compared later. Faces grow with training (64, 96, 128 pixels): a small
view costs a quarter of a large one.

Every random choice of step ``i`` comes from a generator seeded by (seed, i): a resumed run needs only its step number
to go on as if it had never stopped.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ssn.errors import CheckpointError
from ssn.machine import autocast, has_fast_bfloat16, keep_freed_memory
from ssn.models.light_cnn import LightCNN29
from ssn.training.augment import ViewRanges, random_views
from ssn.training.checkpoints import load_state, save_state
from ssn.training.crops import Crops
from ssn.training.student import Student, initialise
from ssn.training.teacher import centred

log = logging.getLogger(__name__)

STATE_FILE = "distill.pt"


@dataclass(frozen=True)
class DistillConfig:
    """The recipe. Everything that decides the result is here."""

    images: int = 260_000
    """Views seen in all."""
    batch: int = 32
    partners: int = 8
    """How many of a batch are partners."""
    sizes: tuple[tuple[int, float], ...] = ((64, 0.74), (96, 0.16), (128, 0.10))
    """(side of the view, share of the images), in order."""
    learning_rate: float = 6e-4
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


def distillation_loss(
    embedding: Tensor, head: nn.Linear, target: Tensor, bank: Tensor, config: DistillConfig
) -> dict[str, Tensor]:
    """Embeddings (N, 256) and centred descriptors (N, 128) of unit length → the weighted terms of the loss.

    ``bank`` (M, 128): the centred descriptors of all training crops, among which the student's answer should rank its
    neighbours as the teacher's does (cross-entropy of the two distributions, less the teacher's entropy).
    """
    answer = F.normalize(head(embedding), dim=1)
    likeness = 1 - (answer * target).sum(dim=1).mean()
    unit = F.normalize(embedding, dim=1)
    difference = unit @ unit.T - target @ target.T  # (N, N), 0 on the diagonal
    relation = difference.square().sum() / (len(unit) * (len(unit) - 1))
    ranked = F.log_softmax(config.sharpness * answer @ bank.T, dim=1)  # (N, M)
    wanted = F.log_softmax(config.sharpness * target @ bank.T, dim=1)
    ranking = F.kl_div(ranked, wanted, reduction="batchmean", log_target=True)
    return {"likeness": likeness, "relation": config.relation * relation, "ranking": config.ranking * ranking}


class Targets:
    """What the student should reproduce for each crop: its centred descriptor, pulled towards its person's mean."""

    def __init__(self, crops: Crops, pull: float):
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


def draw_batch(crops: Crops, targets: Targets, config: DistillConfig, step: int) -> tuple[Tensor, Tensor]:
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


class Distillation:
    """One run: its state, one step, and where it is kept. It starts from ``backbone``, or from random weights."""

    def __init__(self, crops: Crops, config: DistillConfig, device: torch.device, backbone: LightCNN29 | None = None):
        self.crops, self.config, self.device = crops, config, device
        self.targets = Targets(crops, config.identity_pull)
        self.bank = self.targets.unit.to(device)
        generator = torch.Generator().manual_seed(config.seed)
        self.student = Student(backbone)
        initialise(self.student if backbone is None else self.student.head, generator)
        self.student.to(device, memory_format=torch.channels_last)
        if backbone is not None:
            views, _ = draw_batch(crops, self.targets, config, 0)
            self.student.adopt(views.to(device, memory_format=torch.channels_last))
        self.average = [p.detach().clone() for p in self.student.parameters()]
        decayed = [p for p in self.student.parameters() if p.dim() > 1]
        plain = [p for p in self.student.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), fused=True)
        self.step_number = 0
        self.half = has_fast_bfloat16(device)

    def step(self, views: Tensor, target: Tensor) -> dict[str, float]:
        """One update → its loss terms, gradient norm and rate."""
        rate = self.config.rate_at(self.step_number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        views = views.to(self.device, memory_format=torch.channels_last)
        with autocast(self.device, self.half):
            embedding = self.student(views)
        terms = distillation_loss(embedding, self.student.head, target.to(self.device), self.bank, self.config)
        self.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), self.config.clip)
        self.optimizer.step()
        self._follow()
        self.step_number += 1
        return {**{name: term.item() for name, term in terms.items()}, "gradient": norm.item(), "rate": rate}

    @torch.no_grad()
    def _follow(self) -> None:
        """The running average of the weights; young runs forget faster."""
        keep = min(self.config.ema, (1 + self.step_number) / (10 + self.step_number))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.student.parameters()], 1 - keep)

    @torch.no_grad()
    def averaged_student(self, batches: int = 32) -> Student:
        """The student with the averaged weights. The means and variances of its normalisations are those of the
        averaged weights, measured on ``batches`` batches of full-size views of the training crops."""
        student = copy.deepcopy(self.student)
        for parameter, average in zip(student.parameters(), self.average, strict=True):
            parameter.copy_(average)
        plain = replace(self.config, sizes=((self.config.sizes[-1][0], 1.0),))
        views = (draw_batch(self.crops, self.targets, plain, number)[0] for number in range(batches))
        for layer in student.normed_convolutions().values():
            layer.norm.reset_running_stats()
            layer.norm.momentum = None  # the plain mean over all batches
        student.train()
        seen = [view.to(self.device, memory_format=torch.channels_last) for view in views]
        with autocast(self.device, self.half):
            for view in seen:
                student.backbone(view)
            student.eval()
            everything = torch.cat([student.backbone(view).float() for view in seen])
        student.norm.running_mean.copy_(everything.mean(dim=0))
        student.norm.running_var.copy_(everything.var(dim=0, unbiased=False))
        return student

    def averaged_backbone(self, batches: int = 32) -> dict[str, Tensor]:
        """The averaged weights under the released key names, all normalisations folded in."""
        return self.averaged_student(batches).folded()

    def state(self) -> dict:
        return {
            "config": asdict(self.config),
            "step": self.step_number,
            "student": self.student.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Go on from ``state``. Raises CheckpointError where it was made by another recipe or for another network."""
        asked, made = asdict(self.config), state.get("config")
        if not isinstance(made, dict) or made.keys() != asked.keys():
            raise CheckpointError("That is no state of a distillation.", "Start without --resume.")
        if other := [name for name in asked if asked[name] != made[name]]:
            raise CheckpointError(
                f"The training state was made with {other[0]} = {made[other[0]]}, not {asked[other[0]]}.",
                "Use the same recipe, or start without --resume.",
            )
        try:
            self.student.load_state_dict(state["student"])
            for mine, saved in zip(self.average, state["average"], strict=True):
                mine.copy_(saved)
            self.optimizer.load_state_dict(state["optimizer"])
            self.step_number = int(state["step"])
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise CheckpointError("The training state does not fit this run.", "Start without --resume.") from error


def distill(
    crops: Crops,
    config: DistillConfig,
    folder: str | Path,
    device: torch.device,
    resume: bool = False,
    backbone: LightCNN29 | None = None,
    save_every: float = 120.0,
    stop_at: int | None = None,
    progress: bool = True,
) -> Distillation:
    """Run stage 0 to its end, or to step ``stop_at``, keeping its state in ``folder`` every ``save_every`` seconds.

    Raises CheckpointError where ``resume`` finds no state, or one of another recipe.
    """
    keep_freed_memory()
    folder = Path(folder)
    run = Distillation(crops, config, device, backbone)
    if resume:
        run.restore(load_state(folder / STATE_FILE))
    last = config.steps if stop_at is None else stop_at
    if run.step_number >= last:
        return run
    writer = _tensorboard(folder)
    bar = tqdm(
        total=config.steps * config.batch, initial=run.step_number * config.batch, unit="img", disable=not progress
    )
    saved = time.monotonic()
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(draw_batch, crops, run.targets, config, run.step_number)
        while run.step_number < last:
            views, target = coming.result()
            coming = ahead.submit(draw_batch, crops, run.targets, config, run.step_number + 1)
            seen = run.step(views, target)
            bar.update(config.batch)
            if run.step_number % 20 == 0:
                bar.set_postfix(size=views.shape[-1], **{k: f"{v:.3g}" for k, v in seen.items()})
                for name, value in seen.items():
                    writer.add_scalar(f"distill/{name}", value, run.step_number)
            if time.monotonic() - saved > save_every:
                save_state(run.state(), folder / STATE_FILE)
                saved = time.monotonic()
    bar.close()
    writer.close()
    save_state(run.state(), folder / STATE_FILE)
    return run


def _tensorboard(folder: Path):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
