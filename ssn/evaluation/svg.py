"""Charts of a report as inline SVG: curves, histograms. No script, no font of its own; colours come from the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import numpy as np

from ssn.evaluation.curves import Axis, Curve, Histogram, axes_of

WIDTH, HEIGHT = 340, 290
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 8, 40
LETTER = 7.6
"""Width of a letter, at most and on average."""
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM


@dataclass(frozen=True)
class Series:
    """A line of a chart: ``number`` is its colour and its switch in the legend, ``run`` how it is dashed and another
    switch; the first run is 0."""

    number: int
    name: str
    curve: Curve
    run: int = 0


def chart(kind: str, title: str, series: Iterable[Series]) -> str:
    """``kind`` as in ``curves.AXES`` → one ``<svg>`` with its axes, grid and lines."""
    series = list(series)
    across, up = axes_of(kind, [one.curve for one in series])
    lines = "".join(_line(one, across, up) for one in series)
    return _svg(title, _axes(across, up) + lines)


def histogram(title: str, drawn: Histogram, thresholds: dict[str, float], number: int) -> str:
    """Genuine scores filled, impostor scores as an outline, and the thresholds by FMR as upright lines."""
    highest = float(max(drawn.genuine.max(), drawn.impostor.max(), 1e-12))
    low, high = float(drawn.edges[0]), float(drawn.edges[-1])
    across = Axis("score", low, high, ticks=even_ticks(low, high), percent=False)
    up = Axis("share of comparisons", 0.0, highest * 1.05, ticks=even_ticks(0.0, highest))
    shapes = "".join(
        f'<path class="{kind}" d="{_steps(drawn.edges, values, across, up)}"><title>{kind}</title></path>'
        for kind, values in (("impostor", drawn.impostor), ("genuine", drawn.genuine))
    )
    marks = "".join(_mark(float(rate), at, across, place) for place, (rate, at) in enumerate(thresholds.items()))
    return _svg(title, _axes(across, up) + f'<g class="c{number}">{shapes}</g>{marks}', f"histogram s{number}")


def _svg(title: str, body: str, kind: str = "curves") -> str:
    name = escape(title, quote=True)
    return f'<svg class="{kind}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{body}</svg>'


def _x(axis: Axis, values) -> np.ndarray:
    return LEFT + PLOT_WIDTH * axis.position(values)


def _y(axis: Axis, values) -> np.ndarray:
    return TOP + PLOT_HEIGHT * (1 - axis.position(values))


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _line(one: Series, across: Axis, up: Axis) -> str:
    seen = within(one.curve, across, up)
    points = _points(_x(across, seen.x), _y(up, seen.y))
    kind = f"s{one.number} c{one.number} r{one.run}"
    return f'<polyline class="{kind}" points="{points}"><title>{escape(one.name)}</title></polyline>'


def within(curve: Curve, across: Axis, up: Axis) -> Curve:
    """The part of a curve from left to right that the axes show: no line runs along the left edge for all that is too
    small for it, nor along the bottom of an axis that does not begin at zero."""
    first = max(int(np.searchsorted(curve.x, across.low, side="right")) - 1, 0)
    gone = np.flatnonzero(curve.y[first:] <= up.low) if up.low > 0 else np.zeros(0, int)
    last = first + int(gone[0]) if len(gone) else len(curve.x) - 1
    return Curve(curve.x[first : last + 1], curve.y[first : last + 1])


def even_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """At most ``most`` round numbers from ``low`` to ``high``, apart by 1, 2 or 5 times a power of ten."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(float(m * power) for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return tuple(float(round(i * step, 12)) + 0.0 for i in np.arange(first, last + 1))  # + 0.0: no minus zero


def _steps(edges: np.ndarray, values: np.ndarray, across: Axis, up: Axis) -> str:
    x, y = np.repeat(_x(across, edges), 2), np.concatenate([[0], np.repeat(values, 2), [0]])
    return "M" + " L".join(_points(x, _y(up, y)).split(" ")) + " Z"


def _mark(rate: float, score: float, across: Axis, place: int) -> str:
    x, text = float(_x(across, score)), f"FMR {100 * rate:g} %: {score:.3f}"
    side = "end" if x + LETTER * len(text) > WIDTH else "start"
    gap = -4 if side == "end" else 4
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + PLOT_HEIGHT}"/>'
        f'<text class="mark" x="{x + gap:.1f}" y="{TOP + 12 + 15 * place}" text-anchor="{side}">'
        f"{text}</text>"
    )


def _axes(across: Axis, up: Axis) -> str:
    grid = [
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + PLOT_HEIGHT}"/>'
        f'<text x="{x:.1f}" y="{TOP + PLOT_HEIGHT + 16}" text-anchor="middle">{tick_label(value, across)}</text>'
        for value, x in zip(across.ticks, _x(across, across.ticks), strict=True)
    ]
    grid += [
        f'<line class="grid" x1="{LEFT}" x2="{LEFT + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick_label(value, up)}</text>'
        for value, y in zip(up.ticks, _y(up, up.ticks), strict=True)
    ]
    middle = TOP + PLOT_HEIGHT / 2
    unit = {True: " (%)", False: ""}
    names = (
        f'<text class="label" x="{LEFT + PLOT_WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(across.label)}{unit[across.percent]}</text>"
        f'<text class="label" transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(up.label)}{unit[up.percent]}</text>"
    )
    return "".join(grid) + names


def tick_label(value: float, axis: Axis) -> str:
    """A tick's number as printed: in percent where the axis holds shares."""
    return f"{100 * value:.3g}" if axis.percent else f"{value:.3g}"
