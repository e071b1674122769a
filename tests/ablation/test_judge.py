"""What is measured once is measured again as soon as it is about something else."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.ablation.judge import Judge, measured_once, notes
from ssn.data.joined_teachers import JoinedTeachers
from ssn.data.teachers import StoredTeacher
from ssn.errors import DataError
from ssn.evaluation.face_set import stored_face_set
from ssn.training.team import Team


def faces(changed: bool = False):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (6, 144, 144, 3), dtype=np.uint8)
    if changed:
        pixels[4] = 255 - pixels[4]
    return stored_face_set("drawn", pixels, rng.uniform(20, 120, (6, 68, 2)), np.arange(6) // 2)


def test_a_measurement_is_kept_for_the_same_model_pictures_and_shortlist(tmp_path):
    file, calls = tmp_path / "base.json", []

    def measure() -> dict:
        calls.append(1)
        return {"model": "base-1", "sets": {}}

    judge = Judge([faces()], {}, 50, Team("cpu"), watched=2)
    for _ in range(2):
        assert measured_once(file, "base-1", judge.facts, measure)["model"] == "base-1"
    assert len(calls) == 1
    with pytest.raises(DataError, match="another model"):
        measured_once(file, "base-2", judge.facts, measure)
    for other in (Judge([faces(True)], {}, 50, Team("cpu")), Judge([faces()], {}, 20, Team("cpu"))):
        with pytest.raises(DataError, match="other pictures"):
            measured_once(file, "base-1", other.facts, measure)
    file.write_text("[1]")
    with pytest.raises(DataError, match="damaged"):
        measured_once(file, "base-1", judge.facts, measure)


def test_the_notes_say_what_was_learned_from_and_what_nir_was():
    words = " ".join(notes(["casia"], "real", 30, [faces()]))
    assert "casia" in words
    assert "of `drawn` simulated NIR." in words
    assert "NIR in training is real." in words
    assert "first 30" in words


class Gray:
    """A teacher that sees how bright a face is, and which half of it is brighter."""

    name, rule, reads_photos = "gray", None, False

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return np.array([image.mean(), image[:, :64].mean() - image[:, 64:].mean(), 1.0], np.float32)


def test_the_teachers_row_is_that_of_what_the_base_learned_from():
    judge = Judge([faces()], {}, 0, Team("cpu"), watched=2)
    alone = judge.of_teacher(JoinedTeachers((Gray(),), (1.0,)))
    assert alone["model"] == "gray"
    assert {row["occlusion"] for row in alone["sets"]["drawn"]} == {"none", "maskTop", "maskBottom"}
    assert judge.of_teacher(JoinedTeachers((StoredTeacher("elsewhere"),), (1.0,))) == {"model": "elsewhere", "sets": {}}


def test_distances_of_joined_descriptors_rank_as_the_weighted_mean_of_cosines():
    class Other(Gray):
        name = "other"

        def describe(self, image, landmarks):
            return image.astype(np.float32).mean(axis=(0, 2))

    rng = np.random.default_rng(5)
    pictures, points = rng.integers(0, 255, (7, 128, 128, 3), dtype=np.uint8), np.zeros((68, 2))
    joined = JoinedTeachers((Gray(), Other()), (0.3, 0.9))
    found = np.stack([joined.describe(picture, points) for picture in pictures])

    def cosine(teacher, a, b):
        x, y = teacher.describe(a, points), teacher.describe(b, points)
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    for other, row in zip(pictures, found, strict=True):
        mean = 0.25 * cosine(Gray(), pictures[0], other) + 0.75 * cosine(Other(), pictures[0], other)
        assert ((found[0] - row) ** 2).sum() == pytest.approx(2 - 2 * mean, abs=1e-5)
