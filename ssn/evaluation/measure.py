"""A recogniser on a set of faces → scores and their measures, one row per probe spectrum and occlusion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.distance import cdist

from ssn.data.protocol import Failure
from ssn.errors import DataError
from ssn.evaluation import metrics
from ssn.evaluation.face_set import FaceSet, Progress, plain
from ssn.faces.occlude import OCCLUSIONS, Occlusion, named_mask, occlude
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.rerank import mixed, rescored
from ssn.recognizer import Recognizer, gray_batch, told_masks

RATES = (0.01, 0.001)
RANKS = 5
ACCURACY_FOLDS = 10


@dataclass(frozen=True)
class Row:
    """Measures of one kind of probe, all in [0, 1]; None where there is nothing to measure it on.

    ``accuracy`` is of listed pairs alone: of all against all it would be the base rate. ``thresholds``: cosine scores
    at the FMRs of ``RATES``, from all ``impostors`` comparisons of the row. ``rank`` is empty where the protocol does
    not identify, ``reranked`` where nothing was ranked again.
    """

    probe_spectrum: Spectrum
    occlusion: Occlusion
    auc: float | None
    eer: float | None
    accuracy: float | None
    tpr_at_fpr: dict[str, float | None]
    thresholds: dict[str, float]
    counts: dict[str, int]
    rank: list[float] = field(default_factory=list)
    reranked: list[float] = field(default_factory=list)
    impostors: int = 0

    def flat(self) -> dict:
        """As an ablation keeps it: ``occlusion``, ``rank1`` …, ``auc``, ``eer``, ``tpr_at_0.01`` …,
        ``threshold_at_0.01`` …, ``rerank1`` …; what was not measured is left out."""
        row = {"occlusion": self.occlusion, **{f"rank{i}": share for i, share in enumerate(self.rank, start=1)}}
        row |= {"auc": self.auc, "eer": self.eer}
        row |= {f"tpr_at_{rate}": share for rate, share in self.tpr_at_fpr.items()}
        row |= {f"threshold_at_{rate}": score for rate, score in self.thresholds.items()}
        return row | {f"rerank{i}": share for i, share in enumerate(self.reranked, start=1)}


@dataclass(frozen=True)
class Evaluation:
    """All rows of one model on one protocol. ``failures``: pictures that gave no face; ``precision`` is that of the
    network's numbers."""

    model: str
    protocol: str
    rows: list[Row]
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    precision: str = "float32"


def as_probe(face: AlignedFace, occlusion: Occlusion) -> AlignedFace:
    """A complete face in the spectrum it is shown in → the probe of a row."""
    return occlude(face, named_mask(occlusion, face.landmarks))


def evaluate(
    faces: FaceSet,
    recognizer: Recognizer,
    spectra: tuple[Spectrum, ...] | None = None,
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
    simulate: bool = False,
    progress: Progress = plain,
    fast: bool = False,
) -> Evaluation:
    """Measure a model on a protocol's faces, with the notes of both."""
    spectra = spectra or faces.measured_spectra(simulate)
    rows = measure(recognizer, faces, spectra, occlusions, progress=progress, fast=fast)
    notes = list(faces.notes)
    if "nir-simulated" in spectra and "nir" in spectra:
        notes.append("Rows of simulated NIR are made from VIS probes; those of NIR are real.")
    if faces.unmatched:
        notes.append(f"{faces.unmatched} probes are left out: no picture of their person could be enrolled.")
    precision = "bfloat16" if fast and recognizer.half else "float32"
    return Evaluation(recognizer.model_id, faces.name, rows, tuple(notes), faces.failures, precision)


def measure(
    recognizer: Recognizer,
    faces: FaceSet,
    spectra: tuple[Spectrum, ...] = ("nir-simulated",),
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
    shortlist: int = 0,
    tell: bool = True,
    fast: bool = False,
    progress: Progress = plain,
    batch: int = 16,
) -> list[Row]:
    """One row per spectrum and occlusion. Gallery faces stay VIS and complete, and count with their mirror images.

    ``shortlist``: so many gallery faces are ranked again behind the named mask, each wearing it by its own landmarks
    and embedded once for all probes (0: none). ``tell``: an adaptive network is told the masks. Raises DataError for a
    spectrum that no probe can be shown in.
    """
    embed = _Embedder(recognizer, tell, fast, batch)
    gallery = embed(progress(faces.gallery, "gallery", len(faces.gallery)), enrolled=True)
    hidden = {}
    rows = []
    for spectrum in spectra:
        places = faces.places(spectrum)
        if not len(places):
            raise DataError(f"{faces.name} has no probes in {spectrum}.", "NIR is simulated from VIS photos only.")
        for occlusion in occlusions:
            looks = (as_probe(faces.shown(int(i), spectrum), occlusion) for i in places)
            probes = embed(progress(looks, f"{spectrum} {occlusion}", len(places)))
            compared = _Compared.of(faces, places, probes @ gallery.T)
            again = None
            if shortlist and occlusion != "none" and len(compared.gallery_people):
                if occlusion not in hidden:
                    hidden[occlusion] = mixed(gallery, embed(as_probe(face, occlusion) for face in faces.gallery))
                again = rescored(compared.matrix, compared.identified(probes @ hidden[occlusion].T), shortlist)
            rows.append(_row(spectrum, occlusion, compared, len(faces.failures), again))
    return rows


