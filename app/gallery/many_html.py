"""What became of the photos of many people, as HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from app.kit.notices import notice, progress_bar
from ssn.answers.enrolling import Outcome, Report
from ssn.files import json_text

NEWEST = 5
"""Lines shown while it goes on."""
MOST_LINES = 500
"""Lines shown at the end; the file has all of them."""
WORDS = {
    "enrolled": "enrolled",
    "already": "enrolled before",
    "refused": "refused",
    "skipped": "skipped",
    "not_reached": "not reached",
}


def zip_input(limit: int) -> str:
    """A place for a ZIP file of at most ``limit`` bytes."""
    return (
        f'<label class="quiet-file" data-limit="{limit}">Photos of many people in a ZIP file '
        '<input type="file" accept=".zip" aria-label="Choose a ZIP file of photos"></label>'
    )


def explained(limit: int) -> str:
    """How the file is to be packed."""
    return (
        '<p class="more"><code>Name/photo.jpg</code> or <code>Name.jpg</code>; or a list <code>people.csv</code> of '
        f"lines <code>path,name</code> beside the photos. To {limit // 2**20} MB; more on the command line. Nothing of "
        "it is unpacked to the disk.</p>"
    )


def under_way(report: Report, newest: Sequence[Outcome]) -> str:
    """How far it is, and the last lines."""
    return progress_bar(f"{report.done} of {report.found} files", report.done, report.found) + _lines(newest)


def finished(report: Report, outcomes: Sequence[Outcome]) -> str:
    """How many of each, a line for every file, and all of it as a file."""
    good = not report.refused and not report.interrupted
    said = notice(report.text("the gallery"), "good" if good else "warn")
    rest = len(outcomes) - MOST_LINES
    more = f'<p class="more">and {rest} more lines, in the file</p>' if rest > 0 else ""
    data = base64.b64encode(json_text(report.data()).encode()).decode()
    link = f'<p><a class="download" download="enrolled.json" href="data:application/json;base64,{data}">'
    return f"{said}{link}Save every line as JSON</a></p>{_lines(outcomes[:MOST_LINES])}{more}"


def _lines(outcomes: Sequence[Outcome]) -> str:
    """What needs a look is marked."""
    items = []
    for outcome in outcomes:
        mark = ' class="amiss"' if outcome.fate in ("refused", "not_reached") else ""
        items.append(f"<li{mark}><b>{escape(str(outcome.photo))}</b> {escape(_said(outcome))}</li>")
    return f'<ol class="fates">{"".join(items)}</ol>' if items else ""


def _said(outcome: Outcome) -> str:
    reason = outcome.row.get("reason")
    if reason is not None:
        return f"{WORDS[outcome.fate]}: {reason}"
    return "; ".join([WORDS[outcome.fate], *outcome.lines])
