"""Measured and published rows in the paper's layout, as Markdown, CSV and LaTeX.

What others published stands beside a measurement of the same set and occlusion on real NIR, in a group of its own, with
its source. It is never printed as a result of this project.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import numpy as np

from ssn.evaluation.metrics.intervals import Interval
from ssn.evaluation.published import COLUMNS, SETS, Figure, PublishedRow, beside, set_of, table_of
from ssn.evaluation.summary import RunSummary

NAMES = {
    "auc": "AUC",
    "eer": "EER",
    "tpr_at_0.01": "TPR@FPR=1%",
    "tpr_at_0.001": "TPR@FPR=0.1%",
    "fnir_at_0.1": "FNIR@FPIR=10%",
    "fnir_at_0.01": "FNIR@FPIR=1%",
    **{f"rank{r}": f"Rank-{r}" for r in range(1, 6)},
}
"""Measures → what a column of them is called."""

SPECTRA = {"vis": "VIS", "nir": "NIR", "nir-simulated": "simulated NIR"}
MEASURED, PUBLISHED = "measured here", "published, not measured here"


@dataclass(frozen=True)
class Measured:
    """One method's row: figures in percent, with a deviation where they are means over folds; ``intervals`` in
    [0, 1]. ``set_name``: the data set's name, either of the two."""

    method: str
    set_name: str
    spectrum: str
    occlusion: str
    figures: dict[str, Figure]
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class TableRow:
    """``published`` rows come with their ``source``."""

    group: str
    method: str
    figures: dict[str, Figure]
    published: bool = False
    source: str = ""
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows of one set, spectrum and occlusion; ``columns`` are measures. ``paper``: the paper's table it is laid out
    as, "" for none."""

    set_name: str
    spectrum: str
    occlusion: str
    columns: tuple[str, ...]
    rows: list[TableRow]
    paper: str = ""

    @property
    def title(self) -> str:
        what = "complete" if self.occlusion == "none" else self.occlusion
        layout = f" (layout of Table {self.paper})" if self.paper else ""
        return f"{self.set_name}, {SPECTRA.get(self.spectrum, self.spectrum)} probes, {what}{layout}"


def measured(runs: list[RunSummary]) -> list[Measured]:
    """The rows of runs; the method is the model's id."""
    return [
        Measured(
            run.header.model_id,
            set_of(run.header.protocol) or run.header.protocol,
            row.spectrum,
            row.occlusion,
            {name: Figure(round(100 * interval.value, 2)) for name, interval in row.measures.items()},
            row.measures,
        )
        for run in runs
        for row in run.rows
    ]


def measured_over_folds(runs: list[RunSummary]) -> list[Measured]:
    """One method's runs, a fold each → mean and sample standard deviation of every measure that all folds have."""
    rows = []
    for same in zip(*(run.rows for run in runs), strict=True):
        names = [name for name in same[0].measures if all(name in row.measures for row in same)]
        shares = {name: np.array([100 * row.measures[name].value for row in same]) for name in names}
        figures = {n: Figure(round(float(v.mean()), 2), round(float(v.std(ddof=1)), 2)) for n, v in shares.items()}
        protocol = runs[0].header.protocol
        set_name = set_of(protocol) or protocol.partition(", fold")[0]
        rows.append(Measured(runs[0].header.model_id, set_name, same[0].spectrum, same[0].occlusion, figures))
    return rows


def paper_tables(rows: list[Measured]) -> list[Table]:
    """One table per set, spectrum and occlusion, in the order they come. Columns are the paper's for that set and
    occlusion, elsewhere those of Table VII; measures that no row has are left out."""
    keys = list(dict.fromkeys((row.set_name, row.spectrum, row.occlusion) for row in rows))
    return [_table(*key, [r for r in rows if (r.set_name, r.spectrum, r.occlusion) == key]) for key in keys]


