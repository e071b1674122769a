"""One or more runs as a single HTML file: nothing is fetched, no script runs, pictures and charts are inside.

Curves are thinned (see ``curves``), so a report of ten thousand probes is as small as one of a hundred. A switch in the
legend hides a line in all charts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from ssn.evaluation import svg
from ssn.evaluation.compare import Difference
from ssn.evaluation.metrics.intervals import Interval
from ssn.evaluation.report_parts import (
    GroupRow,
    PicturePair,
    data_table,
    errors_section,
    failures_section,
    groups_section,
    letter,
    open_set_section,
    paper_section,
    row_name,
    signed,
)
from ssn.evaluation.report_style import STYLE
from ssn.evaluation.scores import RunHeader
from ssn.evaluation.summary import RowSummary, RunSummary
from ssn.evaluation.tables import NAMES, Table

COLOURS = 8
AT_FIRST = 2
"""Runs whose lines are shown before anybody chooses: those of many hide each other."""
DASHES = ("", "6 4", "2 3", "10 3 2 3", "12 5", "4 2", "1 4", "8 2 2 2 2 2")
"""Of the runs' lines, one after the other."""
FINGERPRINT = "data fingerprint"
GLANCE = ("rank1", "tpr_at_0.01", "auc")
"""The measure that is set side by side for all runs: the first of these that they have."""
LOWER_IS_BETTER = ("eer", "fnir_at_0.1", "fnir_at_0.01")
CHARTS = {
    "roc": ("ROC", "Share of genuine comparisons accepted, over the share of impostor ones."),
    "det": ("DET", "Both errors on axes of normal deviates: the lower, the better."),
    "cmc": ("CMC", "Share of probes whose own person is among the first so many. Enrolled people only."),
    "open_set": (
        "Open set",
        "Searches for enrolled people that miss them at rank 1, over those for strangers that name somebody.",
    ),
}


@dataclass(frozen=True)
class Report:
    """What a page shows. Several ``runs`` share the charts, each with dashes of its own; the rest may be empty."""

    title: str
    runs: Sequence[RunSummary]
    tables: Sequence[Table] = ()
    differences: Sequence[Difference] = ()
    groups: Sequence[GroupRow] = ()
    errors: Sequence[PicturePair] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def as_html(report: Report) -> str:
    """The whole page."""
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        _about_all(report.runs),
        "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        _at_a_glance(report.runs),
        _measures(report.runs),
        open_set_section(report.runs),
        _differences(report.differences),
        _charts(report.runs),
        _histograms(report.runs),
        groups_section(report.groups),
        errors_section(report.errors),
        failures_section(report.runs),
        "".join(paper_section(table) for table in report.tables if any(row.published for row in table.rows)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE}{_switches(report.runs)}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _about_all(runs: Sequence[RunSummary]) -> str:
    """What was run: one after the other, or where all were measured by one command, that once and each model's name."""
    heads = [run.header for run in runs]
    if len(runs) < 2 or any(not head.command or not head.asked_with(heads[0]) for head in heads):
        return f'<div class="runs">{"".join(_about(run, i, len(runs)) for i, run in enumerate(runs))}</div>'
    names = {f"run {_run(i, runs)}": head.model_id for i, head in enumerate(heads)}
    shared = _facts_of(heads[0]) | {FINGERPRINT: _fingerprints(runs)}
    notes = tuple(dict.fromkeys(note for head in heads for note in head.notes))
    return f"<section>{_facts(names | shared)}{_paragraphs(notes)}</section>"


def _run(number: int, runs: Sequence[RunSummary]) -> str:
    return letter(number, len(runs))[:-2]


def _fingerprints(runs: Sequence[RunSummary]) -> str:
    """Of the pictures as each run compared them: one, or whose is which."""
    of: dict[str, list[str]] = {}
    for number, run in enumerate(runs):
        of.setdefault(run.header.fingerprint, []).append(_run(number, runs))
    if len(of) == 1:
        return next(iter(of))
    return "; ".join(f"{', '.join(names)}: {fingerprint}" for fingerprint, names in of.items())


