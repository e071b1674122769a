"""The parts of a gallery's faces in memory, in step with the gallery: what is new comes from its file, or is made from
the stored picture and kept there; what is deleted is overwritten."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor

from ssn.errors import GalleryError, ImageError
from ssn.faces.types import AlignedFace, Branch
from ssn.gallery.cell_score import CellScorer
from ssn.gallery.parts import FaceParts, KeepsParts, enrolled_parts, packed_size, unpacked
from ssn.gallery.store import Enrolled, GalleryStore
from ssn.models.cells import CELLS

BATCH = 32
"""Faces read, or made from pictures, at a time."""


def read_parts(scorer: CellScorer, gallery: GalleryStore, templates: Sequence[int]) -> dict[int, bytes]:
    """Parts by template id: the gallery's, or made from the pictures and kept, where it keeps any. Those without a
    readable picture are missing. Raises GalleryError."""
    size = packed_size(scorer.layer)
    keeps = gallery if isinstance(gallery, KeepsParts) else None
    known = {} if keeps is None else keeps.parts_of(templates)
    found = {number: packed for number, packed in known.items() if len(packed) == size}
    faces = {number: _picture(gallery, number) for number in templates if number not in found}
    usable = {number: face for number, face in faces.items() if face is not None}
    if usable:
        _, parts = enrolled_parts(scorer.recognizer, list(usable.values()))
        made = dict(zip(usable, parts.packed(), strict=True))
        found |= made
        if keeps is not None:
            with contextlib.suppress(GalleryError):  # one that can only be read: they stay in memory
                keeps.keep_parts(made)
    return found


def _picture(gallery: GalleryStore, template: int) -> AlignedFace | None:
    try:
        return gallery.stored_face(template)
    except ImageError:
        return None  # as good as none, and counted as such


class HeldParts:
    """Of the templates of one gallery. Not safe to share between threads: its owner's lock guards it."""

    def __init__(self, scorer: CellScorer, gallery: GalleryStore):
        self.scorer, self.gallery = scorer, gallery
        layer = scorer.layer
        self._cells = torch.zeros((0, layer.views, CELLS, len(layer.bias)), dtype=torch.float16, device=scorer.device)
        self._scales = torch.zeros((0, layer.views), device=scorer.device)
        self._whole = torch.zeros((0, scorer.recognizer.network.width), device=scorer.device)
        self._seen: list[Enrolled] = []
        self._without: set[int] = set()
        self.rows: list[Enrolled] = []
        """Whose parts they are, in order."""

    @property
    def parts(self) -> FaceParts:
        """In the order of ``rows``."""
        return FaceParts(self._cells[: len(self.rows)], self._scales[: len(self.rows)])

    @property
    def whole(self) -> Tensor:
        """The templates (N, E) the parts add up to."""
        return self._whole[: len(self.rows)]

    def catch_up(self, roster: list[Enrolled], most: int | None = None) -> int:
        """Hold what the gallery has now, or at most so many more than before → how many are left for another time.
        Raises GalleryError."""
        if roster == self._seen:
            return 0
        self.forget_all_but(roster)
        there = {row.template_id for row in self.rows} | self._without
        new = [row for row in roster if row.template_id not in there]
        self._reserve(len(new))
        coming = new[:most]
        for start in range(0, len(coming), BATCH):
            self._add(coming[start : start + BATCH])
        left = len(new) - len(coming)
        self._seen = [] if left else list(roster)
        return left

    def forget_all_but(self, roster: list[Enrolled]) -> None:
        """Overwrite what is not in the gallery any more; and note whose the others are now."""
        self._seen = []
        now = {row.template_id: row for row in roster}
        self._without &= now.keys()
        for place in reversed(range(len(self.rows))):
            if self.rows[place].template_id in now:
                self.rows[place] = now[self.rows[place].template_id]
                continue
            last = len(self.rows) - 1
            for numbers in (self._cells, self._scales, self._whole):
                numbers[place] = numbers[last]
                numbers[last] = 0
            self.rows[place] = self.rows[last]
            self.rows.pop()

    def _reserve(self, count: int) -> None:
        needed = len(self.rows) + count
        if needed > len(self._cells):
            room = needed + needed // 8
            self._cells, self._scales, self._whole = (
                torch.cat([old[: len(self.rows)], old.new_zeros((room - len(self.rows), *old.shape[1:]))])
                for old in (self._cells, self._scales, self._whole)
            )

    def _add(self, new: list[Enrolled]) -> None:
        found = read_parts(self.scorer, self.gallery, [row.template_id for row in new])
        usable = [row for row in new if row.template_id in found]
        self._without |= {row.template_id for row in new} - found.keys()
        if usable:
            parts = unpacked([found[row.template_id] for row in usable], self.scorer.layer)
            places = slice(len(self.rows), len(self.rows) + len(usable))
            self._cells[places] = parts.cells.to(self._cells.device)
            self._scales[places] = parts.scales.to(self._scales.device)
            self._whole[places] = self.scorer.seen(parts, [branch_of(row) for row in usable])
            self.rows += usable


def branch_of(row: Enrolled) -> Branch:
    """Whose mean face fills what is not seen of it."""
    return "vis" if row.spectrum == "vis" else "nir"


def gathered(
    scorer: CellScorer, gallery: GalleryStore, rows: list[Enrolled]
) -> tuple[list[Enrolled], FaceParts, Tensor]:
    """Of a part of a gallery too large to hold: those of ``rows`` that have parts, their parts, and the templates these
    add up to. Raises GalleryError."""
    found: dict[int, bytes] = {}
    for start in range(0, len(rows), BATCH):
        found |= read_parts(scorer, gallery, [row.template_id for row in rows[start : start + BATCH]])
    usable = [row for row in rows if row.template_id in found]
    parts = unpacked([found[row.template_id] for row in usable], scorer.layer)
    return usable, parts, scorer.seen(parts, [branch_of(row) for row in usable])
