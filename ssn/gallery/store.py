"""What a gallery is, wherever it keeps its people: what it must be able to do, and what every one does alike.

Here it is read; the half that writes is ``editing.EditedStore``. A kind of gallery adds how one change is made, how the
nearest templates are found, and how what is stored is looked up.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ssn.errors import GalleryError, TemplateGoneError
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.checked import checked_vector
from ssn.gallery.editing import EditedStore
from ssn.gallery.index import Hit, Over
from ssn.gallery.verdict import DEFAULT_RULE, Thresholds, Verdict, find_rule
from ssn.recognizer import Template

ATTEMPTS = 20
"""Times a search begins anew because somebody it found was deleted elsewhere meanwhile."""


@dataclass(frozen=True)
class Person:
    """Somebody enrolled, with how many templates of the gallery's model (``templates``) and in all (``stored``)."""

    id: int
    name: str
    templates: int
    stored: int


@dataclass(frozen=True)
class Enrolled:
    """One template of the gallery's model, without its numbers. ``pictured``: a picture is stored with it."""

    template_id: int
    person_id: int
    person: str
    spectrum: Spectrum
    pictured: bool


@dataclass(frozen=True)
class StoredPicture:
    """What was stored with a template: enough to enrol the face again."""

    template_id: int
    person: str
    spectrum: Spectrum
    picture: bytes
    origin: str
    digest: bytes | None


@dataclass(frozen=True)
class Match:
    """One rank of a search: ``score`` is the cosine over the person's templates, in [−1, 1]."""

    rank: int
    person: str
    person_id: int
    score: float
    template_id: int
    verdict: Verdict


def ranked(
    hits: Sequence[Hit], names: Mapping[int, str], thresholds: Thresholds | None = None, rule: str = DEFAULT_RULE
) -> list[Match]:
    """Hits, best first → matches with names and verdicts. Raises DataError for an unknown rule."""
    verdicts = find_rule(rule)([hit.score for hit in hits], thresholds or {})
    return [
        Match(rank, names[hit.person_id], hit.person_id, hit.score, hit.template_id, given)
        for rank, (hit, given) in enumerate(zip(hits, verdicts, strict=True), start=1)
    ]


class GalleryStore(EditedStore):
    """People and their templates, seen through one model. Safe to share between threads.

    Every change is whole or not there. Names are cleaned (``names.clean_name``) wherever one is given. All raise
    GalleryError where the store cannot do as asked, TemplateMismatchError for templates of another model.
    """

    def check(self) -> None:
        """Does it answer, and is it where it was? Raises GalleryError."""
        self.person("nobody")

    @abstractmethod
    def with_digest(self, name: str, digest: bytes) -> int | None:
        """The template that person was enrolled with from the content of that digest."""

    @abstractmethod
    def people(self) -> list[Person]:
        """Everybody, by name."""

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """How many templates of this gallery's model there are, and of how many people. Costs no listing of them."""

    @abstractmethod
    def person(self, name: str) -> Person | None:
        """Who has exactly this name, once it is cleaned. Raises GalleryError for what is no name."""

    @abstractmethod
    def namesakes(self, name: str) -> list[Person]:
        """Who has this name but for upper and lower case. Raises GalleryError for what is no name."""

    @abstractmethod
    def all_templates_of(self, person_id: int) -> list[tuple[int, str, str, str]]:
        """(template id, model, spectrum, origin) of one person, oldest first, for all models."""

    @abstractmethod
    def roster(self) -> list[Enrolled]:
        """Every template of this gallery's model, oldest first."""

    @abstractmethod
    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """The pictures stored with these templates, encoded as they were given, by template id; those without one are
        missing."""

    @abstractmethod
    def first_templates(self, person_ids: Sequence[int]) -> dict[int, int]:
        """Each person's oldest template of this gallery's model, by person id; people without one are missing."""

    @abstractmethod
    def stored_face(self, template_id: int) -> AlignedFace | None:
        """The picture stored with a template, as a face to embed again; None where there is none. Raises ImageError
        where it is damaged or no aligned face."""

    @abstractmethod
    def pictures_of_other_models(self, everybody: bool = False) -> list[int]:
        """The templates with a picture of people who have none of this gallery's model; oldest first. With
        ``everybody``, of all other models' templates those whose picture has not been enrolled with this one."""

    @abstractmethod
    def other_models(self) -> list[str]:
        """The other models that there are templates of, by name."""

    @abstractmethod
    def stored_pictures(self, template_ids: Sequence[int]) -> list[StoredPicture]:
        """What is stored with these templates, oldest first; those that are gone or have no picture are missing."""

    @abstractmethod
    def notes(self, person_id: int) -> str:
        """What is written down about a person. Raises GalleryError if there is none."""

    @abstractmethod
    def close(self) -> None:
        """Nothing can be asked of it any more."""

    @abstractmethod
    def _hits(self, probes: Sequence[np.ndarray], k: int, over: Over) -> list[list[Hit]]:
        """Probes (256,) float32 → for each the k people most like it, best first; of equal scores the older template
        comes first. Raises TemplateMismatchError where everything enrolled was made by another model."""

    @abstractmethod
    def _names_of(self, people: set[int]) -> dict[int, str]:
        """What people are called, who are missing where they are gone."""

    @abstractmethod
    def _stored_template(self, template_id: int) -> tuple[np.ndarray, str, Spectrum] | None:
        """Vector (256,) float32, model and spectrum; None where it is gone."""

    def search(
        self,
        probe: Template,
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[Match]:
        """The k people most like the probe, best first; fewer where fewer are enrolled. Of equal scores the older
        template comes first."""
        return self.search_many([probe], k, thresholds, rule, over)[0]

    def search_many(
        self,
        probes: Sequence[Template],
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[list[Match]]:
        """:meth:`search` for several probes at once, which costs less than one after the other."""
        vectors = [checked_vector(probe, self.model_id) for probe in probes]
        for _ in range(ATTEMPTS):
            found = self._hits(vectors, k, over)
            people = {hit.person_id for hits in found for hit in hits}
            names = self._names_of(people)
            if people == names.keys():  # else somebody was deleted since
                return [ranked(hits, names, thresholds, rule) for hits in found]
        raise GalleryError(f"The gallery {self.path} changes too fast to be searched.", "Try again in a moment.")

    def template(self, template_id: int) -> Template:
        """One stored template. Raises TemplateGoneError if it is gone, TemplateMismatchError if another model made
        it."""
        if (stored := self._stored_template(template_id)) is None:
            raise TemplateGoneError(f"There is no template {template_id}.", "It may have been deleted.")
        template = Template(*stored)
        checked_vector(template, self.model_id)
        return template

    def templates_of(self, person_id: int) -> list[tuple[int, str, str]]:
        """(template id, spectrum, origin) of one person's templates of this gallery's model, oldest first."""
        rows = self.all_templates_of(person_id)
        return [(number, spectrum, origin) for number, model, spectrum, origin in rows if model == self.model_id]

    def face_image(self, template_id: int) -> bytes | None:
        """The picture stored with a template, encoded as it was given."""
        return self.face_images([template_id]).get(template_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
