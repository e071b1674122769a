"""Everything that decides the result of a search and its fine-tuning; the defaults are the paper's where it has one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig


@dataclass(frozen=True)
class Rates:
    """SGD on θ″. The paper has one rate, 1e-4, and names no momentum."""

    network: float = 1e-4
    classifier: float = 1e-3
    """Ten times the network's, as Light CNN's own training has it."""
    estimators: float = 1e-2
    """The bottleneck's networks start from nothing and must keep up with the encoder for (9) to be a supremum."""
    momentum: float = 0.9
    weight_decay: float = 1e-4
    """Momentum and decay of Light CNN's own training."""
    clip: float = 10.0
    """Longest gradient of the network and of the classifier, each; a guard against a bad batch."""


@dataclass(frozen=True)
class WarmUpConfig:
    """The identity classifier, alone, on the untuned base's embeddings, before anything else moves."""

    views: int = 2
    """Views of each photo, NIR and VIS in turn."""
    epochs: int = 30
    batch: int = 1024
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3


@dataclass(frozen=True)
class SearchConfig:
    """Stage 1, Algorithm 1."""

    epochs: float = 12
    """Passes over S_T: half of it serves M, half θ″."""
    indicator_rate: float = 1e-3
    """Adam's, on M."""
    correction_rate: float = 1e-3
    """Adam's, on the weights of δ in ``ssn-adaptive``. At 1e-2 the deep blocks' rectifiers die in the first steps."""
    order: int = 1
    """1: ∇_M L_val at θ; 2: after one virtual step of θ, at two and a half times the cost. The paper does not say."""


@dataclass(frozen=True)
class FinetuneConfig:
    """Stage 2: θ″ on all of S_T, M fixed."""

    epochs: float = 40
    correction_rate: float = 1e-3
    """Adam's, on the weights of δ in ``ssn-adaptive``, which go on learning here; 0 fixes them too."""
    final: float = 1.0
    """Share of all rates left at the end of the stage, reached by half a cosine; 1 keeps them, as the paper does."""


@dataclass(frozen=True)
class Recipe:
    """A run of both stages. ``base`` is the model id of the base weights."""

    variant: str = "ssn"
    base: str = ""
    seed: int = 0
    held_out: int = 200
    """People of the training sets kept apart for the same-set test."""
    batches: BatchConfig = field(default_factory=BatchConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    rates: Rates = field(default_factory=Rates)
    warm_up: WarmUpConfig = field(default_factory=WarmUpConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)

    def facts(self, without: tuple[str, ...] = ()) -> dict:
        """As plain values, but for some parts."""
        return {name: value for name, value in asdict(self).items() if name not in without}
