"""A new kind of index or store is one registration, and everything finds it."""

from __future__ import annotations

from inspect import isabstract

import numpy as np
import pytest

from ssn.errors import DataError, GalleryError
from ssn.gallery.index import Hit
from ssn.gallery.registry import INDICES, STORES, find_index, open_store, scheme_of
from ssn.gallery.sqlite import Gallery
from ssn.gallery.store import GalleryStore
from tests.gallery.templates import MODEL, template


class Newest:
    """An index for which whoever was enrolled last is most alike."""

    def __init__(self, device):
        self.rows: dict[int, int] = {}

    def __len__(self):
        return len(self.rows)

    def reserve(self, count):
        """A dictionary needs no room."""

    def add(self, templates, owners, vectors):
        self.rows |= dict(zip(templates.tolist(), owners.tolist(), strict=True))

    def remove(self, templates):
        for number in templates:
            self.rows.pop(number, None)

    def give(self, owners):
        self.rows |= {number: owner for number, owner in owners.items() if number in self.rows}

    def search(self, probes, k, over="best"):
        newest = sorted(self.rows.items(), reverse=True)[:k]
        return [[Hit(owner, number, 1.0) for number, owner in newest] for _ in probes]


def test_a_new_index_is_one_row(monkeypatch, path):
    with pytest.raises(DataError, match="Use one of exact"):
        find_index("newest")
    monkeypatch.setitem(INDICES, "newest", Newest)
    with open_store(path, MODEL, index="newest") as gallery:
        for seed, name in enumerate(("Ann", "Ben", "Cid")):
            gallery.enrol(name, template(seed))
        assert [m.person for m in gallery.search(template(0), 2)] == ["Cid", "Ben"]
        gallery.delete_template(3)
        assert [m.person for m in gallery.search(template(0), 2)] == ["Ben", "Ann"]
    with open_store(path, MODEL) as gallery:
        assert gallery.search(template(0), 1)[0].person == "Ann"


def test_a_new_store_is_one_row(monkeypatch):
    with pytest.raises(GalleryError, match="No gallery is kept at memory://"):
        open_store("memory://", MODEL)
    monkeypatch.setitem(STORES, "memory", lambda where, *rest: Gallery(":memory:", *rest))
    with open_store("memory://anywhere", MODEL) as gallery:
        gallery.enrol("Ann", template(1))
        assert gallery.search(template(1))[0].person == "Ann"


@pytest.mark.parametrize(
    ("where", "scheme"),
    [("http://host:1", "http"), ("HTTPS://host", "https"), ("a/b.db", ""), (":memory:", ""), ("C:\\a.db", "")],
)
def test_an_address_has_a_scheme_and_a_path_has_none(where, scheme):
    assert scheme_of(where) == scheme


@pytest.mark.parametrize("kind", list(dict.fromkeys(STORES.values())))
def test_every_kind_of_gallery_does_all_that_a_gallery_must(kind):
    assert issubclass(kind, GalleryStore)
    assert not isabstract(kind), sorted(kind.__abstractmethods__)


def test_a_kind_of_gallery_that_leaves_something_out_is_not_made():
    class Deaf(Gallery):
        notes = GalleryStore.notes

    with pytest.raises(TypeError, match="notes"):
        Deaf(":memory:", MODEL)


def test_several_probes_find_what_each_finds(gallery):
    for seed in range(30):
        gallery.enrol(f"P{seed % 11}", template(seed))
    probes = [template(100 + seed) for seed in range(5)]
    for over in ("best", "mean"):
        together = gallery.search_many(probes, 4, {"0.01": 0.1, "0.001": 0.2}, over=over)
        alone = [gallery.search(probe, 4, {"0.01": 0.1, "0.001": 0.2}, over=over) for probe in probes]
        assert together == alone
    assert gallery.search_many([]) == []
    mean = gallery.search(probes[0], 1, over="mean")[0]
    own = [gallery.template(number).vector for number, *_ in gallery.templates_of(mean.person_id)]
    assert mean.score == pytest.approx(np.mean([v @ probes[0].vector for v in own]), abs=1e-6)
