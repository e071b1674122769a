"""A second model beside the gallery's own: against a naive loop, and what it keeps and forgets."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image

from ssn.faces.types import AlignedFace
from ssn.gallery.second_opinion import SecondOpinion
from ssn.gallery.sqlite import Gallery
from ssn.gallery.verdict import verdict
from ssn.recognizer import Recognizer, Template

FIRST = "first-model"


def face(seed: int, spectrum: str = "vis") -> AlignedFace:
    """Noise around a gray that depends on the seed."""
    pixels = np.random.default_rng(seed).integers(0, 60 + 20 * (seed % 10), (128, 128, 3), dtype=np.uint8)
    return AlignedFace(pixels, np.zeros((68, 2)), np.eye(2, 3), spectrum)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def enrol(gallery: Gallery, name: str, seed: int, spectrum: str = "vis", picture: bytes | None = None) -> int:
    vector = np.random.default_rng(seed).normal(size=256).astype(np.float32)
    template = Template(vector / np.linalg.norm(vector), FIRST, spectrum)
    return gallery.enrol(name, template, png(face(seed).pixels) if picture is None else picture)


class Counted:
    """A recognizer that remembers how many faces it was given together."""

    def __init__(self, recognizer: Recognizer):
        self.recognizer, self.card, self.device = recognizer, recognizer.card, recognizer.device
        self.batches: list[int] = []

    def embed(self, one: AlignedFace) -> Template:
        return self.recognizer.embed(one)

    def embed_batch(self, faces: list[AlignedFace], enrolled: bool) -> np.ndarray:
        self.batches.append(len(faces))
        return self.recognizer.embed_batch(faces, enrolled=enrolled)


@pytest.fixture(scope="module")
def second(random_checkpoint) -> Recognizer:
    return Recognizer.load(random_checkpoint, "cpu")


@pytest.fixture
def counted(second) -> Counted:
    return Counted(second)


@pytest.fixture
def gallery():
    with Gallery(":memory:", FIRST) as made:
        yield made


def test_it_ranks_as_a_loop_over_pictures_with_its_own_thresholds(gallery, second):
    enrolled = [("Ann", 1, "vis"), ("Ben", 2, "nir"), ("Ann", 3, "vis"), ("Cid", 4, "vis"), ("Dee", 5, "nir")]
    for name, seed, spectrum in enrolled:
        enrol(gallery, name, seed, spectrum)
    probe = second.embed(face(3, "nir"))
    best: dict[str, float] = {}
    for name, seed, spectrum in enrolled:
        score = second.enrolment(face(seed, spectrum)).similarity(probe)
        best[name] = max(score, best.get(name, -1))
    expected = sorted(best.items(), key=lambda item: -item[1])[:3]

    found = SecondOpinion(second, gallery).ask(face(3, "nir"), k=3)
    assert [match.person for match in found.matches] == [name for name, _ in expected]
    assert [match.score for match in found.matches] == pytest.approx([score for _, score in expected], abs=1e-4)
    thresholds = second.card.thresholds
    assert [match.verdict for match in found.matches] == [verdict(m.score, thresholds) for m in found.matches]
    assert found.skipped == 0


def test_every_picture_is_embedded_once_and_only_new_ones_later(gallery, counted):
    opinion = SecondOpinion(counted, gallery)
    for seed in range(3):
        enrol(gallery, f"P{seed}", seed)
    opinion.ask(face(0))
    opinion.ask(face(1))
    assert counted.batches == [3]
    enrol(gallery, "New", 7)
    assert opinion.ask(face(7)).matches[0].person == "New"
    gallery.delete_person(gallery.search(Template(np.eye(256, dtype=np.float32)[0], FIRST))[0].person_id)
    opinion.ask(face(7))
    assert counted.batches == [3, 1]


def test_made_ready_it_embeds_nothing_at_the_first_question(gallery, counted):
    opinion = SecondOpinion(counted, gallery)
    for seed in range(3):
        enrol(gallery, f"P{seed}", seed)
    opinion.prepare()
    assert counted.batches == [3]
    opinion.ask(face(3))
    assert counted.batches == [3]


def test_what_is_deleted_is_not_found_and_not_kept(gallery, counted):
    opinion = SecondOpinion(counted, gallery)
    numbers = [enrol(gallery, f"P{seed}", seed) for seed in range(3)]
    gone = opinion.ask(face(1)).matches[0]
    assert gone.template_id == numbers[1]
    gallery.delete_person(gone.person_id)
    opinion.forget_deleted()
    assert sorted(opinion._vectors) == [numbers[0], numbers[2]]
    assert opinion._index.templates == [numbers[0], numbers[2]]
    gallery.delete_template(numbers[0])
    assert [match.template_id for match in opinion.ask(face(0)).matches] == [numbers[2]], "also without being told"
    assert sorted(opinion._vectors) == [numbers[2]]
    assert counted.batches == [3]


def test_forgetting_leaves_new_people_to_the_next_question(gallery, counted):
    opinion = SecondOpinion(counted, gallery)
    enrol(gallery, "Ann", 1)
    opinion.forget_deleted()
    assert counted.batches == []
    assert [match.person for match in opinion.ask(face(1)).matches] == ["Ann"]


@pytest.mark.parametrize("picture", [b"no picture", png(np.zeros((64, 64, 3), np.uint8))])
def test_templates_without_a_usable_picture_are_counted(gallery, counted, picture):
    enrol(gallery, "Ann", 1)
    enrol(gallery, "Unreadable", 2, picture=picture)
    gallery.enrol("Unseen", Template(np.eye(256, dtype=np.float32)[0], FIRST))
    opinion = SecondOpinion(counted, gallery)
    for _ in range(2):
        found = opinion.ask(face(1))
        assert [match.person for match in found.matches] == ["Ann"]
        assert found.skipped == 2
    assert counted.batches == [1]


def test_an_empty_gallery_has_no_opinion(gallery, second):
    found = SecondOpinion(second, gallery).ask(face(1))
    assert (found.matches, found.skipped) == ((), 0)


def test_people_of_another_model_are_not_this_gallery(tmp_path, second):
    with Gallery(tmp_path / "g.db", "third-model") as other:
        other.enrol("Foreign", Template(np.eye(256, dtype=np.float32)[0], "third-model"), png(face(1).pixels))
    with Gallery(tmp_path / "g.db", FIRST) as gallery:
        enrol(gallery, "Ann", 2)
        found = SecondOpinion(second, gallery).ask(face(1))
    assert [match.person for match in found.matches] == ["Ann"]
    assert found.skipped == 0


def test_threads_may_ask_enrol_and_delete_at_once(gallery, counted):
    opinion = SecondOpinion(counted, gallery)
    enrol(gallery, "Stays", 0)
    problems: list[BaseException] = []

    def guarded(work) -> None:
        try:
            work()
        except BaseException as error:
            problems.append(error)

    def ask() -> None:
        for _ in range(4):
            assert any(match.person == "Stays" for match in opinion.ask(face(0)).matches)

    def come_and_go() -> None:
        for seed in range(1, 5):
            gallery.delete_template(enrol(gallery, f"Guest {seed}", seed))
            opinion.forget_deleted()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (ask, ask, come_and_go)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert [match.person for match in opinion.ask(face(0)).matches] == ["Stays"]
    assert len(opinion._vectors) == 1
    assert sum(counted.batches) <= 5, "nothing is embedded twice"
