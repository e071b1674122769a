"""What strangers score, for any probe: the first two moments of strangers' templates and, for every condition, the tail
of the scores normalised by them. Aggregates only; nobody's template is in it.

Of a probe p (unit length) and strangers' templates of mean μ and covariance Σ the scores have mean p·μ and variance
pᵀΣp, so z = (s − p·μ) / √(pᵀΣp) is on one scale for all probes (as test normalisation does with a cohort's scores one
by one: Auckenthaler, Carey and Lloyd-Thomas, 2000). People of one group are more alike than others, so μ is that of the
group with the highest p·μ: what is asked of a probe is what its own group makes necessary, not what the group most
alike does. How often a stranger reaches a z was counted (``tail``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ssn.errors import CheckpointError
from ssn.faces.types import Branch
from ssn.files import atomically
from ssn.gallery.cell_score import MeanMaps, mixed_scores
from ssn.gallery.condition import Condition, Cover, Score
from ssn.gallery.tail import Tail
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Template

log = logging.getLogger(__name__)

FORMAT = "ssn-cohort-1"
SUFFIX = ".cohort.safetensors"


@dataclass(frozen=True)
class Spread:
    """``mean`` (D,) and ``covariance`` (D, D) of strangers' templates; ``groups`` (K, D) are the means of groups of
    them, none in files written before there were any."""

    mean: np.ndarray
    covariance: np.ndarray
    groups: np.ndarray | None = None

    @classmethod
    def of(cls, templates: np.ndarray, groups: Sequence[np.ndarray] = ()) -> Spread:
        """From templates (N, D), N ≥ 2, and who of them is in each group, (N,) bool."""
        rows = np.asarray(templates, np.float64)
        means = np.stack([rows[inside].mean(axis=0) for inside in groups]) if groups else None
        return cls(rows.mean(axis=0), np.cov(rows, rowvar=False), means)

    def expected(self, probes: np.ndarray) -> np.ndarray:
        """Probes (P, D) → mean of strangers' scores against each, (P, 1 + K): of all, and of every group."""
        means = self.mean[None] if self.groups is None else np.vstack([self.mean, self.groups])
        return np.asarray(probes, np.float64) @ means.T

    def deviation(self, probes: np.ndarray) -> np.ndarray:
        """Probes (P, D) → standard deviation of strangers' scores against each, (P,)."""
        probes = np.asarray(probes, np.float64)
        variance = np.einsum("pd,pd->p", probes @ self.covariance, probes)
        return np.sqrt(np.maximum(variance, 1e-12))

    def moments(self, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probes (P, D) → mean (P,) of strangers' scores against each, of the group most like it, and their standard
        deviation (P,)."""
        return self.expected(probes).max(axis=1), self.deviation(probes)

    def normalised(self, probes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Scores (P, G) of probes (P, D) → z (P, G)."""
        mean, deviation = self.moments(probes)
        return (scores - mean[:, None]) / deviation[:, None]


@dataclass(frozen=True)
class Judge:
    """What the scores of one search mean: among ``comparisons`` strangers' templates a score s is reached by somebody
    in a share 1 − (1 − FMR(s))^comparisons of searches. ``mean`` and ``deviation`` are those of strangers' scores with
    this probe. ``rates`` says what is called a match and what uncertain. ``people`` is for the words."""

    mean: float
    deviation: float
    adults: Tail
    children: Tail | None
    comparisons: int
    people: int
    rates: SearchRates
    condition: Condition

    def false_match_rate(self, score: float | np.ndarray) -> np.ndarray:
        """The share of strangers who reach a score."""
        return self.adults.rate((np.asarray(score, float) - self.mean) / self.deviation)

    def search_rate(self, score: float | np.ndarray, children: bool = False) -> np.ndarray:
        """The share of strangers whose search finds somebody with that score or a higher one (FPIR)."""
        tail = self.children if children and self.children is not None else self.adults
        reached = tail.rate((np.asarray(score, float) - self.mean) / self.deviation)
        with np.errstate(divide="ignore"):
            return -np.expm1(self.comparisons * np.log1p(-reached))

    def score_at(self, search_rate: float) -> float:
        """The score that so large a share of strangers' searches reaches, in (0, 1)."""
        return self.mean + self.deviation * self.adults.level(comparison_rate(search_rate, self.comparisons))

    def extrapolated(self, score: float) -> bool:
        """Is the score beyond what was counted?"""
        return bool(self.false_match_rate(score) < self.adults.counted)

    def expected(self, edges: np.ndarray) -> np.ndarray:
        """How many of ``comparisons`` strangers score between each two of the rising ``edges`` (E,) → (E − 1,)."""
        return -np.diff(self.false_match_rate(edges)) * self.comparisons

    @property
    def thresholds(self) -> dict[str, float]:
        """The scores of this search from which on there is a match, or uncertainty; for the rule ``search``."""
        return {"match": self.score_at(self.rates.match), "uncertain": self.score_at(self.rates.uncertain)}


def comparison_rate(search_rate: float, comparisons: int) -> float:
    """The false match rate of one comparison at which a stranger's search among so many finds somebody in a share
    ``search_rate``: 1 − (1 − FPIR)^(1/N)."""
    return float(-np.expm1(np.log1p(-search_rate) / max(1, comparisons)))


@dataclass(frozen=True)
class Cohort:
    """``spreads`` by ``whole`` and by what is hidden of the enrolled faces as well; ``adults`` and ``children`` by the
    condition's key. ``means``, by branch, are the strangers' mean last maps (C, 8, 8); none in files written before
    there was a score by cells. ``facts`` says of whom it was measured."""

    model_id: str
    spreads: Mapping[str, Spread]
    adults: Mapping[str, Tail]
    children: Mapping[str, Tail] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    means: MeanMaps = field(default_factory=dict)

    def judge(
        self,
        probe: Template,
        condition: Condition,
        comparisons: int,
        people: int,
        rates: SearchRates,
        seen: np.ndarray | None = None,
    ) -> Judge | None:
        """What scores of this probe mean in a gallery of that many templates and people. ``seen`` (D,) is the template
        of what is seen of it, which a score by cells compares too. None where the condition was not measured, the
        probe is another model's, or the gallery is empty."""
        tail = self.adults.get(condition.key)
        spread = self.spreads.get(spread_name(condition.score, condition.cover))
        if tail is None or spread is None or probe.model_id != self.model_id or comparisons < 1:
            return None
        if condition.score == "cells":
            if seen is None:
                return None
            mean, deviation = mixed_moments(self.spreads["whole"], spread, probe.vector[None], seen[None])
        else:
            mean, deviation = spread.moments(probe.vector[None])
        children = self.children.get(condition.key)
        return Judge(float(mean[0]), float(deviation[0]), tail, children, comparisons, people, rates, condition)


def mixed_moments(whole: Spread, hidden: Spread, probes: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (P,) of strangers' scores by cells against probes (P, D), of which ``seen`` (P, D) is seen, and what they
    are measured in (P,): the deviation they had if both cosines rose and fell together, which is the largest. Both
    spreads are of the same groups, and the mean is that of the group most like the probe."""
    mean = mixed_scores(whole.expected(probes), hidden.expected(seen)).max(axis=1)
    return mean, mixed_scores(whole.deviation(probes), hidden.deviation(seen))


def spread_name(score: Score, cover: Cover) -> str:
    """Whose templates a score compares with: those enrolled, or their mixture with the same faces behind a mask, or
    what their cells say where a mask leaves them out."""
    return "whole" if score == "whole" else f"{score}-{cover}"


def cohort_file(checkpoint: str | Path) -> Path:
    """Where the cohort of a checkpoint lies: beside it, ``NAME.cohort.safetensors``."""
    return Path(checkpoint).with_suffix(SUFFIX)


def save_cohort(path: str | Path, cohort: Cohort) -> None:
    """Write it. Covariances are stored in half precision, times the width. Raises CheckpointError."""
    tensors: dict[str, np.ndarray] = {}
    for name, spread in cohort.spreads.items():
        tensors[f"mean/{name}"] = spread.mean.astype(np.float32)
        tensors[f"covariance/{name}"] = (spread.covariance * len(spread.mean)).astype(np.float16)
        if spread.groups is not None:
            tensors[f"groups/{name}"] = spread.groups.astype(np.float32)
    for branch, mean in cohort.means.items():
        tensors[f"map/{branch}"] = np.asarray(mean, np.float32)
    said: dict[str, dict] = {}
    for whose, tails in (("adults", cohort.adults), ("children", cohort.children)):
        for key, tail in tails.items():
            tensors[f"{whose}/{key}"] = tail.levels.astype(np.float64)
            said[f"{whose}/{key}"] = {k: v for k, v in asdict(tail).items() if k != "levels"}
    metadata = {
        "format": FORMAT,
        "model_id": cohort.model_id,
        "tails": json.dumps(said),
        "facts": json.dumps(dict(cohort.facts)),
    }
    try:
        with atomically(path) as part:
            save_file(tensors, str(part), metadata)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be written: {error}", "Check disk space and permissions.") from error


def load_cohort(path: str | Path) -> Cohort:
    """Raises CheckpointError where the file is missing, damaged or not ours."""
    path = Path(path)
    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        if metadata.get("format") != FORMAT:
            raise ValueError(metadata.get("format"))
        said, facts = json.loads(metadata["tails"]), json.loads(metadata["facts"])
        spreads = {
            name: Spread(
                tensors[f"mean/{name}"].astype(float),
                tensors[f"covariance/{name}"].astype(float) / len(tensors[f"mean/{name}"]),
                tensors[f"groups/{name}"].astype(float) if f"groups/{name}" in tensors else None,
            )
            for name in (key.removeprefix("mean/") for key in tensors if key.startswith("mean/"))
        }
        tails: dict[str, dict[str, Tail]] = {"adults": {}, "children": {}}
        for key, words in said.items():
            whose, _, condition = key.partition("/")
            tails[whose][condition] = Tail(tensors[key], **words)
        means = {branch: tensors[f"map/{branch}"] for branch in get_args(Branch) if f"map/{branch}" in tensors}
        return Cohort(metadata["model_id"], spreads, tails["adults"], tails["children"], facts, means)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path.name} is no readable cohort file.", "Measure it again with python -m ssn cohort."
        ) from error


def cohort_of(checkpoint: str | Path, model_id: str) -> Cohort | None:
    """The cohort that lies beside a checkpoint; None where there is none, or it was measured for other weights, which
    is logged. Raises CheckpointError for a damaged one."""
    path = cohort_file(checkpoint)
    if not path.is_file():
        return None
    cohort = load_cohort(path)
    if cohort.model_id != model_id:
        log.warning("%s was measured for %s, not for %s, and is not used", path.name, cohort.model_id, model_id)
        return None
    return cohort
