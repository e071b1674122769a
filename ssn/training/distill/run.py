"""Stage 0: teach Light CNN-29 v2 the descriptors of a strong face network, in both spectra and under occlusion.

Loss: 1 − cosine between a linear 256 → 128 head and the teacher's centred descriptor; the divergence between the order
of likeness in which teacher and student put all training crops; and the squared difference of the batch's two
similarity matrices, taken on the 256-d embedding itself, since that is what is compared later.

Under ``accelerate launch`` every process computes its share of each batch, and normalisations, similarity matrix and
gradients are those of the whole: a run does not depend on how many processes it has, but for rounding.
"""

from __future__ import annotations

import copy
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.machine import autocast, has_fast_bfloat16, keep_freed_memory
from ssn.models.light_cnn import LightCNN29
from ssn.training.distill.normed import Student, initialise
from ssn.training.distill.recipe import DistillConfig, Targets, draw_batch, ranking_divergence, recipe_of
from ssn.training.states import load_state, save_state
from ssn.training.team import Team, whole_batch

STATE_FILE = "distill.pt"


def distillation_loss(
    embedding: Tensor, head: nn.Linear, target: Tensor, bank: Tensor, config: DistillConfig
) -> dict[str, Tensor]:
    """Embeddings (N, 256) and centred descriptors (N, 128) of unit length → the weighted terms of the loss.

    ``bank`` (M, 128): the centred descriptors of all training crops, among which the student's answer should rank its
    neighbours as the teacher's does (cross-entropy of the two distributions, less the teacher's entropy). Where
    several processes share a batch, N is this process's share and the terms are its part: their sum is the loss.
    """
    everyone, wanted_of_all = whole_batch(F.normalize(embedding, dim=1)), whole_batch(target)
    count = len(everyone)
    answer = F.normalize(head(embedding), dim=1)
    likeness = (1 - (answer * target).sum(dim=1)).sum() / count
    difference = F.normalize(embedding, dim=1) @ everyone.T - target @ wanted_of_all.T  # (N, all), 0 for oneself
    relation = difference.square().sum() / (count * (count - 1))
    ranking = ranking_divergence(answer, target, bank, config.sharpness) / count
    return {"likeness": likeness, "relation": config.relation * relation, "ranking": config.ranking * ranking}


