"""Two or three states beside each other: complete and hidden, ordinary and like with like, this model and the second,
those pinned and now. Each side is a bench of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench, no_face_chosen
from app.workbench.look import Look
from app.workbench.trail_html import state_words
from ssn.errors import DataError
from ssn.gallery.store import Match
from ssn.models.card import ModelCard

HIDING, MODELS, PINNED = "hiding", "models", "pinned"
MOST_SHOWN = 12
"""People of each side in the joint plot."""
MANY = 200
"""People whose scores are asked for, so that whoever one side shows can be looked up on the other."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison. ``scores`` holds (name, score) by person id of the best ``MANY``, in this side's
    score."""

    title: str
    hint: str
    bench: Bench
    card: ModelCard
    scores: dict[int, tuple[str, float]]

    @property
    def looks(self) -> tuple[Look, Look]:
        """The complete face, and the face as it is shown."""
        return self.bench.looks

    def counted(self, match: Match) -> float:
        """The score that ranks a match: like with like where there is one."""
        return self.bench.rescored.get(match.template_id, match.score)

    @property
    def strangers(self) -> float | None:
        """The share of strangers whose search gets as far as rank 1, where that is known."""
        bench = self.bench
        if bench.judges is None or not bench.matches or not bench.searched_rates:
            return None
        score, judge = bench.judges.of(bench.matches[0], bench.rescored)
        return float(judge.search_rate(score))


def kinds(services: Services) -> dict[str, str]:
    """What can be compared, by name, as people read it."""
    models = {} if services.beside is None else {MODELS: "This model | second model"}
    return {HIDING: "Complete | hidden | like with like", **models, PINNED: "Pinned | now"}


def sides_of(services: Services, kind: str, now: Bench, pinned: Sequence[Bench] = ()) -> list[Side]:
    """The sides of a comparison, in their order. Raises NoFaceError before a face is chosen, DataError where there is
    nothing to compare, GalleryError."""
    if now.after is None:
        raise no_face_chosen()
    if kind == PINNED:
        if not pinned:
            raise DataError("Nothing is pinned.", "Press “Pin this state”, then change something.")
        sides = [
            _side(services, title, state_words(state), steps.search(services, state))
            for title, state in zip(pinned_titles(len(pinned)), pinned, strict=True)
        ]
        return [*sides, _side(services, "Now", state_words(now), now)]
    if kind == MODELS and services.beside is not None:
        other = services.beside.recognizer.card
        first = _side(services, services.recognizer.card.name, "this model", replace(now, alike=False))
        return [first, Side(other.name, "second model", *_by_the_other(services, now))]
    if kind != HIDING:
        raise DataError("This cannot be compared.", "Choose one of the comparisons shown.")
    if not now.mask.any():
        raise DataError("Nothing is hidden.", "Hide a part of the face first.")
    complete = steps.set_mode(services, replace(now, alike=False), "none")
    hidden, alike = (now if now.alike == wish else steps.set_alike(services, now, wish) for wish in (False, True))
    return [
        _side(services, "Complete", "nothing hidden", complete),
        _side(services, "Hidden", "the probe only", hidden),
        _side(services, "Like with like", "the gallery's faces too", alike),
    ]


def pinned_titles(count: int) -> list[str]:
    """What so many pinned states are called, the oldest first."""
    return ["Pinned"] if count == 1 else [f"Pinned {number + 1}" for number in range(count)]


def _side(services: Services, title: str, hint: str, bench: Bench) -> Side:
    """A bench of this model. Without re-ranking it is searched for many; with it only the shortlist has new scores."""
    if bench.alike != bool(bench.rescored):
        bench = steps.search(services, bench)
    if bench.search_problem:
        raise DataError(bench.search_problem, "See the Gallery tab.")
    _, after = bench.looks
    people = services.gallery.search(after.template, MANY)
    if bench.rescored:
        people = [match for match in people if match.template_id in bench.rescored]
    scores = {match.person_id: (match.person, bench.rescored.get(match.template_id, match.score)) for match in people}
    return Side(title, hint, bench, services.recognizer.card, scores)


def _by_the_other(services: Services, now: Bench) -> tuple[Bench, ModelCard, dict[int, tuple[str, float]]]:
    """The same face and mask as the second model sees and ranks them."""
    assert services.beside is not None
    before, after = now.looks
    other = services.beside.recognizer
    with services.looks:
        ours = [before] if after is before else [before, after]
        theirs = other.looks([look.face for look in ours])
        looks = [
            replace(look, template=template, maps=maps) for look, (template, maps) in zip(ours, theirs, strict=True)
        ]
        complete, hidden = looks[0], looks[-1]
    people = services.beside.ask(after.face, MANY).matches
    bench = replace(now, before=complete, after=hidden, matches=people[: now.ranks], judges=None, reranking=None)
    return bench, other.card, {match.person_id: (match.person, match.score) for match in people}


@dataclass(frozen=True)
class Joint:
    """A person's scores on all sides, None where a side has none."""

    person: str
    scores: tuple[float | None, ...]


