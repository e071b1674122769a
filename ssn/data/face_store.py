"""The one store of aligned faces on disk, which training, ablation, evaluation and benchmarks all read.

A face is stored once, under the content of its picture (and its landmarks where they are known), by the version of the
alignment: whichever data sets, folds and lists name it. Whose it is, in which spectrum and split, the protocol says.
Descriptors of each teacher are a column of their own beside it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssn.data.acquire import CROP_SIZE, MISSING, align_jobs, align_shard, describer
from ssn.data.content import Fingerprints
from ssn.data.protocol import Failure, Sample
from ssn.data.rows import DiskRows
from ssn.data.shards import Column
from ssn.data.teachers import Teacher
from ssn.faces.types import FACE_SIZE, AlignedFace, Spectrum

log = logging.getLogger(__name__)

ALIGNMENT = "faces-144-v2"
"""The version of detection, landmarks and alignment: another one stores anew."""
MARGIN = (CROP_SIZE - FACE_SIZE) // 2


@dataclass(frozen=True)
class StoredFaces:
    """Aligned crops with margin, and what is known of them.

    ``pixels`` (N, 144, 144, 3) uint8, read from disk as they are asked for, ``landmarks`` (N, 68, 2) float32 in crop
    px, ``descriptors`` (N, D) float32 of the teacher, ``identities`` (N,) int64, −1 where unknown (unique over all
    sources), ``sources`` (N,) str, ``nir`` (N,) bool, True where the picture is near-infrared already, from a camera or
    drawn as one, and is not to be simulated again; ``drawn`` (N,) bool, where it was drawn so, None where none was.
    """

    pixels: np.ndarray | DiskRows
    landmarks: np.ndarray
    descriptors: np.ndarray
    identities: np.ndarray
    sources: np.ndarray
    nir: np.ndarray
    drawn: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def drawn_as_nir(self) -> np.ndarray:
        """(N,) bool: the pictures whose near-infrared was simulated when they were drawn."""
        return np.zeros(len(self), bool) if self.drawn is None else self.drawn


def face_of_crop(pixels: np.ndarray, landmarks: np.ndarray, spectrum: Spectrum = "vis") -> AlignedFace:
    """A crop with margin (S, S, 3) uint8 in Light CNN's frame and its landmarks (68, 2) px → the aligned face."""
    margin = (len(pixels) - FACE_SIZE) // 2
    inner = np.ascontiguousarray(pixels[margin : margin + FACE_SIZE, margin : margin + FACE_SIZE])
    transform = np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin]])
    return AlignedFace(inner, np.asarray(landmarks, float) - margin, transform, spectrum)


def taken(pixels: np.ndarray | DiskRows, rows: np.ndarray) -> np.ndarray | DiskRows:
    """Those rows, left on disk where they are there."""
    return pixels.take(rows) if isinstance(pixels, DiskRows) else pixels[rows]


class LazyFaces(Sequence):
    """Stored crops as a sequence of aligned faces, each made when it is asked for. ``aligned`` (N, 68, 2) are the
    landmarks in the aligned frame, where they are known there; else those of the crops are moved by the margin."""

    def __init__(
        self,
        pixels: np.ndarray | DiskRows,
        landmarks: np.ndarray,
        spectra: Sequence[Spectrum] | None = None,
        aligned: np.ndarray | None = None,
    ):
        self.pixels, self.landmarks, self.spectra, self.aligned = pixels, landmarks, spectra, aligned

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        spectrum = self.spectra[index] if self.spectra else "vis"
        face = face_of_crop(self.pixels[index], self.landmarks[index], spectrum)
        return face if self.aligned is None else face.with_(landmarks=self.aligned[index])


