"""A report as one HTML file that needs nothing else, and the buttons it is asked for with."""

from __future__ import annotations

from html import escape

from app.kit.pictures import data_uri
from app.workbench.taking import Section, TakenReport

STYLE = """
:root { color-scheme: light dark; --ink: #17222d; --soft: #566573; --line: #d8dfe5; --page: #fff; --warn: #fdf0d5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4eaef; --soft: #9fb0bf; --line: #2a353f; --page: #12181e; --warn: #3a2e14; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { max-width: 960px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; }
h2 { font-size: 18px; border-bottom: 1px solid var(--line); padding-bottom: 4px; margin-top: 28px; }
section.warning { background: var(--warn); border-radius: 8px; padding: 4px 16px; }
section.warning h2 { border: 0; margin-top: 8px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; } figure { margin: 0; width: 168px; }
figure img { width: 100%; border-radius: 6px; border: 1px solid var(--line); }
figcaption { font-size: 12px; color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 8px 0 16px; }
th, td { text-align: left; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--line); }
@media print { section { break-inside: avoid; } }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The file asks nobody for anything, and runs nothing."""

FORMS = {
    "html": "Report (HTML)",
    "pdf": "Report (PDF)",
    "png": "Maps as pictures (PNG)",
    "npz": "Maps as numbers (NPZ)",
    "json": "Ranking (JSON)",
}
"""What can be taken along, and what its button says."""


def as_page(report: TakenReport) -> str:
    """The whole file."""
    sections = "".join(_section(section) for section in report.sections)
    title = escape(report.title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{sections}</body></html>"
    )


def _section(section: Section) -> str:
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in section.text)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in section.facts)
    figures = "".join(
        f'<figure><img src="{data_uri(figure.picture)}" alt="{escape(figure.caption)}">'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
        for figure in section.figures
    )
    return (
        f"<section{' class=warning' if section.warning else ''}><h2>{escape(section.title)}</h2>{text}"
        + (f"<dl>{facts}</dl>" if facts else "")
        + (_table(section.table) if section.table else "")
        + (f'<div class="figures">{figures}</div>' if figures else "")
        + "</section>"
    )


def _table(table: tuple[tuple[str, ...], ...]) -> str:
    head, *rows = table
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def take_buttons() -> str:
    """A button a form."""
    buttons = "".join(
        f'<button type="button" class="quiet" data-action="take" data-form="{form}">{title}</button>'
        for form, title in FORMS.items()
    )
    return (
        f'<div class="take-row" role="group" aria-label="Take it along">{buttons}</div>'
        '<p class="facts">The reports hold this face and the names and faces of the ranked people; nothing of them '
        "stays on the server. The address of this page names the example and the settings, never a photo.</p>"
    )
