"""Occlusion-aware re-ranking: the probe's mask is put on the gallery faces of its shortlist, which are embedded again,
and the probe is compared with a mixture of both templates: of the whole face, which says most, and of what both sides
still show.

The mask is known where it was painted or drawn from landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ssn.faces.types import AlignedFace
from ssn.recognizer import Recognizer, gray_batch

SHORTLIST = 50
HIDDEN_SHARE = 1 / 3
"""Of the mixture. Chosen on held-out people, none of LFW: the hidden face alone is a worse judge than the whole one."""


@dataclass(frozen=True)
class Reranked:
    """The shortlist in its new order: ``places`` (K,) in the gallery, ``scores`` (K,) and what they were ``before``,
    cosines in [−1, 1]."""

    places: np.ndarray
    scores: np.ndarray
    before: np.ndarray


def mixed(whole: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Templates of the same faces, whole and behind a mask, both (N, 256) of unit length → what a masked probe is
    compared with, (N, 256) of unit length: ``HIDDEN_SHARE`` of the latter, the rest of the former."""
    both = (1 - HIDDEN_SHARE) * whole + HIDDEN_SHARE * hidden
    return both / np.linalg.norm(both, axis=1, keepdims=True)


class Reranker:
    """A gallery of aligned faces, made ready once. ``vectors`` (G, 256): their templates, made here if they are not
    given. An adaptive network is told the masks, as the recognizer tells it."""

    def __init__(self, recognizer: Recognizer, gallery: Sequence[AlignedFace], vectors: np.ndarray | None = None):
        self.recognizer = recognizer
        self.gray = gray_batch(list(gallery))  # (G, 1, 128, 128)
        self.branches = [face.branch for face in gallery]
        if vectors is None:
            vectors = recognizer.embed_gray(self.gray, self.branches, fast=True, enrolled=True)
        self.vectors = vectors

    def rerank(
        self, probe: AlignedFace, scores: np.ndarray, shortlist: int = SHORTLIST, mask: np.ndarray | None = None
    ) -> Reranked:
        """A probe and its scores (G,) against the gallery → its best ``shortlist`` faces, scored anew.

        ``mask`` (128, 128) bool stands in for the probe's own. Where nothing is hidden, nothing changes. Ties keep
        their order.
        """
        if scores.shape != (len(self.gray),):
            raise ValueError(f"{scores.shape} scores for a gallery of {len(self.gray)}")
        mask = probe.mask if mask is None else mask.astype(bool)
        best = np.argsort(-scores, kind="stable")[: max(1, shortlist)]
        if not mask.any() or not len(best):
            return Reranked(best, scores[best], scores[best])
        hidden = torch.from_numpy(mask).expand(len(best), 1, -1, -1)
        told = hidden.float() if self.recognizer.adaptive else None
        pixels = self.gray[torch.from_numpy(best)].masked_fill(hidden, 0.0)
        faces = self.recognizer.embed_gray(pixels, [self.branches[i] for i in best], told, fast=True)
        own = None if told is None else told[:1]
        seen = gray_batch([probe]).masked_fill(torch.from_numpy(mask), 0.0)
        vector = self.recognizer.embed_gray(seen, [probe.branch], own, fast=True)[0]
        again = mixed(self.vectors[best], faces) @ vector
        order = np.argsort(-again, kind="stable")
        return Reranked(best[order], again[order], scores[best][order])


def rescored(scores: np.ndarray, again: np.ndarray, shortlist: int = SHORTLIST) -> np.ndarray:
    """Scores (P, G) and those under the mask (P, G) → scores that rank each probe's best ``shortlist`` faces by the
    latter, above all others: theirs are 4 higher than the cosine. For ranks only. Ties keep their order."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :shortlist]
    found = np.array(scores, copy=True)
    np.put_along_axis(found, best, np.take_along_axis(again, best, axis=1) + 4, axis=1)
    return found
