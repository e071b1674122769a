"""``visibility`` as a script sees it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ssn.models.visibility_file import load_visibility
from ssn.visibility import HIDDEN
from tests.commands.running import run


@pytest.fixture
def photo(demo):
    return demo[0].enrolment


@pytest.mark.parametrize("spectrum", ["vis", "nir"])
def test_it_writes_the_map_of_the_aligned_face_and_what_it_says(demo, photo, tmp_path, spectrum):
    picture = photo if spectrum == "vis" else demo[0].probes[0].file
    out, facts = tmp_path / "new" / "v.png", tmp_path / "v.json"
    assert run("visibility", picture, "--spectrum", spectrum, "--out", out, "--json", facts, "--device", "cpu") == 0
    data = json.loads(facts.read_text())
    seen = np.asarray(Image.open(out))
    assert seen.shape == (128, 128)
    assert seen.dtype == np.uint8
    assert data["model"] == load_visibility()[1].model_id
    assert data["hidden_share"] == pytest.approx((seen < 255 * HIDDEN).mean(), abs=0.005)
    assert data["face"]["spectrum"] == spectrum
    left, top, right, bottom = data["face"]["xyxy"]
    width, height = Image.open(picture).size
    assert -10 < left < right < width + 10
    assert -10 < top < bottom < height + 10


def test_white_is_visible_and_what_is_hidden_is_dark(photo, tmp_path, capsys):
    out = tmp_path / "v.png"
    assert run("visibility", photo, "--occlusion", "maskBottom", "--out", out, "--device", "cpu", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    seen = np.asarray(Image.open(out))
    assert seen[:30].mean() > 230
    assert seen[80:105, 50:78].mean() < 25
    assert 0.2 < data["hidden_share"] < 0.6


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--spectrum", "infrared"), "no spectrum"),
        (("--occlusion", "hat"), "no occlusion"),
        (("--checkpoint", "nowhere.safetensors"), "no visibility network"),
        (("--face", "4"), "face"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_no_file(photo, tmp_path, capsys, words, says):
    out = tmp_path / "v.png"
    assert run("visibility", photo, "--out", out, "--device", "cpu", *words) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert says in error
    assert len(error.splitlines()) == 1
    assert not out.exists()
