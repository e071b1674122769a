"""Results → plotly figures; pure functions."""

from __future__ import annotations

import plotly.graph_objects as go

from ssn.evaluation.curves import Axis, axes_of
from ssn.evaluation.report_parts import letter, row_name
from ssn.evaluation.summary import RunSummary
from ssn.evaluation.svg import within
from ssn.gallery.store import Match
from ssn.gallery.verdict import rate_name

VERDICT_COLOUR = {"match": "#1f8f5f", "uncertain": "#c98a12", "no match": "#8592a0"}
UNJUDGED = "#86c5ca"
INK = "#7b8794"
"""Readable on the light and on the dark page."""
GRID = "rgba(128,140,152,0.22)"


def _short(name: str, length: int = 16) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def score_bars(
    matches: list[Match],
    other: list[float] | None = None,
    thresholds: dict[str, float] | None = None,
    other_name: str = "without occlusion",
    judged: bool = False,
) -> go.Figure:
    """Ranked matches → horizontal score bars, best on top, with a line for every threshold. ``judged`` says that the
    verdicts count without them.

    ``other`` holds further scores of the same people, called ``other_name``; they become hollow diamonds.
    """
    figure = go.Figure()
    labels = [f"{match.rank}  {_short(match.person)}" for match in matches]
    figure.add_bar(
        x=[match.score for match in matches],
        y=labels,
        orientation="h",
        width=0.62,
        marker={"color": [VERDICT_COLOUR[match.verdict] if thresholds or judged else UNJUDGED for match in matches]},
        hovertemplate="%{y}: %{x:.3f}<extra>this face</extra>",
        name="this face",
        showlegend=False,
    )
    if other is not None:
        _add_others(figure, other, labels, other_name)
    _add_thresholds(figure, thresholds or {})
    lowest = min([0.0, *(match.score for match in matches), *(other or [])])
    figure.update_xaxes(range=[min(-0.05, lowest - 0.05), 1.05], gridcolor=GRID, zerolinecolor=INK)
    figure.update_yaxes(autorange="reversed", ticksuffix="  ")
    dress(figure, height=84 + 32 * max(1, len(matches)), top=38 if thresholds else 12, x_title="cosine score")
    figure.update_layout(bargap=0.3)
    if other is not None:  # what the diamonds are is said below the axis
        legend = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}
        figure.update_layout(showlegend=True, legend=legend, height=figure.layout.height + 24, margin={"b": 54})
    return figure


def _add_others(figure: go.Figure, scores: list[float], labels: list[str], name: str) -> None:
    figure.add_scatter(
        x=scores,
        y=labels,
        mode="markers",
        marker={"symbol": "diamond-open", "size": 10, "color": INK, "line": {"width": 2}},
        hovertemplate=f"%{{y}}: %{{x:.3f}}<extra>{name}</extra>",
        name=name,
    )


def _add_thresholds(figure: go.Figure, thresholds: dict[str, float]) -> None:
    """A line each, and the rate above it, one above the other."""
    for place, (rate, score) in enumerate(sorted(thresholds.items(), key=lambda item: item[1])):
        figure.add_vline(x=score, line={"color": INK, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=score,
            y=1.0,
            yref="paper",
            xanchor="right" if score > 0.75 else "center",
            yanchor="bottom",
            yshift=13 * place,
            text=rate_name(rate),
            showarrow=False,
        )


CURVE_TITLES = {"roc": "ROC", "det": "DET", "cmc": "CMC", "open_set": "Open set"}
LEGEND_LINE, BELOW_AXIS = 19, 44
"""Heights of a name in a legend, and of ticks and title below an axis, px."""
LINES = ("#0b8a94", "#c05a2b", "#6c62c4", "#b0862a", "#3b82c4", "#b2486f", "#4d9a53", "#8592a0")
"""One colour for each kind of probe, on both pages."""


def evaluation_curves(runs: list[RunSummary]) -> dict[str, go.Figure]:
    """One or two runs → a figure for each kind of curve that any of them has; the second run's lines are dashed. A kind
    of probe has the same colour in both."""
    keys = list(dict.fromkeys(row.key for run in runs for row in run.rows))
    figures: dict[str, go.Figure] = {}
    axes = _axes(runs)
    for place, run in enumerate(runs):
        for row in run.rows:
            for kind, curve in row.curves.items():
                across, up = axes[kind]
                curve = within(curve, across, up)
                figures.setdefault(kind, go.Figure()).add_scatter(
                    x=across.position(curve.x),
                    y=up.position(curve.y),
                    customdata=[[_tick(across, x), _tick(up, y)] for x, y in zip(curve.x, curve.y, strict=True)],
                    hovertemplate=f"{across.label} %{{customdata[0]}}<br>{up.label} %{{customdata[1]}}",
                    mode="lines",
                    name=letter(place, len(runs)) + row_name(row),
                    line={
                        "width": 2,
                        "dash": "dash" if place else "solid",
                        "color": LINES[keys.index(row.key) % len(LINES)],
                    },
                )
    for kind, figure in figures.items():
        _dress_curves(figure, CURVE_TITLES[kind], *axes[kind])
    return figures


def _axes(runs: list[RunSummary]) -> dict[str, tuple[Axis, Axis]]:
    """Of every kind of curve: the same for both runs."""
    drawn = [(kind, curve) for run in runs for row in run.rows for kind, curve in row.curves.items()]
    return {kind: axes_of(kind, [curve for other, curve in drawn if other == kind]) for kind in dict(drawn)}


def _dress_curves(figure: go.Figure, title: str, across: Axis, up: Axis) -> None:
    """Axes that say what they are; where a scale bends, its ticks stand at their values."""
    for update, axis in ((figure.update_xaxes, across), (figure.update_yaxes, up)):
        at, names = axis.position(axis.ticks), [_tick(axis, tick) for tick in axis.ticks]
        update(range=[-0.02, 1.02], tickvals=at, ticktext=names, gridcolor=GRID, zeroline=False)
    below = LEGEND_LINE * len(figure.data) + BELOW_AXIS  # on a telephone each name has a line of its own
    height = 300 + below
    dress(figure, height=height, top=34, x_title=across.label)
    figure.update_xaxes(tickangle=0, tickfont={"size": 11})
    figure.update_yaxes(title={"text": up.label, "standoff": 4})
    legend = {"orientation": "h", "x": 0, "xanchor": "left", "yanchor": "top"}
    legend |= {"yref": "container", "y": 1 - (300 + BELOW_AXIS - 4) / height}
    figure.update_layout(title={"text": title, "x": 0, "font": {"size": 14}}, showlegend=True, legend=legend)
    figure.update_layout(margin={"b": below})


def _tick(axis: Axis, value: float) -> str:
    return f"{100 * value:.3g} %" if axis.percent else f"{value:g}"


def dress(figure: go.Figure, height: int, top: int, x_title: str) -> None:
    """Transparent, in the page's type, readable on light and dark. Without plotly's own template, which is several
    times as large as what is drawn."""
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 8, "r": 12, "t": top, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": INK},
        xaxis_title={"text": x_title, "standoff": 4},
        showlegend=False,
    )