class FaceStore:
    """The store in ``cache``; ``workers`` processes fill it."""

    def __init__(self, cache: str | Path, workers: int = 2):
        self.cache, self.workers = Path(cache), workers
        self.faces = Column(self.cache / ALIGNMENT / "crops")
        self.fingerprints = Fingerprints(self.cache / "fingerprints.json")
        self._descriptors: dict[str, Column] = {}

    def keys(self, samples: Sequence[Sample]) -> list[str | None]:
        """The key of each sample's face; None where its file is missing. Raises ValueError for a picture that is made
        without a key."""
        return [self._key(sample) for sample in samples]

    def _key(self, sample: Sample) -> str | None:
        if callable(sample.image):
            if not sample.key:
                raise ValueError("a picture that is made needs a key to be stored")
            return sample.key
        content = self.fingerprints.of(sample.image)
        if content is None or sample.landmarks is None:
            return content
        return f"{content}-{hashlib.sha256(np.asarray(sample.landmarks, float).tobytes()).hexdigest()[:12]}"

    def add(self, samples: Sequence[Sample], what: str = "faces") -> tuple[list[Sample], list[str], list[Failure]]:
        """Store what is not stored yet → the samples that have a face, their keys, and the others with the reason."""
        keys = self.keys(samples)
        self.fingerprints.save()
        there = [(sample, key) for sample, key in zip(samples, keys, strict=True) if key is not None]
        jobs = align_jobs([sample for sample, _ in there], [key for _, key in there])
        self.faces.fill(jobs, align_shard, self.workers, what)
        good = [(sample, key) for sample, key in there if key in self.faces]
        failures = [
            Failure(sample.name, MISSING if key is None else self.faces.failed[key])
            for sample, key in zip(samples, keys, strict=True)
            if key is None or key not in self.faces
        ]
        if failures:
            log.warning("%s: %d of %d pictures gave no face", what, len(failures), len(samples))
        return [sample for sample, _ in good], [key for _, key in good], failures

    def pixels(self, keys: Sequence[str]) -> DiskRows:
        """(N, 144, 144, 3) uint8, left on disk."""
        return self.faces.rows(keys, "pixels", (CROP_SIZE, CROP_SIZE, 3))

    def landmarks(self, keys: Sequence[str]) -> np.ndarray:
        """(N, 68, 2) float64 in crop pixels."""
        return self.faces.array(keys, "landmarks", (0, 68, 2))

    def aligned(self, keys: Sequence[str], spectra: Sequence[Spectrum]) -> LazyFaces:
        """Stored faces as aligned faces in those spectra, the same as from their pictures."""
        aligned = self.faces.array(keys, "aligned", (0, 68, 2))
        return LazyFaces(self.pixels(keys), self.landmarks(keys), list(spectra), aligned)

    def descriptors(self, teacher: Teacher, samples: Sequence[Sample], keys: Sequence[str], what: str) -> np.ndarray:
        """Descriptors (N, D) float32 by a teacher of samples that are stored, made where they are not known yet."""
        column = self._descriptors.setdefault(
            teacher.name, Column(self.cache / ALIGNMENT / "descriptors" / teacher.name)
        )
        missing = set(column.unknown(keys))
        wanted = {key: sample for sample, key in zip(samples, keys, strict=True) if key in missing}
        jobs = self._photo_jobs(wanted) if teacher.reads_photos else self._crop_jobs(wanted)
        column.fill(jobs, describer(teacher), self.workers, f"{what}, {teacher.name}")
        return column.array(keys, "values", (0, 128)).astype(np.float32)

    def _crop_jobs(self, wanted: dict[str, Sample]) -> dict[str, tuple]:
        landmarks = self.faces.array(list(wanted), "landmarks")
        return {
            key: (key, self.faces.place(key, "pixels"), points) for key, points in zip(wanted, landmarks, strict=True)
        }

    def _photo_jobs(self, wanted: dict[str, Sample]) -> dict[str, tuple]:
        """With the landmarks where they were in the photo."""
        landmarks, transforms = (self.faces.array(list(wanted), name) for name in ("landmarks", "transforms"))
        return {
            key: (key, sample.image, (points - transform[:, 2]) @ np.linalg.inv(transform[:, :2]).T)
            for (key, sample), points, transform in zip(wanted.items(), landmarks, transforms, strict=True)
        }

    def stored(
        self, samples: Sequence[Sample], source: str, teacher: Teacher | None = None
    ) -> tuple[StoredFaces, list[Failure]]:
        """Samples → their stored faces and who gave none. Without a ``teacher`` the descriptors are (N, 0)."""
        good, keys, failures = self.add(samples, source)
        nothing = np.zeros((len(keys), 0), np.float32)
        values = nothing if teacher is None else self.descriptors(teacher, good, keys, source)
        people = {name: number for number, name in enumerate(dict.fromkeys(sample.identity for sample in samples))}
        faces = StoredFaces(
            self.pixels(keys),
            self.landmarks(keys).astype(np.float32),
            values,
            np.array([people[sample.identity] for sample in good], np.int64),
            np.array([source] * len(keys)),
            np.array([sample.spectrum != "vis" for sample in good], bool),
            np.array([sample.spectrum == "nir-simulated" for sample in good], bool),
        )
        return faces, failures
