"""The benchmark of like with like on coloured squares, whose order is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.like_with_like import LikeWithLikeBench, as_text, read_set, shares
from ssn.errors import DataError
from ssn.evaluation.face_set import FaceSet
from ssn.gallery.like_with_like import LikeWithLike
from tests.gallery.cell_toys import MEANS, CellToy, enrolled_gallery, toy_face


def test_rank_1_is_that_of_a_gallery(landmarks):
    toy = CellToy()
    people = [toy_face(seed).with_(landmarks=landmarks) for seed in range(6)]
    probes = [toy_face(seed, 40 + seed).with_(landmarks=landmarks) for seed in range(6)]
    bench = LikeWithLikeBench(toy, FaceSet("toys", people, np.arange(6), probes, np.arange(6)), MEANS, 0)
    hidden = np.ones((128, 128), np.float32)
    hidden[40:] = 0
    black = [face.with_(pixels=(face.pixels * hidden[..., None]).astype(np.uint8)) for face in probes]
    row = bench.measured(black, np.stack([hidden] * 6))
    gallery = LikeWithLike(toy, enrolled_gallery(toy), MEANS)
    right = [gallery.search(face, hidden, 1).matches[0].person == f"Person {i}" for i, face in enumerate(black)]
    assert row["alike"].mean() == pytest.approx(np.mean(right), abs=0.17), "one photo a person here, two there"
    assert row["alike"].sum() >= row["painted"].sum()
    assert "reranked" not in row
    assert shares({"alike": np.array([True, False, True, True])}) == {"alike": 0.75}
    assert "| maskTop | told | 9 | 50.0 | 60.0 | – | 70.0 |" in as_text(
        [{"cover": "maskTop", "hidden": "told", "probes": 9, "as_is": 0.5, "painted": 0.6, "alike": 0.7}]
    )


def test_probes_are_drawn_alike_each_time(tmp_path, landmarks):
    np.save(tmp_path / "set.npy", np.zeros((12, 144, 144, 3), np.uint8))
    np.savez(tmp_path / "set.npz", landmarks=np.repeat(landmarks[None] + 8, 12, axis=0), identity=np.arange(12) // 3)
    first, again = (read_set(tmp_path / "set.npy", 5) for _ in range(2))
    assert (len(first.gallery), len(first.probes)) == (4, 5)
    assert (first.probe_people == again.probe_people).all()
    with pytest.raises(DataError, match="no set of crops"):
        read_set(tmp_path / "other.npy", 5)