def _table(set_name: str, spectrum: str, occlusion: str, own: list[Measured]) -> Table:
    paper = (table_of(set_name, occlusion) or "") if spectrum == "nir" else ""
    others: dict[str, PublishedRow] = {}
    for row in beside(set_name, occlusion, spectrum):
        others.setdefault(row.method, row)  # Table VII repeats two rows of Table IV
    ours = [TableRow(MEASURED, row.method, row.figures, intervals=row.intervals) for row in own]
    theirs = [TableRow(r.group, _name(r), r.figures, True, r.source) for r in others.values()]
    used = {name for row in (*ours, *theirs) for name in row.figures}
    columns = tuple(name for name in COLUMNS[paper or "VII"] if name in used)
    return Table(SETS.get(set_name, set_name), spectrum, occlusion, columns, [*ours, *theirs], paper)


def _name(row: PublishedRow) -> str:
    """What the paper prints as "Ours" is theirs here."""
    return "SSN, the paper's" if "Ours" in row.method else row.method


def cell(row: TableRow, measure: str) -> str:
    """A figure as printed; a dash where there is none."""
    return str(row.figures[measure]) if measure in row.figures else "–"


def as_markdown(tables: list[Table]) -> str:
    """One section per table; published rows below the measured ones, with their source."""
    parts = []
    for table in tables:
        head = ["method", *(NAMES[name] for name in table.columns), "source"]
        lines = [f"### {table.title}", "", _pipes(head), _pipes(["---"] * len(head))]
        for row in table.rows:
            method = f"*{row.method}*" if row.published else f"**{row.method}**"
            source = f"{row.source}; {PUBLISHED}" if row.published else MEASURED
            lines.append(_pipes([method, *(cell(row, name) for name in table.columns), source]))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in cells) + " |"


def as_csv(tables: list[Table]) -> str:
    """One line per row of all tables, shares in percent; intervals in columns ``…_low`` and ``…_high``."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    head = ["set", "spectrum", "occlusion", "group", "method", "published", "source"]
    ends = ("", "_deviation", "_low", "_high")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, *(f"{name}{end}" for name in names for end in ends)])
    for table in tables:
        for row in table.rows:
            where = [table.set_name, table.spectrum, table.occlusion]
            about = [row.group, row.method, "yes" if row.published else "no", row.source]
            writer.writerow([*where, *about, *(text for name in names for text in _numbers(row, name))])
    return out.getvalue()


def _numbers(row: TableRow, name: str) -> list[str]:
    figure, interval = row.figures.get(name), row.intervals.get(name, Interval(0))
    first = ["", ""] if figure is None else [f"{figure.mean:g}", _number(figure.deviation)]
    return [*first, *(_number(None if end is None else 100 * end) for end in (interval.low, interval.high))]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def as_latex(tables: list[Table]) -> str:
    """One ``table`` per table, for the package booktabs: groups apart, published rows in italics."""
    return "\n\n".join(_latex(table) for table in tables) + "\n"


def _latex(table: Table) -> str:
    lines = [
        r"\begin{table}",
        rf"\caption{{{tex(table.title)}. Rows in italics are published figures, not measured here.}}",
        rf"\begin{{tabular}}{{l{'c' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(["Method", *(tex(NAMES[name]) for name in table.columns)]) + r" \\",
    ]
    group = ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            lines.append(r"\midrule")
            lines.append(rf"\multicolumn{{{1 + len(table.columns)}}}{{l}}{{{tex(group)}}} \\")
        words = [tex(row.method), *(tex(cell(row, name)) for name in table.columns)]
        lines.append(" & ".join(rf"\textit{{{word}}}" if row.published else word for word in words) + r" \\")
    sources = sorted({row.source for row in table.rows if row.published})
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize Published figures: {tex('; '.join(sources))}."] if sources else []
    return "\n".join([*lines, r"\end{table}"])


_TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}


def tex(text: str) -> str:
    """Text as LaTeX prints it, its special characters escaped."""
    return "".join(_TEX.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)
