"""One or more runs as a single HTML file: nothing is fetched, no script runs, pictures and charts are inside.

Curves are thinned (see ``curves``), so a report of ten thousand probes is as small as one of a hundred. A switch in the
legend hides a line in all charts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import cv2
import numpy as np

from ssn.evaluation import svg
from ssn.evaluation.compare import Difference
from ssn.evaluation.metrics.intervals import Interval
from ssn.evaluation.report_style import STYLE
from ssn.evaluation.summary import RowSummary, RunSummary
from ssn.evaluation.tables import NAMES, SPECTRA, Table, cell

COLOURS = 8
PICTURE_SIDE = 128
"""Longest side of an embedded picture, px."""
LISTED_FAILURES = 200
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
class PicturePair:
    """A comparison to look at: pictures (H, W, 3) uint8 RGB of probe and enrolled face, and saliency if there is one."""

    title: str
    caption: str
    probe: np.ndarray
    enrolled: np.ndarray
    saliency: np.ndarray | None = None


@dataclass(frozen=True)
class GroupRow:
    """Measures in [0, 1] of one group of people: name, how many people, and the measures by name."""

    group: str
    people: int
    measures: dict[str, float]


@dataclass(frozen=True)
class Report:
    """What a page shows. Several ``runs`` share the charts, those after the first in dashes; the rest may be empty."""

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
        "".join(_about(run, number, len(report.runs)) for number, run in enumerate(report.runs)),
        "".join(f'<p class="note">{escape(note)}</p>' for note in report.notes),
        _measures(report.runs),
        _differences(report.differences),
        _charts(report.runs),
        _histograms(report.runs),
        _groups(report.groups),
        _errors(report.errors),
        _failures(report.runs),
        "".join(_paper_table(table) for table in report.tables if any(row.published for row in table.rows)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE}{_switches(report.runs)}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def row_name(row: RowSummary | Difference) -> str:
    """ "NIR, maskTop"; "complete" where nothing is hidden."""
    return f"{SPECTRA.get(row.spectrum, row.spectrum)}, {'complete' if row.occlusion == 'none' else row.occlusion}"


def jpeg_uri(pixels: np.ndarray, quality: int = 80) -> str:
    """Picture (H, W, 3) uint8 RGB → a ``data:`` address of a small JPEG."""
    scale = min(1.0, PICTURE_SIDE / max(pixels.shape[:2]))
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode("ascii")


def _letter(number: int, count: int) -> str:
    return f"{'ABCDEFGH'[number % 8]}: " if count > 1 else ""


def _about(run: RunSummary, number: int, count: int) -> str:
    head = run.header
    facts = {"model": head.model_id, "protocol": head.protocol, "data fingerprint": head.fingerprint}
    facts |= {"command": head.command} if head.command else {}
    items = "".join(f"<dt>{name}</dt><dd><code>{escape(text or '–')}</code></dd>" for name, text in facts.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in head.notes)
    title = f"<h3>Run {_letter(number, count)[:1]}</h3>" if count > 1 else ""
    return f"{title}<dl>{items}</dl>{notes}"


def _percent(interval: Interval) -> str:
    text = f"{100 * interval.value:.1f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text}<small>{100 * interval.low:.1f} – {100 * interval.high:.1f}</small>"


def _names(measures: Sequence[dict]) -> list[str]:
    """The measures any of them has, in the order of a table."""
    return [name for name in NAMES if any(name in one for one in measures)]


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _measures(runs: Sequence[RunSummary]) -> str:
    names = _names([row.measures for run in runs for row in run.rows])
    rows = []
    for number, run in enumerate(runs):
        for row in run.rows:
            cells = [_percent(row.measures[name]) if name in row.measures else "–" for name in names]
            label = escape(_letter(number, len(runs)) + row_name(row))
            rows.append(f'<tr><th scope="row">{label}</th>' + "".join(f"<td>{text}</td>" for text in cells) + "</tr>")
    about = "In percent. Below each figure its 95 % interval, from drawing people anew. "
    about += "FNIR: of an open set; where all people are enrolled, half of them are taken out of the gallery."
    return f"<h2>Measures</h2>{_table(['probes', *(NAMES[n] for n in names)], rows)}<p class=soft>{about}</p>"


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
    return f"<h2>B against A</h2>{_table(['probes', *(NAMES[n] for n in names)], rows)}<p class=soft>{about}</p>"


def _gap(difference: Difference | None) -> str:
    if difference is None:
        return "<td>–</td>"
    gap = difference.difference
    better = (gap.value < 0) == (difference.measure in LOWER_IS_BETTER)
    kind = ("better" if better else "worse") if difference.certain else ""
    ends = "" if gap.low is None else f"<small>{100 * gap.low:+.1f} – {100 * gap.high:+.1f}</small>"
    return f'<td class="{kind}">{100 * gap.value:+.1f}{ends}</td>'


def _series(runs: Sequence[RunSummary]) -> list[tuple[int, str, RowSummary, bool]]:
    """Number, name and row of every line. A row of the same kind has the same colour in every run."""
    keys = list(dict.fromkeys(row.key for run in runs for row in run.rows))
    return [
        (keys.index(row.key), _letter(place, len(runs)) + row_name(row), row, place > 0)
        for place, run in enumerate(runs)
        for row in run.rows
    ]


def _switches(runs: Sequence[RunSummary]) -> str:
    numbers = sorted({number for number, *_ in _series(runs)})
    hidden = "".join(f"main:has(#show{n}:not(:checked)) .s{n} {{ display: none; }}" for n in numbers)
    return hidden + "".join(f".c{n} {{ color: var(--c{n % COLOURS}); }}" for n in numbers if n >= COLOURS)


def _legend(runs: Sequence[RunSummary]) -> str:
    rows = {number: row for number, _, row, _ in reversed(_series(runs))}
    labels = "".join(
        f'<label><input type="checkbox" id="show{n}" checked>'
        f'<svg viewBox="0 0 26 10" class="c{n}" aria-hidden="true"><polyline points="0,5 26,5"/></svg>'
        f"{escape(row_name(row))}</label>"
        for n, row in sorted(rows.items())
    )
    runs_note = '<span class="soft">solid: run A, dashed: run B</span>' if len(runs) > 1 else ""
    return f'<div class="legend">{labels}{runs_note}</div>'


def _charts(runs: Sequence[RunSummary]) -> str:
    figures = []
    for kind, (title, about) in CHARTS.items():
        lines = [
            svg.Series(number, name, row.curves[kind], dashed)
            for number, name, row, dashed in _series(runs)
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
        f'<figure class="s{number}"><b>{escape(name)}</b>'
        f"{svg.histogram(name, row.histogram, row.thresholds, number)}</figure>"
        for number, name, row, _ in _series(runs)
        if row.histogram is not None
    ]
    if not figures:
        return ""
    about = "Filled: genuine comparisons. Outlined: impostor ones. Upright lines: the scores so few impostors reach."
    return f'<h2>Scores</h2><p class="soft">{about}</p><div class="charts">{"".join(figures)}</div>'


def _groups(groups: Sequence[GroupRow]) -> str:
    if not groups:
        return ""
    names = list(dict.fromkeys(name for group in groups for name in group.measures))
    rows = [
        f'<tr><th scope="row">{escape(group.group)}</th><td>{group.people}</td>'
        + "".join(f"<td>{100 * group.measures[n]:.2f}</td>" if n in group.measures else "<td>–</td>" for n in names)
        + "</tr>"
        for group in groups
    ]
    return f"<h2>By group</h2>{_table(['group', 'people', *(NAMES.get(n, n) for n in names)], rows)}"


def _errors(errors: Sequence[PicturePair]) -> str:
    if not errors:
        return ""
    return f'<h2>Worst errors</h2><div class="pairs">{"".join(_pair(pair) for pair in errors)}</div>'


def _pair(pair: PicturePair) -> str:
    pictures = {"probe": pair.probe, "enrolled": pair.enrolled, "saliency": pair.saliency}
    images = "".join(
        f'<img src="{jpeg_uri(pixels)}" alt="{name}" width="{PICTURE_SIDE}" height="{PICTURE_SIDE}" loading="lazy">'
        for name, pixels in pictures.items()
        if pixels is not None
    )
    return (
        f'<figure><b>{escape(pair.title)}</b><div class="pictures">{images}</div>'
        f"<figcaption>{escape(pair.caption)}</figcaption></figure>"
    )


def _failures(runs: Sequence[RunSummary]) -> str:
    parts = []
    for number, run in enumerate(runs):
        if run.acquisition is None:
            continue
        a = run.acquisition
        text = f"{_letter(number, len(runs))}{a.failed_probes} of {a.probes} probes gave no face (FTA "
        text += (
            f"{100 * a.fta:.2f} %), {a.failed_enrolments} of {a.enrolments} photos to enrol (FTE {100 * a.fte:.2f} %)."
        )
        parts.append(f"<p>{text}</p>{_generalised(run)}{_listed(run.failures)}")
    about = "Counted as ISO/IEC 19795-1 does: in the generalised rate whoever gave no face is not recognised."
    return f"<h2>Failures to acquire</h2>{''.join(parts)}<p class=soft>{about}</p>" if parts else ""


def _generalised(run: RunSummary) -> str:
    if not run.acquisition.failed_probes and not run.acquisition.failed_enrolments:
        return ""
    rows = []
    for row in run.rows:
        if "tpr_at_0.001" in row.measures:
            fnmr = 1 - row.measures["tpr_at_0.001"].value
            generalised = run.acquisition.generalised_fnmr(fnmr)
            label = f'<tr><th scope="row">{escape(row_name(row))}</th>'
            rows.append(f"{label}<td>{100 * fnmr:.2f}</td><td>{100 * generalised:.2f}</td></tr>")
    return _table(["probes", "FNMR@FMR=0.1%", "generalised FNMR"], rows) if rows else ""


def _listed(failures: Sequence[str]) -> str:
    if not failures:
        return ""
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in failures[:LISTED_FAILURES])
    rest = f"<li>and {len(failures) - LISTED_FAILURES} more</li>" if len(failures) > LISTED_FAILURES else ""
    return f"<details><summary>Which pictures</summary><ul>{items}{rest}</ul></details>"


def _paper_table(table: Table) -> str:
    rows, group = [], ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            rows.append(f'<tr class="group"><th colspan="{len(table.columns) + 1}">{escape(group)}</th></tr>')
        kind = f' class="published" title="{escape(row.source, quote=True)}"' if row.published else ""
        cells = "".join(f"<td>{escape(cell(row, name))}</td>" for name in table.columns)
        rows.append(f'<tr{kind}><th scope="row">{escape(row.method)}</th>{cells}</tr>')
    sources = sorted({row.source for row in table.rows if row.published})
    about = f"Rows in italics are published figures, not measured here: {'; '.join(sources)}."
    head = ["method", *(NAMES[name] for name in table.columns)]
    return f"<h2>{escape(table.title)}</h2>{_table(head, rows)}<p class=soft>{escape(about)}</p>"
