"""What the page's address says: which example, what is hidden, and how it is looked at. Never a photo. An address that
is opened again brings the same back."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import gradio as gr
import numpy as np
from gradio.blocks import Block

from app.kit.components import unseen
from app.kit.demo_people import DemoProbe, DemoSet
from app.kit.events import PRIVATE, Update
from app.services import Services
from app.workbench import bench as steps
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.look import FOUND, PAINTED
from ssn.errors import DataError
from ssn.explanation.methods.registry import METHODS
from ssn.faces.occlude import OCCLUSIONS
from ssn.faces.types import FACE_SIZE
from ssn.gallery.verdict import SearchRates

OLD = "The address of this page is not of today: "
ON, OFF = "1", "0"
MASK_BYTES = FACE_SIZE**2 // 8
WORDS = {"example", "mode", "mask", "alike", "cells", "ranks", "rate", "method", "contrast", "overlay"}
"""What the server reads of an address."""
TELL = (
    "(method, contrast, overlay) => "
    "document.dispatchEvent(new CustomEvent('ssn-view', {detail: {method, contrast, overlay}}))"
)
"""Choices that ask the server for nothing are written into the address by the page alone."""


@dataclass(frozen=True)
class Wish:
    """What an address asks for; None where it says nothing of it. ``rate`` is a share in (0, 0.5]; ``mask`` what was
    painted, in the words of :func:`mask_word`."""

    example: DemoProbe | None = None
    mode: str = "none"
    mask: str = ""
    alike: bool = False
    cells: bool | None = None
    ranks: int | None = None
    rate: float | None = None
    method: str | None = None
    contrast: bool | None = None
    overlay: bool | None = None


def example_name(probe: DemoProbe) -> str:
    """``ada-nir-1``: the name of an example's file."""
    return probe.path.stem


def read_address(query: Mapping[str, str], demo: DemoSet) -> Wish:
    """The query of an address → what it asks for. Raises DataError for what this page does not have."""
    example = None
    if "example" in query:
        example = next((probe for probe in demo.probes if example_name(probe) == query["example"]), None)
        if example is None:
            raise DataError(f"{OLD}there is no such example.", "Choose one below.")
    mode, method = query.get("mode", "none"), query.get("method")
    if mode not in (*OCCLUSIONS, FOUND, PAINTED):
        raise DataError(f"{OLD}there is no such occlusion.", f"There are {', '.join((*OCCLUSIONS, FOUND, PAINTED))}.")
    mask = query.get("mask", "") if mode == PAINTED else ""
    read_mask(mask)
    if method is not None and method not in METHODS:
        raise DataError(f"{OLD}there is no such method.", f"There are {', '.join(METHODS)}.")
    flags = {name: _flag(query, name) for name in ("alike", "cells", "contrast", "overlay")}
    return Wish(
        example,
        mode,
        mask,
        alike=bool(flags["alike"]),
        cells=False if flags["alike"] else flags["cells"],
        ranks=_ranks(query),
        rate=_rate(query),
        method=method,
        contrast=flags["contrast"],
        overlay=flags["overlay"],
    )


def mask_word(mask: np.ndarray) -> str:
    """What is painted, (128, 128) bool, as a word of an address; empty for nothing. It says where, not what of."""
    if not mask.any():
        return ""
    return base64.urlsafe_b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode().rstrip("=")


