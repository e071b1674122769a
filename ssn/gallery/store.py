"""What a gallery must be able to do, wherever it keeps its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.changes import Change
from ssn.gallery.index import Hit, Over
from ssn.gallery.verdict import DEFAULT_RULE, Thresholds, Verdict, find_rule
from ssn.recognizer import Template


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
class StoredPerson:
    """What stands about somebody; ``created`` is in UTC, as SQLite writes it."""

    id: int
    name: str
    notes: str
    created: str


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


class GalleryStore(Protocol):
    """People and their templates, seen through one model. Safe to share between threads.

    Every change is whole or not there. Names are cleaned (``names.clean_name``) wherever one is given. All raise
    GalleryError where the store cannot do as asked, TemplateMismatchError for templates of another model.
    """

    path: str
    model_id: str

    def enrol(
        self,
        name: str,
        template: Template,
        face_image: bytes | None = None,
        origin: str = "",
        digest: bytes | None = None,
        source: int | None = None,
    ) -> int:
        """Add a template to the person of that name, who is created if new → template id. With a ``digest`` this
        person already has, nothing is added. ``source`` is the template of another model it was made again from."""
        ...

    def with_digest(self, name: str, digest: bytes) -> int | None:
        """The template that person was enrolled with from the content of that digest."""
        ...

    def people(self) -> list[Person]:
        """Everybody, by name."""
        ...

    def size(self) -> tuple[int, int]:
        """How many templates of this gallery's model there are, and of how many people. Costs no listing of them."""
        ...

    def person(self, name: str) -> Person | None:
        """Who has exactly this name, once it is cleaned."""
        ...

    def namesakes(self, name: str) -> list[Person]:
        """Who has this name but for upper and lower case."""
        ...

    def templates_of(self, person_id: int) -> list[tuple[int, str, str]]:
        """(template id, spectrum, origin) of one person, oldest first."""
        ...

    def all_templates_of(self, person_id: int) -> list[tuple[int, str, str, str]]:
        """(template id, model, spectrum, origin) of one person, oldest first, for all models."""
        ...

    def roster(self) -> list[Enrolled]:
        """Every template, oldest first."""
        ...

    def template(self, template_id: int) -> Template:
        """One stored template."""
        ...

    def face_image(self, template_id: int) -> bytes | None:
        """The picture stored with a template, encoded as it was given."""
        ...

    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """The pictures stored with these templates, by template id; those without one are missing."""
        ...

    def first_templates(self, person_ids: Sequence[int]) -> dict[int, int]:
        """Each person's oldest template, by person id; people without one are missing."""
        ...

    def stored_face(self, template_id: int) -> AlignedFace | None:
        """The picture stored with a template, as a face to embed again. Raises ImageError for a damaged one."""
        ...

    def pictures_of_other_models(self, everybody: bool = False) -> list[int]:
        """The templates with a picture of the people whom only other models can find; oldest first. With ``everybody``,
        of all other models' templates those whose picture has not been enrolled with this one."""
        ...

    def other_models(self) -> list[str]:
        """The other models that there are templates of, by name."""
        ...

    def stored_pictures(self, template_ids: Sequence[int]) -> list[StoredPicture]:
        """What is stored with these templates, oldest first; those that are gone or have no picture are missing."""
        ...

    def notes(self, person_id: int) -> str:
        """What is written down about a person."""
        ...

    def rename(self, person_id: int, name: str) -> None:
        """Give a person another name, which nobody else has."""
        ...

    def set_notes(self, person_id: int, notes: str) -> None:
        """Write notes on a person in place of the old ones."""
        ...

    def merge(self, person_id: int, into: int) -> None:
        """All templates of the first person become the second's, and so do the notes."""
        ...

    def move_template(self, template_id: int, name: str) -> None:
        """A template becomes that of the person of this name, who is created if new; a person left without any is
        removed."""
        ...

    def changes(self) -> list[Change]:
        """What can be undone, the last first: enrolments, renaming, notes, moving and merging; never a deletion."""
        ...

    def undo(self, number: int | None = None) -> Change:
        """Take the last change back → what it was. With a ``number``, only if that still is the last."""
        ...

    def delete_person(self, person_id: int) -> None:
        """Remove a person with all templates and pictures, wherever they are kept."""
        ...

    def delete_template(self, template_id: int) -> None:
        """Remove one template with its picture; a person left without any is removed too."""
        ...

    def delete_model(self, model_id: str) -> int:
        """Remove the templates of another model, of people who have one of this gallery's → how many."""
        ...

    def search(
        self,
        probe: Template,
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[Match]:
        """The k people most like the probe, best first; fewer where fewer are enrolled."""
        ...

    def search_many(
        self,
        probes: Sequence[Template],
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[list[Match]]:
        """:meth:`search` for several probes at once."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> GalleryStore: ...

    def __exit__(self, *_) -> None: ...
