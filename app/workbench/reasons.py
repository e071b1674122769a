"""Why a probe matches a person: an attribution of the pair's score to pixels, and what it is worth."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.services import Services
from app.workbench.bench import Bench
from ssn.errors import ExplanationCancelledError, ExplanationError
from ssn.explanation.belief import Belief
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Attribution
from ssn.explanation.pair import Target
from ssn.explanation.question import Question, Watch
from ssn.faces.types import AlignedFace
from ssn.gallery.alike import mixed_template
from ssn.gallery.store import Match

CURVES_FROM = 0.5
"""Share of the progress bar that belongs to the attribution; the rest is measuring it."""


@dataclass(frozen=True)
class Reason:
    """``found`` explains ``face`` against ``name`` (rather than ``rival``, where there is one). ``belief`` is None
    where it was stopped before that was measured. ``alike``: the other side was hidden behind the same mask;
    ``cached``: it was made before, and is shown again."""

    face: AlignedFace
    name: str
    rival: str
    found: Attribution
    belief: Belief | None
    alike: bool = False
    cached: bool = False


def target_of(services: Services, bench: Bench, person_id: int, contrast: bool) -> Target:
    """The person as a direction; with ``contrast`` minus the best-ranked other one. Raises ExplanationError."""
    match = next((ranked for ranked in bench.matches if ranked.person_id == person_id), None)
    if match is None:
        raise ExplanationError("This person is not among the matches.", "Choose one of the ranked people.")
    target = _person(services, bench, match)
    if not contrast:
        return target
    kind = _rescored(bench, match)  # a score behind the mask and an ordinary one have no difference
    others = [other for other in bench.matches if other.person_id != person_id and _rescored(bench, other) == kind]
    if not others:
        raise ExplanationError("There is nobody to contrast with.", "Enrol a second person, or leave the contrast out.")
    return target.rather_than(_person(services, bench, others[0]))


def _rescored(bench: Bench, match: Match) -> bool:
    """Is the score shown of it one behind the mask that a template stands for? Scores by cells are explained by their
    cells; what is explained here is the ordinary one."""
    return bench.cells is None and bench.reranking is not None and match.template_id in bench.reranking.scores


def _person(services: Services, bench: Bench, match: Match) -> Target:
    """What the score shown compares with: all templates, or after re-ranking the best one's mixture."""
    if _rescored(bench, match):
        return Target.person(match.person, [mixed_template(services.recognizer, services.gallery, match, bench.mask)])
    gallery = services.gallery
    templates = [gallery.template(number) for number, *_ in gallery.templates_of(match.person_id)]
    return Target.person(match.person, templates)


def find_reason(
    services: Services,
    bench: Bench,
    person_id: int,
    method: str,
    contrast: bool,
    memory: Memory,
    progress: Callable[[float], None],
    cancel: threading.Event,
) -> Reason:
    """Attribute and measure, or find both in ``memory``. When cancelled there may be an unfinished map and no belief.

    Raises ExplanationError, ExplanationCancelledError, TemplateMismatchError, GalleryError.
    """
    target = target_of(services, bench, person_id, contrast)
    if bench.after is None:
        raise ExplanationError("No face is chosen yet.", "Choose a probe first.")
    face = bench.after.face
    belief, made = None, False
    with services.explainers.lease(memory, cancel) as explainer:

        def heard(share: float) -> None:
            """Only what is computed makes progress."""
            nonlocal made
            made = True
            progress(share * CURVES_FROM)

        watch = Watch(heard, cancel)
        found = explainer.explain(Question(face, target, method), watch)
        if found.complete:
            rest = 1 - CURVES_FROM
            watch = Watch(lambda share: progress(CURVES_FROM + share * rest), cancel)
            with contextlib.suppress(ExplanationCancelledError):  # the map is whole, and shown without its measure
                belief = explainer.believe(Question(face, target), found, watch=watch)
    alike = any(match.person_id == person_id and _rescored(bench, match) for match in bench.matches)
    return Reason(face, target.name, target.rival_name, found, belief, alike, not made)
