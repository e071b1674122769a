"""Complete faces and who is compared with whom: one form for pictures of a protocol and for stored crops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssn.data.acquire import AcquireError, picture_with_landmarks, upright_transform
from ssn.data.face_store import FaceStore, LazyFaces, taken
from ssn.data.protocol import Failure, Protocol, Sample
from ssn.errors import DataError
from ssn.evaluation.scores import Comparisons
from ssn.faces.align import align
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import FACE_SIZE, AlignedFace, Spectrum

Progress = Callable[[Iterable, str, int], Iterable]


def plain(items: Iterable, _what: str, _total: int) -> Iterable:
    """No bar."""
    return items


@dataclass(frozen=True)
class FaceSet:
    """Faces to enrol (VIS) and to search with, complete, in their own spectra.

    The first of ``gallery`` and of ``probes`` take part in identification: as many as ``gallery_people`` and
    ``probe_people`` name. ``pairs`` (P, 2) are places in ``probes`` and in ``gallery``, ``same`` (P,) whether they show
    one person; without pairs verification compares all probes with the whole gallery. ``failures`` gave no face;
    ``unmatched`` probes are left out since nobody of their person could be enrolled. ``who`` names all pictures and
    whose they are, where that is known.
    """

    name: str
    gallery: Sequence[AlignedFace]
    gallery_people: np.ndarray
    probes: Sequence[AlignedFace]
    probe_people: np.ndarray
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), int))
    same: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    spectra: tuple[Spectrum, ...] | None = None
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    unmatched: int = 0
    who: Comparisons | None = None
    _simulated: dict[int, AlignedFace] = field(default_factory=dict, repr=False, compare=False)

    def probe_spectra(self) -> np.ndarray:
        """(probes,) their own spectra; VIS where nothing is said."""
        return np.array(self.spectra if self.spectra is not None else ["vis"] * len(self.probes), dtype=object)

    def measured_spectra(self, simulate: bool = False) -> tuple[Spectrum, ...]:
        """VIS probes are measured as they are and, in a set without real NIR or where ``simulate`` asks, as simulated
        NIR; others as they are."""
        own = list(dict.fromkeys(self.probe_spectra())) or ["vis"]
        if "vis" not in own and simulate:
            raise DataError(f"{self.name} has no VIS probes.", "NIR is simulated from VIS photos only.")
        extra = ["nir-simulated"] if "vis" in own and ("nir" not in own or simulate) else []
        return tuple(dict.fromkeys([*own, *extra]))

    def compared(self) -> Comparisons:
        """Who takes part in a run. Without ``who`` pictures are numbered. Raises DataError where pairs name pictures of
        people nobody knows."""
        if self.who is not None:
            return self.who
        if len(self.probe_people) != len(self.probes) or len(self.gallery_people) != len(self.gallery):
            raise DataError(f"{self.name} does not say whose all its pictures are.", "Measure its pairs alone.")
        return Comparisons(
            probe_ids=_texts(f"probe {i}" for i in range(len(self.probes))),
            gallery_ids=_texts(f"enrolled {i}" for i in range(len(self.gallery))),
            probe_people=np.asarray(self.probe_people).astype(str),
            gallery_people=np.asarray(self.gallery_people).astype(str),
            enrolled=np.arange(len(self.gallery_people)),
        )

    def places(self, spectrum: Spectrum) -> np.ndarray:
        """Which probes can be shown in that spectrum: those that are, and for simulated NIR the VIS ones too."""
        own = self.probe_spectra()
        return np.flatnonzero((own == spectrum) | ((spectrum == "nir-simulated") & (own == "vis")))

    def shown(self, place: int, spectrum: Spectrum) -> AlignedFace:
        """A probe in that spectrum, complete; simulated once for each probe, and never from a real NIR picture."""
        face = self.probes[place]
        if spectrum != "nir-simulated" or face.spectrum != "vis":
            return face
        if place not in self._simulated:
            self._simulated[place] = simulated_nir_face(face)
        return self._simulated[place]


def stored_face_set(name: str, pixels, landmarks: np.ndarray, people: np.ndarray, most: int | None = None) -> FaceSet:
    """VIS crops (N, S, S, 3), landmarks (N, 68, 2) and people (N,) → everybody with two or more photos: the first is
    enrolled, the others, at most ``most`` of a person, are probes. Raises DataError for nobody."""
    people = np.asarray(people)
    _, person, count = np.unique(people, return_inverse=True, return_counts=True)
    used = count[person] > 1
    if not used.any():
        raise DataError(f"In {name} nobody has two photos.", "Two photos of a person are needed to compare them.")
    order = np.argsort(person, kind="stable")
    place = np.empty(len(people), int)  # of a photo among its person's
    place[order] = np.arange(len(people)) - np.repeat(np.cumsum(count) - count, count)
    last = len(people) if most is None else most
    at = [np.flatnonzero(used & chosen) for chosen in (place == 0, (place > 0) & (place <= last))]
    faces = [LazyFaces(taken(pixels, rows), np.asarray(landmarks)[rows]) for rows in at]
    return FaceSet(name, faces[0], people[at[0]], faces[1], people[at[1]])


def protocol_face_set(protocol: Protocol, store: FaceStore | None = None, progress: Progress = plain) -> FaceSet:
    """Align every picture that a protocol compares; those in files through ``store`` where there is one. What gave no
    face is listed. Raises DataError where nothing is left to compare."""
    samples = protocol.compared
    faces, failures = acquired(samples, store, progress)
    pairs = [pair for pair in protocol.pairs if pair[0] in faces and pair[1] in faces]
    gallery = [s for s in protocol.gallery if s in faces]
    enrolled_people = {s.identity for s in gallery}
    there = [s for s in protocol.probes if s in faces]
    probes = [s for s in there if s.identity in enrolled_people]
    if not pairs and not probes:
        raise DataError(
            f"The protocol leaves nothing to compare; {len(failures)} of {len(samples)} pictures gave no face.",
            "Check its lists and the folder of photos.",
        )
    enrolled = list(dict.fromkeys([*gallery, *(pair[1] for pair in pairs)]))
    seen = list(dict.fromkeys([*probes, *(pair[0] for pair in pairs)]))
    place, row = ({s: i for i, s in enumerate(part)} for part in (enrolled, seen))
    return FaceSet(
        name=protocol.name,
        gallery=_FacesOf(enrolled, faces),
        gallery_people=np.array([s.identity for s in gallery]),
        probes=_FacesOf(seen, faces),
        probe_people=np.array([s.identity for s in probes]),
        pairs=np.array([(row[a], place[b]) for a, b, _ in pairs], int).reshape(-1, 2),
        same=np.array([pair[2] for pair in pairs], bool),
        spectra=tuple(s.spectrum for s in seen),
        notes=protocol.notes,
        failures=tuple(failures),
        unmatched=len(there) - len(probes),
        who=_who(protocol, seen, enrolled, faces.keys()),
    )


def _who(protocol: Protocol, seen: list[Sample], enrolled: list[Sample], there: Collection[Sample]) -> Comparisons:
    """Names and people of the probes ``seen`` and of those ``enrolled``; the protocol's other pictures have failed."""
    named = [*protocol.probes, *(pair[0] for pair in protocol.pairs)]
    to_enrol = [*protocol.gallery, *(pair[1] for pair in protocol.pairs)]
    return Comparisons(
        probe_ids=_texts(s.name for s in seen),
        gallery_ids=_texts(s.name for s in enrolled),
        probe_people=_texts(s.identity for s in seen),
        gallery_people=_texts(s.identity for s in enrolled),
        enrolled=np.arange(sum(s in there for s in protocol.gallery)),
        failed_probes=_texts(s.name for s in dict.fromkeys(named) if s not in there),
        failed_gallery=_texts(s.name for s in dict.fromkeys(to_enrol) if s not in there),
        probe_groups=_texts(protocol.groups.get(s.identity, "") for s in seen if protocol.groups),
        gallery_groups=_texts(protocol.groups.get(s.identity, "") for s in enrolled if protocol.groups),
    )


