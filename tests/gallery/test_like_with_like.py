"""Like with like by cells: against a loop in double precision over pictures, and what is kept and forgotten."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery import like_with_like
from ssn.gallery.cell_score import MIX
from ssn.gallery.enrol import enrol_face
from ssn.gallery.like_with_like import LikeWithLike
from ssn.gallery.parts import enrolled_parts, packed_size, unpacked
from ssn.gallery.sqlite import Gallery
from ssn.models.cells import CELLS
from tests.gallery.cell_toys import CELL_TOY, MEANS, CellToy, enrolled_gallery, toy_face

BEHIND = np.ones((128, 128), np.float32)
BEHIND[64:120, 16:112] = 0
BEHIND[56:64] = 0.4
HALF = 2e-3
"""How far half precision moves a cosine."""


@pytest.fixture(params=[False, True], ids=["linear", "maximum"])
def toy(request) -> CellToy:
    return CellToy(request.param)


def naive_template(toy: CellToy, pixels: np.ndarray, weights: np.ndarray, branch: str) -> np.ndarray:
    """Each cell blended with the mean face's, then the layer, all in double precision; of unit length."""
    face, mean = toy.map_of(pixels), MEANS[branch].astype(float)
    blended = mean + weights[None] * (face - mean)
    out = toy.layer.weight.detach().double().numpy() @ blended.ravel() + toy.layer.bias.detach().double().numpy()
    return np.maximum(out[:256], out[256:]) if toy.fold else out


def naive_score(toy: CellToy, probe, face, visibility: np.ndarray) -> float:
    def unit(x):
        return x / np.linalg.norm(x)

    weights = visibility.astype(float).reshape(8, 16, 8, 16).mean(axis=(1, 3))
    cosines = []
    for seen in (np.ones((8, 8)), weights):
        enrolled = np.zeros(256)
        for pixels in (face.pixels, face.pixels[:, ::-1]):
            length = np.linalg.norm(naive_template(toy, pixels, np.ones((8, 8)), face.branch))
            enrolled += naive_template(toy, pixels, seen, face.branch) / length
        cosines.append(unit(naive_template(toy, probe.pixels, seen, probe.branch)) @ unit(enrolled))
    return (1 - MIX) * cosines[0] + MIX * cosines[1]


@pytest.mark.parametrize("seed", range(6))
def test_it_ranks_as_a_loop_over_pictures_does(toy, seed):
    gallery = enrolled_gallery(toy)
    probe = toy_face(seed, 50 + seed, "nir-simulated")
    pixels = probe.pixels.copy()
    pixels[64:120, 16:112] = 0
    probe = probe.with_(pixels=pixels)
    best: dict[str, float] = {}
    for row in gallery.roster():
        score = naive_score(toy, probe, gallery.stored_face(row.template_id), BEHIND)
        best[row.person] = max(score, best.get(row.person, -1))
    expected = sorted(best.items(), key=lambda item: -item[1])[:4]
    found = LikeWithLike(toy, gallery, MEANS).search(probe, BEHIND, 4, toy.card.thresholds)
    assert [match.person for match in found.matches] == [name for name, _ in expected]
    scores = [found.reranking.scores[match.template_id] for match in found.matches]
    assert scores == pytest.approx([score for _, score in expected], abs=HALF)
    assert [match.rank for match in found.matches] == [1, 2, 3, 4]
    assert found.compared == 12
    assert found.everybody
    usual = [gallery.template(match.template_id).similarity(toy.embed(probe)) for match in found.matches]
    assert [match.score for match in found.matches] == pytest.approx(usual)


def test_the_cells_shares_add_up_to_the_score(toy):
    gallery = enrolled_gallery(toy)
    found = LikeWithLike(toy, gallery, MEANS).search(toy_face(3, 9, "nir"), BEHIND)
    assert set(found.shares) == set(found.reranking.scores)
    for number, shares in found.shares.items():
        assert shares.cells.shape == (8, 8)
        assert shares.score == pytest.approx(found.reranking.scores[number], abs=1e-5)


def test_where_everything_is_seen_the_ordinary_score_is_found(toy):
    gallery = enrolled_gallery(toy)
    probe = toy_face(1, 77)
    found = LikeWithLike(toy, gallery, MEANS).search(probe, np.ones((128, 128)))
    usual = gallery.search(toy.embed(probe))
    assert [match.template_id for match in found.matches] == [match.template_id for match in usual]
    scores = [found.reranking.scores[match.template_id] for match in found.matches]
    assert scores == pytest.approx([match.score for match in usual], abs=HALF)


