"""Many visitors at once: each matches, paints, explains, enrols and deletes, and looks whether an answer is its own.

``python -m benchmarks.load --clients 32 --seconds 180`` prints throughput, latencies, honest refusals, errors, answers
that belonged to somebody else, and how the server's memory grew after the first minute (Linux). Exit status 1 for an
error or a foreign answer.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.kit.demo_people import DemoPerson, read_demo
from app.kit.pictures import pack_mask
from benchmarks.page_client import BusyAnswer, Visitor, serving

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
    """One visitor with a person, a number of painted pixels and a name of its own."""

    def __init__(self, address: str, number: int, person: DemoPerson):
        self.page, self.person = Visitor(address), person
        self.photo = base64.b64encode(person.enrolment.read_bytes()).decode()
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
        _own(best is not None and best.group(1) == self.person.name, f"{self.person.name} was sent")
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
        _own(self.person.name in self.page.heard, f"{self.person.name} was asked for")

    def enrol(self) -> None:
        self.page.send("enrol-input", "input", {"data": self.photo, "size": 1})
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


def run(clients: int, seconds: float) -> tuple[Tally, list[tuple[float, float]]]:
    """→ what was met, and (seconds, MB) of the server."""
    tally, people = Tally(), read_demo().people
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (address, process):
        visitors = [Client(address, number, people[number % len(people)]) for number in range(clients)]
        start = time.monotonic()
        threads = [threading.Thread(target=visit, args=(one, start + seconds, tally)) for one in visitors]
        for thread in threads:
            thread.start()
        grown = []
        while any(thread.is_alive() for thread in threads):
            grown.append((time.monotonic() - start, memory(process)))
            time.sleep(1.0)
        log = (Path(folder) / "server.log").read_text()
    if "Traceback" in log:
        tally.errors.append(f"the server's log holds a traceback: {log[-500:]}")
    return tally, grown


def slope(grown: list[tuple[float, float]]) -> float:
    """MB a minute by least squares, after the server has settled."""
    last = grown[-1][0]
    late = [(at, size) for at, size in grown if at >= (SETTLED if last > 2 * SETTLED else last / 3)]
    at, size = np.array(late).T
    return float(np.polyfit(at / 60, size, 1)[0])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=180.0)
    asked = parser.parse_args()
    tally, grown = run(asked.clients, asked.seconds)
    done = sum(map(len, tally.seconds.values()))
    print(f"{asked.clients} clients, {grown[-1][0]:.0f} s: {done} steps, {done / grown[-1][0]:.2f} a second")
    for name, taken in tally.seconds.items():
        middle, late = np.percentile(taken, [50, 95])
        print(f"  {name:8} {len(taken):5} times, median {middle:.2f} s, p95 {late:.2f} s")
    print(f"busy {tally.busy}, errors {len(tally.errors)}, foreign answers {len(tally.foreign)}")
    print(f"memory {grown[0][1]:.0f} to {grown[-1][1]:.0f} MB, {slope(grown):+.1f} MB a minute")
    for line in [*tally.foreign, *tally.errors][:20]:
        print(f"  {line}")
    return 1 if tally.errors or tally.foreign else 0


if __name__ == "__main__":
    sys.exit(main())
