"""What an explanation is worth, and which parts of the face it names, as plotly figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.kit.figures import GRID, INK, dress
from ssn.explanation.belief import Belief, Curve
from ssn.explanation.words import region_shares

COLOURS: dict[Curve, str] = {"deletion": "#c0504d", "insertion": "#2b7bba"}
FOR, AGAINST, INFLUENCE = "#b2383a", "#2f62a3", "#b0862a"
BAND = "rgba(128,140,152,0.25)"


def belief_curves(belief: Belief) -> go.Figure:
    """Score of the face while the map's highest cells are taken away (deletion, the lower the better) or put back
    (insertion, the higher the better) first, beside the same for both controls; the band holds all random orders."""
    figure = make_subplots(1, 2, subplot_titles=("deletion<br>lower is better", "insertion<br>higher is better"))
    for column, kind in enumerate(COLOURS, start=1):
        _draw(figure, belief, kind, column)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=INK)
    figure.update_yaxes(title={"text": "score", "standoff": 4}, col=1)
    dress(figure, height=300, top=38, x_title="pixels changed")
    title = figure.layout.xaxis.title  # both plots' alike
    ticks = {"tickvals": [0, 0.5, 1], "ticktext": ["0", "50 %", "100 %"]}
    figure.update_xaxes(range=[0, 1], **ticks, gridcolor=GRID, zeroline=False, title=title)
    figure.update_annotations(font={"size": 12, "color": INK})
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.26, "x": 0}, margin={"b": 60})
    return figure


def _draw(figure: go.Figure, belief: Belief, kind: Curve, column: int) -> None:
    share, drawn = belief.drawn[0].share, np.array([getattr(one, kind) for one in belief.drawn])
    place, first = {"row": 1, "col": column}, column == 1
    figure.add_scatter(
        x=[*share, *share[::-1]],
        y=[*drawn.max(axis=0), *drawn.min(axis=0)[::-1]],
        fill="toself",
        fillcolor=BAND,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name="random orders",
        showlegend=first,
        **place,
    )
    lines = (
        (share, drawn.mean(axis=0), "random, mean", {"color": INK, "width": 1.5, "dash": "dot"}),
        (belief.centred.share, getattr(belief.centred, kind), "centred", {"color": INK, "width": 1.5, "dash": "dash"}),
        (belief.curves.share, getattr(belief.curves, kind), "this map", {"color": COLOURS[kind], "width": 2.5}),
    )
    for x, y, name, line in lines:
        figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line, showlegend=first, **place)


def region_bars(regions: Mapping[str, float], signed: bool = True) -> go.Figure:
    """What each part of the face holds of the map, largest first, as shares whose sizes add up to 100 %: right speaks
    for the match, left against it. A map without directions has one colour."""
    ordered = sorted(region_shares(regions).items(), key=lambda item: -abs(item[1]))
    values = [100 * value for _, value in ordered]
    colours = [INFLUENCE if not signed else FOR if value >= 0 else AGAINST for value in values]
    figure = go.Figure()
    figure.add_bar(
        x=values,
        y=[name for name, _ in ordered],
        orientation="h",
        marker={"color": colours},
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=INK, ticksuffix=" %")
    figure.update_yaxes(autorange="reversed", ticksuffix="  ")
    said = "share of the map: ← against, for →" if signed else "share of the map's influence"
    dress(figure, height=90 + 24 * max(1, len(ordered)), top=12, x_title=said)
    return figure
