"""One visitor's probe on its way through the workbench: photo → face → occlusion → maps and matches.

A :class:`Bench` is frozen; every step makes a new one, and a step that fails leaves the old one as it was. It is
kept in the visitor's session only.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from app.kit.photo import Choice, Photo
from app.services import Services
from ssn.errors import ImageError, NoFaceError, SSNError
from ssn.faces.occlude import OCCLUSIONS, Occlusion, named_mask, occlude
from ssn.faces.read import Source
from ssn.faces.types import FACE_SIZE, AlignedFace, FaceBox
from ssn.gallery.alike import Reranking, rerank
from ssn.gallery.rerank import SHORTLIST
from ssn.gallery.second_opinion import Opinion
from ssn.gallery.store import Match
from ssn.models.block_maps import BlockMap
from ssn.recognizer import Template

Mode = Occlusion
"""Or ``painted``."""
RANKS = 5


def new_token() -> str:
    return secrets.token_hex(8)


def no_face_chosen() -> NoFaceError:
    return NoFaceError("No face is chosen.", "Choose one of the faces first.")


@dataclass(frozen=True)
class Look:
    """A face, and what the network made of it."""

    face: AlignedFace
    template: Template
    maps: list[BlockMap]


@dataclass(frozen=True)
class Bench:
    """``index`` is the chosen face of the photo, and ``token`` its name towards the brush: strokes of another face
    carry another one. ``before`` is the complete face, ``after`` the face behind ``mask`` (128, 128) bool.

    ``alike`` asks for the gallery's faces behind the same mask; ``reranking`` is what came of it, None where nothing is
    hidden. ``matches`` then stand in the new order with their ordinary scores. ``opinion`` is the second model's."""

    photo: Photo
    choice: Choice = "vis"
    index: int | None = None
    mode: Mode = "none"
    mask: np.ndarray = field(default_factory=lambda: np.zeros((FACE_SIZE, FACE_SIZE), bool))
    painted: np.ndarray | None = None
    before: Look | None = None
    after: Look | None = None
    alike: bool = False
    matches: tuple[Match, ...] = ()
    complete_scores: tuple[float, ...] = ()
    reranking: Reranking | None = None
    opinion: Opinion | None = None
    search_problem: str = ""
    looked_ms: float = 0.0
    token: str = field(default_factory=new_token)

    @property
    def occluded_share(self) -> float:
        """Share of the face's pixels that are hidden, in [0, 1]."""
        return float(self.mask.mean())

    @property
    def looks(self) -> tuple[Look, Look]:
        """The complete face, and the face behind the mask. Raises NoFaceError before one is chosen."""
        if self.before is None or self.after is None:
            raise no_face_chosen()
        return self.before, self.after

    @property
    def simulated_now(self) -> bool:
        """Is what the network sees simulated NIR?"""
        return self.choice != "vis" and (self.photo.simulated or self.choice == "simulate")


def open_photo(
    services: Services, source: Source, choice: Choice, title: str, simulated: bool = False, alike: bool = False
) -> Bench:
    """Read a picture and find its faces; the face that is clearly meant is chosen and looked at.

    Raises the errors of reading, and NoFaceError.
    """
    photo = services.open_photo(source, title, simulated)
    bench = Bench(photo, choice, alike=alike)
    return bench if photo.subject is None else choose(services, bench, photo.subject.index)


def open_face(services: Services, complete: AlignedFace, probe: AlignedFace, occlusion: str, title: str) -> Bench:
    """A face that is aligned already, behind what hides it: a named occlusion, or a cover that is part of the
    picture ``probe``."""
    named = occlusion in OCCLUSIONS
    face = (complete if named else probe).with_(transform=np.eye(2, 3), mask=np.zeros_like(probe.mask))
    box = FaceBox((0, 0, FACE_SIZE - 1, FACE_SIZE - 1), np.zeros((5, 2)), 1.0)
    photo = Photo(face.pixels, 1.0, (box,), (face,), title, simulated=face.spectrum == "nir-simulated")
    bench = choose(services, Bench(photo, "vis" if face.spectrum == "vis" else "nir"), 0)
    return set_mode(services, bench, occlusion) if named and occlusion != "none" else bench