def joint(sides: list[Side]) -> list[Joint]:
    """Whoever is among the first ``MOST_SHOWN`` of any side, with the scores of all."""
    first = [sorted(side.scores, key=lambda person: -side.scores[person][1])[:MOST_SHOWN] for side in sides]
    people = dict.fromkeys(person for ranked in first for person in ranked)
    found = []
    for person in people:
        known = [side.scores.get(person) for side in sides]
        name = next(entry[0] for entry in known if entry is not None)
        found.append(Joint(name, tuple(None if entry is None else entry[1] for entry in known)))
    return found


@dataclass(frozen=True)
class Measure:
    """One line of the table: ``values`` as they are read, one for each side; ``change`` from the first to the last,
    where there is a number."""

    name: str
    values: tuple[str, ...]
    change: str = ""


def measures(sides: list[Side]) -> list[Measure]:
    """What can be said of each side in a number or a word. Numbers of two models have no difference."""
    same = len({side.card.model_id for side in sides}) == 1
    first = [side.bench.matches[0] if side.bench.matches else None for side in sides]
    rows = [Measure("Rank 1", tuple("nobody" if match is None else match.person for match in first))]
    best = [None if match is None else side.counted(match) for side, match in zip(sides, first, strict=True)]
    rows.append(_numbers("Its score", best, "+.3f", same))
    rows.append(_numbers("Lead over rank 2", [_lead(side) for side in sides], ".3f", same))
    rows.append(Measure("Verdict", tuple("" if match is None else match.verdict for match in first)))
    if first[0] is not None:
        own = [side.scores.get(first[0].person_id, ("", None))[1] for side in sides]
        rows.append(_numbers(f"Score of {first[0].person}", own, "+.3f", same))
    strangers = [side.strangers for side in sides]
    rows.append(Measure("Strangers who get as far", tuple("" if s is None else f"{100 * s:.2g} %" for s in strangers)))
    rows.append(Measure("Hidden", tuple(f"{100 * side.bench.occluded_share:.1f} %" for side in sides)))
    for place in range(len(sides[0].looks[1].maps)):
        means = [float(side.looks[1].maps[place].response.mean()) for side in sides]
        change = f"{100 * (means[-1] / means[0] - 1):+.0f} %" if same and means[0] > 0 else ""
        rows.append(Measure(f"Mean response, block {place + 1}", tuple(f"{mean:.3g}" for mean in means), change))
    return rows


def _lead(side: Side) -> float | None:
    scores = [side.counted(match) for match in side.bench.matches[:2]]
    return scores[0] - scores[1] if len(scores) == 2 else None


def _numbers(name: str, values: list[float | None], form: str, same: bool) -> Measure:
    first, last = values[0], values[-1]
    change = f"{last - first:+.3f}" if same and first is not None and last is not None else ""
    return Measure(name, tuple("" if value is None else f"{value:{form}}" for value in values), change)
