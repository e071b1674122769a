"""What strangers would score with this probe, what the people enrolled do score, and where the verdicts begin."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app.kit.figures import GRID, INK, UNJUDGED, VERDICT_COLOUR, dress
from ssn.gallery.cohort import Judge

EDGES = np.linspace(-0.4, 1.0, 71)
LEAST = 0.01
"""Strangers of a bin that are drawn at least; the axis of counts is logarithmic, so that the tail can be seen."""


def strangers_figure(judge: Judge, scores: tuple[float, ...]) -> go.Figure:
    """The expected scores of as many strangers as templates are enrolled (grey), the ``scores`` of the people enrolled
    (teal), and the scores from which on there is uncertainty and a match."""
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    figure = go.Figure()
    figure.add_scatter(
        x=middles,
        y=np.maximum(judge.expected(EDGES), LEAST),
        mode="lines",
        line={"shape": "hvh", "color": INK, "width": 1.2},
        fill="tozeroy",
        fillcolor="rgba(128,140,152,0.28)",
        hovertemplate="score %{x:.2f}: %{y:.2g} strangers<extra>expected</extra>",
        name="strangers",
    )
    counts = np.histogram(np.clip(scores, EDGES[0], EDGES[-1]), EDGES)[0]
    figure.add_bar(
        x=middles[counts > 0],
        y=counts[counts > 0],
        width=float(EDGES[1] - EDGES[0]) * 0.8,
        marker={"color": UNJUDGED},
        hovertemplate="score %{x:.2f}: %{y} enrolled<extra></extra>",
        name="enrolled",
    )
    thresholds = judge.thresholds
    for verdict in ("uncertain", "match"):
        figure.add_vline(x=thresholds[verdict], line={"color": VERDICT_COLOUR[verdict], "width": 2})
        figure.add_annotation(
            x=thresholds[verdict],
            y=1.0,
            yref="paper",
            xanchor="left" if verdict == "match" else "right",
            yanchor="bottom",
            text=verdict,
            font={"color": VERDICT_COLOUR[verdict]},
            showarrow=False,
        )
    figure.update_xaxes(range=[-0.35, 1.0], gridcolor=GRID, zerolinecolor=INK)
    figure.update_yaxes(type="log", range=[-2, None], gridcolor=GRID, tickvals=[0.01, 0.1, 1, 10, 100], title="people")
    dress(figure, height=190, top=26, x_title="cosine score")
    return figure