def choose(services: Services, bench: Bench, index: int) -> Bench:
    """Go on with face ``index``, counted from 0. Raises NoFaceError where it is none, or cannot be aligned."""
    bench.photo.usable(index)
    afresh = replace(bench, index=index, before=None, painted=None, mode="none", token=new_token())
    return _look(services, afresh)


def set_choice(services: Services, bench: Bench, choice: Choice) -> Bench:
    """Read the photo as another spectrum; the occlusion stays."""
    bench = replace(bench, choice=choice, before=None)
    return bench if bench.index is None else _look(services, bench)


def set_mode(services: Services, bench: Bench, mode: Mode) -> Bench:
    """A named occlusion, or what was painted last."""
    return _look(services, replace(bench, mode=mode))


def paint(services: Services, bench: Bench, mask: np.ndarray) -> Bench:
    """Hide exactly ``mask`` (128, 128) bool. Raises ImageError for another shape."""
    if mask.shape != (FACE_SIZE, FACE_SIZE):
        raise ImageError(f"The mask is {mask.shape}.", f"It must be {FACE_SIZE}×{FACE_SIZE}.")
    return _look(services, replace(bench, mode="painted", painted=mask))


def set_alike(services: Services, bench: Bench, alike: bool) -> Bench:
    """Also hide the same part of the gallery's faces, or no longer. The maps stay."""
    bench = replace(bench, alike=alike)
    return bench if bench.after is None else search(services, bench)


def _look(services: Services, bench: Bench) -> Bench:
    """Bring everything behind the choice of face, spectrum and occlusion up to date. Raises NoFaceError."""
    if bench.index is None:
        raise no_face_chosen()
    start = time.perf_counter()
    before = bench.before
    with services.looks:
        if before is None:
            face = bench.photo.seen_as(bench.index, bench.choice)
            before = Look(face, *services.recognizer.look(face))
        if bench.mode == "painted":
            mask = np.zeros((FACE_SIZE, FACE_SIZE), bool) if bench.painted is None else bench.painted
        else:
            mask = named_mask(bench.mode, before.face.landmarks)
        after = before
        if mask.any():
            hidden = occlude(before.face, mask)
            after = Look(hidden, *services.recognizer.look(hidden))
    bench = search(services, replace(bench, mask=mask, before=before, after=after))
    return replace(bench, looked_ms=(time.perf_counter() - start) * 1000)


def search(services: Services, bench: Bench) -> Bench:
    """Ask the gallery again, for instance after it changed. A gallery that cannot be compared is told, not raised: the
    maps are good without it."""
    before, after = bench.looks
    reranking = opinion = None
    behind_mask = bench.alike and bool(bench.mask.any())
    try:
        with services.looks:
            thresholds = services.recognizer.card.thresholds
            matches = services.gallery.search(after.template, SHORTLIST if behind_mask else RANKS, thresholds)
            if behind_mask:
                matches, reranking = rerank(services.recognizer, services.gallery, after.face, matches)
                matches = matches[:RANKS]
            complete = [services.gallery.template(match.template_id).similarity(before.template) for match in matches]
            if services.beside is not None:
                opinion = services.beside.ask(after.face, RANKS)
    except SSNError as error:
        bench = replace(bench, matches=(), complete_scores=(), reranking=None, opinion=None)
        return replace(bench, search_problem=str(error))
    bench = replace(bench, matches=tuple(matches), complete_scores=tuple(complete), search_problem="")
    return replace(bench, reranking=reranking, opinion=opinion)


def other_indicators(services: Services, bench: Bench, branch: Literal["nir", "vis"]) -> list[np.ndarray | None]:
    """The four blocks' indicators for ``branch``; its own are at hand, the other spectrum's take one more pass."""
    _, after = bench.looks
    if after.face.branch == branch:
        maps = after.maps
    else:
        with services.looks:
            _, maps = services.recognizer.look(after.face.with_(spectrum=branch))
    return [block.indicator for block in maps]
