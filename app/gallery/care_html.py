"""What is said of a gallery as a whole, as HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from ssn.gallery.archive import Archived
from ssn.gallery.changes import Change
from ssn.gallery.health import Statistics

MOST_PROBLEMS = 50


def import_input(limit: int) -> str:
    """A place for an exported gallery of at most ``limit`` bytes."""
    return (
        f'<label class="quiet-file" data-limit="{limit}">Import an exported gallery '
        '<input type="file" accept=".zip,.gallery" aria-label="Choose an exported gallery"></label>'
    )


def last_change(changes: Sequence[Change]) -> str:
    """What Undo would take back."""
    if not changes:
        return '<p class="more">There is nothing to undo.</p>'
    earlier = f", and {len(changes) - 1} before it" if len(changes) > 1 else ""
    return f'<p class="more">Undo takes back: <b>{escape(changes[0].text)}</b> ({changes[0].made} UTC){earlier}.</p>'


def statistics_table(found: Statistics) -> str:
    """How much there is of what."""
    rows = [("People", f"{found.people:,}"), ("Templates", f"{found.templates:,}"), ("Most of one person", found.most)]
    rows += [(f"of {model}", f"{count:,}") for model, count in found.models.items()]
    rows += [(f"from {spectrum}", f"{count:,}") for spectrum, count in found.spectra.items()]
    rows += [("Pictures", f"{found.pictures:,} ({found.picture_bytes / 2**20:.1f} MB)")]
    rows += [("People with notes", found.with_notes), ("Changes that can be undone", found.undoable)]
    rows += [("On the disk", f"{found.bytes / 2**20:.1f} MB")]
    cells = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in rows)
    return f'<dl class="counts">{cells}</dl>'


def problem_list(problems: Sequence[str]) -> str:
    """What is not sound, the first of it."""
    rest = len(problems) - MOST_PROBLEMS
    more = f"<li>and {rest} more</li>" if rest > 0 else ""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in problems[:MOST_PROBLEMS])}{more}</ul>"


def download(content: bytes, done: Archived) -> str:
    """A link that holds an exported gallery."""
    data = base64.b64encode(content).decode()
    what = f"{done.people} people, {done.templates} templates, {len(content) / 2**20:.1f} MB"
    return (
        f'<p><a class="download" download="gallery.zip" href="data:application/zip;base64,{data}">Save gallery.zip</a> '
        f'<span class="more">{what}. It holds faces and names, and is not encrypted.</span></p>'
    )