def _facts_of(head: RunHeader) -> dict[str, str]:
    facts = {"protocol": head.protocol, FINGERPRINT: head.fingerprint}
    return facts | ({"command": head.command} if head.command else {})


def _facts(facts: dict[str, str]) -> str:
    items = "".join(f"<dt>{name}</dt><dd><code>{escape(text or '–')}</code></dd>" for name, text in facts.items())
    return f"<dl>{items}</dl>"


def _paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _about(run: RunSummary, number: int, count: int) -> str:
    head = run.header
    title = f"<h3>Run {letter(number, count)[:-2]}</h3>" if count > 1 else ""
    return f"<section>{title}{_facts({'model': head.model_id} | _facts_of(head))}{_paragraphs(head.notes)}</section>"


def _percent(interval: Interval) -> str:
    text = f"{100 * interval.value:.1f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text}<small>{100 * interval.low:.1f} – {100 * interval.high:.1f}</small>"


def _names(measures: Sequence[dict]) -> list[str]:
    """The measures any of them has, in the order of a table."""
    return [name for name in NAMES if any(name in one for one in measures)]


def _at_a_glance(runs: Sequence[RunSummary]) -> str:
    """One measure of every run in every row, the best of each row bold; nothing for fewer than three runs."""
    names = [name for name in GLANCE if any(name in row.measures for run in runs for row in run.rows)]
    if len(runs) < 3 or not names:
        return ""
    values: dict[str, dict[int, float]] = {}
    for number, run in enumerate(runs):
        for row in run.rows:
            if names[0] in row.measures:
                values.setdefault(row_name(row), {})[number] = row.measures[names[0]].value
    rows = []
    for label, of in values.items():
        best = max(round(value, 3) for value in of.values())
        cells = [
            f"<td>{'–' if n not in of else _bold(f'{100 * of[n]:.1f}', round(of[n], 3) == best)}</td>"
            for n in range(len(runs))
        ]
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{"".join(cells)}</tr>')
    head = ["probes", *(f"{letter(n, len(runs))}{run.header.model_id}" for n, run in enumerate(runs))]
    about = f"{NAMES[names[0]]} in percent; the best of a row is bold. Intervals and the other measures stand below."
    return f"<h2>At a glance: {NAMES[names[0]]}</h2>{data_table(head, rows)}<p class=soft>{about}</p>"


def _bold(text: str, best: bool) -> str:
    return f"<b>{text}</b>" if best else text


def _measures(runs: Sequence[RunSummary]) -> str:
    names = _names([row.measures for run in runs for row in run.rows])
    rows = []
    for number, run in enumerate(runs):
        for row in run.rows:
            cells = [_percent(row.measures[name]) if name in row.measures else "–" for name in names]
            label = escape(letter(number, len(runs)) + row_name(row))
            rows.append(f'<tr><th scope="row">{label}</th>' + "".join(f"<td>{text}</td>" for text in cells) + "</tr>")
    about = "In percent. Below each figure its 95 % interval, from drawing people anew. "
    about += "FNIR: of an open set; where all people are enrolled, half of them are taken out of the gallery."
    return f"<h2>Measures</h2>{data_table(['probes', *(NAMES[n] for n in names)], rows)}<p class=soft>{about}</p>"


