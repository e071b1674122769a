"""Parts of a report's page that stand by themselves: tables, pictures, groups of people, failures, published rows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from ssn.evaluation.compare import Difference
from ssn.evaluation.metrics.acquisition import Acquisition
from ssn.evaluation.summary import RowSummary, RunSummary
from ssn.evaluation.tables import NAMES, SPECTRA, Table, cell

PICTURE_SIDE = 128
"""Longest side of an embedded picture, px."""
LISTED_FAILURES = 200
FPIR_MEASURES = {"fnir_at_0.1", "fnir_at_0.01"}


@dataclass(frozen=True)
class PicturePair:
    """A comparison to look at: pictures (H, W, 3) uint8 RGB of probe, enrolled face and saliency, those there are."""

    title: str
    caption: str
    probe: np.ndarray | None = None
    enrolled: np.ndarray | None = None
    saliency: np.ndarray | None = None


@dataclass(frozen=True)
class GroupRow:
    """Measures in [0, 1] of one group of people: name, how many people, and the measures by name."""

    group: str
    people: int
    measures: dict[str, float]


def row_name(row: RowSummary | Difference) -> str:
    """ "NIR, maskTop"; "complete" where nothing is hidden."""
    return kind_name(row.spectrum, row.occlusion)


def kind_name(spectrum: str, occlusion: str) -> str:
    """As ``row_name``, of its two parts."""
    return f"{SPECTRA.get(spectrum, spectrum)}, {'complete' if occlusion == 'none' else occlusion}"


def jpeg_uri(pixels: np.ndarray, quality: int = 80) -> str:
    """Picture (H, W, 3) uint8 RGB → a ``data:`` address of a small JPEG."""
    scale = min(1.0, PICTURE_SIDE / max(pixels.shape[:2]))
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode("ascii")


def letter(number: int, count: int) -> str:
    """ "A: " for the first of several runs, "B: " for the second, "A2: " for the 27th; nothing for a single one."""
    more = "" if number < 26 else str(number // 26 + 1)
    return f"{chr(ord('A') + number % 26)}{more}: " if count > 1 else ""


def breakable(name: str) -> str:
    """A long name of a measure may go on in a second line."""
    return escape(name).replace("@", "@<wbr>")


def signed(share: float) -> str:
    """Points of percent with their sign; what rounds to nothing has none."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def data_table(head: Sequence[str], rows: Sequence[str]) -> str:
    """Names of columns and ready ``<tr>`` rows → a table that scrolls by itself where it is too wide."""
    cells = "".join(f'<th scope="col">{breakable(name)}</th>' for name in head)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def open_set_section(runs: Sequence[RunSummary]) -> str:
    """What a cover costs where some probes are strangers: FNIR at each FPIR, complete and behind every cover; nothing
    where no run has both."""
    covers = list(
        dict.fromkeys(row.occlusion for run in runs for row in run.rows if FPIR_MEASURES & row.measures.keys())
    )
    if "none" not in covers or len(covers) < 2:
        return ""
    covers.sort(key=lambda cover: cover != "none")
    rows = [
        f'<tr><th scope="row">{escape(letter(number, len(runs)) + SPECTRA.get(spectrum, spectrum))}, '
        f"{breakable(NAMES[measure])}</th>{cells}</tr>"
        for number, run in enumerate(runs)
        for spectrum in dict.fromkeys(row.spectrum for row in run.rows)
        for measure in sorted(FPIR_MEASURES, reverse=True)
        if (cells := _before_and_after(run, spectrum, measure, covers))
    ]
    about = (
        "Half of the people, always the same, are strangers where all are enrolled: taken out of the gallery, their "
    )
    about += "probes should find nobody. FPIR: share of the strangers' searches that name somebody; FNIR: share of the "
    about += "others that do not find their person at rank 1. Percent; below it, points more than complete."
    head = ["probes", *("complete" if cover == "none" else cover for cover in covers)]
    return f"<h2>Open set, before and after the mask</h2>{data_table(head, rows)}<p class=soft>{about}</p>"


