"""Searching a gallery and reading what is stored with a template, for every store: hits become matches with names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np

from ssn.errors import GalleryError, TemplateGoneError
from ssn.faces.types import Spectrum
from ssn.gallery.checked import checked_vector
from ssn.gallery.index import Hit, Over
from ssn.gallery.store import Match, ranked
from ssn.gallery.verdict import DEFAULT_RULE, Thresholds
from ssn.recognizer import Template

ATTEMPTS = 20
"""Times a search begins anew because somebody it found was deleted elsewhere meanwhile."""


class SearchedStore(ABC):
    """The half of a gallery that reads, as ``store.GalleryStore`` says, as far as every store does it alike."""

    path: str
    model_id: str

    @abstractmethod
    def _hits(self, probes: Sequence[np.ndarray], k: int, over: Over) -> list[list[Hit]]:
        """Probes (256,) float32 → for each the k people most like it, best first. Raises TemplateMismatchError where
        everything enrolled was made by another model."""

    @abstractmethod
    def _names_of(self, people: set[int]) -> dict[int, str]:
        """What people are called, who are missing where they are gone."""

    @abstractmethod
    def _stored_template(self, template_id: int) -> tuple[np.ndarray, str, Spectrum] | None:
        """Vector (256,) float32, model and spectrum; None where it is gone."""

    @abstractmethod
    def all_templates_of(self, person_id: int) -> list[tuple[int, str, str, str]]:
        """As :meth:`GalleryStore.all_templates_of`."""

    @abstractmethod
    def face_images(self, template_ids: Sequence[int]) -> dict[int, bytes]:
        """As :meth:`GalleryStore.face_images`."""

    @abstractmethod
    def close(self) -> None:
        """Nothing can be asked of it any more."""

    def search(
        self,
        probe: Template,
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[Match]:
        """As :meth:`GalleryStore.search`; of equal scores the older template comes first."""
        return self.search_many([probe], k, thresholds, rule, over)[0]

    def search_many(
        self,
        probes: Sequence[Template],
        k: int = 5,
        thresholds: Thresholds | None = None,
        rule: str = DEFAULT_RULE,
        over: Over = "best",
    ) -> list[list[Match]]:
        """As :meth:`GalleryStore.search_many`, which costs less than one after the other."""
        vectors = [checked_vector(probe, self.model_id) for probe in probes]
        for _ in range(ATTEMPTS):
            found = self._hits(vectors, k, over)
            people = {hit.person_id for hits in found for hit in hits}
            names = self._names_of(people)
            if people == names.keys():  # else somebody was deleted since
                return [ranked(hits, names, thresholds, rule) for hits in found]
        raise GalleryError(f"The gallery {self.path} changes too fast to be searched.", "Try again in a moment.")

    def template(self, template_id: int) -> Template:
        """As :meth:`GalleryStore.template`. Raises TemplateGoneError if it is gone, TemplateMismatchError if another
        model made it."""
        if (stored := self._stored_template(template_id)) is None:
            raise TemplateGoneError(f"There is no template {template_id}.", "It may have been deleted.")
        template = Template(*stored)
        checked_vector(template, self.model_id)
        return template

    def templates_of(self, person_id: int) -> list[tuple[int, str, str]]:
        """As :meth:`GalleryStore.templates_of`."""
        rows = self.all_templates_of(person_id)
        return [(number, spectrum, origin) for number, model, spectrum, origin in rows if model == self.model_id]

    def face_image(self, template_id: int) -> bytes | None:
        """As :meth:`GalleryStore.face_image`."""
        return self.face_images([template_id]).get(template_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()
