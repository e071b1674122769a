"""``report``: finished runs as a page and as tables, and two of them compared; no network is needed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.options import JsonFile, say
from ssn.errors import DataError
from ssn.evaluation.compare import Difference, compare, paired
from ssn.evaluation.html_report import Report, as_html
from ssn.evaluation.metrics.intervals import RESAMPLES, Drawn
from ssn.evaluation.outcome import SIMULATED
from ssn.evaluation.report_parts import row_name
from ssn.evaluation.runs import as_json, load_run
from ssn.evaluation.summary import RunSummary
from ssn.evaluation.tables import NAMES, Table, as_csv, as_latex, as_markdown, measured, paper_tables

HtmlFile = Annotated[Path | None, typer.Option(help="Write one page with everything in it.")]
MarkdownFile = Annotated[Path | None, typer.Option(help="Write the tables as Markdown.")]
CsvFile = Annotated[Path | None, typer.Option(help="Write the tables as CSV, with intervals.")]
LatexFile = Annotated[Path | None, typer.Option(help="Write the tables as LaTeX.")]


def report(
    runs: Annotated[list[Path], typer.Argument(help="Runs: .json or .npz files that evaluate wrote.")],
    html: HtmlFile = None,
    markdown: MarkdownFile = None,
    csv: CsvFile = None,
    latex: LatexFile = None,
    title: Annotated[str | None, typer.Option(help="The page's heading.")] = None,
    resamples: Annotated[int, typer.Option(help="How often people are drawn anew for the intervals.")] = RESAMPLES,
    json_file: JsonFile = None,
) -> None:
    """Report one run, or several beside each other: tables in the paper's layout, curves, intervals; of two also their
    differences."""
    if resamples < 1:
        raise DataError(f"People cannot be drawn {resamples} times.", "Use --resamples 1 or more.")
    drawn = Drawn(resamples)
    loaded = [load_run(path, drawn) for path in runs]
    tables = paper_tables(measured(loaded))
    differences = compare(loaded[0], loaded[1], drawn) if len(loaded) == 2 else []
    page = Report(title or _title(loaded), loaded, tables, differences, notes=_notes(loaded))
    write_page(page, html, markdown, csv, latex)
    data = {"runs": as_json(loaded), "differences": [asdict(difference) for difference in differences]}
    say(_text(loaded, differences), data, json_file)


def _title(runs: list[RunSummary]) -> str:
    protocols = dict.fromkeys(run.header.protocol for run in runs)
    return " and ".join(protocols)


def _notes(runs: list[RunSummary]) -> list[str]:
    notes = []
    if any(row.spectrum == "nir-simulated" for run in runs for row in run.rows):
        notes.append(SIMULATED)
    if len(runs) == 2 and not paired(*runs):
        notes.append("The two runs are not known to compare the same pictures: differences have no intervals.")
    return notes


def _text(runs: list[RunSummary], differences: list[Difference]) -> str:
    """For the screen: the measured rows, and what differs by more than chance."""
    own = [as_markdown([_measured_only(table)]) for table in paper_tables(measured(runs))]
    lines = [f"{row_name(d)}: {NAMES[d.measure]} {100 * d.difference.value:+.1f}" for d in differences if d.certain]
    return "\n".join([*own, *(["B minus A, where it is more than chance:", *lines] if lines else [])]).rstrip()


def _measured_only(table: Table) -> Table:
    return replace(table, rows=[row for row in table.rows if not row.published])


def write_page(page: Report, html: Path | None, markdown: Path | None, csv: Path | None, latex: Path | None) -> None:
    """The page and its tables into those files that are asked for."""
    for path, text_of in ((markdown, as_markdown), (csv, as_csv), (latex, as_latex)):
        if path is not None:
            write_text(path, text_of(list(page.tables)))
    if html is not None:
        write_text(html, as_html(page))


def write_text(path: Path, text: str) -> None:
    """A report's file, with its folder. Raises DataError where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written.", "Choose another place for the file.") from error
