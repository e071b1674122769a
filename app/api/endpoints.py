"""What a program may ask of the server by name: what the command line does, with the page's model and gallery."""

# No annotations from the future here: Gradio reads those of the endpoints as types.

import threading

import numpy as np

from app.api.asked import check_counted, check_kinds, content_of, contents_of, face_in, refusals_in_words
from app.kit.turns import Turns
from app.services import Services
from ssn.answers.enrolling import Choices
from ssn.answers.explanation import figures_of
from ssn.answers.faces import Reading, subject_of
from ssn.answers.people import enrolment_row, people_rows, target_person
from ssn.answers.search import Probe, Wanted, probe_row, search_probes
from ssn.answers.templates import comparison, template_row
from ssn.errors import DataError, SSNError
from ssn.explanation.cache import Memory
from ssn.explanation.methods.registry import find_method
from ssn.explanation.pair import Target
from ssn.explanation.question import Question
from ssn.faces.types import AlignedFace
from ssn.gallery.enrol import Enrolment, check_name, content_digest, enrol_face
from ssn.gallery.verdict import SearchRates
from ssn.visibility import covered_shares

ORIGIN = "sent by a program"
"""What a template of :meth:`Endpoints.enrol` says of where it comes from."""
DIGITS = 6
"""Of the numbers of a map."""


