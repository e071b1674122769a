"""Like with like by cells, in words and pictures: how many were compared, and which parts of a face carried a match."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from app.kit.pictures import css_gradient, data_uri, heat_map
from app.workbench.bench import Bench
from ssn.errors import ImageError
from ssn.faces.types import FACE_SIZE
from ssn.gallery.cell_score import CellShares
from ssn.gallery.store import Match
from ssn.gallery.stored_face import stored_face

PICTURED = 3
"""Ranks whose cells are shown."""
SIDE = 72
"""Of a picture, in pixels."""


def cells_facts(bench: Bench | None, pictures: Mapping[int, bytes], able: bool) -> str:
    """What the box does now. ``pictures`` maps a template id to its stored picture; ``able`` says that the model's mean
    face is known."""
    if bench is None or not bench.mask.any():
        return ""
    if not able:
        return _facts("Not possible: this model's mean face is not measured (python -m ssn cohort measures it).")
    if not bench.by_cells:
        return _facts("What is hidden is then left out of everybody enrolled, not only of a shortlist.")
    if bench.cells is None:
        return ""
    found = bench.cells
    many = "template" if found.compared == 1 else "templates"
    said = f"{found.compared:,} {many} compared in {found.reranking.ms:.0f} ms."
    if left := found.reranking.kept:
        said += f" {left:,} not compared, without a stored picture or not ready yet: ordinary place."
    if not found.everybody:
        said += " The gallery is too large for more."
    return _facts(said) + _maps(bench, found.shares, pictures)


def _facts(text: str) -> str:
    return f'<p class="facts">{escape(text)}</p>'


def _maps(bench: Bench, shares: Mapping[int, CellShares], pictures: Mapping[int, bytes]) -> str:
    """The first ranks' cells on one scale."""
    shown = [(match, shares[match.template_id]) for match in bench.matches[:PICTURED] if match.template_id in shares]
    if not shown:
        return ""
    limit = max(float(np.abs(share.cells).max()) for _, share in shown) or 1.0
    figures = "".join(_figure(match, share, limit, pictures.get(match.template_id)) for match, share in shown)
    legend = (
        f'<div class="legend"><i style="background:{css_gradient("shift")}"></i>'
        f"<span>against −{limit:.2f}</span><span>for the match +{limit:.2f}</span></div>"
    )
    return f'<div class="cell-maps">{figures}</div>{legend}'


def _figure(match: Match, share: CellShares, limit: float, picture: bytes | None) -> str:
    size = FACE_SIZE // len(share.cells)
    grown = share.cells.repeat(size, axis=0).repeat(size, axis=1)
    drawn = heat_map(grown, -limit, limit, "shift", _pixels(picture), SIDE)
    name, own = escape(match.person), float(share.cells.sum())
    source = data_uri(drawn, "WEBP")
    return (
        f'<figure><img src="{source}" alt="Which cells of the enrolled face of {name} speak for the match '
        f'(red) and against it (blue)"><figcaption>{match.rank} {name}<br>{own:+.3f} by cells, '
        f"{share.rest:+.3f} as any face</figcaption></figure>"
    )


def _pixels(picture: bytes | None) -> np.ndarray | None:
    """(128, 128, 3) uint8; None where there is no picture, or none that can be read."""
    if picture is None:
        return None
    try:
        return stored_face(picture, "vis").pixels
    except ImageError:
        return None
