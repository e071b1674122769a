"""A photo → the face a question is about."""

from __future__ import annotations

from dataclasses import dataclass

from ssn.errors import DataError
from ssn.faces.finder import FaceFinder, Found
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.read import Source
from ssn.faces.simulated_nir import simulated_nir_face
from ssn.faces.types import SPECTRA, AlignedFace


@dataclass(frozen=True)
class Reading:
    """How a photo is read: what it is, what is hidden of the face, and which face it is, counted from 1, left to
    right, or None for the one that is clearly meant. Raises DataError for a spectrum or an occlusion that is none."""

    spectrum: str = "vis"
    occlusion: str = "none"
    face: int | None = None

    def __post_init__(self) -> None:
        check_choices(self.spectrum, self.occlusion)


def read_face(finder: FaceFinder, source: Source, reading: Reading) -> AlignedFace:
    """Raises the errors of reading, NoFaceError, SeveralFacesError."""
    face = take_face(finder, finder.find_in(source), reading.spectrum, reading.face)
    return occlude(face, named_mask(reading.occlusion, face.landmarks))


def take_face(finder: FaceFinder, found: Found, spectrum: str, number: int | None = None) -> AlignedFace:
    """The faces of a photo → the one of that number, from 1, left to right, or the one that is clearly meant; in the
    asked spectrum, which may have to be simulated. Raises NoFaceError, SeveralFacesError."""
    aligned = finder.pick(found, "nir" if spectrum == "nir" else "vis", None if number is None else number - 1)
    return simulated_nir_face(aligned) if spectrum == "nir-simulated" else aligned


def subject_of(face: AlignedFace) -> dict:
    """Which face of the photo was taken, of how many, and why; of a file of several pages, from which, from 0."""
    subject = face.subject
    if subject is None:
        return {}
    page = {} if subject.page is None else {"page": subject.page}
    return {"number": subject.number, "of": subject.count, "reason": subject.reason, **page}


def check_spectrum(spectrum: str) -> None:
    """Raises DataError."""
    if spectrum not in SPECTRA:
        raise DataError(f"{spectrum!r} is no spectrum.", f"Use one of {', '.join(SPECTRA)}.")


def check_choices(spectrum: str, occlusion: str) -> None:
    """Raises DataError, before anything takes time."""
    check_spectrum(spectrum)
    if occlusion not in OCCLUSIONS:
        raise DataError(f"{occlusion!r} is no occlusion.", f"Use one of {', '.join(OCCLUSIONS)}.")
