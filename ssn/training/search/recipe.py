"""Everything that decides the result of a search and its fine-tuning; the defaults are the paper's where it has one."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from ssn.training.option import option
from ssn.training.search.batches import BatchConfig
from ssn.training.search.objective import LossConfig
from ssn.training.search.variants import variant_named


@dataclass(frozen=True)
class Rates:
    """SGD on θ″. The paper has one rate, 1e-4, and names no momentum."""

    network: float = option(1e-4, name="weight-rate", low=0)
    """Search, fine-tuning: SGD's rate on the network; the classifier's is ten times that."""
    classifier: float = 10.0
    """What the classifier's rate is of the network's; Light CNN's own training has it so."""
    estimators: float = 1e-2
    """The bottleneck's networks start from nothing and must keep up with the encoder for (9) to be a supremum."""
    momentum: float = 0.9
    weight_decay: float = 1e-4
    """Momentum and decay of Light CNN's own training."""
    clip: float = 10.0
    """Longest gradient of the network and of the classifier, each; a guard against a bad batch."""

    def of(self, part: str) -> float:
        """The rate of ``network``, ``classifier`` or ``estimators``."""
        return {
            "network": self.network,
            "classifier": self.classifier * self.network,
            "estimators": self.estimators,
        }[part]


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

    epochs: float = option(12.0, name="search-epochs", low=0)
    """Stage 1: passes over S_T, of which half serves M and half θ″; or a part of one. One step at least."""
    indicator_rate: float = option(1e-3, low=0)
    """Stage 1: Adam's rate on M."""
    correction_rate: float = option(1e-3, low=0)
    """ssn-adaptive: Adam's rate on the weights of δ. At 1e-2 the deep blocks' rectifiers die in the first steps."""
    order: int = option(1, low=1, high=2)
    """Stage 1: 1 takes ∇_M L_val at θ; 2 after one virtual step of θ, at two and a half times the cost. The paper does
    not say which."""


@dataclass(frozen=True)
class FinetuneConfig:
    """Stage 2: θ″ on all of S_T, M fixed."""

    epochs: float = option(40.0, name="finetune-epochs", low=0)
    """Stage 2: passes over S_T, or a part of one. One step at least."""
    correction_rate: float = option(1e-3, low=0)
    """Adam's, on the weights of δ in ``ssn-adaptive``, which go on learning here; 0 fixes them too."""
    final: float = option(1.0, low=0, high=1)
    """Stage 2: share of all rates left at its end, reached by half a cosine; 1 keeps them, as the paper does."""


@dataclass(frozen=True)
class Recipe:
    """A run of both stages. ``base`` is the model id of the base weights."""

    variant: str = option("ssn")
    """Search, fine-tuning: the row of the ablation: light-cnn, si, si-split, si-split+ib, ssn or ssn-adaptive."""
    base: str = ""
    seed: int = option(0)
    """Decides every random choice."""
    held_out: int = option(200, low=0)
    """Search, fine-tuning: people of the ready crops kept apart for a test on the same sets; a protocol's own training
    people have its test people."""
    batches: BatchConfig = field(default_factory=BatchConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    rates: Rates = field(default_factory=Rates)
    warm_up: WarmUpConfig = field(default_factory=WarmUpConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)

    def __post_init__(self) -> None:
        variant_named(self.variant)

    def facts(self, without: tuple[str, ...] = ()) -> dict:
        """As plain values, but for some parts."""
        return {name: value for name, value in asdict(self).items() if name not in without}