def _texts(words: Iterable[str]) -> np.ndarray:
    return np.array(list(words), dtype=np.str_)


class _FacesOf(Sequence):
    """Samples as a sequence of their faces."""

    def __init__(self, samples: list[Sample], faces: dict[Sample, Callable[[], AlignedFace]]):
        self.samples, self.faces = samples, faces

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index):
        return self.faces[self.samples[index]]()


def acquired(
    samples: list[Sample], store: FaceStore | None, progress: Progress = plain
) -> tuple[dict[Sample, Callable[[], AlignedFace]], list[Failure]]:
    """Samples → how to get the face of each that has one, complete and in its own spectrum; and the others."""
    faces: dict[Sample, Callable[[], AlignedFace]] = {}
    failures: list[Failure] = []
    if store is not None:
        good, keys, failures = store.add([s for s in samples if isinstance(s.image, Path)])
        stored: Sequence[AlignedFace] = store.aligned(keys, [s.spectrum for s in good]) if good else []
        faces = {sample: _stored(stored, i) for i, sample in enumerate(good)}
    direct = [s for s in samples if store is None or not isinstance(s.image, Path)]
    for sample in progress(direct, "faces", len(direct)):
        try:
            faces[sample] = _held(aligned_sample(sample))
        except AcquireError as error:
            failures.append(Failure(sample.name, error.what))
    return faces, failures


def aligned_sample(sample: Sample) -> AlignedFace:
    """One sample's face, without a store. Raises AcquireError."""
    image, landmarks = picture_with_landmarks(sample.image, sample.landmarks)
    upright_transform(landmarks, FACE_SIZE)
    return align(image, landmarks, sample.spectrum)


def _stored(stored: Sequence[AlignedFace], place: int) -> Callable[[], AlignedFace]:
    return lambda: stored[place]


def _held(face: AlignedFace) -> Callable[[], AlignedFace]:
    return lambda: face