def read_mask(word: str) -> np.ndarray:
    """The inverse of :func:`mask_word`. Raises DataError for anything else."""
    if not word:
        return np.zeros((FACE_SIZE, FACE_SIZE), bool)
    damaged = DataError(f"{OLD}what was painted is damaged.", "Paint again.")
    try:
        packed = base64.b64decode(word + "=" * (-len(word) % 4), b"-_", validate=True)
        bits = zlib.decompressobj().decompress(packed, MASK_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise damaged from error
    if len(bits) != MASK_BYTES:
        raise damaged
    return np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(FACE_SIZE, FACE_SIZE).astype(bool)


def _ranks(query: Mapping[str, str]) -> int | None:
    """Raises DataError."""
    if "ranks" not in query:
        return None
    ranks = query["ranks"]
    if not (ranks.isascii() and ranks.isdigit() and 1 <= int(ranks[:4]) <= steps.MOST_RANKS):
        raise DataError(f"{OLD}so many people cannot be ranked.", f"Choose 1 to {steps.MOST_RANKS}.")
    return int(ranks)


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    """Raises DataError."""
    if name not in query:
        return None
    if query[name] not in (ON, OFF):
        raise DataError(f"{OLD}{name} is neither {ON} nor {OFF}.", "Leave it out.")
    return query[name] == ON


def _rate(query: Mapping[str, str]) -> float | None:
    """Raises DataError."""
    if "rate" not in query:
        return None
    try:
        return SearchRates.around(float(query["rate"])).match
    except ValueError as error:
        raise DataError(f"{OLD}the rate is no number.", "Leave it out.") from error


def written(bench: Bench, able: bool = False) -> dict[str, str]:
    """What the address says of a bench; an empty text takes a word out of it. ``able`` says that everybody can be
    compared by cells, which is then so unless it is said."""
    shown = bench.mode if bench.example else "none"
    return {
        "example": bench.example,
        "mode": "" if shown == "none" else shown,
        "mask": mask_word(bench.mask) if shown == PAINTED else "",
        "alike": ON if bench.alike and bench.example else "",
        "cells": OFF if able and bench.example and not bench.by_cells and not bench.alike else "",
        "ranks": "" if bench.ranks == steps.RANKS else str(bench.ranks),
        "rate": "" if bench.rates == SearchRates() else f"{bench.rates.match:g}",
    }


def wished(services: Services, wish: Wish, before: Bench | None) -> Bench | None:
    """The bench an address asks for. Raises the errors of reading."""
    if wish.example is None:
        return before
    bench = steps.open_example(services, wish.example)
    if wish.rate is not None:
        bench = replace(bench, rates=SearchRates.around(wish.rate))
    by_cells = bench.by_cells if wish.cells is None else wish.cells and services.like_with_like is not None
    bench = replace(bench, alike=wish.alike, by_cells=by_cells, ranks=wish.ranks or bench.ranks)
    return steps.set_mode(services, replace(bench, painted=read_mask(wish.mask)), wish.mode)


class AddressPanel:
    """It is not seen; laid out where it is made."""

    def __init__(self, services: Services):
        self.services = services
        self.text = unseen("address", "address.js")

    @property
    def outputs(self) -> list[Block]:
        return [self.text]

    def renew(self, bench: Bench, branch: str, overlay: bool) -> Update:
        return {self.text: json.dumps(written(bench, self.services.like_with_like is not None))}

    def connect(self, desk: Desk) -> None:
        self.desk = desk
        method, contrast = desk.why.asked
        overlay = desk.blocks.overlay
        outputs = [*(output for panel in desk.everything for output in panel.outputs), method, contrast, overlay]
        gr.on(None, self.on_open, None, outputs, **PRIVATE)
        for choice in (method, contrast, overlay):
            gr.on(choice.input, None, [method, contrast, overlay], None, js=TELL)

    def on_open(self, request: gr.Request) -> Update:
        """The page is opened: with an address that asks for something, or without."""
        query = {key: request.query_params[key] for key in request.query_params}
        method, contrast = self.desk.why.asked
        overlay, wish = self.desk.blocks.overlay, Wish()

        def step(bench: Bench | None) -> Bench | None:
            nonlocal wish
            wish = read_address(query, self.services.demo)
            return wished(self.services, wish, bench)

        if not query.keys() & WORDS:
            return gr.skip()
        shown = self.desk.take(request, step, query.get("overlay") != OFF)
        said = {method: wish.method, contrast: wish.contrast, overlay: wish.overlay}
        return shown | {component: value for component, value in said.items() if value is not None}
