"""A report as PDF, written by fpdf2, which is needed for nothing else and may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.workbench.taking import Figure, Section, TakenReport
from ssn.errors import OptionError

if TYPE_CHECKING:
    from fpdf import FPDF

PLAIN = str.maketrans(
    {
        "–": "-",
        "−": "-",
        "—": "-",
        "…": "...",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "σ": "sigma",
    }
)
"""Signs of ours that the PDF's own fonts lack."""
UNKNOWN = "Some letters of a name are not in this file's fonts and stand as ?; the HTML report has them."
ACROSS = 4
"""Pictures beside each other."""
GAP, CAPTION = 4.0, 9.0
"""Millimetres between pictures, and below one for what it shows."""


def as_pdf(report: TakenReport) -> bytes:
    """The whole file. Raises OptionError where fpdf2 is not installed."""
    try:
        from fpdf import FPDF
    except ImportError:
        raise OptionError("PDF needs fpdf2.", "Install it with: pip install fpdf2, or take the HTML.") from None
    paper = FPDF(format="A4")
    paper.set_title(_latin(report.title))
    paper.set_auto_page_break(True, margin=15)
    paper.add_page()
    _line(paper, report.title, 18, "B")
    for section in report.sections:
        _section(paper, section)
    if any(_latin(text) != text.translate(PLAIN) for text in _texts(report)):
        _line(paper, UNKNOWN, 9, "I")
    return bytes(paper.output())


def _texts(report: TakenReport) -> list[str]:
    texts = [report.title]
    for section in report.sections:
        texts += [section.title, *section.text, *(value for _, value in section.facts)]
        texts += [figure.caption for figure in section.figures] + [cell for row in section.table for cell in row]
    return texts


def _latin(text: str) -> str:
    """In the letters of the PDF's own fonts (Latin-1)."""
    return text.translate(PLAIN).encode("latin-1", "replace").decode("latin-1")


def _line(paper: FPDF, text: str, size: float, style: str = "") -> None:
    paper.set_font("helvetica", style, size)
    paper.multi_cell(0, size * 0.5, _latin(text), new_x="LMARGIN", new_y="NEXT")
    paper.ln(1)


def _section(paper: FPDF, section: Section) -> None:
    paper.ln(3)
    if section.warning:
        paper.set_text_color(138, 90, 0)
    _line(paper, section.title, 13, "B")
    for sentence in section.text:
        _line(paper, sentence, 10)
    paper.set_text_color(0, 0, 0)
    for name, value in section.facts:
        _line(paper, f"{name}: {value}", 10)
    if section.table:
        paper.set_font("helvetica", "", 10)
        with paper.table(first_row_as_headings=True, line_height=6, text_align="LEFT") as table:
            for cells in section.table:
                table.row([_latin(cell) for cell in cells])
        paper.ln(2)
    for start in range(0, len(section.figures), ACROSS):
        _pictures(paper, section.figures[start : start + ACROSS])


def _pictures(paper: FPDF, figures: tuple[Figure, ...]) -> None:
    """A row of pictures with their captions, on one page."""
    side = (paper.epw - GAP * (ACROSS - 1)) / ACROSS
    if paper.will_page_break(side + CAPTION):
        paper.add_page()
    left, top = paper.l_margin, paper.get_y()
    paper.set_font("helvetica", "", 8)
    for place, figure in enumerate(figures):
        x = left + place * (side + GAP)
        paper.image(figure.picture, x, top, side, side)
        paper.set_xy(x, top + side)
        paper.multi_cell(side, 3.5, _latin(figure.caption), align="L")
    paper.set_xy(left, top + side + CAPTION)
