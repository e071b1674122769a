"""Everybody in a photo at once: one pass of the network for all faces, one search for all templates."""

from __future__ import annotations

from collections.abc import Sequence

from ssn.answers.search import Probe, Wanted, search_probes
from ssn.faces.types import AlignedFace
from ssn.gallery.cohort import Cohort
from ssn.gallery.store import GalleryStore, Match
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Recognizer, Template


def crowd_templates(recognizer: Recognizer, faces: Sequence[AlignedFace]) -> list[Template]:
    """The faces of a photo → the template of each, as probes, from one pass. Raises MemoryShortError."""
    rows = recognizer.embed_batch(list(faces))
    return [Template(row, recognizer.model_id, face.spectrum) for row, face in zip(rows, faces, strict=True)]


def best_of_everybody(
    store: GalleryStore,
    recognizer: Recognizer,
    cohort: Cohort | None,
    faces: Sequence[AlignedFace],
    templates: Sequence[Template],
    rates: SearchRates,
    covered: Sequence[float] | None = None,
) -> list[Match | None]:
    """Rank 1 of each face, with the verdict that its own search has at these rates; None where nobody is enrolled.
    ``covered`` is the share of each that something hides, where that is known. Raises GalleryError,
    TemplateMismatchError."""
    shares = [0.0] * len(faces) if covered is None else covered
    known = enumerate(zip(faces, templates, shares, strict=True))
    probes = [Probe(place, face, template, covered=share) for place, (face, template, share) in known]
    answers = search_probes(store, recognizer, cohort, probes, Wanted(k=1, rates=rates))
    return [matches[0] if matches else None for matches in answers]
