"""The curve of a sweep: the person's score window by window beside the best of anybody else's."""

from __future__ import annotations

import plotly.graph_objects as go

from app.kit.figures import GRID, INK, VERDICT_COLOUR, dress
from ssn.gallery.sweep import Sweep

BROKEN = "#c0504d"


def sweep_figure(sweep: Sweep) -> go.Figure:
    """Windows from the costliest to the most harmless; where the grey line is above, somebody else is at rank 1. The
    points have the colours of the verdicts."""
    windows = sorted(sweep.windows, key=lambda tried: tried.score)
    places = list(range(1, len(windows) + 1))
    colours = [BROKEN if sweep.breaks(tried) else VERDICT_COLOUR[tried.best.verdict] for tried in windows]
    said = [
        f"{tried.place.size}×{tried.place.size} at {tried.place.corner[0]}, {tried.place.corner[1]}: "
        f"{tried.best.person} {tried.best.score:.3f}, {tried.best.verdict}"
        for tried in windows
    ]
    figure = go.Figure()
    if any(tried.rival is not None for tried in windows):
        figure.add_scatter(
            x=places,
            y=[tried.rival for tried in windows],
            mode="lines",
            line={"color": INK, "width": 1.5},
            hovertemplate="best other: %{y:.3f}<extra></extra>",
            name="best of the others",
        )
    figure.add_scatter(
        x=places,
        y=[tried.score for tried in windows],
        mode="lines+markers",
        line={"color": "#0b8a94", "width": 1.5},
        marker={"color": colours, "size": 8},
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
        name=sweep.person,
    )
    figure.add_hline(
        y=sweep.whole.score,
        line={"color": INK, "width": 1, "dash": "dot"},
        annotation_position="top left",
        annotation={"text": "nothing more hidden", "font": {"size": 12, "color": INK}},
    )
    figure.update_xaxes(gridcolor=GRID, range=[0.5, len(windows) + 0.5])
    figure.update_yaxes(gridcolor=GRID, title={"text": "score", "standoff": 4})
    dress(figure, height=380, top=34, x_title="windows, the costliest first")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.1, "x": 0})
    return figure
