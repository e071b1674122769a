"""Like with like in a gallery: what is hidden of the probe is hidden of the shortlisted faces too, from their stored
pictures, and the probe compared with a mixture of their two templates."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from ssn.errors import ExplanationError, ImageError
from ssn.faces.occlude import occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.rerank import SHORTLIST, Reranker, mixed
from ssn.gallery.store import GalleryStore, Match
from ssn.recognizer import Recognizer, Template


@dataclass(frozen=True)
class Reranking:
    """``scores`` by template id are cosines in [−1, 1] of the probe and the mixed templates; ``kept`` people of the
    shortlist have no readable picture, and so neither a new score nor a new place. ``ms`` is what it took."""

    scores: dict[int, float]
    kept: int
    ms: float


def rerank(
    recognizer: Recognizer, gallery: GalleryStore, probe: AlignedFace, shortlist: list[Match]
) -> tuple[list[Match], Reranking]:
    """The shortlist in its new order, ranks counted anew but with the ordinary scores and verdicts, and what moved it.
    Where the machine has bfloat16 the new scores are computed in it, and off by some thousandths.

    Raises GalleryError.
    """
    start = time.perf_counter()
    faces = [_picture(gallery, match) for match in shortlist]
    pictured = [match for match, face in zip(shortlist, faces, strict=True) if face is not None]
    scores: dict[int, float] = {}
    if pictured:
        usual = np.array([match.score for match in pictured], np.float32)
        whole = np.stack([gallery.template(match.template_id).vector for match in pictured])
        reranker = Reranker(recognizer, [face for face in faces if face is not None], whole)
        found = reranker.rerank(probe, usual, SHORTLIST)
        pictured = [pictured[place] for place in found.places]
        scores = {match.template_id: float(new) for match, new in zip(pictured, found.scores, strict=True)}
    moved = iter(pictured)
    order = [match if face is None else next(moved) for match, face in zip(shortlist, faces, strict=True)]
    ranked = [replace(match, rank=rank) for rank, match in enumerate(order, start=1)]
    return ranked, Reranking(scores, len(shortlist) - len(scores), (time.perf_counter() - start) * 1000)


def mixed_template(recognizer: Recognizer, gallery: GalleryStore, match: Match, mask: np.ndarray) -> Template:
    """What the re-ranked score compares with: the matched template, mixed with that of its picture behind ``mask``
    (128, 128) bool. Raises ExplanationError where the picture is gone."""
    face = _picture(gallery, match)
    if face is None:
        raise ExplanationError(f"The stored picture of {match.person} is gone.", "Search again.")
    whole, hidden = gallery.template(match.template_id), recognizer.embed(occlude(face, mask))
    return replace(whole, vector=mixed(whole.vector[None], hidden.vector[None])[0])


def _picture(gallery: GalleryStore, match: Match) -> AlignedFace | None:
    try:
        return gallery.stored_face(match.template_id)
    except ImageError:
        return None  # as good as none, and counted as such
