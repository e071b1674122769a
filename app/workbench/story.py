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
from ssn.errors import DataError

Step = Literal[1, 2, 3, 4, 5]
TITLES: dict[Step, str] = {
    1: "A complete face",
    2: "Behind a surgical mask",
    3: "Hide the mask",
    4: "Why?",
    5: "A stranger",
}
WORN, HIDDEN = "surgical", "maskBottom"


@dataclass(frozen=True)
class Cast:
    """The probes of the story: somebody's complete face, the same person behind a mask, and somebody not enrolled."""

    complete: DemoProbe
    covered: DemoProbe
    stranger: DemoProbe


def find_cast(services: Services) -> Cast:
    """The first enrolled person who is mistaken behind the mask and found once it is hidden; where this model mistakes
    or finds nobody so, the one who comes nearest. Raises DataError where the demo people are not enrolled."""
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
    """Everybody enrolled who has a complete probe and one with the mask."""
    enrolled = {person.name for person in services.gallery.people()}
    for covered in services.demo.probes:
        if covered.occlusion == WORN and covered.person in enrolled:
            same = (p for p in services.demo.probes if p.person == covered.person and p.occlusion == "none")
            if (complete := next(same, None)) is not None:
                yield complete, covered


def _value(services: Services, complete: DemoProbe, covered: DemoProbe) -> int:
    """How many of the three turns come out: found, mistaken, found again."""
    masked = steps.open_example(services, covered)
    hidden = steps.set_mode(services, masked, HIDDEN)
    return sum([right(steps.open_example(services, complete)), not right(masked), right(hidden)])


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
    return opened if step == 2 else steps.set_mode(services, opened, HIDDEN)


def told(step: Step, bench: Bench) -> str:
    """What is to be seen, and what came of it."""
    name, first = bench.photo.title, bench.matches[0] if bench.matches else None
    ranked = "nobody, for the gallery is empty" if first is None else first.person
    if step == 1:
        came = f"{name} is at rank 1." if right(bench) else f"Rank 1 is {ranked}, which is wrong."
        return f"{name}, enrolled from a colour photo, is seen in simulated near-infrared. {came}"
    if step == 2:
        came = (
            f"{name} is still at rank 1, with a lower score."
            if right(bench)
            else f"Rank 1 is {ranked}: the wrong person."
        )
        return f"Now {name} wears a surgical mask, which the network takes for a part of the face. {came}"
    if step == 3:
        came = f"{name} is at rank 1." if right(bench) else f"Rank 1 is {ranked}, still the wrong person."
        return f"The lower half is hidden, so that the mask cannot speak any more. {came}"
    if step == 4:
        return f"Below: which pixels speak for {ranked} (red) and which against (blue), measured against chance."
    if first is None or first.verdict == "no match":
        return f"{name} is not enrolled, and nobody is called a match: rightly refused."
    if first.verdict == "uncertain":
        return f"{name} is not enrolled. {ranked} is most alike and called uncertain, not a match."
    return f"{name} is not enrolled, and {ranked} is called a match all the same: an error of this model."
