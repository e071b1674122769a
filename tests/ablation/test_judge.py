"""What is measured once is measured again as soon as it is about something else."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.ablation.judge import Judge, measured_once, notes
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
