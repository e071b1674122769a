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

from app.kit.pictures import preview
from app.services import Services
from app.workbench.alike import Reranking, rerank
from ssn.errors import ImageError, NoFaceError, SeveralFacesError, SSNError
from ssn.faces.diagnosis import turned_too_far, why_no_face
from ssn.faces.occlude import Occlusion, named_mask, occlude
from ssn.faces.read import Source, read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.subject import choose_subject
from ssn.faces.types import FACE_SIZE, AlignedFace, FaceBox
from ssn.gallery.exact import Match
from ssn.gallery.rerank import SHORTLIST
from ssn.gallery.second_opinion import Opinion
from ssn.models.block_maps import BlockMap
from ssn.recognizer import Template

Choice = Literal["vis", "nir", "simulate"]
Mode = Occlusion
"""Or ``painted``."""
MOST_FACES = 12
RANKS = 5


@dataclass(frozen=True)
class Look:
    """A face, and what the network made of it."""

    face: AlignedFace
    template: Template
    maps: list[BlockMap]


@dataclass(frozen=True)
class Bench:
    """``photo`` is a preview (h, w, 3) uint8, ``scale`` its size over the original's. ``boxes`` and ``faces`` belong
    together, a face being None where it could not be aligned; ``index`` is the chosen one. ``simulated`` says the photo
    itself is simulated NIR. ``before`` is the complete face, ``after`` the face behind ``mask`` (128, 128) bool.

    ``alike`` asks for the gallery's faces behind the same mask; ``reranking`` is what came of it, None where nothing is
    hidden. ``matches`` then stand in the new order with their ordinary scores. ``opinion`` is the second model's."""

    photo: np.ndarray
    scale: float
    boxes: tuple[FaceBox, ...]
    faces: tuple[AlignedFace | None, ...]
    title: str
    simulated: bool = False
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
    found_ms: float = 0.0
    looked_ms: float = 0.0
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def occluded_share(self) -> float:
        """Share of the face's pixels that are hidden, in [0, 1]."""
        return float(self.mask.mean())

    @property
    def simulated_now(self) -> bool:
        """Is what the network sees simulated NIR?"""
        return self.choice != "vis" and (self.simulated or self.choice == "simulate")


def open_photo(
    services: Services, source: Source, choice: Choice, title: str, simulated: bool = False, alike: bool = False
) -> Bench:
    """Read a picture and find its faces; the face that is clearly meant is chosen and looked at.

    Raises the errors of reading, and NoFaceError.
    """
    start = time.perf_counter()
    image = read_image(source)
    found = services.finder.find(image)
    if not found.faces:
        raise why_no_face(image, services.finder.detector)
    boxes = found.faces[:MOST_FACES]
    faces = tuple(_aligned(services, found.image, box) for box in boxes)
    if not any(faces):
        raise turned_too_far()
    photo, scale = preview(image)
    bench = Bench(photo, scale, boxes, faces, title, simulated, choice, alike=alike)
    bench = replace(bench, found_ms=_ms_since(start))
    try:
        subject = choose_subject(image, boxes)
    except SeveralFacesError:
        return bench
    return bench if faces[subject.index] is None else choose(services, bench, subject.index)


def _aligned(services: Services, image: np.ndarray, box: FaceBox) -> AlignedFace | None:
    try:
        return services.finder.align(image, box)
    except NoFaceError:
        return None


def choose(services: Services, bench: Bench, index: int) -> Bench:
    """Go on with face ``index``, counted from 0. Raises NoFaceError where it is none, or cannot be aligned."""
    if not 0 <= index < len(bench.faces):
        raise NoFaceError(f"There is no face number {index + 1}.", f"The picture shows {len(bench.faces)}.")
    if bench.faces[index] is None:
        raise NoFaceError(f"Face {index + 1} is too small or turned too far to be aligned.", "Choose another one.")
    return _look(services, replace(bench, index=index, before=None, painted=None, mode="none"))


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


def _spectral(bench: Bench) -> AlignedFace:
    face = bench.faces[bench.index]
    if bench.choice == "vis":
        return face
    if bench.simulated:
        return face.with_(spectrum="nir-simulated")
    return simulated_nir_face(face) if bench.choice == "simulate" else face.with_(spectrum="nir")


def _look(services: Services, bench: Bench) -> Bench:
    """Bring everything behind the choice of face, spectrum and occlusion up to date."""
    start = time.perf_counter()
    before = bench.before
    if before is None:
        face = _spectral(bench)
        before = Look(face, *services.recognizer.look(face))
    if bench.mode == "painted":
        mask = np.zeros((FACE_SIZE, FACE_SIZE), bool) if bench.painted is None else bench.painted
    else:
        mask = named_mask(bench.mode, before.face.landmarks)
    after = before
    if mask.any():
        hidden = occlude(before.face, mask)
        after = Look(hidden, *services.recognizer.look(hidden))
    bench = replace(bench, mask=mask, before=before, after=after)
    return replace(search(services, bench), looked_ms=_ms_since(start))


def search(services: Services, bench: Bench) -> Bench:
    """Ask the gallery again, for instance after it changed. A gallery that cannot be compared is told, not raised: the
    maps are good without it."""
    reranking = opinion = None
    behind_mask = bench.alike and bool(bench.mask.any())
    try:
        thresholds = services.recognizer.card.thresholds
        matches = services.gallery.search(bench.after.template, SHORTLIST if behind_mask else RANKS, thresholds)
        if behind_mask:
            matches, reranking = rerank(services, bench.after.face, matches)
            matches = matches[:RANKS]
        complete = [services.gallery.template(match.template_id).similarity(bench.before.template) for match in matches]
        if services.beside is not None:
            opinion = services.beside.ask(bench.after.face, RANKS)
    except SSNError as error:
        nothing = {"matches": (), "complete_scores": (), "reranking": None, "opinion": None}
        return replace(bench, search_problem=str(error), **nothing)
    found = {"matches": tuple(matches), "complete_scores": tuple(complete), "reranking": reranking, "opinion": opinion}
    return replace(bench, search_problem="", **found)


def other_indicators(services: Services, bench: Bench, branch: Literal["nir", "vis"]) -> list[np.ndarray | None]:
    """The four blocks' indicators for ``branch``; its own are at hand, the other spectrum's take one more pass."""
    if bench.after.face.branch == branch:
        maps = bench.after.maps
    else:
        _, maps = services.recognizer.look(bench.after.face.with_(spectrum=branch))
    return [one.indicator for one in maps]


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
