"""The files a visitor takes along, by their form."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

import numpy as np

from app.kit.pictures import encode
from app.services import Services
from app.workbench.bench import Bench
from app.workbench.reasons import Reason
from app.workbench.taking import block_figures, reason_figure, report_of
from app.workbench.taking_html import as_page
from app.workbench.taking_pdf import as_pdf
from ssn.answers.search import match_row
from ssn.errors import DataError
from ssn.files import json_text
from ssn.models.block_maps import shift

LARGE = 512
"""Pixels of a side of the pictures that are taken along by themselves."""


@dataclass(frozen=True)
class TakenFile:
    """``kind`` is its media type."""

    name: str
    kind: str
    content: bytes


def file_of(form: str, services: Services, bench: Bench, reason: Reason | None) -> TakenFile:
    """The probe in one of ``taking_html.FORMS``. Raises DataError for another form, NoFaceError before a face is
    chosen, OptionError where what writes it is not installed."""
    report = report_of(services, bench, reason)
    name = re.sub(r"[^\w-]+", "-", bench.photo.title.lower()).strip("-") or "probe"
    if form == "html":
        return TakenFile(f"{name}.html", "text/html", as_page(report).encode())
    if form == "pdf":
        return TakenFile(f"{name}.pdf", "application/pdf", as_pdf(report))
    if form == "png":
        return TakenFile(f"{name}-maps.zip", "application/zip", _pictures(services, bench, reason))
    if form == "npz":
        return TakenFile(f"{name}-maps.npz", "application/octet-stream", _numbers(bench, reason))
    if form == "json":
        return TakenFile(f"{name}-ranking.json", "application/json", json_text(ranking_of(services, bench)).encode())
    raise DataError(f"{form!r} is no form to take along.", "Choose one of the buttons.")


def _pictures(services: Services, bench: Bench, reason: Reason | None) -> bytes:
    named = block_figures(bench, services.recognizer.adaptive, LARGE)
    figures = [(name, figure.picture) for name, figure in named]
    figures += [] if reason is None else [("why", reason_figure(reason, LARGE).picture)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, picture in figures:
            packed.writestr(f"{name}.png", encode(picture, "PNG"))
    return buffer.getvalue()


def _numbers(bench: Bench, reason: Reason | None) -> bytes:
    """``mask`` (128, 128) bool, ``face`` and ``seen`` (128, 128, 3) uint8; of every block its ``response``,
    ``shift`` and, where it has one, ``indicator``, (H, W) float32; ``why`` (128, 128) float32; where it is known
    ``visibility`` of the complete face and ``visibility_seen`` of what the network saw, (128, 128) float32."""
    before, after = bench.looks
    arrays = {"mask": bench.mask, "face": before.face.pixels, "seen": after.face.pixels}
    for now, complete in zip(after.maps, before.maps, strict=True):
        arrays[f"block{now.number}_response"] = now.response
        arrays[f"block{now.number}_shift"] = shift(now, complete)
        if now.indicator is not None:
            arrays[f"block{now.number}_indicator"] = now.indicator
    for name, look in (("visibility", before), ("visibility_seen", after)):
        if look.visibility is not None:
            arrays[name] = look.visibility
    if reason is not None:
        arrays["why"] = reason.found.main_map
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def ranking_of(services: Services, bench: Bench) -> dict:
    """The ranking in the command line's form, with what it depends on. ``score_complete`` is the score of the face with
    nothing hidden, ``score_alike`` that behind the same mask, where the gallery's faces were hidden too."""
    rows = []
    for match, complete in zip(bench.matches, bench.complete_scores, strict=True):
        alike = bench.rescored.get(match.template_id)
        rows.append(match_row(match) | {"score_complete": complete} | ({} if alike is None else {"score_alike": alike}))
    return {
        "photo": bench.photo.title,
        "model": services.recognizer.model_id,
        "spectrum": "vis" if bench.choice == "vis" else "nir-simulated" if bench.simulated_now else "nir",
        "occlusion": bench.mode,
        "hidden": bench.occluded_share,
        "rates": {"match": bench.rates.match, "uncertain": bench.rates.uncertain},
        "thresholds": services.recognizer.card.thresholds,
        "matches": rows,
    }
