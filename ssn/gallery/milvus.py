"""People and their templates on a Milvus server, for galleries that many machines share.

``flat`` is exact: Milvus compares the probe with everybody, and whoever could be among the first is compared again here
in double precision. ``hnsw`` looks at a part of them, and compares what it shortlists again in the same way.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import torch

from ssn.errors import GalleryError
from ssn.faces.types import AlignedFace, Spectrum
from ssn.gallery.checked import of_another_model
from ssn.gallery.editing import no_person
from ssn.gallery.index import Hit, Over
from ssn.gallery.milvus_book import Row, hashed
from ssn.gallery.milvus_editing import EditedMilvus
from ssn.gallery.milvus_rows import pictures_of
from ssn.gallery.milvus_server import read_address
from ssn.gallery.names import clean_name, folded
from ssn.gallery.ranking import ROUNDING, Ranked
from ssn.gallery.store import Enrolled, GalleryStore, Person, StoredPicture
from ssn.gallery.stored_face import stored_face

MOST = 16_384
"""Rows that Milvus gives at once."""
TOGETHER = 32
"""Probes in one request."""


class MilvusGallery(EditedMilvus, GalleryStore):
    """A gallery on a server, seen through one model. Safe to share between threads. ``device`` and ``index`` are those
    of galleries in files: here the server searches, and the address says with what."""

    def __init__(self, where: str, model_id: str, device: torch.device | str = "cpu", index: object = None):
        super().__init__(read_address(where), model_id)

    def with_digest(self, name: str, digest: bytes) -> int | None:
        if (person := self._named(name)) is None:
            return None
        rows = self._book.rows(kind="template", person=person.number, model=self._model, find=digest.hex())
        return rows[0].number if rows else None

    def _named(self, name: str) -> Row | None:
        return next(iter(self._book.rows(kind="person", find=hashed(clean_name(name)))), None)

    def _counted(self, people: Sequence[Row], templates: Sequence[Row]) -> list[Person]:
        """Persons by name; whoever has no template is only just being deleted."""
        stored = Counter(row.person for row in templates)
        own = Counter(row.person for row in templates if row.model == self._model)
        rows = [Person(row.number, row.facts["name"], own[row.number], stored[row.number]) for row in people]
        return sorted((row for row in rows if row.stored), key=lambda row: row.name)

    def people(self) -> list[Person]:
        return self._counted(list(self._book.all_rows("person")), list(self._book.all_rows("template")))

    def person(self, name: str) -> Person | None:
        row = self._named(name)
        rows = [] if row is None else [row]
        return next(iter(self._counted(rows, self._templates_of_all(rows))), None)

    def _templates_of_all(self, people: Sequence[Row]) -> list[Row]:
        return self._book.rows(kind="template", person=[row.number for row in people]) if people else []

    def namesakes(self, name: str) -> list[Person]:
        name = clean_name(name)
        rows = [row for row in self._book.rows(kind="person", also=hashed(folded(name))) if row.facts["name"] != name]
        return self._counted(rows, self._templates_of_all(rows))

    def size(self) -> tuple[int, int]:
        counters = self._book.counters()
        if set(counters.models) <= {self._model}:  # the server counts while there is one model
            templates = self._book.count("template")
            return templates, self._book.count("person") if templates else 0
        owners = [row.person for row in self._book.all_rows("template", model=self._model)]
        return len(owners), len(set(owners))

    def all_templates_of(self, person_id: int) -> list[tuple[int, str, str, str]]:
        rows = sorted(self._book.rows(kind="template", person=person_id), key=lambda row: row.number)
        return [(row.number, *(row.facts[key] for key in ("model", "spectrum", "origin"))) for row in rows]

    def roster(self) -> list[Enrolled]:
        names = {row.number: row.facts["name"] for row in self._book.all_rows("person")}
        rows = [(row, row.facts) for row in self._book.all_rows("template", model=self._model) if row.person in names]
        return [Enrolled(r.number, r.person, names[r.person], f["spectrum"], f["pictured"]) for r, f in rows]

    def _template(self, template_id: int) -> Row | None:
        return next(iter(self._book.rows(key=f"template:{template_id}", kind="template")), None)

    def _stored_template(self, template_id: int) -> tuple[np.ndarray, str, Spectrum] | None:
        row = self._template(template_id)
        vectors = self.vectors_of([template_id]) if row is not None else {}
        if row is None or template_id not in vectors:
            return None
        return vectors[template_id], row.facts["model"], row.facts["spectrum"]

    def vectors_of(self, template_ids: Sequence[int]) -> dict[int, np.ndarray]:
        """The vectors (256,) float32 of templates, of whatever model; those that are gone are missing."""
        found: dict[int, np.ndarray] = {}
        for start in range(0, len(template_ids), 1000):
            part = list(template_ids[start : start + 1000])
            for row in self._server.rows(self._server.vectors, f"id in {part}", ["id", "vector"]):
                found[row["id"]] = np.asarray(row["vector"], np.float32)
        return found

    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        return pictures_of(self._book.rows(kind="picture", number=list(template_ids)))

    def first_templates(self, person_ids: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for row in self._book.rows(kind="template", model=self._model, person=list(person_ids)):
            found[row.person] = min(row.number, found.get(row.person, row.number))
        return found

    def stored_face(self, template_id: int) -> AlignedFace | None:
        row, picture = self._template(template_id), self.face_image(template_id)
        return None if row is None or picture is None else stored_face(picture, row.facts["spectrum"])

    def pictures_of_other_models(self, everybody: bool = False) -> list[int]:
        rows = list(self._book.all_rows("template"))
        own = [row for row in rows if row.model == self._model]
        sources, people = {row.facts["source"] for row in own}, {row.person for row in own}
        digests = {(row.person, row.find) for row in own if row.find}
        others = [row for row in rows if row.model != self._model and row.facts["pictured"]]
        if not everybody:
            return [row.number for row in others if row.person not in people]
        return [row.number for row in others if row.number not in sources and (row.person, row.find) not in digests]

    def other_models(self) -> list[str]:
        known = self._book.counters().models
        others = [key for key in known if key != self._model]
        return sorted(known[key] for key in others if any(True for _ in self._book.all_rows("template", model=key)))

    def stored_pictures(self, template_ids: Sequence[int]) -> list[StoredPicture]:
        pictures = self.face_images(template_ids)
        rows = sorted(self._book.rows(kind="template", number=list(pictures)), key=lambda row: row.number)
        names = self._names_of({row.person for row in rows})
        return [
            StoredPicture(
                row.number,
                names[row.person],
                row.facts["spectrum"],
                pictures[row.number],
                row.facts["origin"],
                bytes.fromhex(row.find) or None,
            )
            for row in rows
            if row.person in names
        ]

    def notes(self, person_id: int) -> str:
        for row in self._book.rows(key=f"person:{person_id}", kind="person"):
            return row.facts["notes"]
        raise no_person()

    def _names_of(self, people: set[int]) -> dict[int, str]:
        rows = self._book.rows(kind="person", number=sorted(people)) if people else []
        return {row.number: row.facts["name"] for row in rows}

    def _hits(self, probes: Sequence[np.ndarray], k: int, over: Over) -> list[list[Hit]]:
        if not probes or k < 1:
            return [[] for _ in probes]
        hits: list[list[Hit]] = [[] for _ in probes]
        left, width = list(range(len(probes))), min(2 * k + 14, MOST)
        while left:
            again = []
            for start in range(0, len(left), TOGETHER):
                part = left[start : start + TOGETHER]
                for place, (found, settled) in zip(
                    part, self._tried([probes[i] for i in part], k, width, over), strict=True
                ):
                    hits[place] = found
                    again += [] if settled else [place]
            left, width = again, min(8 * width, MOST)
        if not any(hits):
            self._check_model()
        return hits

    def _tried(self, probes: Sequence[np.ndarray], k: int, width: int, over: Over) -> list[tuple[list[Hit], bool]]:
        """The best k among the ``width`` templates most like each probe, and whether nobody else can be one of them."""
        answers = self._server.nearest(probes, width, f'model == "{self._model}"')
        numbers = sorted({row["id"] for rows in answers for row in rows})
        owners = {row.number: row.person for row in self._book.rows(kind="template", number=numbers)}
        tried = []
        for probe, rows in zip(probes, answers, strict=True):
            seen = {row["id"]: np.asarray(row["entity"]["vector"], np.float32) for row in rows if row["id"] in owners}
            best = self._best(probe, seen, owners) if over == "best" else self._means(probe, seen, owners)
            people = best.people(k)
            complete = len(rows) < width
            reach = rows[-1]["distance"] + ROUNDING * max(1.0, float(np.linalg.norm(probe))) if rows else 0.0
            settled = complete or (len(people) == k and people[-1].score > reach)
            if not settled and width == MOST:
                raise GalleryError("Too many templates are equally like the probe.", "Ask for fewer people.")
            tried.append((people, settled))
        return tried

    def _best(self, probe: np.ndarray, seen: dict[int, np.ndarray], owners: dict[int, int]) -> Ranked:
        numbers = np.array(list(seen), np.int64)
        scores = _scores(probe, list(seen.values()))
        return Ranked(scores, np.array([owners[n] for n in seen], np.int64), numbers, numbers)

    def _means(self, probe: np.ndarray, seen: dict[int, np.ndarray], owners: dict[int, int]) -> Ranked:
        """Over all templates of whoever has one among those seen: a mean is never above the best."""
        people = sorted({owners[number] for number in seen})
        rows = self._book.rows(kind="template", model=self._model, person=people) if people else []
        vectors = seen | self.vectors_of([row.number for row in rows if row.number not in seen])
        own: defaultdict[int, list[int]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.number):
            if row.number in vectors:
                own[row.person].append(row.number)
        exact = {person: _scores(probe, [vectors[number] for number in own[person]]) for person in own}
        return Ranked(
            np.array([math.fsum(exact[person]) / len(exact[person]) for person in own]),
            np.array(list(own), np.int64),
            np.array([own[person][int(exact[person].argmax())] for person in own], np.int64),
            np.array([own[person][0] for person in own], np.int64),
        )

    def _check_model(self) -> None:
        """Raises TemplateMismatchError where only another model knows anybody."""
        others = [model for key, model in self._book.counters().models.items() if key != self._model]
        if others and self._book.count("template"):
            raise of_another_model(others[0], self.model_id)


def _scores(probe: np.ndarray, vectors: Sequence[np.ndarray]) -> np.ndarray:
    """(R,) in double precision, for equal vectors equal."""
    rows = np.array(vectors, np.float64).reshape(len(vectors), -1) if vectors else np.empty((0, len(probe)))
    return (rows * probe.astype(np.float64)).sum(axis=1).clip(-1, 1)