def _differences(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    names = _names([{d.measure: d} for d in differences])
    keys = list(dict.fromkeys((d.spectrum, d.occlusion) for d in differences))
    by = {(d.spectrum, d.occlusion, d.measure): d for d in differences}
    rows = []
    for key in keys:
        there = [by.get((*key, name)) for name in names]
        label = escape(row_name(next(d for d in there if d is not None)))
        rows.append(f'<tr><th scope="row">{label}</th>' + "".join(_gap(d) for d in there) + "</tr>")
    about = "B minus A, in points of percent. Coloured where the 95 % interval leaves out zero; there is an interval "
    about += "only where both runs compared the same pictures."
    return f"<h2>B against A</h2>{data_table(['probes', *(NAMES[n] for n in names)], rows)}<p class=soft>{about}</p>"


def _gap(difference: Difference | None) -> str:
    if difference is None:
        return "<td>–</td>"
    gap = difference.difference
    better = (gap.value < 0) == (difference.measure in LOWER_IS_BETTER)
    kind = ("better" if better else "worse") if difference.certain else ""
    ends = "" if gap.low is None or gap.high is None else f"<small>{signed(gap.low)} to {signed(gap.high)}</small>"
    return f'<td class="{kind}">{signed(gap.value)}{ends}</td>'


def _series(runs: Sequence[RunSummary]) -> list[tuple[int, str, RowSummary, int]]:
    """Number, name, row and run of every line. A row of the same kind has the same colour in every run."""
    keys = list(dict.fromkeys(row.key for run in runs for row in run.rows))
    return [
        (keys.index(row.key), letter(place, len(runs)) + row_name(row), row, place)
        for place, run in enumerate(runs)
        for row in run.rows
    ]


def dashes(run: int) -> str:
    """How a run's lines are dashed."""
    return DASHES[run % len(DASHES)] or "none"


def _switches(runs: Sequence[RunSummary]) -> str:
    numbers = sorted({number for number, *_ in _series(runs)})
    hidden = "".join(f"main:has(#show{n}:not(:checked)) .s{n} {{ display: none; }}" for n in numbers)
    if len(runs) > 1:
        hidden += "".join(f"main:has(#run{n}:not(:checked)) .r{n} {{ display: none; }}" for n in range(len(runs)))
        hidden += "".join(f"polyline.r{n} {{ stroke-dasharray: {dashes(n)}; }}" for n in range(len(runs)))
    return hidden + "".join(f".c{n} {{ color: var(--c{n % COLOURS}); }}" for n in numbers if n >= COLOURS)


def _legend(runs: Sequence[RunSummary]) -> str:
    rows = {number: row for number, _, row, _ in reversed(_series(runs))}
    labels = "".join(
        f'<label><input type="checkbox" id="show{n}" checked>'
        f'<svg viewBox="0 0 26 10" class="c{n}" aria-hidden="true"><polyline points="0,5 26,5"/></svg>'
        f"{escape(row_name(row))}</label>"
        for n, row in sorted(rows.items())
    )
    chosen = "".join(
        f'<label><input type="checkbox" id="run{n}"{" checked" if n < AT_FIRST else ""}>'
        f'<svg viewBox="0 0 26 10" aria-hidden="true"><polyline points="0,5 26,5" '
        f'stroke-dasharray="{dashes(n)}"/></svg>run {letter(n, len(runs))[:-2]}</label>'
        for n in range(len(runs) if len(runs) > 1 else 0)
    )
    return f'<div class="legend">{labels}{chosen}</div>'


def _charts(runs: Sequence[RunSummary]) -> str:
    figures = []
    for kind, (title, about) in CHARTS.items():
        lines = [
            svg.Series(number, name, row.curves[kind], run)
            for number, name, row, run in _series(runs)
            if kind in row.curves
        ]
        if lines:
            drawing = svg.chart(kind, title, lines)
            figures.append(f"<figure><b>{title}</b>{drawing}<figcaption>{about}</figcaption></figure>")
    if not figures:
        return ""
    return f'<h2>Curves</h2>{_legend(runs)}<div class="charts">{"".join(figures)}</div>'


def _histograms(runs: Sequence[RunSummary]) -> str:
    figures = [
        f'<figure class="s{number} r{run}"><b>{escape(name)}</b>'
        f"{svg.histogram(name, row.histogram, row.thresholds, number)}</figure>"
        for number, name, row, run in _series(runs)
        if row.histogram is not None
    ]
    if not figures:
        return ""
    about = "Filled: genuine comparisons. Outlined: impostor ones. Upright lines: the scores so few impostors reach."
    return f'<h2>Scores</h2><p class="soft">{about}</p><div class="charts">{"".join(figures)}</div>'
