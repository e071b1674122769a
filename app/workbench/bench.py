"""One visitor's probe on its way through the workbench: photo → face → occlusion → maps and matches.

A :class:`Bench` is frozen; every step makes a new one, and a step that fails leaves the old one as it was. It is
kept in the visitor's session only.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from app.kit.demo_people import DemoProbe
from app.kit.photo import Choice, Photo
from app.services import Services
from app.workbench.crowd import Crowd, named, recognise_everybody
from app.workbench.look import PAINTED, Look, Mode, behind, mask_of, visibility_of
from ssn.errors import DataError, ImageError, NoFaceError, SSNError
from ssn.faces.occlude import OCCLUSIONS, occlude
from ssn.faces.read import Source
from ssn.faces.types import FACE_SIZE, AlignedFace, FaceBox
from ssn.gallery.again import while_templates_go
from ssn.gallery.alike import Reranking, rerank
from ssn.gallery.like_with_like import CellSearch
from ssn.gallery.rerank import SHORTLIST
from ssn.gallery.search_verdict import SearchJudges, judges_of
from ssn.gallery.second_opinion import Opinion
from ssn.gallery.store import Match
from ssn.gallery.verdict import SearchRates

RANKS = 5
MOST_RANKS = 20
SCORES = 200
"""People whose scores the picture of strangers' scores shows besides."""


def new_token() -> str:
    return secrets.token_hex(8)


def no_face_chosen() -> NoFaceError:
    return NoFaceError("No face is chosen.", "Choose one of the faces first.")


@dataclass(frozen=True)
class Bench:
    """``index`` is the chosen face of the photo, and ``token`` its name towards the brush: strokes of another face
    carry another one. ``before`` is the complete face, ``after`` the face behind ``mask`` (128, 128) bool.

    ``alike`` asks for the gallery's faces behind the same mask; ``reranking`` is what came of it, None where nothing is
    hidden. ``matches`` then stand in the new order with their ordinary scores. ``by_cells`` asks for the same of
    everybody enrolled, by the cells both faces show, and ``cells`` is what came of that. ``opinion`` is the second
    model's.

    ``judges`` say what the scores mean at ``rates``, None where the model has no cohort; ``enrolled_scores`` are the
    ordinary ones of the best ``SCORES`` people. ``ranks`` is how many people are wanted."""

    photo: Photo
    choice: Choice = "vis"
    index: int | None = None
    mode: Mode = "none"
    mask: np.ndarray = field(default_factory=lambda: np.zeros((FACE_SIZE, FACE_SIZE), bool))
    painted: np.ndarray | None = None
    before: Look | None = None
    after: Look | None = None
    alike: bool = False
    by_cells: bool = False
    matches: tuple[Match, ...] = ()
    complete_scores: tuple[float, ...] = ()
    reranking: Reranking | None = None
    cells: CellSearch | None = None
    opinion: Opinion | None = None
    search_problem: str = ""
    looked_ms: float = 0.0
    token: str = field(default_factory=new_token)
    rates: SearchRates = field(default_factory=SearchRates)
    judges: SearchJudges | None = None
    enrolled_scores: tuple[float, ...] = ()
    example: str = ""
    """The name of the example it began with; empty for a visitor's own photo."""
    ranks: int = RANKS
    crowd: Crowd | None = None
    """Everybody in the photo, where it shows several faces."""

    @property
    def rescored(self) -> Mapping[int, float]:
        """Scores like with like by template id, where there are any."""
        return {} if self.reranking is None else self.reranking.scores

    @property
    def searched_rates(self) -> bool:
        """Do the verdicts belong to this search, and to the scores shown?"""
        return self.judges is not None and (not self.rescored or self.judges.alike is not None)

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
    services: Services,
    source: Source,
    choice: Choice,
    title: str,
    simulated: bool = False,
    alike: bool = False,
    like: Bench | None = None,
    page: int | None = None,
) -> Bench:
    """Read a picture and find its faces; all of them are recognised, and the one that is clearly meant, or else the
    largest, is chosen and looked at. What the visitor wished of the bench ``like`` stays from probe to probe: what is
    hidden, whether alike, how many people are ranked and at which rates.

    Raises the errors of reading, and NoFaceError.
    """
    photo = services.open_photo(source, title, simulated, page)
    by_cells = services.like_with_like is not None and not alike
    bench = Bench(photo, choice, alike=alike, by_cells=by_cells, crowd=recognise_everybody(services, photo, choice))
    if like is not None:
        wished = replace(bench, alike=like.alike, by_cells=like.by_cells, rates=like.rates, ranks=like.ranks)
        bench = replace(wished, mode=like.mode, painted=like.painted)
    return choose(services, bench, photo.largest if photo.subject is None else photo.subject.index)