def test_parts_add_up_to_the_template_also_as_bytes(toy):
    faces = [toy_face(seed) for seed in range(3)]
    units, parts = enrolled_parts(toy, faces)
    assert units == pytest.approx(toy.embed_batch(faces, enrolled=True), abs=1e-6)
    packed = parts.packed()
    assert {len(one) for one in packed} == {packed_size(toy.cells)}
    again = unpacked(packed, toy.cells)
    sums = again.cells.float().sum(dim=2) + again.scales[..., None] * toy.cells.bias
    whole = toy.cells.embedding(sums).sum(dim=1).numpy()
    assert whole / np.linalg.norm(whole, axis=1, keepdims=True) == pytest.approx(units, abs=HALF)
    assert again.cells.shape == (3, toy.cells.views, CELLS, len(toy.cells.bias))
    assert len(unpacked([], toy.cells)) == 0


def test_enrolling_keeps_the_parts_and_nobody_is_looked_at_again(tmp_path):
    toy = CellToy()
    gallery = enrolled_gallery(toy, str(tmp_path / "g.db"))
    before = toy.passes
    LikeWithLike(toy, gallery, MEANS).search(toy_face(1, 5), BEHIND)
    assert toy.passes == before + 1, "the probe alone"


def test_a_gallery_of_before_gets_its_parts_at_the_first_search(tmp_path):
    path, toy = tmp_path / "g.db", CellToy()
    enrolled_gallery(toy, str(path)).close()
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE parts")
    with Gallery(path, CELL_TOY) as gallery:
        numbers = [row.template_id for row in gallery.roster()]
        assert gallery.parts_of(numbers) == {}
        alike = LikeWithLike(toy, gallery, MEANS)
        first = alike.search(toy_face(1, 5), BEHIND)
        assert set(gallery.parts_of(numbers)) == set(numbers)
        gallery.keep_parts({numbers[0]: b"damaged"})
        again = LikeWithLike(toy, gallery, MEANS).search(toy_face(1, 5), BEHIND)
        assert again.reranking.scores == first.reranking.scores
        assert len(gallery.parts_of(numbers)[numbers[0]]) == packed_size(toy.cells)


def test_a_gallery_that_cannot_be_written_holds_them_in_memory(monkeypatch):
    toy = CellToy()
    gallery = enrolled_gallery(toy)
    expected = LikeWithLike(toy, gallery, MEANS).search(toy_face(1, 5), BEHIND)

    def refuse(_):
        raise GalleryError("It can only be read.")

    monkeypatch.setattr(gallery, "parts_of", lambda _: {})
    monkeypatch.setattr(gallery, "keep_parts", refuse)
    found = LikeWithLike(toy, gallery, MEANS).search(toy_face(1, 5), BEHIND)
    assert found.reranking.scores == pytest.approx(expected.reranking.scores)


def test_who_is_enrolled_stays_so_where_only_the_parts_could_not_be_written(monkeypatch):
    toy = CellToy()
    gallery = enrolled_gallery(toy)

    def refuse(_):
        raise GalleryError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(gallery, "keep_parts", refuse)
        done = enrol_face(gallery, toy, toy_face(7, 0), "Late", "late.png")
    assert gallery.person("Late").templates == 1
    assert gallery.parts_of([done.template_id]) == {}
    assert LikeWithLike(toy, gallery, MEANS).search(toy_face(7, 0), BEHIND).matches[0].person == "Late"
    assert len(gallery.parts_of([done.template_id])) == 1, "made again from the picture"


def test_what_is_deleted_is_in_no_file_and_not_in_memory(tmp_path):
    path, toy = tmp_path / "g.db", CellToy()
    gallery = enrolled_gallery(toy, str(path))
    alike = LikeWithLike(toy, gallery, MEANS)
    alike.prepare()
    gone = gallery.person("Person 1")
    numbers = [number for number, _, _ in gallery.templates_of(gone.id)]
    packed = gallery.parts_of(numbers)
    held = unpacked(list(packed.values()), toy.cells).cells
    probes = [one[8:72] for one in packed.values()] + [one[-64:] for one in packed.values()]
    assert all(bytes(probe) in _everything(path) for probe in probes)
    gallery.delete_person(gone.id)
    assert gallery.parts_of(numbers) == {}
    assert not any(bytes(probe) in _everything(path) for probe in probes)
    alike.forget_deleted()
    memory = alike._held._cells
    assert not any((memory == one).all(dim=(1, 2, 3)).any() for one in held)
    found = alike.search(toy_face(1, 5), BEHIND, 9)
    assert "Person 1" not in [match.person for match in found.matches]
    assert found.compared == 10


