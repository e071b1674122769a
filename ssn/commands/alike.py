"""``match --alike``: like with like by cells, behind what is told or found to hide the probe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ssn.commands.options import face_bar
from ssn.errors import DataError
from ssn.faces.types import AlignedFace
from ssn.gallery.cohort import Cohort, cohort_file, cohort_of
from ssn.gallery.like_with_like import CellSearch, LikeWithLike
from ssn.gallery.search_verdict import judges_of
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import SEARCH_RULE, SearchRates
from ssn.recognizer import Recognizer
from ssn.visibility import (
    HIDDEN,
    VisibilityFinder,
    hidden_besides,
    hidden_share,
    painted,
    shared_visibility,
    without_doubt,
)

NONE, TOLD, FOUND = ALIKE = ("none", "told", "found")
HELP = (
    "Compare like with like: leave out of everybody enrolled what hides the probe, as --occlusion says (told) or as "
    "the visibility network finds it (found)."
)


def check_alike(name: str) -> None:
    """Raises DataError."""
    if name not in ALIKE:
        raise DataError(f"{name!r} is no way to compare like with like.", f"Use one of {', '.join(ALIKE)}.")


@dataclass(frozen=True)
class AlikeAnswer:
    """``face`` as it was searched with, of which the share ``hidden`` was left out and the share ``covered`` is hidden
    by what nobody took account of; what came of it, None where nothing is hidden; and the matches, judged."""

    face: AlignedFace
    hidden: float
    covered: float
    search: CellSearch | None
    matches: list[Match]

    def row(self, match: Match) -> dict:
        """What the JSON of a match says besides: ``{"alike_score", "cells", "rest"}``; nothing of one that was not
        compared."""
        shares = None if self.search is None else self.search.shares.get(match.template_id)
        if self.search is None or shares is None:
            return {}
        score = self.search.reranking.scores[match.template_id]
        return {"alike_score": score, "cells": shares.cells.round(6).tolist(), "rest": shares.rest}

    def facts(self) -> dict:
        """Of the photo: how much of the face is hidden, and among how many templates it was compared."""
        facts: dict = {"hidden_share": self.hidden}
        if self.search is not None:
            facts |= {"compared": self.search.compared, "not_compared": self.search.reranking.kept}
        return facts

    def text(self) -> str:
        """What is said above the matches."""
        if self.search is None:
            return "Nothing is surely hidden, so the ordinary scores stand."
        said = f"Like with like: {100 * self.hidden:.0f} % of the face is hidden; {self.search.compared:,} templates "
        said += "compared by what both show."
        if left := self.search.reranking.kept:
            said += f" {left:,} without a stored picture keep the ordinary score."
        return said


class AlikeSearch:
    """Like with like in one gallery with one model. Raises DataError where it is not possible."""

    def __init__(self, how: str, recognizer: Recognizer, checkpoint: Path, store: GalleryStore, device: str):
        cohort = cohort_of(checkpoint, recognizer.model_id)
        if cohort is None or not LikeWithLike.possible(recognizer, cohort.means):
            raise DataError(
                f"Of {recognizer.model_id} no mean face is known, so nothing can be compared like with like.",
                f"Leave out --alike, or measure it: python -m ssn cohort writes {cohort_file(checkpoint).name}.",
            )
        self.cohort: Cohort = cohort
        self.recognizer, self.store = recognizer, store
        self.gallery = LikeWithLike(recognizer, store, cohort.means)
        with face_bar("parts") as told:
            self.gallery.prepare(told)
        self.how = how
        self.finder = VisibilityFinder.load(device=device) if how == FOUND else shared_visibility(device)

    def answer(self, face: AlignedFace, k: int, rule: str, rates: SearchRates) -> AlikeAnswer:
        """A probe → the k people most like what is seen of it. Raises GalleryError."""
        visibility = 1 - face.mask.astype(np.float32)
        found = None if self.finder is None else self.finder.visibility(face)
        if found is not None and self.how == FOUND:
            visibility = np.minimum(visibility, without_doubt(found))
            face = painted(face, found)
        hidden, thresholds = hidden_share(visibility), self.recognizer.card.thresholds
        covered = 0.0 if found is None else hidden_besides(found, visibility < HIDDEN)
        if not hidden:
            matches = self.store.search(self.recognizer.embed(face), k, thresholds)
            return self._judged(AlikeAnswer(face, hidden, covered, None, matches), rule, rates)
        search = self.gallery.search(face, visibility, k, thresholds)
        shown = face.with_(mask=face.mask | (visibility < HIDDEN))
        return self._judged(AlikeAnswer(shown, hidden, covered, search, list(search.matches)), rule, rates)

    def _judged(self, answer: AlikeAnswer, rule: str, rates: SearchRates) -> AlikeAnswer:
        """With verdicts for the scores that ranked it."""
        search, face = answer.search, answer.face
        template = self.recognizer.embed(face) if search is None else search.template
        if rule != SEARCH_RULE:
            return answer
        seen = None if search is None else search.seen
        alike, store = search is not None, self.store
        judges = judges_of(self.cohort, face, template, store, rates, alike, seen, answer.covered)
        if judges is None:
            return answer
        scores = {} if search is None else search.reranking.scores
        return replace(answer, matches=judges.judged(answer.matches, scores))
