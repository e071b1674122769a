"""Runs as HTML: measures, two of them beside each other, worst errors, downloads."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from app.evaluation.measuring import Progress
from app.evaluation.visit import Shown
from app.kit.notices import empty, progress_bar, step
from app.kit.pictures import data_uri
from ssn.evaluation.compare import compare
from ssn.evaluation.html_report import Report, as_html
from ssn.evaluation.metrics.intervals import Interval
from ssn.evaluation.outcome import SIMULATED
from ssn.evaluation.report_parts import row_name, signed
from ssn.evaluation.runs import as_json
from ssn.evaluation.tables import NAMES, as_csv, measured, paper_tables
from ssn.files import json_text
from ssn.gallery.verdict import STRICT, rate_name

SHOWN = ("auc", "eer", "tpr_at_0.01", "tpr_at_0.001", "rank1", "fnir_at_0.1", "fnir_at_0.01")
"""Measures of the table, in its order."""
BREAK = "\u200b"
"""Where the name of a measure may be broken."""


def nothing_yet() -> str:
    """Before the first run."""
    return empty("Measure a protocol, or choose an earlier run. Curves, errors and downloads appear here.")


def progress(now: Progress) -> str:
    """A bar with what is done and how long it will take."""
    left = "" if now.left is None else f", about {_duration(now.left)} left"
    text = f"{now.what}: {now.done} of {now.total}{left}" if now.total else f"{now.what} …"
    return progress_bar(text, now.done, now.total)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


def letter(place: int, count: int) -> str:
    """ "A: " of the first of two runs; nothing of a single one."""
    return f"{'AB'[place]}: " if count > 1 else ""


def measures(runs: Sequence[Shown]) -> str:
    """Who was measured on what, and one line per kind of probe; of two runs also what B has more than A."""
    names = [name for name in SHOWN if any(name in row.measures for run in runs for row in run.summary.rows)]
    head = "".join(f'<th scope="col">{_called(name)}</th>' for name in names)
    lines = []
    for place, run in enumerate(runs):
        for row in run.summary.rows:
            cells = "".join(f'<td data-name="{_called(name)}">{_share(row.measures.get(name))}</td>' for name in names)
            lines.append(f'<tr><th scope="row">{letter(place, len(runs))}{escape(row_name(row))}</th>{cells}</tr>')
    about = "".join(_about(place, runs) for place in range(len(runs)))
    table = (
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )
    note = "In percent; small: the 95 % interval over people. FNIR: with half of the people not enrolled."
    return f'<div class="evaluation">{about}{table}<p class="more">{note}</p>{_differences(runs)}</div>'


def _called(name: str) -> str:
    """What a measure is called at the head of a narrow column."""
    return escape(NAMES[name]).replace("@", f"@{BREAK}")


def _about(place: int, runs: Sequence[Shown]) -> str:
    """Who was measured on what; what the second has in common with the first is said once."""
    header, said = runs[place].summary.header, _facts(runs[place])
    if place and said == _facts(runs[0]):
        said = "The same data."
    return (
        f"<h3>{letter(place, len(runs))}{escape(header.model_id)} on {escape(header.protocol)}</h3>"
        f'<p class="more">{escape(said)}</p>'
    )


def _facts(run: Shown) -> str:
    header = run.summary.header
    facts = f"data {header.fingerprint}" if header.fingerprint else "measures only"
    notes = [*header.notes, *([SIMULATED] if any(r.spectrum == "nir-simulated" for r in run.summary.rows) else [])]
    return f"{facts}. {' '.join(dict.fromkeys(notes))}"


def _share(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    text = f"{100 * interval.value:.1f}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text}<small>{100 * interval.low:.1f} – {100 * interval.high:.1f}</small>"


def _differences(runs: Sequence[Shown]) -> str:
    if len(runs) < 2:
        return ""
    certain = [d for d in compare(runs[0].summary, runs[1].summary) if d.certain and d.measure in SHOWN]
    if not certain:
        return '<p class="more">B differs from A in no measure by more than chance, as far as that is known.</p>'
    items = "".join(
        f"<li>{escape(row_name(d))}: {escape(NAMES[d.measure])} {signed(d.difference.value)}</li>" for d in certain
    )
    return f"<h3>B minus A, where it is more than chance</h3><ul>{items}</ul>"


def errors(runs: Sequence[Shown]) -> str:
    """The worst errors of the first run under their heading, each with a way into the workbench."""
    if not runs:
        return ""
    heading = step("", "Worst errors", f"of the first run, at {rate_name(STRICT)}")
    pairs = runs[0].pairs
    if not pairs:
        text = (
            "A run from a file has no pictures."
            if not runs[0].mistakes and runs[0].name.endswith(("npz", "json"))
            else ""
        )
        return heading + empty(text or f"No comparison went wrong at {rate_name(STRICT)}.")
    cards = []
    for place, pair in enumerate(pairs):
        pictures = [("probe", pair.probe), ("enrolled", pair.enrolled), ("block 1", pair.saliency)]
        images = "".join(
            f'<span><img src="{data_uri(pixels)}" alt="{name}"><small>{name}</small></span>'
            for name, pixels in pictures
            if pixels is not None
        )
        cards.append(
            f'<figure><b>{escape(pair.title)}</b><div class="trio">{images}</div><figcaption>{escape(pair.caption)}'
            f'</figcaption><button type="button" class="quiet" data-action="open" data-place="{place}">'
            "Open the probe in the workbench</button></figure>"
        )
    return f'{heading}<div class="errors">{"".join(cards)}</div>'


def downloads(runs: Sequence[Shown]) -> str:
    """The report as a page, its tables as CSV, its measures as JSON: all of it in the links, nothing on disk."""
    if not runs:
        return ""
    summaries = [run.summary for run in runs]
    tables = paper_tables(measured(summaries))
    differences = compare(summaries[0], summaries[1]) if len(summaries) > 1 else []
    own = runs[0]
    page = Report("SSN Studio: evaluation", summaries, tables, differences, own.groups, own.pairs)
    files = (
        ("HTML", "text/html", "evaluation.html", as_html(page)),
        ("CSV", "text/csv", "evaluation.csv", as_csv(tables)),
        ("JSON", "application/json", "evaluation.json", json_text({"runs": as_json(summaries)})),
    )
    links = "".join(
        f'<a class="quiet" download="{name}" href="data:{kind};base64,{base64.b64encode(text.encode()).decode()}">'
        f"{title}</a>"
        for title, kind, name, text in files
    )
    return f'<div class="downloads"><span>Download</span>{links}</div>'
