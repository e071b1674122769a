"""``sweep`` as a script sees it."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.faces.types import AlignedFace
from tests.drawn import mean_landmarks
from tests.gallery.toys import ToyFinder, save


@pytest.fixture(autouse=True)
def landmarks_known(monkeypatch):
    """Toys with the landmarks of a face."""
    align = lambda self, image, face, spectrum="vis": AlignedFace(image, mean_landmarks(), np.eye(2, 3), spectrum)  # noqa: E731
    monkeypatch.setattr(ToyFinder, "align", align)


def test_a_photo_is_swept_in_a_gallery(ask, tmp_path):
    for seed, name in enumerate(("Ada", "Ben"), start=1):
        save(tmp_path / "people" / name / "a.png", seed)
    gallery = tmp_path / "g.db"
    assert ask("enrol", tmp_path / "people", "--gallery", gallery).status == 0
    done = ask("sweep", save(tmp_path / "probe.png", 1, 2), "--gallery", gallery, "--window", 64)
    assert done.status == 0, done.err
    assert done.data["person"] == "Ada"
    assert [part["part"] for part in done.data["parts"]] == ["eyes", "lower half", "left side", "right side"]
    assert len(done.data["windows"]) == 9
    assert set(done.data["windows"][0]) == {
        "x", "y", "size", "score", "rank_1", "rank_1_score", "verdict", "best_other_score", "broken"
    }  # fmt: skip
    assert all(sentence in done.out for sentence in done.data["sentences"])


def test_what_is_missing_is_named(ask, tmp_path):
    photo = save(tmp_path / "probe.png", 1)
    assert "no gallery" in ask("sweep", photo, "--gallery", tmp_path / "none.db").err
    assert "window of 30" in ask("sweep", photo, "--gallery", tmp_path / "none.db", "--window", 30).err