def open_face(services: Services, complete: AlignedFace, probe: AlignedFace, occlusion: str, title: str) -> Bench:
    """A face that is aligned already, behind what hides it: a named occlusion, or a cover that is part of the
    picture ``probe``. By the ordinary score, which is what was measured of it."""
    named = occlusion in OCCLUSIONS
    face = (complete if named else probe).with_(transform=np.eye(2, 3), mask=np.zeros_like(probe.mask))
    box = FaceBox((0, 0, FACE_SIZE - 1, FACE_SIZE - 1), np.zeros((5, 2)), 1.0)
    photo = Photo(face.pixels, 1.0, (box,), (face,), title, simulated=face.spectrum == "nir-simulated")
    bench = choose(services, Bench(photo, "vis" if face.spectrum == "vis" else "nir"), 0)
    return set_mode(services, bench, occlusion) if named and occlusion != "none" else bench


def open_example(services: Services, probe: DemoProbe, like: Bench | None = None) -> Bench:
    """One of the demo set's probes, in the light it was drawn in. As :func:`open_photo`."""
    choice: Choice = "vis" if probe.spectrum == "vis" else "nir"
    simulated = probe.spectrum == "nir-simulated"
    opened = open_photo(services, probe.path, choice, probe.person, simulated, like=like)
    return replace(opened, example=probe.path.stem)


def choose(services: Services, bench: Bench, index: int) -> Bench:
    """Go on with face ``index``, counted from 0, behind the same mask: that part of this face, or what was painted.
    Raises NoFaceError where it is none, or cannot be aligned."""
    bench.photo.usable(index)
    return _look(services, replace(bench, index=index, before=None, token=new_token()))


def set_choice(services: Services, bench: Bench, choice: Choice) -> Bench:
    """Read the photo as another spectrum; the occlusion stays."""
    bench = replace(bench, choice=choice, before=None, crowd=recognise_everybody(services, bench.photo, choice))
    return bench if bench.index is None else _look(services, bench)


def set_mode(services: Services, bench: Bench, mode: Mode) -> Bench:
    """A named occlusion, what is found to hide the face, or what was painted last."""
    return _look(services, replace(bench, mode=mode))


def paint(services: Services, bench: Bench, mask: np.ndarray) -> Bench:
    """Hide exactly ``mask`` (128, 128) bool. Raises ImageError for another shape."""
    if mask.shape != (FACE_SIZE, FACE_SIZE):
        raise ImageError(f"The mask is {mask.shape}.", f"It must be {FACE_SIZE}×{FACE_SIZE}.")
    return _look(services, replace(bench, mode=PAINTED, painted=mask))


def set_alike(services: Services, bench: Bench, alike: bool) -> Bench:
    """Also hide the same part of the gallery's faces, or no longer. The maps stay."""
    bench = replace(bench, alike=alike, by_cells=bench.by_cells and not alike)
    return bench if bench.after is None else search(services, bench)


def set_by_cells(services: Services, bench: Bench, by_cells: bool) -> Bench:
    """Compare everybody by what both faces show, in place of re-ranking, or no longer. The maps stay."""
    bench = replace(bench, by_cells=by_cells, alike=bench.alike and not by_cells)
    return bench if bench.after is None else search(services, bench)


def set_ranks(services: Services, bench: Bench, ranks: int) -> Bench:
    """Rank so many people, 1 to ``MOST_RANKS``. Raises DataError for another number."""
    if not 1 <= ranks <= MOST_RANKS:
        raise DataError(f"{ranks} people cannot be ranked.", f"Choose 1 to {MOST_RANKS}.")
    bench = replace(bench, ranks=ranks)
    return bench if bench.after is None else search(services, bench)