class Distillation:
    """One run: its state, one step, and where it is kept. It starts from ``backbone``, or from random weights."""

    def __init__(self, crops: StoredFaces, config: DistillConfig, team: Team, backbone: LightCNN29 | None = None):
        self.crops, self.config, self.team, self.device = crops, config, team, team.device
        self.targets = Targets(crops, config.identity_pull)
        self.bank = self.targets.unit.to(self.device)
        generator = torch.Generator().manual_seed(config.seed)
        self.student = Student(backbone)
        initialise(self.student if backbone is None else self.student.head, generator)
        self.student.to(self.device, memory_format=torch.channels_last)
        if backbone is not None:
            views, _ = draw_batch(crops, self.targets, config, 0)
            self.student.adopt(views.to(self.device, memory_format=torch.channels_last))
        self.average = [p.detach().clone() for p in self.student.parameters()]
        decayed = [p for p in self.student.parameters() if p.dim() > 1]
        plain = [p for p in self.student.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), fused=True)
        self.step_number = 0
        self.before: list[dict] = []
        """What was learned before this run's first step: the runs it goes on from, each with its views and recipe."""
        self.half = has_fast_bfloat16(self.device)

    def step(self, views: Tensor, target: Tensor) -> dict[str, float]:
        """One update by a whole batch, of which this process takes its share → loss terms, gradient norm and rate."""
        rate = self.config.rate_at(self.step_number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        mine = self.team.part(len(views))
        views, target = views[mine], target[mine].to(self.device)
        views = views.to(self.device, memory_format=torch.channels_last)
        with autocast(self.device, self.half):
            embedding = self.student(views)
        terms = distillation_loss(embedding, self.student.head, target, self.bank, self.config)
        self.optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        said = self._share_gradients(terms)
        norm = nn.utils.clip_grad_norm_(self.student.parameters(), self.config.clip)
        self.optimizer.step()
        self._follow()
        self.step_number += 1
        return {**said, "gradient": norm.item(), "rate": rate}

    def _share_gradients(self, terms: dict[str, Tensor]) -> dict[str, float]:
        """Make every process's gradients, and the terms it says, those of the whole batch."""
        parameters = list(self.student.parameters())
        told = torch.stack([term.detach() for term in terms.values()])
        *gradients, told = self.team.sum([*(p.grad for p in parameters), told])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        return dict(zip(terms, told.tolist(), strict=True))

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
        """The averaged weights under the released key names, all normalisations and the head folded in."""
        return self.averaged_student(batches).folded()

    def state(self) -> dict:
        return {
            "config": asdict(self.config),
            "step": self.step_number,
            "before": self.before,
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
        self.step_number, self.before = self._take(state), list(state.get("before", []))

    def go_on_from(self, state: dict) -> None:
        """Begin a run of this recipe where another one, of whatever recipe, stands: its weights, running average and
        optimiser. Raises CheckpointError where it was another network's."""
        recipe = recipe_of(state)
        views = self._take(state) * recipe.batch
        self.before = [*state.get("before", []), {"views": views, "recipe": asdict(recipe)}]

    def _take(self, state: dict) -> int:
        """Take over weights, average and optimiser → the steps that made them."""
        try:
            self.student.load_state_dict(state["student"])
            for mine, saved in zip(self.average, state["average"], strict=True):
                mine.copy_(saved)
            self.optimizer.load_state_dict(state["optimizer"])
            return int(state["step"])
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise CheckpointError("The training state does not fit this run.", "Start without --resume.") from error


def distill(
    crops: StoredFaces,
    config: DistillConfig,
    folder: str | Path,
    team: Team,
    resume: bool = False,
    backbone: LightCNN29 | None = None,
    before: dict | None = None,
    save_every: float = 120.0,
    stop_at: int | None = None,
    progress: bool = True,
) -> Distillation:
    """Run stage 0 to its end, or to step ``stop_at``, keeping its state in ``folder`` every ``save_every`` seconds.

    A new run starts from random weights, from those of ``backbone``, or where another run's state ``before`` stands.
    Raises CheckpointError where ``resume`` finds no state, or one of another recipe.
    """
    keep_freed_memory()
    folder = Path(folder)
    run = Distillation(crops, config, team, backbone)
    if before is not None:
        run.go_on_from(before)
    if resume:
        run.restore(load_state(folder / STATE_FILE))
    last = config.steps if stop_at is None else stop_at
    if run.step_number >= last:
        return run
    first = team.first
    writer = _tensorboard(folder) if first else None
    views_in_all, quiet = config.steps * config.batch, not (progress and first)
    bar = tqdm(total=views_in_all, initial=run.step_number * config.batch, unit="img", disable=quiet)
    saved = time.monotonic()
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(draw_batch, crops, run.targets, config, run.step_number)
        while run.step_number < last:
            views, target = coming.result()
            coming = ahead.submit(draw_batch, crops, run.targets, config, run.step_number + 1)
            seen = run.step(views, target)
            bar.update(config.batch)
            if first and run.step_number % 20 == 0:
                bar.set_postfix(size=views.shape[-1], **{k: f"{v:.3g}" for k, v in seen.items()})
                for name, value in seen.items():
                    writer.add_scalar(f"distill/{name}", value, run.step_number)
            if first and time.monotonic() - saved > save_every:
                save_state(run.state(), folder / STATE_FILE)
                saved = time.monotonic()
    bar.close()
    if first:
        writer.close()
        save_state(run.state(), folder / STATE_FILE)
    team.wait()
    return run


def _tensorboard(folder: Path):
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
