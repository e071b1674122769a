"""The joint plot: one point a person, the score of one side against that of another."""

from __future__ import annotations

import plotly.graph_objects as go

from app.kit.figures import GRID, INK, dress
from app.workbench.compare import Joint, Side

COLOURS = ("#0b8a94", "#c05a2b")
SYMBOLS = ("circle", "diamond")
NAMED = 2
"""People whose names stand at their points; the others' are shown on hover."""
Point = tuple[str, float, float]
"""A name, the first side's score, and another side's."""


def joint_figure(sides: list[Side], people: list[Joint]) -> go.Figure:
    """The first side's scores to the right, the other sides' upwards. On the dashed line a person's score is the same;
    scores of two models lie on two scales, and there is no such line."""
    figure = go.Figure()
    one_model = len({side.card.model_id for side in sides}) == 1
    shown: list[float] = []
    for place, side in enumerate(sides[1:], start=1):
        points = [(person.person, person.scores[0], person.scores[place]) for person in people]
        whole = [(name, x, y) for name, x, y in points if x is not None and y is not None]
        best = sorted(whole, key=lambda point: -max(point[1], point[2]))[:NAMED]
        shown += [value for _, x, y in whole for value in (x, y)]
        middle = (min(shown) + max(shown)) / 2 if shown else 0.0
        figure.add_scatter(
            x=[x for _, x, _ in whole],
            y=[y for _, _, y in whole],
            text=[name if (name, x, y) in best and place == 1 else "" for name, x, y in whole],
            customdata=[name for name, *_ in whole],
            textposition=_beside(whole, best, middle),
            mode="markers+text",
            marker={"size": 9, "symbol": SYMBOLS[place - 1], "color": COLOURS[place - 1], "opacity": 0.85},
            hovertemplate="%{customdata}: %{x:.3f} → %{y:.3f}" + f"<extra>{side.title}</extra>",
            name=side.title,
        )
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    ends = [low - 0.06, high + 0.06]
    if one_model:
        figure.add_scatter(
            x=ends, y=ends, mode="lines", line={"color": INK, "width": 1, "dash": "dash"}, hoverinfo="skip",
            name="the same score",
        )  # fmt: skip
    figure.update_xaxes(range=ends, gridcolor=GRID, zerolinecolor=INK)
    above = sides[1].title if len(sides) == 2 else "the other sides"
    figure.update_yaxes(range=ends, gridcolor=GRID, zerolinecolor=INK, title={"text": f"score: {above}", "standoff": 4})
    dress(figure, height=390, top=12, x_title=f"score: {sides[0].title}")
    figure.update_layout(showlegend=len(sides) > 2 or one_model, legend={"orientation": "h", "y": -0.16, "x": 0})
    return figure


def _beside(points: list[Point], named: list[Point], middle: float) -> list[str]:
    """On which side of its point each name stands: inwards of the ``middle``, to be whole, and of those that are named
    the highest one's above and the others' below, so that none lies on another."""
    highest = max(named, key=lambda point: point[2]) if len(named) > 1 else None
    return [f"{'top' if point == highest else 'bottom'} {'left' if point[1] > middle else 'right'}" for point in points]
