"""Stage 0: Light CNN-29 v2 learns the descriptors of a strong face network, in both spectra and under occlusion.

Under ``accelerate launch`` every process computes its share of each batch, and normalisations, similarity matrix and
gradients are those of the whole: a run does not depend on how many processes it has, but for rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.machine import autocast
from ssn.models.light_cnn import LightCNN29
from ssn.training.ahead import Ahead
from ssn.training.crops import Crops
from ssn.training.distill.batch import Batches
from ssn.training.distill.loss import distillation_loss
from ssn.training.distill.network import BatchNormalisedLightCNN, initialise, statistics
from ssn.training.distill.recipe import DistillConfig, recipe_of
from ssn.training.distill.targets import Targets
from ssn.training.fingerprint import fingerprint
from ssn.training.runner import Stage, fitting, run_stage
from ssn.training.seen import Seen
from ssn.training.team import Team
from ssn.training.transfer import to_device

STATE_FILE = "distill.pt"


class Distillation(Stage):
    """One run of stage 0. It starts from ``backbone``, or from random weights."""

    name = "distill"

    def __init__(
        self,
        faces: StoredFaces,
        config: DistillConfig,
        team: Team,
        backbone: LightCNN29 | None = None,
        bfloat16: bool | None = None,
    ):
        self.faces, self.config, self.device, self.faces_per_step = faces, config, team.device, config.batch
        self.targets = Targets(faces, config.identity_pull)
        self.crops = Crops(faces.pixels, self.device)
        self.batches = Batches(faces, self.targets, config, self.crops)
        self.ahead = Ahead(self._draw, self.device)
        self.bank = self.targets.unit.to(self.device)
        self.network = BatchNormalisedLightCNN(backbone, self.bank.shape[1])
        generator = torch.Generator().manual_seed(config.seed)
        initialise(self.network if backbone is None else self.network.head, generator)
        self.network.to(self.device).to(memory_format=torch.channels_last)
        super().__init__(self.network, asdict(config), fingerprint(faces), team, bfloat16)
        self.supplies.append(self.ahead)
        if backbone is not None:
            views, _ = Batches(faces, self.targets, config)(0)  # the processor's: a run starts alike on every device
            self.network.adopt(to_device(views, self.device, channels_last=True))
        self.average = [p.detach().clone() for p in self.network.parameters()]
        self.averaged = 0
        """Steps that the running average has followed, those of the runs before included."""
        decayed = [p for p in self.network.parameters() if p.dim() > 1]
        plain = [p for p in self.network.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        self.optimizers["weights"] = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.99), fused=True)
        self.before: list[dict[str, Any]] = []
        """What was learned before this run's first step: the runs it goes on from, each with its views and recipe."""

    @property
    def steps(self) -> int:
        return self.config.steps

    def _draw(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of a step, of the size that is due."""
        return self.batches(step, self.config.size_at(max(step, self.position)))

    def step(self) -> Mapping[str, float]:
        """One update by the next batch."""
        return self.learn(*self.ahead.take(self.step_number))

    def learn(self, views: Tensor, target: Tensor) -> Mapping[str, float]:
        """One update by a whole batch, of which this process takes its share → loss terms, gradient norm and rate."""
        rate = self.config.rate_at(self.position)
        optimizer = self.optimizers["weights"]
        for group in optimizer.param_groups:
            group["lr"] = rate
        part = self.team.part(len(views))
        views = to_device(views[part], self.device, channels_last=True)
        target = to_device(target[part], self.device)
        with autocast(self.device, self.bfloat16):
            embedding = self.network(views)
        terms = distillation_loss(embedding, self.network.head, target, self.bank, self.config)
        optimizer.zero_grad(set_to_none=True)
        sum(terms.values(), torch.zeros(())).backward()
        values = self._share_gradients(terms)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        optimizer.step()
        self._follow()
        return Seen({**values, "gradient": norm, "rate": rate})

    def _share_gradients(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Make every process's gradients, and the terms it reports, those of the whole batch."""
        parameters = list(self.network.parameters())
        values = torch.stack([term.detach() for term in terms.values()])
        own = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        *gradients, values = self.team.sum([*own, values])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        return dict(zip(terms, values.unbind(), strict=True))

    @torch.no_grad()
    def _follow(self) -> None:
        """The running average of the weights; a young one forgets faster."""
        share = min(self.config.ema, (1 + self.averaged) / (10 + self.averaged))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.network.parameters()], 1 - share)
        self.averaged += 1

    @torch.no_grad()
    def averaged_network(self, batches: int = 32) -> BatchNormalisedLightCNN:
        """The network with the averaged weights. The means and variances of its normalisations are those of the
        averaged weights, measured on ``batches`` batches of full-size views of the training faces."""
        network = copy.deepcopy(self.network)
        for parameter, average in zip(network.parameters(), self.average, strict=True):
            parameter.copy_(average)
        full_size = replace(self.config, sizes=((self.config.sizes[-1][0], 1.0),))
        draw = Batches(self.faces, self.targets, full_size, self.crops)
        for layer in network.normed_convolutions().values():
            layer.norm.reset_running_stats()
            layer.norm.momentum = None  # the plain mean over all batches
        network.train()
        views = [to_device(draw(number)[0], self.device, channels_last=True) for number in range(batches)]
        with autocast(self.device, self.bfloat16):
            for batch in views:
                network.backbone(batch)
            network.eval()
            everything = torch.cat([network.backbone(batch).float() for batch in views])
        _, mean, variance = statistics(network.norm)
        mean.copy_(everything.mean(dim=0))
        variance.copy_(everything.var(dim=0, unbiased=False))
        return network

    def averaged_backbone(self, batches: int = 32) -> dict[str, Tensor]:
        """The averaged weights under the released key names, all normalisations and the head folded in."""
        return self.averaged_network(batches).folded()

    def tensors(self) -> Iterator[Tensor]:
        yield from super().tensors()
        yield from self.average

    def state(self) -> dict[str, Any]:
        return {**super().state(), "average": self.average, "averaged": self.averaged, "before": self.before}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(as_written_now(state))

    def take(self, state: dict[str, Any]) -> None:
        super().take(state)
        for average, saved in zip(self.average, state["average"], strict=True):
            average.copy_(saved)
        self.averaged, self.before = int(state["averaged"]), list(state["before"])

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Begin a run of this recipe where another one, of whatever recipe and faces, stands: its weights, optimiser
        and running average, which goes on as old as it is. Raises CheckpointError where it was another network's, or
        learned descriptors of another width."""
        state = as_written_now(state)
        recipe = recipe_of(state)
        width = len(state["model"]["head.bias"]) if "head.bias" in state.get("model", ()) else None
        if width not in (None, self.bank.shape[1]):
            raise CheckpointError(
                f"That run learned descriptors of {width} numbers, these faces have {self.bank.shape[1]}.",
                "Export its weights with --export-only, and start from those.",
            )
        with fitting():
            self.take(state)
            views = int(state["step"]) * recipe.batch
        self.before = [*self.before, {"views": views, "recipe": asdict(recipe)}]


def as_written_now(state: dict[str, Any]) -> dict[str, Any]:
    """A state of version 0.1, which had other keys and did not say which faces it was made with, under today's keys;
    any other as it is."""
    if "config" not in state:
        return state
    try:
        return {
            "stage": Distillation.name,
            "recipe": asdict(recipe_of({"recipe": state["config"]})),
            "data": None,
            "step": state["step"],
            "model": state["student"],
            "optimizers": {"weights": state["optimizer"]},
            "average": state["average"],
            "averaged": state["step"],
            "before": state.get("before", []),
        }
    except KeyError as error:
        raise CheckpointError("That is no state of a distillation.", "Start without --resume.") from error


def distill(
    faces: StoredFaces,
    config: DistillConfig,
    folder: str | Path,
    team: Team,
    resume: bool = False,
    backbone: LightCNN29 | None = None,
    before: dict[str, Any] | None = None,
    bfloat16: bool | None = None,
    **loop: Any,
) -> Distillation:
    """Run stage 0 to its end, or to step ``stop_at``; ``loop`` is what ``run_stage`` takes.

    A new run starts from random weights, from those of ``backbone``, or where another run's state ``before`` stands.
    Raises CheckpointError where ``resume`` finds no state, or one of another recipe or of other faces.
    """
    run = Distillation(faces, config, team, backbone, bfloat16)
    if before is not None:
        run.go_on_from(before)
    run_stage(run, folder, resume, **loop)
    return run