class Endpoints:
    """A method is an endpoint of its name; its docstring is what a program is told of it. Photos are the bytes of
    picture files in base64; one is read, and one explanation computed, at a time, so that the page's visitors
    keep their turn."""

    def __init__(self, services: Services):
        self._services = services
        self._turn, self._explaining = Turns(1), Turns(1)

    def match(
        self,
        photos: list[str],
        k: int = 5,
        spectrum: str = "vis",
        occlusion: str = "none",
        face: int | None = None,
        rate: float = SearchRates().match,
    ) -> list[dict]:
        """Search photos in the gallery. For each, in the order sent: {"photo", "face", "covered", "matches": [{"rank",
        "person", "score", "verdict"}]}, or {"photo", "matches": [], "error"} for one that cannot be used; "photo" is
        its place, from 0, and "covered" the share of the face that something hides besides the occlusion: from a tenth
        on nobody is called a match. k: how many ranks; rate: the share of strangers' searches that may end in a
        match."""
        return refusals_in_words(lambda: self._match(photos, k, spectrum, occlusion, face, rate))

    def embed(self, photos: list[str], spectrum: str = "vis", occlusion: str = "none", face: int | None = None) -> dict:
        """Turn photos into templates. {"model", "templates": [{"photo", "spectrum", "face", "vector"}], "refused":
        [{"photo", "reason"}]}; a vector has 256 numbers of unit length, "photo" is the photo's place, from 0."""
        return refusals_in_words(lambda: self._embed(photos, spectrum, occlusion, face))

    def enrol(
        self, photo: str, name: str, spectrum: str = "vis", face: int | None = None, exact_name: bool = False
    ) -> dict:
        """Add a photo's face to the person of that name, who is made if need be. {"person", "already", "face",
        "quality", "looks_like"?, …}. The same photo of the same person counts once. exact_name: upper and lower case
        are meant."""
        return refusals_in_words(lambda: self._enrol(photo, name, spectrum, face, exact_name))

    def people(self) -> dict:
        """Everybody enrolled. {"model", "people": [{"person", "templates", "notes"}]}."""
        services = self._services
        return refusals_in_words(
            lambda: {"model": services.recognizer.model_id, "people": people_rows(services.gallery)}
        )

    def explain(
        self,
        photo: str,
        person: str | None = None,
        against: str | None = None,
        method: str = "ig",
        rather_than: str | None = None,
        spectrum: str = "vis",
        occlusion: str = "none",
        face: int | None = None,
        against_spectrum: str = "vis",
    ) -> dict:
        """Which pixels of a photo speak for a match with an enrolled person, or with the photo against. {"score",
        "model", "against", "rather_than", "face", "methods": {method: {…, "verdict", "map"}}}; the map has 128 rows of
        128 numbers over the aligned face, positive where a pixel speaks for the match. rather_than: an enrolled person
        to contrast with."""
        asked = {"person": person, "method": method, "rather_than": rather_than, "against_spectrum": against_spectrum}
        reading = {"spectrum": spectrum, "occlusion": occlusion, "face": face}
        return refusals_in_words(lambda: self._explain(photo, against, asked, reading))

    def compare(
        self, photo: str, against: str, spectrum: str = "vis", occlusion: str = "none", against_spectrum: str = "vis"
    ) -> dict:
        """Compare two photos. {"model", "score", "verdict", "thresholds"}: the cosine of their templates, and what it
        means as a single comparison; thresholds are scores by false match rate."""
        given = {"spectrum": spectrum, "occlusion": occlusion, "against_spectrum": against_spectrum}
        return refusals_in_words(lambda: self._compare(photo, against, given))

    def _reading(self, spectrum: str, occlusion: str = "none", face: int | None = None) -> Reading:
        check_kinds({"spectrum": spectrum, "occlusion": occlusion, "face": face})
        check_counted(face=face)
        return Reading(spectrum, occlusion, face)

    def _face(self, photo: object, reading: Reading) -> AlignedFace:
        return face_in(self._services, photo, reading, self._turn)

    def _probes(self, photos: object, reading: Reading, embedded: bool) -> list[Probe]:
        return [self._probe(place, photo, reading, embedded) for place, photo in enumerate(contents_of(photos))]

    def _probe(self, place: int, photo: object, reading: Reading, embedded: bool) -> Probe:
        try:
            face = self._face(photo, reading)
            with self._services.looks:
                if not embedded:
                    return Probe(place, face)
                (covered,) = covered_shares(self._services.visibility, [face])
                return Probe(place, face, self._services.recognizer.embed(face), covered=covered)
        except SSNError as error:
            return Probe(place, error=error)

    def _match(
        self, photos: object, k: int, spectrum: str, occlusion: str, face: int | None, rate: float
    ) -> list[dict]:
        check_kinds({"k": k, "rate": rate})
        check_counted(k=k)
        wanted = Wanted(k, rates=SearchRates.around(rate))
        probes = self._probes(photos, self._reading(spectrum, occlusion, face), embedded=True)
        services = self._services
        with services.looks:
            found = search_probes(services.gallery, services.recognizer, services.cohort, probes, wanted)
        return [probe_row(probe, matches) for probe, matches in zip(probes, found, strict=True)]

    def _embed(self, photos: object, spectrum: str, occlusion: str, face: int | None) -> dict:
        probes = self._probes(photos, self._reading(spectrum, occlusion, face), embedded=False)
        recognizer = self._services.recognizer
        with self._services.looks:
            rows = [{"photo": p.photo, **template_row(recognizer, p.face)} for p in probes if p.face is not None]
        refused = [{"photo": p.photo, "reason": str(p.error)} for p in probes if p.error is not None]
        return {"model": recognizer.model_id, "templates": rows, "refused": refused}

    def _enrol(self, photo: object, name: str, spectrum: str, number: int | None, exact_name: bool) -> dict:
        check_kinds({"name": name, "exact_name": exact_name})
        reading, content, services = self._reading(spectrum, face=number), content_of(photo), self._services
        store = services.gallery
        clean = check_name(store, name, exact_name)
        digest = content_digest(content, spectrum, *Choices(number).told())
        if (known := store.with_digest(clean, digest)) is not None:
            return {**enrolment_row(Enrolment(known, clean), name, {}), "already": True}
        face = self._face(photo, reading)
        with services.looks:
            done = enrol_face(store, services.recognizer, face, clean, ORIGIN, digest=digest, exact_name=exact_name)
        row = enrolment_row(done, name, subject_of(face), services.quality(face))
        return {**row, "already": done.already}

    def _explain(self, photo: object, against: object, asked: dict, reading: dict) -> dict:
        check_kinds(asked)
        find_method(asked["method"])
        services = self._services
        probe_reading = self._reading(**reading)
        target = self._target(against, asked["person"], self._reading(asked["against_spectrum"]))
        if asked["rather_than"] is not None:
            target = target.rather_than(target_person(services.gallery, asked["rather_than"], "the gallery"))
        probe = self._face(photo, probe_reading)
        question = Question(probe, target, asked["method"])
        with self._explaining, services.explainers.lease(Memory(4), threading.Event()) as explainer:
            found = explainer.explain(question)
            measured = explainer.believe(question, found)
        figures = {**figures_of(found, measured), "map": np.round(found.main_map.astype(float), DIGITS).tolist()}
        return {
            "score": found.score,
            "model": services.recognizer.model_id,
            "against": target.name,
            "rather_than": target.rival_name or None,
            "face": subject_of(probe),
            "methods": {found.method: figures},
        }

    def _target(self, against: object, person: str | None, reading: Reading) -> Target:
        """Somebody enrolled, or a photo. Raises DataError where it is neither or both."""
        services = self._services
        if (against is None) == (person is None):
            raise DataError("Whom to explain against is not clear.", "Name a person, or send a photo as against.")
        if person is not None:
            return target_person(services.gallery, person, "the gallery")
        face = self._face(against, reading)
        with services.looks:
            return Target.photo("the photo", face, services.recognizer)

    def _compare(self, photo: object, against: object, given: dict) -> dict:
        check_kinds(given)
        other = Reading(given["against_spectrum"])
        first = self._face(photo, self._reading(given["spectrum"], given["occlusion"]))
        second = self._face(against, other)
        with self._services.looks:
            return comparison(self._services.recognizer, first, second)
