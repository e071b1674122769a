"""What search and fine-tuning minimise: (1) and (14) of the paper, and two terms of ours that keep what the base knows
and the saliency readable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.machine import autocast
from ssn.models.adaptive_selection import disturbed, roughness, undimmed
from ssn.models.information_bottleneck import InformationBottleneck
from ssn.models.network import SaliencySearchNetwork
from ssn.training.search.batches import Batches, MicroBatch
from ssn.training.search.distilled import Teaching
from ssn.training.search.variants import Variant
from ssn.training.team import Team


@dataclass(frozen=True)
class LossConfig:
    """The weights of the terms."""

    bottleneck: float = 0.001
    """λ_ib of (14)."""
    beta: float = 1.0
    """β of (5) and (12)."""
    knowledge: float = 5.0
    """Ours, the same in every row: 1 − cosine to what the untuned base says of the same photo, complete and in VIS."""
    teacher: float = 0.0
    """Ours, the same in every row: what the base was taught by goes on teaching (``Teaching``)."""
    roughness: float = 0.01
    """Ours, adaptive selection only: keeps δ small and smooth."""
    dimming: float = 0.0
    """Ours, adaptive selection only: takes saliency from hidden pixels, whether the network is told them or not."""
    disturbance: float = 0.0
    """Ours, adaptive selection only: leaves the saliency of shown pixels to M."""


TERMS = ("identity", "knowledge", "teacher", "forgotten", "kept", "roughness", "undimmed", "disturbed", "accuracy")


class Objective(nn.Module):
    """Network, identity classifier and bottleneck in one module: the weights θ″ and the indicators M.

    ``targets`` (R, 256), unit rows: the base's embeddings of the learners, which are no parameters and not saved.
    ``teaching`` is used where the recipe gives it a weight.
    """

    def __init__(
        self,
        network: SaliencySearchNetwork,
        classifier: nn.Linear,
        targets: Tensor,
        variant: Variant,
        config: LossConfig,
        size: int = 128,
        seed: int = 0,
        teaching: Teaching | None = None,
    ):
        super().__init__()
        self.network, self.classifier, self.config, self.variant = network, classifier, config, variant
        self.teaching = teaching if config.teacher > 0 else None
        self.register_buffer("targets", targets, persistent=False)
        self.bottleneck = None
        if variant.bottleneck:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                shapes = network.shapes[0], network.shapes[-1]
                self.bottleneck = InformationBottleneck((1, size, size), *shapes, config.beta, config.bottleneck)

    def forward(self, micro: MicroBatch, half: bool = False) -> tuple[Tensor, Tensor]:
        """One micro-batch → the loss, and the values of ``TERMS`` (9,) without gradient. ``half`` runs the network, but
        nothing behind it, in bfloat16."""
        with autocast(micro.views.device, half):
            embedding, traces = self.network.trace(micro.views, micro.branch, micro.mask if micro.told else None)
        embedding = embedding.float()
        logits = self.classifier(embedding)
        identity = F.cross_entropy(logits, micro.labels)
        knowledge = 1 - F.cosine_similarity(embedding, self.targets[micro.places]).mean()
        loss = identity + self.config.knowledge * knowledge
        taught = forgotten = kept = rough = bright = moved = identity.new_zeros(())
        if self.teaching is not None:
            taught = self.teaching(embedding, micro.places)
            loss = loss + self.config.teacher * taught
        if self.bottleneck is not None:
            terms = self.bottleneck(micro.views, traces[0].selected, traces[-1].selected, micro.roll)
            loss, forgotten, kept = loss + terms.loss, terms.forgotten, terms.kept
        if self.network.adaptive:
            rough = sum(roughness(trace.correction) for trace in traces) / len(traces)
            loss = loss + self.config.roughness * rough
        if self.network.adaptive and micro.mask is not None:
            bright = sum(undimmed(trace.correction, micro.mask) for trace in traces) / len(traces)
            moved = sum(disturbed(trace.correction, micro.mask) for trace in traces) / len(traces)
            loss = loss + self.config.dimming * bright + self.config.disturbance * moved
        right = (logits.argmax(dim=1) == micro.labels).float().mean()
        return loss, torch.stack([identity, knowledge, taught, forgotten, kept, rough, bright, moved, right]).detach()

    def indicators(self) -> list[nn.Parameter]:
        """M, the upper level."""
        return self.network.indicator_parameters()

    def weights(self) -> dict[str, list[nn.Parameter]]:
        """θ″, the lower level: ``network``, ``classifier`` and ``estimators``, which have rates of their own."""
        estimators = [] if self.bottleneck is None else list(self.bottleneck.parameters())
        return {
            "network": self.network.weight_parameters(),
            "classifier": list(self.classifier.parameters()),
            "estimators": estimators,
        }

    def tie(self, gradients: list[Tensor]) -> list[Tensor]:
        """Gradients of M as the variant learns it. One indicator for both spectra: both slices get the sum of the two
        gradients, and so stay one."""
        if self.variant.split or self.variant.selection == "none":
            return gradients
        return [gradient.sum(dim=0, keepdim=True).expand_as(gradient).clone() for gradient in gradients]


class BatchGradient:
    """The gradient of the objective on batch ``number``: the mean over its micro-batches, all processes' together.

    Called with parameters it gives their gradients; the batch is drawn once and stays the same. ``terms`` holds the
    values of ``TERMS`` at the last call.
    """

    def __init__(self, objective: Objective, batches: Batches, number: int, team: Team, half: bool):
        self.objective, self.team, self.half = objective, team, half
        self.count = batches.config.micros
        self.mine = [batches.micro(number, part).to(team.device) for part in team.share(self.count)]
        self.terms: dict[str, float] = {}

    def __call__(self, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
        total = [torch.zeros_like(p) for p in parameters]
        seen = torch.zeros(len(TERMS), device=self.team.device)
        for micro in self.mine:
            loss, terms = self.objective(micro, self.half)
            found = torch.autograd.grad(loss / self.count, parameters, allow_unused=True)
            for sum_, gradient in zip(total, found, strict=True):
                if gradient is not None:
                    sum_ += gradient
            seen += terms / self.count
        *total, seen = self.team.sum([*total, seen])
        self.terms = dict(zip(TERMS, seen.tolist(), strict=True))
        return total
