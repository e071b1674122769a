"""Templates in one tensor → the people most like a probe, with verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

Verdict = Literal["match", "uncertain", "no match"]


@dataclass(frozen=True)
class Match:
    """One rank of a search: ``score`` is the best cosine over the person's templates, in [−1, 1]."""

    rank: int
    person: str
    person_id: int
    score: float
    template_id: int
    verdict: Verdict


def verdict(score: float, thresholds: dict[str, float]) -> Verdict:
    """``match`` at or above the threshold of FMR 0.1 %, ``uncertain`` down to that of 1 %, ``no match`` below. Without
    thresholds nothing is called a match."""
    strict, loose = thresholds.get("0.001"), thresholds.get("0.01")
    if strict is not None and score >= strict:
        return "match"
    return "uncertain" if loose is None or score >= loose else "no match"


@dataclass(frozen=True)
class TemplateIndex:
    """All templates of one model at one moment, oldest first: ``vectors`` (N, 256) on the device, and of each row its
    template's id, its person's id and name."""

    vectors: torch.Tensor
    templates: np.ndarray
    owners: np.ndarray
    names: dict[int, str]

    def ranked(self, probe: np.ndarray, k: int, thresholds: dict[str, float] | None = None) -> list[Match]:
        """The k people most like ``probe`` (256,), best first; fewer where there are fewer. Exact; of equal scores the
        older template comes first."""
        vector = torch.from_numpy(probe).to(self.vectors.device)
        scores = (self.vectors @ vector).clamp(-1, 1)
        order = torch.argsort(scores, descending=True, stable=True).cpu().numpy()
        _, first = np.unique(self.owners[order], return_index=True)
        best = order[np.sort(first)[: max(k, 0)]]
        values = scores.cpu().numpy()
        return [
            Match(
                rank=rank,
                person=self.names[int(self.owners[i])],
                person_id=int(self.owners[i]),
                score=float(values[i]),
                template_id=int(self.templates[i]),
                verdict=verdict(float(values[i]), thresholds or {}),
            )
            for rank, i in enumerate(best, start=1)
        ]
