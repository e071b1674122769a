"""A recogniser on a set of faces → scores and their measures, one row per probe spectrum and occlusion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ssn.data.protocol import Failure
from ssn.errors import DataError
from ssn.evaluation import metrics
from ssn.evaluation.face_set import FaceSet, Progress, plain
from ssn.evaluation.matcher import NetworkMatcher
from ssn.evaluation.probes import as_probe
from ssn.evaluation.scores import Comparisons, ScoreRow
from ssn.faces.occlude import OCCLUSIONS, Occlusion
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.rerank import mixed, rescored
from ssn.recognizer import Recognizer

RATES = (0.01, 0.001)
RANKS = 5
ACCURACY_FOLDS = 10


@dataclass(frozen=True)
class Row:
    """Measures of one kind of probe, all in [0, 1]; None where there is nothing to measure it on.

    ``accuracy`` is of listed pairs alone: of all against all it would be the base rate. ``thresholds``: cosine scores
    at the FMRs of ``RATES``, from all ``impostors`` comparisons of the row. ``rank`` is empty where the protocol does
    not identify, ``reranked`` where nothing was ranked again. ``open_set``, where there is one: FNIR by FPIR,
    and how many searches for ``strangers`` and for ``enrolled`` people it is from. ``hits`` (P,) bool: the probes whose
    person is at rank 1.
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
    open_set: dict[str, float] = field(default_factory=dict)
    hits: tuple[bool, ...] = ()

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
    embed = NetworkMatcher(recognizer, tell, fast, batch).describe
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
            filed = score_row(faces, spectrum, occlusion, places, probes @ gallery.T)
            again = None
            if shortlist and occlusion != "none" and len(faces.gallery_people):
                if occlusion not in hidden:
                    hidden[occlusion] = mixed(gallery, embed(as_probe(face, occlusion) for face in faces.gallery))
                behind = score_row(faces, spectrum, occlusion, places, probes @ hidden[occlusion].T)
                again = rescored(filed.matrix, behind.matrix, shortlist)
            rows.append(_row(spectrum, occlusion, _Compared.of(faces, places, filed), len(faces.failures), again))
    return rows


def measure_descriptors(
    describe: Callable[[AlignedFace], np.ndarray],
    faces: FaceSet,
    spectrum: Spectrum = "nir-simulated",
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
) -> list[Row]:
    """The same rows, without re-ranking and without thresholds, of any ``describe``: a face → its descriptor (D,), of
    which two are the more alike the smaller their Euclidean distance is."""
    from scipy.spatial.distance import cdist  # slow to import, and needed here only

    gallery = np.stack([describe(face) for face in faces.gallery])
    places = faces.places(spectrum)
    rows = []
    for occlusion in occlusions:
        probes = np.stack([describe(as_probe(faces.shown(int(i), spectrum), occlusion)) for i in places])
        filed = score_row(faces, spectrum, occlusion, places, -cdist(probes, gallery))
        rows.append(_row(spectrum, occlusion, _Compared.of(faces, places, filed), len(faces.failures), cosine=False))
    return rows


def score_row(
    faces: FaceSet, spectrum: Spectrum, occlusion: Occlusion, places: np.ndarray, scores: np.ndarray
) -> ScoreRow:
    """Scores (places, gallery) of the probes at ``places`` → what is filed of them."""
    rows = np.flatnonzero(places < len(faces.probe_people))
    row = np.full(len(faces.probes), -1)
    row[places] = np.arange(len(places))
    pairs = faces.pairs[row[faces.pairs[:, 0]] >= 0] if len(faces.pairs) else np.zeros((0, 2), int)
    return ScoreRow(
        spectrum,
        occlusion,
        matrix=scores[rows][:, : len(faces.gallery_people)],
        searched=places[rows],
        pair_scores=scores[row[pairs[:, 0]], pairs[:, 1]],
        pairs=pairs,
    )


def row_of(scores: ScoreRow, who: Comparisons, failures: int = 0, cosine: bool = True) -> Row:
    """What is filed of one kind of probe → its measures. ``failures``: pictures that gave no face; without ``cosine``
    there are no thresholds."""
    spectrum = cast(Spectrum, scores.spectrum)
    return _row(spectrum, scores.occlusion, _Compared.stored(scores, who), failures, cosine=cosine)


@dataclass(frozen=True)
class _Compared:
    """Scores of one kind of probe: ``matrix`` of those who are identified, ``values`` of the pairs and whether they are
    the ``same`` person; ``listed`` says that there are lists of pairs, else all are compared with all."""

    matrix: np.ndarray
    probe_people: np.ndarray
    gallery_people: np.ndarray
    values: np.ndarray
    same: np.ndarray
    listed: bool

    @classmethod
    def of(cls, faces: FaceSet, places: np.ndarray, row: ScoreRow) -> _Compared:
        """The row of the probes at ``places``. The set need not say whose all pictures of its pairs are."""
        people, enrolled = faces.probe_people[row.searched], faces.gallery_people
        listed = len(faces.pairs) > 0
        if listed:
            values, same = row.pair_scores, faces.same[np.isin(faces.pairs[:, 0], places)]
        else:
            values, same = row.matrix.ravel(), (people[:, None] == enrolled[None, :]).ravel()
        return cls(row.matrix, people, enrolled, values, same, listed)

    @classmethod
    def stored(cls, row: ScoreRow, who: Comparisons) -> _Compared:
        """What is filed of a row."""
        matrix, probes, gallery = row.identification(who)
        pairs = row.verification(who)
        return cls(matrix, probes, gallery, pairs.scores, pairs.same, len(row.pairs) > 0)

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
        hits=tuple((metrics.mate_ranks(compared.matrix, *people) == 1).tolist()) if compared.matrix.size else (),
    )


def _accuracy(values: np.ndarray, same: np.ndarray) -> float | None:
    """Of pairs enough for every fold to have some, and for all but any fold to have both kinds; None of fewer."""
    kinds = sorted((int(same.sum()), int((~same).sum())))
    enough = kinds[0] >= 2 and kinds[1] >= ACCURACY_FOLDS
    return metrics.cross_validated_accuracy(values, same, ACCURACY_FOLDS) if enough else None
