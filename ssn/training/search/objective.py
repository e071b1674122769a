"""What search and fine-tuning minimise: (1) and (14) of the paper, and terms of ours that keep what the base knows and
the saliency readable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssn.machine import autocast
from ssn.models.adaptive_selection import disturbed, roughness, undimmed
from ssn.models.information_bottleneck import BottleneckTerms, InformationBottleneck
from ssn.models.network import BlockTrace, SaliencySearchNetwork
from ssn.training.option import option
from ssn.training.search.batches import MicroBatch
from ssn.training.search.distilled import DistilledKnowledge
from ssn.training.search.tied import TiedIndicators
from ssn.training.search.variants import Variant


@dataclass(frozen=True)
class LossConfig:
    """The weights of the terms."""

    bottleneck: float = 0.001
    """λ_ib of (14)."""
    beta: float = 1.0
    """β of (5) and (12)."""
    knowledge: float = option(5.0, low=0)
    """Weight of 1 − cosine to what the untuned base says of the same photo, complete. Ours, the same in every row."""
    teacher: float = option(0.0, name="teacher-weight", low=0)
    """Weight of what the base's teacher goes on asking. Ours, the same in every row."""
    roughness: float = 0.01
    """Ours, adaptive selection only: keeps δ small and smooth."""
    dimming: float = option(0.0, low=0)
    """ssn-adaptive: weight of taking saliency from hidden pixels, whether the network is told them or not. Ours."""
    disturbance: float = option(0.0, low=0)
    """ssn-adaptive: weight of leaving the saliency of shown pixels to M. Ours."""


@dataclass(frozen=True)
class Term:
    """A part of the loss: ``value`` (), and the ``weight`` it is added with, 0 where it is only watched."""

    name: str
    value: Tensor
    weight: float


def total(terms: Sequence[Term]) -> Tensor:
    """The loss."""
    weighted = [term.weight * term.value for term in terms if term.weight]
    return sum(weighted[1:], weighted[0])


