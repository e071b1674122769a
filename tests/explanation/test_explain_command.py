"""The command: files, JSON, all or nothing. A linear network stands in for the recognizer."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ssn.commands import explain as command
from ssn.errors import DataError, ExplanationError
from ssn.gallery.sqlite import Gallery
from ssn.models.light_cnn import EMBEDDING_SIZE
from ssn.recognizer import Template
from tests.explanation.toys import LinearEmbedder, smooth_face, stand_in

MODEL = "toy-1"


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """``a.png`` and ``b.png``, faces 0 and 1, and a recognizer that finds those faces in them."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(EMBEDDING_SIZE, 128 * 128, generator=generator)
    network = LinearEmbedder(weight, torch.randn(EMBEDDING_SIZE, generator=generator))

    def embed(face):
        gray = torch.tensor(face.pixels[..., 0] / 255, dtype=torch.float32)[None, None]
        vector = torch.nn.functional.normalize(network(gray, None), dim=1)[0]
        return Template(vector.detach().numpy(), MODEL)

    recognizer = SimpleNamespace(**vars(stand_in(network, MODEL)), embed=embed)
    faces = {"a.png": smooth_face(0), "b.png": smooth_face(1)}
    for name in faces:
        (tmp_path / name).write_bytes(b"picture")
    monkeypatch.setattr(command.Recognizer, "load", lambda *_: recognizer)
    monkeypatch.setattr(command, "read_probe", lambda _, photo, *rest, **more: faces[photo.name])
    return tmp_path


def run(photos, **changes):
    settings = {"against": str(photos / "b.png"), "out": photos / "out", "method": "saliency", "baseline": "blur"}
    settings["checks"] = False
    command.explain(photos / "a.png", **{**settings, **changes})


def test_pictures_arrays_and_figures(photos, capsys):
    run(photos, sides="both", method="ig,saliency", checks=True, steps=16)
    out = photos / "out"
    data = json.loads((out / "explanation.json").read_text())
    assert -1 <= data["score"] <= 1
    assert list(data["methods"]) == ["ig", "saliency"]
    row = data["methods"]["ig"]
    wanted = {"deletion_auc", "insertion_auc", "control_deletion_auc", "control_insertion_auc", "seconds", "verdict"}
    assert wanted <= set(row)
    assert row["baseline"] == "blur"
    assert row["parameters"] == {"steps": 16}
    assert row["relative_delta"] < 0.01
    assert sorted(p.name for p in out.iterdir()) == sorted(
        ["explanation.json", *row["files"], *data["methods"]["saliency"]["files"]]
    )
    with np.load(out / "ig.npz") as arrays:
        assert arrays["probe_map"].shape == arrays["gallery_map"].shape == (128, 128)
        np.testing.assert_allclose(np.trapezoid(arrays["deletion"], arrays["share"]), row["deletion_auc"])
    with Image.open(out / "ig.png") as picture:
        assert picture.width == 512
        assert picture.height > 512  # the verdict stands below it
    assert row["verdict"] in capsys.readouterr().out


def test_a_person_of_a_gallery_and_a_rival(photos):
    generator = np.random.default_rng(0)
    with Gallery(photos / "g.db", MODEL) as store:
        for name in ("Ada", "Ben"):
            vector = generator.normal(size=EMBEDDING_SIZE).astype(np.float32)
            store.enrol(name, Template(vector / np.linalg.norm(vector), MODEL))
    gallery = photos / "g.db"
    run(photos, against="Ada", gallery=gallery, rather_than="Ben")
    data = json.loads((photos / "out" / "explanation.json").read_text())
    assert (data["against"], data["rather_than"]) == ("Ada", "Ben")
    assert data["methods"]["saliency"]["shift_stability"] is None
    with pytest.raises(DataError, match="Nobody called Eve"):
        run(photos, against="Eve", gallery=gallery, out=photos / "other")
    with pytest.raises(DataError, match="no photo"):
        run(photos, against="Ada", out=photos / "other")
    with pytest.raises(ExplanationError, match="no photo behind"):
        run(photos, against="Ada", gallery=gallery, sides="both", out=photos / "other")
    assert not (photos / "other").exists()


def test_a_failure_leaves_nothing_and_keeps_what_was_there(photos, monkeypatch):
    run(photos)
    before = (photos / "out" / "explanation.json").read_bytes()
    names = sorted(p.name for p in photos.iterdir())

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(command, "write_json", full)
    with pytest.raises(OSError, match="disk full"):
        run(photos, method="input_x_gradient")
    assert (photos / "out" / "explanation.json").read_bytes() == before
    assert sorted(p.name for p in photos.iterdir()) == names


def test_an_earlier_explanation_is_replaced_as_a_whole(photos):
    run(photos)
    (photos / "out.old").mkdir()
    run(photos, method="input_x_gradient")
    names = sorted(p.name for p in (photos / "out").iterdir())
    assert names == ["explanation.json", "input_x_gradient.npz", "input_x_gradient.png"]
    assert sorted(p.name for p in photos.iterdir()) == ["a.png", "b.png", "out", "out.old"]


def test_a_failed_move_puts_the_earlier_one_back(photos):
    run(photos)
    staged = photos / "staged"
    with pytest.raises(FileNotFoundError):
        command.replace_folder(staged, photos / "out")
    assert (photos / "out" / "explanation.json").is_file()
    assert sorted(p.name for p in photos.iterdir()) == ["a.png", "b.png", "out"]


def test_other_files_are_not_overwritten(photos):
    (photos / "mine").mkdir()
    (photos / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="other files"):
        run(photos, out=photos / "mine")
    with pytest.raises(DataError, match="is a file"):
        run(photos, out=photos / "a.png")
    with pytest.raises(ExplanationError, match="no method"):
        run(photos, method="ig,magic")


@pytest.mark.parametrize(("method", "given"), [("ig,saliency", {"block": 2}), ("saliency,occlusion", {"steps": 8})])
def test_a_parameter_that_no_method_reads_is_refused(photos, method, given):
    with pytest.raises(ExplanationError, match=f"--{next(iter(given))} is not read"):
        run(photos, method=method, **given)
    assert not (photos / "out").exists()


def test_a_heat_map_shows_for_in_red_and_against_in_blue():
    face = smooth_face(0)
    values = np.zeros((128, 128))
    values[:32], values[-32:] = 1.0, -1.0
    picture = np.asarray(command.heat_map(face, values)).astype(int)
    assert (picture[:100, :, 0] - picture[:100, :, 2]).min() > 40
    assert (picture[-100:, :, 2] - picture[-100:, :, 0]).min() > 40
    middle = picture[200:300]
    assert np.ptp(middle, axis=2).max() <= 1
    assert np.isfinite(np.asarray(command.heat_map(face, np.zeros((128, 128))))).all()