def _everything(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def test_another_process_deletes_and_enrols(tmp_path):
    path, toy = tmp_path / "g.db", CellToy()
    gallery = enrolled_gallery(toy, str(path), people=3)
    alike = LikeWithLike(toy, gallery, MEANS)
    assert alike.search(toy_face(0, 5), BEHIND).matches[0].person == "Person 0"
    with Gallery(path, CELL_TOY) as other:
        other.delete_person(other.person("Person 0").id)
        other.rename(other.person("Person 1").id, "Grace")
        template = toy.enrolment(toy_face(7))
        other.enrol("Heidi", template, None)
    found = alike.search(toy_face(1, 5), BEHIND, 9)
    assert found.matches[0].person == "Grace"
    assert {match.person for match in found.matches} == {"Grace", "Person 2", "Heidi"}
    assert found.reranking.kept == 1, "Heidi has no picture"
    assert found.compared == 4


def test_somebody_without_a_picture_has_the_place_of_the_ordinary_score():
    toy = CellToy()
    gallery = enrolled_gallery(toy, people=4)
    probe = toy_face(1, 5)
    gallery.enrol("Nobody's picture", toy.embed(probe), None)
    found = LikeWithLike(toy, gallery, MEANS).search(probe, BEHIND)
    assert [match.person for match in found.matches][:2] == ["Nobody's picture", "Person 1"]
    assert found.matches[0].template_id not in found.reranking.scores


def test_of_a_gallery_too_large_to_hold_a_shortlist_is_compared(monkeypatch):
    toy = CellToy()
    gallery = enrolled_gallery(toy)
    whole = LikeWithLike(toy, gallery, MEANS).search(toy_face(4, 5), BEHIND, 3)
    monkeypatch.setattr(like_with_like, "HELD", 11)
    monkeypatch.setattr(like_with_like, "SHORTLIST", 4)
    found = LikeWithLike(toy, gallery, MEANS).search(toy_face(4, 5), BEHIND, 3)
    assert not found.everybody
    assert found.compared == 4
    assert found.matches[0] == whole.matches[0]
    first = found.matches[0].template_id
    assert found.reranking.scores[first] == pytest.approx(whole.reranking.scores[first], abs=1e-6)


def test_whoever_waits_for_a_few_only_is_told_how_many_are_left(monkeypatch):
    toy, told = CellToy(), []
    gallery = enrolled_gallery(toy)
    expected = LikeWithLike(toy, gallery, MEANS).search(toy_face(4, 5), BEHIND)
    alike = LikeWithLike(toy, gallery, MEANS, at_once=4)
    seen = [alike.search(toy_face(4, 5), BEHIND) for _ in range(4)]
    assert [found.compared for found in seen] == [4, 8, 12, 12]
    assert [found.reranking.kept for found in seen] == [8, 4, 0, 0]
    assert seen[3].matches == expected.matches
    monkeypatch.setattr(like_with_like, "BATCH", 5)
    LikeWithLike(toy, gallery, MEANS, at_once=1).prepare(lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_an_empty_gallery_finds_nobody():
    toy = CellToy()
    found = LikeWithLike(toy, Gallery(":memory:", CELL_TOY), MEANS).search(toy_face(1), BEHIND)
    assert found.matches == ()
    assert LikeWithLike.possible(toy, MEANS)
    assert not LikeWithLike.possible(toy, {})


def test_a_face_that_was_looked_at_needs_no_other_pass_and_finds_the_same(recognizer, monkeypatch):
    from ssn.gallery.cell_score import CellScorer
    from tests.gpu.comparison import drawn_faces

    face = drawn_faces(1)[0]
    visibility = np.ones((128, 128), np.float32)
    visibility[64:] = 0
    means = {branch: np.random.default_rng(1).random((128, 8, 8), np.float32) for branch in ("vis", "nir")}
    scorer = CellScorer(recognizer, means)
    asked = scorer.probe(face, visibility)
    template, _ = recognizer.look(face)
    monkeypatch.setattr(type(recognizer), "last_maps", lambda *_, **__: pytest.fail("another pass"))
    known = scorer.probe(face, visibility, template)
    for mine, theirs in ((known.whole, asked.whole), (known.seen, asked.seen), (known.weights, asked.weights)):
        assert mine.numpy() == pytest.approx(theirs.numpy(), abs=1e-5)


def test_whoever_is_deleted_or_enrolled_during_a_search_does_not_end_it(toy, monkeypatch):
    gallery = enrolled_gallery(toy)
    alike, everybody, probe = LikeWithLike(toy, gallery, MEANS), gallery.roster(), toy_face(3, 53, "nir-simulated")
    seen = np.ones((128, 128), np.float32)
    seen[64:] = 0
    before = [match.person_id for match in alike.search(probe, seen, 4).matches]
    monkeypatch.setattr(gallery, "roster", lambda: [row for row in everybody if row.person_id != before[0]])
    assert before[0] not in [match.person_id for match in alike.search(probe, seen, 4).matches], "gone meanwhile"
    monkeypatch.setattr(gallery, "roster", lambda: everybody)
    usual = gallery.search
    monkeypatch.setattr(gallery, "search", lambda *a, **k: [m for m in usual(*a, **k) if m.person_id != before[1]])
    assert [match.person_id for match in alike.search(probe, seen, 4).matches] == before, "came meanwhile"