@dataclass(frozen=True)
class Answers:
    """What the modules say of one micro-batch: ``embedding`` (n, W), ``logits`` (n, classes), the blocks' traces, and
    the bottleneck's estimates where there is one."""

    micro: MicroBatch
    embedding: Tensor
    logits: Tensor
    traces: list[BlockTrace]
    information: BottleneckTerms | None

    @property
    def bottleneck(self) -> BottleneckTerms:
        """The estimates. Raises ValueError where there are none."""
        if self.information is None:
            raise ValueError("this network has no bottleneck")
        return self.information

    def mean(self, measure: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """The mean over the blocks of a measure of δ."""
        values = [measure(trace.correction, *given) for trace in self.traces]
        return sum(values[1:], values[0]) / len(values)

    def mean_over_hidden(self, measure: Callable[..., Tensor]) -> Tensor:
        """The same of a measure of δ and the mask; 0 where nothing is hidden."""
        return self.logits.new_zeros(()) if self.micro.mask is None else self.mean(measure, self.micro.mask)


Measure = Callable[[Answers], Tensor]


class Objective(nn.Module):
    """Network, identity classifier and bottleneck in one module: the weights θ″ and the indicators M.

    ``targets`` (R, 256), unit rows: the base's embeddings of the photos, which are no parameters and not saved.
    ``distilled`` is used where the recipe gives it a weight.
    """

    targets: Tensor

    def __init__(
        self,
        network: SaliencySearchNetwork,
        classifier: nn.Linear,
        targets: Tensor,
        variant: Variant,
        config: LossConfig,
        size: int = 128,
        seed: int = 0,
        distilled: DistilledKnowledge | None = None,
    ):
        super().__init__()
        self.network, self.classifier, self.config, self.variant = network, classifier, config, variant
        self.distilled = distilled if config.teacher > 0 else None
        self.register_buffer("targets", targets, persistent=False)
        self.bottleneck = None
        if variant.bottleneck:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                shapes = network.shapes[0], network.shapes[-1]
                self.bottleneck = InformationBottleneck((1, size, size), *shapes, config.beta, config.bottleneck)
        self.tied = None
        if variant.tied:
            self.tied = TiedIndicators(network.indicator_parameters(), place=variant.tied == "place")
        self.measures = self._measures()
        """Every term's weight, and how it is measured, by its name."""

    def _measures(self) -> dict[str, tuple[float, Measure]]:
        """The terms that this variant has, the same for every micro-batch."""
        config = self.config
        measures: dict[str, tuple[float, Measure]] = {
            "identity": (1.0, lambda a: F.cross_entropy(a.logits, a.micro.labels)),
            "knowledge": (config.knowledge, self._knowledge),
            "accuracy": (0.0, lambda a: (a.logits.argmax(dim=1) == a.micro.labels).float().mean()),
        }
        if (distilled := self.distilled) is not None:
            measures["teacher"] = config.teacher, lambda a: distilled(a.embedding, a.micro.places)
        if self.bottleneck is not None:
            measures["bottleneck"] = 1.0, lambda a: a.bottleneck.loss  # carries λ_ib in its gradients
            measures["forgotten"] = 0.0, lambda a: a.bottleneck.forgotten
            measures["kept"] = 0.0, lambda a: a.bottleneck.kept
        if self.network.adaptive:
            measures["roughness"] = config.roughness, lambda a: a.mean(roughness)
            measures["undimmed"] = config.dimming, lambda a: a.mean_over_hidden(undimmed)
            measures["disturbed"] = config.disturbance, lambda a: a.mean_over_hidden(disturbed)
        return measures

    def _knowledge(self, answers: Answers) -> Tensor:
        return 1 - F.cosine_similarity(answers.embedding, self.targets[answers.micro.places]).mean()

    def forward(self, micro: MicroBatch, bfloat16: bool = False) -> list[Term]:
        """One micro-batch → the terms of its loss. ``bfloat16`` runs the network, but nothing behind it, in that."""
        with autocast(micro.views.device, bfloat16):
            embedding, traces = self.network.trace(micro.views, micro.branch, micro.mask if micro.told else None)
        embedding, information = embedding.float(), None
        if self.bottleneck is not None:
            information = self.bottleneck(micro.views, traces[0].selected, traces[-1].selected, micro.roll)
        answers = Answers(micro, embedding, self.classifier(embedding), traces, information)
        return [Term(name, measure(answers), weight) for name, (weight, measure) in self.measures.items()]

    def indicators(self) -> list[nn.Parameter]:
        """M, the upper level."""
        return self.network.indicator_parameters()

    def weights(self) -> dict[str, list[nn.Parameter]]:
        """θ″, the lower level: ``network``, ``classifier`` and ``estimators``, which have rates of their own. Of a
        frozen network there is nothing to learn."""
        estimators = [] if self.bottleneck is None else list(self.bottleneck.parameters())
        return {
            "network": [] if self.variant.frozen else self.network.weight_parameters(),
            "classifier": list(self.classifier.parameters()),
            "estimators": estimators,
        }

    def learned_indicators(self) -> list[nn.Parameter]:
        """What M is made of: itself, or where it is tied the numbers it is the sum of."""
        return self.indicators() if self.tied is None else list(self.tied.parameters())

    def move_indicators(self, optimizer: torch.optim.Optimizer, gradients: list[Tensor]) -> None:
        """One step of the optimiser over ``learned_indicators``, from the gradients of M. One indicator for both
        spectra: both slices get the sum of the two gradients, and so stay one."""
        if not self.variant.split:
            gradients = [gradient.sum(dim=0, keepdim=True).expand_as(gradient).clone() for gradient in gradients]
        if self.tied is not None:
            gradients = self.tied.pulled_back(gradients)
        descend(optimizer, self.learned_indicators(), gradients)
        if self.tied is not None:
            self.tied.write(self.indicators())


def descend(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    """One step of the optimiser, with these gradients."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
