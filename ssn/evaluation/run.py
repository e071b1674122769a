"""A protocol and a recognizer → scores and their measures, one row per probe spectrum and occlusion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.evaluation import metrics
from ssn.faces.align import align
from ssn.faces.finder import shared_finder
from ssn.faces.occlude import OCCLUSIONS, Occlusion, named_mask, occlude
from ssn.faces.read import read_image
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import AlignedFace, Spectrum
from ssn.recognizer import Recognizer

log = logging.getLogger(__name__)

RATES = (0.01, 0.001)
Progress = Callable[[Iterable, str, int], Iterable]


@dataclass(frozen=True)
class Row:
    """Measures of one kind of probe, all in [0, 1]. ``thresholds``: cosine scores at the FMRs of ``RATES``, from all
    impostor comparisons of the row. ``rank`` is empty where the protocol does not identify."""

    probe_spectrum: Spectrum
    occlusion: Occlusion
    auc: float
    eer: float
    accuracy: float
    tpr_at_fpr: dict[str, float]
    thresholds: dict[str, float]
    counts: dict[str, int]
    rank: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluation:
    """All rows of one model on one protocol."""

    model: str
    protocol: str
    rows: list[Row]
    notes: tuple[str, ...] = ()


def _plain(items: Iterable, _what: str, _total: int) -> Iterable:
    return items


def align_samples(
    samples: list[Sample], recognizer: Recognizer, progress: Progress = _plain
) -> dict[Sample, AlignedFace]:
    """Samples → their aligned faces, complete and in their own spectrum; those without a face are left out."""
    faces = {}
    for sample in progress(samples, "faces", len(samples)):
        image = read_image(sample.image() if callable(sample.image) else sample.image)
        landmarks = sample.landmarks
        if landmarks is None:
            landmarks = shared_finder(recognizer.device).central_landmarks(image)
            if landmarks is None:
                continue
        faces[sample] = align(image, landmarks, sample.spectrum)
    return faces


def as_probe(face: AlignedFace, spectrum: Spectrum, occlusion: Occlusion) -> AlignedFace:
    """A complete face → the probe of a row: spectrum first, occlusion on top."""
    if spectrum == "nir-simulated" and face.spectrum == "vis":
        face = simulated_nir_face(face)
    return occlude(face, named_mask(occlusion, face.landmarks))


def probe_spectra(protocol: Protocol) -> tuple[Spectrum, ...]:
    """VIS probes are measured as they are and as simulated NIR; others as they are."""
    probes = protocol.probes or [pair[0] for pair in protocol.pairs]
    own = probes[0].spectrum if probes else "vis"
    return ("vis", "nir-simulated") if own == "vis" else (own,)


def evaluate(
    protocol: Protocol,
    recognizer: Recognizer,
    spectra: tuple[Spectrum, ...] | None = None,
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
    progress: Progress = _plain,
    batch: int = 16,
    fast: bool = False,
) -> Evaluation:
    """Measure a model. Gallery faces stay VIS and complete, and count with their mirror images.

    Raises DataError where nothing is left to compare.
    """
    spectra = spectra or probe_spectra(protocol)
    pair_samples = [s for probe, enrolled, _ in protocol.pairs for s in (probe, enrolled)]
    samples = list(dict.fromkeys([*protocol.gallery, *protocol.probes, *pair_samples]))
    faces = align_samples(samples, recognizer, progress)
    pairs = [pair for pair in protocol.pairs if pair[0] in faces and pair[1] in faces]
    gallery = [s for s in protocol.gallery if s in faces]
    enrolled_people = {s.identity for s in gallery}
    probes = [s for s in protocol.probes if s in faces and s.identity in enrolled_people]
    if not pairs and not probes:
        raise DataError("The protocol leaves nothing to compare.", "Check its lists and the folder of photos.")

    enrolled = list(dict.fromkeys([*gallery, *(pair[1] for pair in pairs)]))
    seen = list(dict.fromkeys([*probes, *(pair[0] for pair in pairs)]))
    shown = progress([faces[s] for s in enrolled], "gallery", len(enrolled))
    gallery_vectors = _embed(recognizer, shown, batch, fast, enrolled=True)
    place = {s: i for i, s in enumerate(enrolled)}
    rows = []
    for spectrum in spectra:
        for occlusion in occlusions:
            looks = (as_probe(faces[s], spectrum, occlusion) for s in seen)
            vectors = _embed(recognizer, progress(looks, f"{spectrum} {occlusion}", len(seen)), batch, fast)
            scores = _Scores(vectors @ gallery_vectors.T, {s: i for i, s in enumerate(seen)}, place)
            missed = len(samples) - len(faces)
            rows.append(_row(spectrum, occlusion, scores, pairs, probes, gallery, missed))
    return Evaluation(recognizer.model_id, protocol.name, rows, protocol.notes)


def _embed(recognizer, faces: Iterable[AlignedFace], batch: int, fast: bool, enrolled: bool = False) -> np.ndarray:
    """Faces as they come → (N, 256), a batch at a time: all the looks of a data set need not fit in memory."""
    vectors, waiting = [], []
    for face in faces:
        waiting.append(face)
        if len(waiting) == batch:
            vectors.append(recognizer.embed_batch(waiting, batch, fast, enrolled))
            waiting = []
    return np.concatenate([*vectors, recognizer.embed_batch(waiting, batch, fast, enrolled)])


@dataclass(frozen=True)
class _Scores:
    matrix: np.ndarray
    probe: dict[Sample, int]
    enrolled: dict[Sample, int]


def _row(spectrum, occlusion, scores: _Scores, pairs, probes, gallery, missed: int) -> Row:
    rank: list[float] = []
    impostor = []
    if probes and gallery:
        matrix = scores.matrix[[scores.probe[s] for s in probes]][:, [scores.enrolled[s] for s in gallery]]
        probe_ids, gallery_ids = np.array([s.identity for s in probes]), np.array([s.identity for s in gallery])
        rank = metrics.cmc(matrix, probe_ids, gallery_ids)
        mated = probe_ids[:, None] == gallery_ids[None, :]
        impostor.append(matrix[~mated])
    if pairs:
        values = np.array([scores.matrix[scores.probe[a], scores.enrolled[b]] for a, b, _ in pairs])
        same = np.array([pair[2] for pair in pairs])
        impostor.append(values[~same])
    else:
        values, same = matrix.ravel(), mated.ravel()
    strangers = np.concatenate(impostor)
    return Row(
        probe_spectrum=spectrum,
        occlusion=occlusion,
        auc=metrics.auc(values, same),
        eer=metrics.eer(values, same),
        accuracy=metrics.cross_validated_accuracy(values, same),
        tpr_at_fpr={str(rate): metrics.tpr_at_fpr(values, same, rate) for rate in RATES},
        thresholds={str(rate): metrics.threshold_at_fmr(strangers, rate) for rate in RATES},
        counts={
            "genuine": int(same.sum()),
            "impostor": int((~same).sum()),
            "probes": len(probes),
            "gallery": len(gallery),
            "no_face": missed,
        },
        rank=rank,
    )
