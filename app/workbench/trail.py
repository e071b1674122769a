"""The states a visitor left behind, to return to: photo, face, mask, spectrum and wishes, each as the bench it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.workbench.bench import Bench
from ssn.errors import DataError
from ssn.explanation.pair import face_digest

MOST = 8
"""States remembered of a visitor; the oldest makes room."""


@dataclass(frozen=True)
class State:
    """``number`` is its name towards the page."""

    number: int
    bench: Bench


def weight(benches: Iterable[Bench]) -> int:
    """Bytes of all pictures, maps and files of several pages that these benches hold, those they share counted once."""
    arrays: dict[int, Any] = {}
    files: dict[int, bytes] = {}
    for bench in benches:
        if bench.photo.file is not None:
            files[id(bench.photo.file)] = bench.photo.file
        faces = [face for face in bench.photo.faces if face is not None]
        looks = [look for look in (bench.before, bench.after) if look is not None]
        faces += [look.face for look in looks] + ([] if bench.crowd is None else list(bench.crowd.faces.values()))
        held: list[Any] = [bench.photo.preview, bench.mask]
        held += [array for face in faces for array in (face.pixels, face.mask)]
        held += [picture for look in looks for block in look.maps for picture in (block.response, block.indicator)]
        held += [picture for look in looks for picture in (look.visibility, look.template.last_map)]
        arrays |= {id(array): array for array in held if array is not None}
    return sum(array.nbytes for array in arrays.values()) + sum(map(len, files.values()))


def goes_on(before: Bench, after: Bench) -> bool:
    """Is this still the same state, painted further or searched again?"""
    if before.token != after.token or _wishes(before) != _wishes(after):
        return False
    return before.mode == after.mode and (before.mode == "painted" or np.array_equal(before.mask, after.mask))


def _wishes(bench: Bench) -> tuple:
    return bench.choice, bench.alike, bench.by_cells


def _looks(bench: Bench) -> tuple:
    """What makes two states the same to whoever looks at them."""
    assert bench.after is not None
    return (*_wishes(bench), face_digest(bench.after.face))


def same_looks(first: Bench, second: Bench) -> bool:
    """Are these the same to whoever looks at them?"""
    return first.after is not None and second.after is not None and _looks(first) == _looks(second)


class Trail:
    """The last states, the newest first. ``version`` rises with every change of the list; ``let_go`` counts the states
    that made room for other pages."""

    def __init__(self) -> None:
        self.states: tuple[State, ...] = ()
        self.version = self.let_go = 0
        self._next = 1

    def follow(self, before: Bench | None, after: Bench) -> None:
        """The bench changes from one to another: a state that is left is remembered, one that is entered is not left
        any more."""
        leaves = before is not None and before.after is not None and not goes_on(before, after)
        gone = {_looks(bench) for bench in (before if leaves else None, after) if bench and bench.after is not None}
        states = tuple(state for state in self.states if _looks(state.bench) not in gone)
        if leaves and before is not None and (after.after is None or _looks(before) != _looks(after)):
            states = (State(self._next, before), *states)[:MOST]
            self._next += 1
        if states != self.states:
            self.states = states
            self.version += 1

    def make_room(self) -> bool:
        """Let go of the oldest state → was there one?"""
        if not self.states:
            return False
        self.states = self.states[:-1]
        self.let_go += 1
        self.version += 1
        return True

    def state(self, number: int) -> Bench:
        """The bench of that number. Raises DataError where it is not remembered any more."""
        for state in self.states:
            if state.number == number:
                return state.bench
        why = ": the server needed the room" if self.let_go else ""
        raise DataError(f"This state is not remembered any more{why}.", "Choose one of those shown.")