def measure_descriptors(
    describe: Callable[[AlignedFace], np.ndarray],
    faces: FaceSet,
    spectrum: Spectrum = "nir-simulated",
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
) -> list[Row]:
    """The same rows, without re-ranking and without thresholds, of any ``describe``: a face → its descriptor (D,), of
    which two are the more alike the smaller their Euclidean distance is."""
    gallery = np.stack([describe(face) for face in faces.gallery])
    places = faces.places(spectrum)
    rows = []
    for occlusion in occlusions:
        probes = np.stack([describe(as_probe(faces.shown(int(i), spectrum), occlusion)) for i in places])
        compared = _Compared.of(faces, places, -cdist(probes, gallery))
        rows.append(_row(spectrum, occlusion, compared, len(faces.failures), cosine=False))
    return rows


@dataclass(frozen=True)
class _Embedder:
    """Faces as they come → (N, 256), a batch at a time: all the looks of a data set need not fit in memory."""

    recognizer: Recognizer
    tell: bool
    fast: bool
    batch: int

    def __call__(self, faces: Iterable[AlignedFace], enrolled: bool = False) -> np.ndarray:
        vectors, waiting = [], []
        for face in faces:
            waiting.append(face)
            if len(waiting) == self.batch:
                vectors.append(self._embed(waiting, enrolled))
                waiting = []
        vectors += [self._embed(waiting, enrolled)] if waiting else []
        return np.concatenate(vectors)

    def _embed(self, faces: list[AlignedFace], enrolled: bool) -> np.ndarray:
        told = told_masks(faces) if self.tell and self.recognizer.network.adaptive else None
        branches = [face.branch for face in faces]
        return self.recognizer.embed_gray(gray_batch(faces), branches, told, self.batch, self.fast, enrolled)


@dataclass(frozen=True)
class _Compared:
    """Scores of one kind of probe: ``matrix`` of those who are identified, ``values`` of the pairs and whether they are
    the ``same`` person. ``rows`` are the matrix's among all scores."""

    matrix: np.ndarray
    probe_people: np.ndarray
    gallery_people: np.ndarray
    values: np.ndarray
    same: np.ndarray
    listed: bool
    rows: np.ndarray

    @classmethod
    def of(cls, faces: FaceSet, places: np.ndarray, scores: np.ndarray) -> _Compared:
        """``scores`` (places, gallery), of the probes at ``places``."""
        rows = np.flatnonzero(places < len(faces.probe_people))
        matrix = scores[rows][:, : len(faces.gallery_people)]
        people = faces.probe_people[places[rows]]
        listed = len(faces.pairs) > 0
        if listed:
            row = np.full(len(faces.probes), -1)
            row[places] = np.arange(len(places))
            at = row[faces.pairs[:, 0]]
            inside = at >= 0
            values, same = scores[at[inside], faces.pairs[inside, 1]], faces.same[inside]
        else:
            values, same = matrix.ravel(), (people[:, None] == faces.gallery_people[None, :]).ravel()
        return cls(matrix, people, faces.gallery_people, values, same, listed, rows)

    def identified(self, scores: np.ndarray) -> np.ndarray:
        """The part of other scores (places, gallery) that ``matrix`` is of these."""
        return scores[self.rows][:, : len(self.gallery_people)]

    def strangers(self) -> np.ndarray:
        """Every impostor score: of all against all, and of the pairs."""
        mated = self.probe_people[:, None] == self.gallery_people[None, :]
        listed = self.values[~self.same] if self.listed else self.values[:0]
        return np.concatenate([self.matrix[~mated], listed])


def _row(
    spectrum: Spectrum,
    occlusion: Occlusion,
    compared: _Compared,
    failures: int,
    again: np.ndarray | None = None,
    cosine: bool = True,
) -> Row:
    values, same, strangers = compared.values, compared.same, compared.strangers()
    both = bool(same.any()) and not bool(same.all())
    people = compared.probe_people, compared.gallery_people
    return Row(
        probe_spectrum=spectrum,
        occlusion=occlusion,
        auc=metrics.auc(values, same) if both else None,
        eer=metrics.eer(values, same) if both else None,
        accuracy=_accuracy(values, same) if compared.listed else None,
        tpr_at_fpr={str(rate): metrics.tpr_at_fpr(values, same, rate) if both else None for rate in RATES},
        thresholds={str(rate): metrics.threshold_at_fmr(strangers, rate) for rate in RATES}
        if cosine and len(strangers)
        else {},
        counts={
            "genuine": int(same.sum()),
            "impostor": int((~same).sum()),
            "probes": len(compared.probe_people),
            "gallery": len(compared.gallery_people),
            "no_face": failures,
        },
        rank=metrics.cmc(compared.matrix, *people, RANKS) if compared.matrix.size else [],
        reranked=metrics.cmc(again, *people, RANKS) if again is not None and again.size else [],
        impostors=len(strangers),
    )


def _accuracy(values: np.ndarray, same: np.ndarray) -> float | None:
    """Of pairs enough for every fold to have some, and for all but any fold to have both kinds; None of fewer."""
    kinds = sorted((int(same.sum()), int((~same).sum())))
    enough = kinds[0] >= 2 and kinds[1] >= ACCURACY_FOLDS
    return metrics.cross_validated_accuracy(values, same, ACCURACY_FOLDS) if enough else None
