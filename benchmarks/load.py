"""Many visitors at once: each matches, paints, explains, enrols and deletes, and looks whether an answer is its own.

``python -m benchmarks.load --clients 32 --seconds 180`` prints throughput, latencies, honest refusals, errors, answers
that belonged to somebody else, and how the server's memory grew after the first minute (Linux). ``--aborted 100``
breaks so many requests off afterwards and looks whether the server answers as before; ``--huge`` times one visitor's
strokes while another sends a photo of 40 megapixels; ``--json FILE`` writes all figures. Exit status 1 for an error, a
foreign answer, or a huge photo that is not accepted.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from app.kit.demo_people import DemoPerson, read_demo
from app.kit.pictures import pack_mask
from benchmarks.disturbances import Broken, Delay, break_off, huge_photo, paint_beside
from benchmarks.page_client import BusyAnswer, Visitor, serving

MOST = 1000
"""Clients at a time."""
SETTLED = 60.0
"""Seconds after which memory should grow no more; of a shorter run, its first third."""


class ForeignAnswerError(Exception):
    """An answer does not belong to what was asked."""


@dataclass
class Tally:
    """What all clients met; to be changed under its lock."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: int = 0
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One visitor with a person, a number of painted pixels and a name of its own. There are more visitors than people:
    whoever has the same person may have enrolled that photo under a name of theirs."""

    def __init__(self, address: str, number: int, people: Sequence[DemoPerson]):
        self.page, self.person = Visitor(address), people[number % len(people)]
        self.names = {self.person.name} | {
            f"Visitor {other}" for other in range(number % len(people), MOST, len(people))
        }
        self.photo = base64.b64encode(self.person.enrolment.read_bytes()).decode()
        self.name = f"Visitor {number}"
        self.mask = np.zeros((128, 128), bool)
        self.mask.flat[: 400 + 97 * number] = True
        self.strokes = 0

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        work = (self.match, self.paint, self.explain, self.enrol, self.delete)
        return [(step.__name__, step) for step in work]

    def match(self) -> None:
        """The photo, complete: the mask stays from probe to probe, so that of the last round is taken off first."""
        if self.strokes:
            self._stroke(np.zeros_like(self.mask))
        answer = self.page.send("probe-input", "input", {"data": self.photo, "size": 1})
        best = re.search(r'class="name"[^>]*>([^<]+)<', str(answer["ranks"]))
        if "busy" in str(answer["probe-problem"]):
            raise BusyAnswer(str(answer["probe-problem"]))
        self.best = "nobody" if best is None else best.group(1)
        _own(self.best in self.names, f"{self.person.name} was sent, {self.best} came back")
        self.token = re.search(r'"token": "(\w+)"', str(answer["brush"])).group(1)  # type: ignore[union-attr]
        self.shown = re.search(r'data-person="(\d+)"', str(answer["ranks"]))

    def _stroke(self, mask: np.ndarray) -> dict:
        self.strokes += 1
        stroke = {"token": self.token, "mask": pack_mask(mask), "stroke": self.strokes, "number": self.strokes}
        return self.page.send("brush", "input", stroke)

    def paint(self) -> None:
        answer = self._stroke(self.mask)
        _own(f'data-hidden="{100 * self.mask.mean():.1f} %"' in str(answer["facts"]), "another mask came back")

    def explain(self) -> None:
        person = {} if self.shown is None else {"person": self.shown.group(1)}
        self.page.send("ranks", "click", person, why_method="gradcam")
        gone = "not among the matches" in self.page.heard  # somebody deleted the person meanwhile, and that is said
        _own(gone or self.best in self.page.heard, f"{self.best} was asked for")

    def enrol(self) -> None:
        opened = self.page.send("enrol-input", "input", {"data": self.photo, "size": 1})
        if "busy" in str(opened["enrol-problem"]):
            raise BusyAnswer(str(opened["enrol-problem"]))
        answer = self.page.send("enrol-button", "click", None, enrol_name=self.name)
        _own(f"{self.name} " in str(answer["enrol-problem"]), f"{self.name} was enrolled")
        found = re.search(rf'data-person="(\d+)"[^>]*>(?:(?!<button).)*?{self.name}<', str(answer["people"]), re.S)
        _own(found is not None, f"{self.name} is not in the list")
        self.number = found.group(1)  # type: ignore[union-attr]

    def delete(self) -> None:
        self.page.send("people", "click", {"person": self.number})
        self.page.send("person-details", "click", {"action": "person", "person": self.number})
        _own(f"{self.name} " in self.page.heard, "somebody else would be deleted")
        answer = self.page.send("confirm-delete", "click")
        _own("Deleted" in str(answer["gallery-message"]), "nothing was deleted")
        _own(f"{self.name}<" not in str(answer["people"]), f"{self.name} is still there")


def _own(right: bool, words: str) -> None:
    if not right:
        raise ForeignAnswerError(words)


def visit(client: Client, end: float, tally: Tally) -> None:
    """Steps in their order until the time is over; after a step that failed, from the first."""
    while time.monotonic() < end:
        for name, step in client.steps():
            start = time.perf_counter()
            try:
                step()
            except BusyAnswer:
                with tally.lock:
                    tally.busy += 1
                time.sleep(0.5)
                break
            except ForeignAnswerError as error:
                with tally.lock:
                    tally.foreign.append(f"{client.name}, {name}: {error}")
                break
            except Exception as error:
                with tally.lock:
                    tally.errors.append(f"{client.name}, {name}: {type(error).__name__} {error}")
                break
            with tally.lock:
                tally.seconds[name].append(time.perf_counter() - start)


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@dataclass
class Measured:
    """What was met, and (seconds, MB) of the server; then what disturbances did, where they were asked for."""

    tally: Tally
    grown: list[tuple[float, float]]
    broken: Broken | None = None
    delay: Delay | None = None


def run(clients: int, seconds: float, aborted: int = 0, huge: bool = False) -> Measured:
    """All clients at once, and afterwards the disturbances, of the same server."""
    tally, people = Tally(), read_demo().people
    measured = Measured(tally, [])
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (address, process):
        visitors = [Client(address, number, people) for number in range(clients)]
        start = time.monotonic()
        threads = [threading.Thread(target=visit, args=(one, start + seconds, tally)) for one in visitors]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            measured.grown.append((time.monotonic() - start, memory(process)))
            time.sleep(1.0)
        _disturb(measured, address, Client(address, clients, people), aborted, huge)
        log = (Path(folder) / "server.log").read_text()
    if "Traceback" in log:
        tally.errors.append(f"the server's log holds a traceback: {log[-500:]}")
    return measured


def _disturb(measured: Measured, address: str, client: Client, aborted: int, huge: bool) -> None:
    """What is asked for, with ``client`` as the one who is disturbed."""

    def round_of_steps() -> None:
        for _, step in client.steps():
            step()

    if aborted:
        measured.broken = break_off(address, aborted, client.photo, round_of_steps)
        measured.tally.errors += measured.broken.errors
    if huge:
        client.match()
        measured.delay = paint_beside(address, client.paint, huge_photo(client.person))
        if measured.delay.said != "accepted":
            measured.tally.errors.append("the huge photo was refused")


def figures(measured: Measured, clients: int) -> dict:
    """Everything measured, for a file."""
    tally, last = measured.tally, measured.grown[-1][0]
    steps = {
        name: dict(
            zip(("median_s", "p95_s"), map(float, np.percentile(taken, [50, 95])), strict=True), count=len(taken)
        )
        for name, taken in tally.seconds.items()
    }
    done = sum(map(len, tally.seconds.values()))
    return {
        "clients": clients,
        "seconds": last,
        "processors": os.cpu_count(),
        "steps": steps,
        "steps_per_second": done / last,
        "busy": tally.busy,
        "errors": tally.errors,
        "foreign": tally.foreign,
        "memory_mb": measured.grown,
        "memory_slope_mb_per_minute": slope(measured.grown),
        "aborted": None if measured.broken is None else asdict(measured.broken),
        "huge": None if measured.delay is None else asdict(measured.delay) | {"delayed": measured.delay.delayed},
    }


def report(measured: Measured, clients: int) -> None:
    """The same in words."""
    said, tally = figures(measured, clients), measured.tally
    done = sum(map(len, tally.seconds.values()))
    print(f"{clients} clients, {said['seconds']:.0f} s: {done} steps, {said['steps_per_second']:.2f} a second")
    for name, row in said["steps"].items():
        print(f"  {name:8} {row['count']:5} times, median {row['median_s']:.2f} s, p95 {row['p95_s']:.2f} s")
    print(f"busy {tally.busy}, errors {len(tally.errors)}, foreign answers {len(tally.foreign)}")
    first, (begun, then), (_, last) = measured.grown[0][1], settled(measured.grown)[0], measured.grown[-1]
    grows = f"{said['memory_slope_mb_per_minute']:+.1f} MB a minute"
    print(f"memory {first:.0f} MB at first, {then:.0f} after {begun:.0f} s, {last:.0f} at last: since then {grows}")
    if measured.broken is not None:
        count, broken = sum(measured.broken.aborted.values()), measured.broken
        print(f"{count} aborted requests: a round took {broken.before:.2f} s before, {broken.after:.2f} s after")
    if (delay := measured.delay) is not None:
        print(
            f"a huge photo ({delay.upload:.1f} s, {delay.said}): a stroke took {delay.quiet:.2f} s without it, beside "
            f"it {delay.longest:.2f} s at most of {delay.strokes}, {delay.delayed:.2f} s more"
        )
    for line in [*tally.foreign, *tally.errors][:20]:
        print(f"  {line}")


def settled(grown: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What was measured after ``SETTLED``."""
    last = grown[-1][0]
    return [(at, size) for at, size in grown if at >= (SETTLED if last > 2 * SETTLED else last / 3)]


def slope(grown: list[tuple[float, float]]) -> float:
    """MB a minute by least squares, after the server has settled."""
    at, size = np.array(settled(grown)).T
    return float(np.polyfit(at / 60, size, 1)[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--aborted", type=int, default=0, help="requests to break off afterwards, such as 100")
    parser.add_argument("--huge", action="store_true", help="time strokes beside an upload of 40 megapixels afterwards")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    asked = parser.parse_args()
    measured = run(asked.clients, asked.seconds, asked.aborted, asked.huge)
    report(measured, asked.clients)
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures(measured, asked.clients), indent=1), encoding="utf-8")
    return 1 if measured.tally.errors or measured.tally.foreign else 0


if __name__ == "__main__":
    sys.exit(main())
