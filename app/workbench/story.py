"""Five steps on the demo people that make the page's point: who is shown is tried out with the model that is loaded,
and what is said of a step is what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from app.kit.demo_people import DemoProbe
from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.look import FOUND, Mode
from ssn.errors import DataError

Step = Literal[1, 2, 3, 4, 5]
TITLES: dict[Step, str] = {
    1: "A complete face",
    2: "Half covered",
    3: "Hide the cover",
    4: "Why?",
    5: "A stranger",
}
WORN = {"surgical": "surgical mask", "scarf": "scarf"}
"""What covers the lower half, by a probe's occlusion, in words; the first is tried first."""


@dataclass(frozen=True)
class Cast:
    """The probes of the story: somebody's complete face, the same person with the lower half covered, and somebody not
    enrolled."""

    complete: DemoProbe
    covered: DemoProbe
    stranger: DemoProbe


def find_cast(services: Services) -> Cast:
    """The first enrolled person who is recognised, no more so behind a cover, and again once it is hidden; where this
    model recognises nobody so, the one who comes nearest. Raises DataError where the demo people are not enrolled."""
    strangers = [probe for probe in services.demo.probes if not probe.enrolled and probe.occlusion == "none"]
    best: tuple[int, DemoProbe, DemoProbe] | None = None
    for complete, covered in _pairs(services):
        value = _value(services, complete, covered)
        if best is None or value > best[0]:
            best = value, complete, covered
        if value == 3:
            break
    if best is None or not strangers:
        raise DataError("The demo people are not in this gallery.", "Start with a new gallery to see the story.")
    return Cast(best[1], best[2], strangers[0])


def _pairs(services: Services) -> Iterator[tuple[DemoProbe, DemoProbe]]:
    """Everybody enrolled who has a complete probe and one with a cover, first those with a surgical mask."""
    enrolled = {person.name for person in services.gallery.people()}
    for worn in WORN:
        for covered in services.demo.probes:
            if covered.occlusion == worn and covered.person in enrolled:
                same = (p for p in services.demo.probes if p.person == covered.person and p.occlusion == "none")
                if (complete := next(same, None)) is not None:
                    yield complete, covered


def _value(services: Services, complete: DemoProbe, covered: DemoProbe) -> int:
    """How many of the three turns come out, from the one that most often does not: no more recognised behind the cover,
    again once it is hidden, and at first. Those after one that does not are not tried."""
    masked = steps.open_example(services, covered)
    if recognised(services, masked):
        return 0
    if not recognised(services, steps.set_mode(services, masked, _hiding(services))):
        return 1
    return 3 if recognised(services, steps.open_example(services, complete)) else 2


def _hiding(services: Services) -> Mode:
    """How the cover is hidden: found, or by the lower half where nothing finds it."""
    return "maskBottom" if services.visibility is None else FOUND


def recognised(services: Services, bench: Bench) -> bool:
    """Is rank 1 the person on the photo, and called a match, if this model has verdicts?"""
    judged = bench.judges is not None or bool(services.recognizer.card.thresholds)
    return right(bench) and (bench.matches[0].verdict == "match" or not judged)


def right(bench: Bench) -> bool:
    """Is rank 1 the person on the photo, whose name its title is?"""
    return bool(bench.matches) and bench.matches[0].person == bench.photo.title


def take_step(services: Services, cast: Cast, step: Step, bench: Bench | None) -> Bench:
    """The bench as the story wants it: nothing hidden, at the visitor's rates. Raises the errors of reading."""
    like = None if bench is None else replace(bench, alike=False, mode="none")
    if step == 1:
        return steps.open_example(services, cast.complete, like)
    if step == 5:
        return steps.open_example(services, cast.stranger, like)
    opened = steps.open_example(services, cast.covered, like)
    return opened if step == 2 else steps.set_mode(services, opened, _hiding(services))


def told(step: Step, bench: Bench, worn: str = "surgical") -> str:
    """What is to be seen, and what came of it. ``worn`` is one of ``WORN``."""
    name, cover = bench.photo.title, WORN[worn]
    if step == 1:
        return f"{name}, enrolled from a colour photo, is seen in simulated near-infrared. {_came(bench, '')}"
    if step == 2:
        return f"Now {name} wears a {cover}, which the network takes for a part of the face. {_came(bench, 'still ')}"
    if step == 3:
        hidden = f"The {cover} is found and hidden" if bench.mode == FOUND else "The lower half is hidden"
        return f"{hidden}, so that the {cover} cannot speak any more. {_came(bench, '')}"
    first = bench.matches[0] if bench.matches else None
    ranked = "nobody" if first is None else first.person
    if step == 4:
        return f"Below: which pixels speak for {ranked} (red) and which against (blue), measured against chance."
    if first is None or first.verdict == "no match":
        return f"{name} is not enrolled, and nobody is called a match: rightly refused."
    if first.verdict == "uncertain":
        return f"{name} is not enrolled. {ranked} is most alike and called uncertain, not a match."
    return f"{name} is not enrolled, and {ranked} is called a match all the same: an error of this model."


def _came(bench: Bench, still: str) -> str:
    """Who is at rank 1 of an enrolled person's probe, and what that is called."""
    if not bench.matches:
        return "Rank 1 is nobody, for the gallery is empty."
    first = bench.matches[0]
    if not right(bench):
        wrong = {"match": ", and called a match", "uncertain": ", called uncertain"}.get(first.verdict, "")
        return f"Rank 1 is {first.person}, the wrong person{wrong}."
    called = {"match": " and called a match", "uncertain": ", but only called uncertain"}.get(first.verdict, "")
    if first.verdict == "no match" and bench.judges is not None:
        called = ", but called no match"
    return f"{first.person} is {still}at rank 1{called}."