def set_rate(services: Services, bench: Bench, match: float) -> Bench:
    """Another share of strangers' searches may end in a match, in (0, 0.5]: other verdicts of the same scores. Raises
    DataError for a rate outside, GalleryError."""
    bench = replace(bench, rates=SearchRates.around(match))
    if bench.after is None or bench.search_problem:
        return bench
    crowd = None if bench.crowd is None else named(services, bench.crowd, bench.rates)
    return _judged(services, replace(bench, crowd=crowd))


def _look(services: Services, bench: Bench) -> Bench:
    """Bring everything behind the choice of face, spectrum and occlusion up to date."""
    if bench.index is None:
        raise no_face_chosen()
    start = time.perf_counter()
    before = bench.before
    with services.looks:
        face = bench.photo.seen_as(bench.index, bench.choice) if before is None else before.face
        seen = visibility_of(services, face) if before is None else before.visibility
        mask = mask_of(bench.mode, bench.painted, face, seen)
        wanted = ([face] if before is None else []) + ([occlude(face, mask)] if mask.any() else [])
        looks = [
            Look(one, *answer, seen if one is face else behind(seen, mask))
            for one, answer in zip(wanted, services.recognizer.looks(wanted), strict=True)
        ]
        before = before or looks[0]
        after = looks[-1] if mask.any() else before
    bench = search(services, replace(bench, mask=mask, before=before, after=after))
    return replace(bench, looked_ms=(time.perf_counter() - start) * 1000)


def search(services: Services, bench: Bench) -> Bench:
    """Ask the gallery again, for instance after it changed. A gallery that cannot be compared is told, not raised: the
    maps are good without it."""
    before, after = bench.looks
    try:
        with services.looks:
            return while_templates_go(lambda: _searched(services, bench, before, after))
    except SSNError as error:
        nothing = replace(bench, matches=(), complete_scores=(), enrolled_scores=(), reranking=None, opinion=None)
        crowd = None if bench.crowd is None else replace(bench.crowd, best={})
        return replace(nothing, cells=None, judges=None, crowd=crowd, search_problem=str(error))


def _searched(services: Services, bench: Bench, before: Look, after: Look) -> Bench:
    """Matches, their scores without the occlusion, the second model's opinion, and the verdicts."""
    thresholds = services.recognizer.card.thresholds
    gallery, behind_mask = services.gallery, bench.alike and bool(bench.mask.any())
    shortlist = SHORTLIST if behind_mask else bench.ranks
    everybody = gallery.search(after.template, max(shortlist, 0 if services.cohort is None else SCORES), thresholds)
    matches, reranking = everybody[:shortlist], None
    if behind_mask:
        matches, reranking = rerank(services.recognizer, gallery, after.face, matches)
        matches = matches[: bench.ranks]
    if cells := services.search_by_cells(after.face, bench.ranks, after.template) if bench.by_cells else None:
        matches, reranking = list(cells.matches), cells.reranking
    found = replace(
        bench,
        matches=tuple(matches),
        complete_scores=tuple(gallery.template(match.template_id).similarity(before.template) for match in matches),
        enrolled_scores=tuple(match.score for match in everybody),
        reranking=reranking,
        cells=cells,
        crowd=None if bench.crowd is None else named(services, bench.crowd, bench.rates),
        opinion=None if services.beside is None else services.beside.ask(after.face, bench.ranks),
        search_problem="",
    )
    return _judged(services, found)


def _judged(services: Services, bench: Bench) -> Bench:
    """The verdicts of this search, where the model has a cohort; else the thresholds' stay."""
    if bench.after is None:
        return bench
    probe, alike = bench.after, bool(bench.rescored)
    seen = None if bench.cells is None else bench.cells.seen
    covered = 0.0 if bench.before is None else bench.before.covered_besides(bench.mask)
    judges = judges_of(services.cohort, probe.face, probe.template, services.gallery, bench.rates, alike, seen, covered)
    if judges is None:
        return replace(bench, judges=None)
    return replace(bench, judges=judges, matches=tuple(judges.judged(bench.matches, bench.rescored)))
