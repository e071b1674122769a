"""Why a probe matches a person: an attribution of the pair's score to pixels of both faces, and what it is worth."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.services import Services
from app.workbench.bench import Bench
from ssn.errors import ExplanationCancelledError, ExplanationError, ImageError
from ssn.explanation.belief import Belief
from ssn.explanation.cache import Memory
from ssn.explanation.explainer import Attribution, Explainer
from ssn.explanation.pair import Target
from ssn.explanation.question import Question, Watch
from ssn.faces.landmarks import find_aligned_landmarks
from ssn.faces.occlude import occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.again import templates_of_person
from ssn.gallery.alike import mixed_template
from ssn.gallery.store import Match

SIDE_BY_SIDE = ("deeplift", "gradcam", "hirescam", "region_ablation", "input_x_gradient", "saliency")
"""Methods that are asked together: those of a few passes."""
MAP_DONE, PAIR_DONE = 0.4, 0.6
"""Shares of the progress bar at which the probe's map is there, and the enrolled face's; the rest is measuring."""


@dataclass(frozen=True)
class Reason:
    """``found`` explains ``face`` against ``name`` (rather than ``rival``, where there is one), and ``enrolled`` the
    stored picture of that person, where there is one: ``other``. ``belief`` is None where that was not measured yet
    (``measuring``), or was stopped. ``alike``: the other side was hidden behind the same mask; ``cached``: it was made
    before, and is shown again."""

    face: AlignedFace
    name: str
    rival: str
    found: Attribution
    belief: Belief | None = None
    alike: bool = False
    cached: bool = False
    other: AlignedFace | None = None
    enrolled: Attribution | None = None
    measuring: bool = False


Hear = Callable[["float | Reason"], None]
"""Is told the share done, in [0, 1], and what there is to show already."""


def target_of(services: Services, bench: Bench, person_id: int, contrast: bool) -> Target:
    """The person as a direction; with ``contrast`` minus the best-ranked other one. Raises ExplanationError."""
    match = next((ranked for ranked in bench.matches if ranked.person_id == person_id), None)
    if match is None:
        raise ExplanationError("This person is not among the matches.", "Choose one of the ranked people.")
    target = replace(_person(services, bench, match), face=_picture(services, bench, match))
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
    return Target.person(match.person, templates_of_person(services.gallery, match.person_id))


def _picture(services: Services, bench: Bench, match: Match) -> AlignedFace | None:
    """The stored picture the probe is most like, behind the mask where that is compared; None where there is none."""
    try:
        face = services.gallery.stored_face(match.template_id)
    except ImageError:
        return None  # damaged: the probe's side can still be explained, and the page says that the other has no picture
    if face is None:
        return None
    face = face.with_(landmarks=find_aligned_landmarks(face.pixels))
    return occlude(face, bench.mask) if _rescored(bench, match) else face


def find_reason(
    services: Services,
    bench: Bench,
    person_id: int,
    method: str,
    contrast: bool,
    memory: Memory,
    hear: Hear,
    cancel: threading.Event,
) -> Reason:
    """Attribute and measure, or find both in ``memory``: the probe's map is heard as soon as it is there, then the
    enrolled face's, and the measure is answered last. When cancelled there may be an unfinished map and no belief.

    Raises ExplanationError, ExplanationCancelledError, TemplateMismatchError, GalleryError.
    """
    target = target_of(services, bench, person_id, contrast)
    face, made = _face(bench), False
    alike = any(match.person_id == person_id and _rescored(bench, match) for match in bench.matches)
    with services.explainers.lease(memory, cancel) as explainer:

        def heard(share: float) -> None:
            """Only what is computed makes progress."""
            nonlocal made
            made = True
            hear(share * MAP_DONE)

        found = explainer.explain(Question(face, target, method), Watch(heard, cancel))
        why = Reason(face, target.name, target.rival_name, found, None, alike, not made, target.face)
        if not found.complete:
            return why
        hear(replace(why, measuring=True))
        with contextlib.suppress(ExplanationCancelledError):  # the map is whole, and shown without the rest
            if target.face is not None:
                watch = _between(hear, MAP_DONE, PAIR_DONE, cancel)
                other = explainer.explain(Question(face, target, method, "gallery"), watch)
                why = replace(why, enrolled=other if other.complete else None)
                hear(replace(why, measuring=True))
            why = replace(why, belief=_believed(explainer, why, target, _between(hear, PAIR_DONE, 1.0, cancel)))
    return why


def side_by_side(
    services: Services,
    bench: Bench,
    person_id: int,
    contrast: bool,
    memory: Memory,
    hear: Hear,
    cancel: threading.Event,
) -> list[Reason]:
    """The probe's map by each of ``SIDE_BY_SIDE`` with its measure; one heard as soon as it is there. Stopped, those
    there are. Raises as ``find_reason``."""
    target, face, found = target_of(services, bench, person_id, contrast), _face(bench), []
    with services.explainers.lease(memory, cancel) as explainer:
        for number, method in enumerate(SIDE_BY_SIDE):
            part = _between(hear, number / len(SIDE_BY_SIDE), (number + 1) / len(SIDE_BY_SIDE), cancel)
            with contextlib.suppress(ExplanationCancelledError):
                map_of = explainer.explain(Question(face, target, method), part.part(0, 2))
                why = Reason(face, target.name, target.rival_name, map_of)
                if map_of.complete:
                    why = replace(why, belief=_believed(explainer, why, target, part.part(1, 2)))
                    found.append(why)
                    hear(why)
            if cancel.is_set():
                break
    return found


def _face(bench: Bench) -> AlignedFace:
    if bench.after is None:
        raise ExplanationError("No face is chosen yet.", "Choose a probe first.")
    return bench.after.face


def _between(hear: Hear, low: float, high: float, cancel: threading.Event) -> Watch:
    return Watch(lambda share: hear(low + share * (high - low)), cancel)


def _believed(explainer: Explainer, why: Reason, target: Target, watch: Watch) -> Belief:
    return explainer.believe(Question(why.face, target), why.found, quick=True, watch=watch)
