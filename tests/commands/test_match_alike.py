"""``match --alike``: what it compares, writes and says, with a recogniser whose map is the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ssn.faces.occlude import OCCLUSIONS, OcclusionKind, occlude
from ssn.gallery.cohort import Cohort, cohort_file, save_cohort
from ssn.gallery.like_with_like import LikeWithLike
from ssn.recognizer import Recognizer
from ssn.visibility import VisibilityFinder
from tests.gallery.cell_toys import CELL_TOY, MEANS, CellToy, enrolled_gallery, toy_face
from tests.gallery.strangers import cohort as strangers

HIDES = np.zeros((128, 128), bool)
HIDES[64:112] = True


class Found:
    """A visibility network that always finds the same."""

    def visibility(self, face):
        return np.where(HIDES, 0.02, 1).astype(np.float32)

    def visibilities(self, faces):
        return np.stack([self.visibility(face) for face in faces])


@pytest.fixture
def asked(ask, monkeypatch, tmp_path):
    """The command on a gallery of six people, with the mean faces beside the checkpoint."""
    toy = CellToy()
    monkeypatch.setattr(Recognizer, "load", lambda *_: toy)
    monkeypatch.setattr(VisibilityFinder, "load", classmethod(lambda cls, device: Found()))
    for module in ("match", "alike"):
        monkeypatch.setattr(f"ssn.commands.{module}.shared_visibility", lambda _: Found())
    monkeypatch.setitem(OCCLUSIONS, "toy", OcclusionKind("Toy", lambda _: HIDES))
    save_cohort(cohort_file(tmp_path / "toy.safetensors"), Cohort(CELL_TOY, {}, {}, means=MEANS))
    enrolled_gallery(toy, str(tmp_path / "g.db")).close()
    photo = tmp_path / "probe.png"
    Image.fromarray(toy_face(4, 9).pixels).save(photo)

    def run(*words):
        return ask("match", photo, "--gallery", tmp_path / "g.db", "--checkpoint", tmp_path / "toy.safetensors", *words)

    return run


@pytest.mark.parametrize("how", ["told", "found"])
def test_everybody_is_compared_behind_what_hides_the_probe(asked, how):
    done = asked("--alike", how, *(("--occlusion", "toy") if how == "told" else ()))
    assert done.status == 0, done.err
    toy = CellToy()
    probe = occlude(toy_face(4, 9), HIDES)
    visibility = np.where(HIDES, 0.02 if how == "found" else 0, 1).astype(np.float32)
    expected = LikeWithLike(toy, enrolled_gallery(toy), MEANS).search(probe, visibility, 5)
    row = done.data[0]
    assert row["alike"] == {"hidden_share": pytest.approx(HIDES.mean()), "compared": 12, "not_compared": 0}
    assert [match["person"] for match in row["matches"]] == [match.person for match in expected.matches]
    for found, match in zip(row["matches"], expected.matches, strict=True):
        assert found["score"] == pytest.approx(match.score, abs=1e-5)
        assert found["alike_score"] == pytest.approx(expected.reranking.scores[match.template_id], abs=1e-5)
        assert np.sum(found["cells"]) + found["rest"] == pytest.approx(found["alike_score"], abs=1e-4)
    assert "38 % of the face is hidden; 12 templates compared" in done.out
    assert f"{row['matches'][0]['alike_score']:+.3f} (ordinary score" in done.out


def test_where_nothing_is_hidden_the_ordinary_scores_stand(asked):
    plain, done = asked(), asked("--alike", "told")
    assert [match["score"] for match in done.data[0]["matches"]] == [m["score"] for m in plain.data[0]["matches"]]
    assert done.data[0]["alike"] == {"hidden_share": 0.0}
    assert "alike_score" not in done.data[0]["matches"][0]
    assert "Nothing is surely hidden" in done.out


def test_without_a_mean_face_it_says_which_command_measures_one(asked, tmp_path):
    cohort_file(tmp_path / "toy.safetensors").unlink()
    refused = asked("--alike", "told", "--occlusion", "toy")
    assert refused.status == 2
    assert "python -m ssn cohort" in refused.err
    assert asked("--alike", "perhaps").status == 2


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((), 0.375),
        (("--occlusion", "toy"), 0.0),
        (("--alike", "told"), 0.375),
        (("--alike", "told", "--occlusion", "toy"), 0.0),
        (("--alike", "found"), 0.0),
    ],
)
def test_what_covers_the_face_and_is_not_hidden_is_said(asked, words, left):
    done = asked(*words)
    assert done.data[0]["covered"] == pytest.approx(left)
    assert ("Something seems to cover 38\u00a0% of this face" in done.out) == (left > 0)
    assert "omething seems" not in asked(*words, "--rule", "two-rates").out, "which knows nothing of covers"


def test_behind_a_cover_nobody_is_called_a_match(asked, tmp_path, monkeypatch):
    measured = replace(strangers(), model_id=CELL_TOY, means=MEANS)
    save_cohort(cohort_file(tmp_path / "toy.safetensors"), measured)
    behind = asked("--rate", "0.5").data[0]["matches"]
    monkeypatch.setattr("ssn.commands.match.shared_visibility", lambda _: None)
    plain = asked("--rate", "0.5").data[0]["matches"]
    assert (plain[0]["verdict"], behind[0]["verdict"]) == ("match", "uncertain")
    assert [row["score"] for row in behind] == [row["score"] for row in plain]