def _before_and_after(run: RunSummary, spectrum: str, measure: str, covers: Sequence[str]) -> str:
    """One row's cells; nothing of a run that has no open set in that spectrum."""
    found = {
        row.occlusion: row.measures[measure] for row in run.rows if row.spectrum == spectrum and measure in row.measures
    }
    if not found:
        return ""
    cells = []
    for cover in covers:
        if cover not in found:
            cells.append("<td>–</td>")
            continue
        more = ""
        if cover != "none" and "none" in found:
            more = f"<small>{signed(found[cover].value - found['none'].value)}</small>"
        cells.append(f"<td>{100 * found[cover].value:.1f}{more}</td>")
    return "".join(cells)


def groups_section(groups: Sequence[GroupRow]) -> str:
    """The table by group; nothing without groups."""
    if not groups:
        return ""
    names = list(dict.fromkeys(name for group in groups for name in group.measures))
    rows = [
        f'<tr><th scope="row">{escape(group.group)}</th><td>{group.people}</td>'
        + "".join(f"<td>{100 * group.measures[n]:.2f}</td>" if n in group.measures else "<td>–</td>" for n in names)
        + "</tr>"
        for group in groups
    ]
    return f"<h2>By group</h2>{data_table(['group', 'people', *(NAMES.get(n, n) for n in names)], rows)}"


def errors_section(errors: Sequence[PicturePair]) -> str:
    """Pictures of the worst errors; nothing without any."""
    if not errors:
        return ""
    return f'<h2>Worst errors</h2><div class="pairs">{"".join(_pair(pair) for pair in errors)}</div>'


def _pair(pair: PicturePair) -> str:
    pictures = {"probe": pair.probe, "enrolled": pair.enrolled, "saliency": pair.saliency}
    images = "".join(
        f'<img src="{jpeg_uri(pixels)}" alt="{name}" width="{PICTURE_SIDE}" height="{PICTURE_SIDE}">'
        for name, pixels in pictures.items()
        if pixels is not None
    )
    shown = f'<div class="pictures">{images}</div>' if images else ""
    return f"<figure><b>{escape(pair.title)}</b>{shown}<figcaption>{escape(pair.caption)}</figcaption></figure>"


def failures_section(runs: Sequence[RunSummary]) -> str:
    """Failures to acquire of every run that counted them, and the rates that include them."""
    parts = []
    if len({(run.compared, run.acquisition, run.failures) for run in runs}) == 1:
        runs = runs[:1]  # the same pictures for all
    for number, run in enumerate(runs):
        if run.acquisition is None:
            continue
        a = run.acquisition
        text = f"{letter(number, len(runs))}{a.failed_probes} of {a.probes} probes gave no face (FTA "
        text += (
            f"{100 * a.fta:.2f} %), {a.failed_enrolments} of {a.enrolments} photos to enrol (FTE {100 * a.fte:.2f} %)."
        )
        parts.append(f"<p>{text}</p>{_generalised(run, a)}{_listed(run.failures)}")
    about = "Counted as ISO/IEC 19795-1 does: in the generalised rate whoever gave no face is not recognised."
    return f"<h2>Failures to acquire</h2>{''.join(parts)}<p class=soft>{about}</p>" if parts else ""


def _generalised(run: RunSummary, acquisition: Acquisition) -> str:
    if not acquisition.failed_probes and not acquisition.failed_enrolments:
        return ""
    rows = []
    for row in run.rows:
        if "tpr_at_0.001" in row.measures:
            fnmr = 1 - row.measures["tpr_at_0.001"].value
            generalised = acquisition.generalised_fnmr(fnmr)
            label = f'<tr><th scope="row">{escape(row_name(row))}</th>'
            rows.append(f"{label}<td>{100 * fnmr:.2f}</td><td>{100 * generalised:.2f}</td></tr>")
    return data_table(["probes", "FNMR@FMR=0.1%", "generalised FNMR"], rows) if rows else ""


def _listed(failures: Sequence[str]) -> str:
    if not failures:
        return ""
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in failures[:LISTED_FAILURES])
    rest = f"<li>and {len(failures) - LISTED_FAILURES} more</li>" if len(failures) > LISTED_FAILURES else ""
    return f"<details><summary>Which pictures</summary><ul>{items}{rest}</ul></details>"


def paper_section(table: Table) -> str:
    """One table in the paper's layout, published rows in italics."""
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
    opened = f"<details open><summary>{len(table.rows)} methods</summary>{data_table(head, rows)}</details>"
    return f"<h2>{escape(table.title)}</h2>{opened}<p class=soft>{escape(about)}</p>"
