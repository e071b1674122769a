"""Two runs beside each other: what one measures more than the other, and whether that is more than chance.

Where both compared the same pictures, people are drawn for both at once: what is hard about a person is hard in both,
so a difference is known better than either measure. Elsewhere only the difference is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssn.evaluation.metrics.intervals import DRAWN, Drawn, Interval
from ssn.evaluation.summary import RowSummary, RunSummary


@dataclass(frozen=True)
class Difference:
    """Second minus first, of one measure in one row. ``difference`` has an interval where the runs are paired."""

    spectrum: str
    occlusion: str
    measure: str
    first: float
    second: float
    difference: Interval

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out zero; never without an interval."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and (low > 0 or high < 0)


def paired(first: RunSummary, second: RunSummary) -> bool:
    """Whether the two compared the same pictures of the same people."""
    return bool(first.compared) and first.compared == second.compared


def compare(first: RunSummary, second: RunSummary, drawn: Drawn = DRAWN) -> list[Difference]:
    """Every measure of every row the two have in common, in the first's order."""
    theirs = {row.key: row for row in second.rows}
    together = paired(first, second)
    return [
        _difference(row, theirs[row.key], measure, together, drawn)
        for row in first.rows
        if row.key in theirs
        for measure in row.measures
        if measure in theirs[row.key].measures
    ]


def _difference(a: RowSummary, b: RowSummary, measure: str, together: bool, drawn: Drawn) -> Difference:
    first, second = a.measures[measure].value, b.measures[measure].value
    gap = Interval(second - first)
    if together and measure in a.draws and measure in b.draws:
        gap = drawn.interval(second - first, b.draws[measure] - a.draws[measure])
    return Difference(a.spectrum, a.occlusion, measure, first, second, gap)
