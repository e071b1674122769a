"""Exported files: run without our code they answer what the network does, and nothing wrong is ever left behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

from ssn.errors import ExportError, MissingPackageError
from ssn.export import formats
from ssn.export.check import probes
from ssn.export.engine import load_recognizer
from ssn.export.portable import Portable, PortableEmbedder, PortableVisibility
from ssn.export.write import card_path, export_network
from ssn.faces.occlude import occlude
from ssn.faces.types import AlignedFace
from ssn.models.card import ModelCard
from ssn.models.checkpoint import load_model, save_model
from ssn.models.network import SaliencySearchNetwork
from ssn.models.visibility import WIDTHS, VisibilityNetwork
from ssn.models.visibility_file import VisibilityCard
from ssn.places import CHECKOUT
from ssn.recognizer import Recognizer
from ssn.training.distill.network import initialise
from tests.drawn import mean_landmarks

ALONE = """
import sys
import numpy as np, onnxruntime
given = dict(np.load(sys.argv[2]))
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
assert "torch" not in sys.modules and "ssn" not in sys.modules
np.savez(sys.argv[3], **dict(zip(names, session.run(None, given))))
"""
"""A program that knows onnxruntime and nothing of this project."""


def searched(adaptive: bool = False) -> SaliencySearchNetwork:
    """A network whose two branches differ, and whose correction is not zero where there is one."""
    network = SaliencySearchNetwork(adaptive=adaptive)
    generator = torch.Generator().manual_seed(0)
    initialise(network.backbone, generator)
    with torch.no_grad():
        for parameter in network.indicator_parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A searched network, as it is saved."""
    path = tmp_path_factory.mktemp("checkpoint") / "pixel.safetensors"
    save_model(path, searched().state_dict(), ModelCard("pixel", searched=True, thresholds={"0.01": 0.5}))
    return path


def portable(kind: str, checkpoint: Path) -> Portable:
    """One with maps, one without."""
    if kind == "pixel":
        return PortableEmbedder(*load_model(checkpoint), maps=True)
    if kind == "adaptive":
        return PortableEmbedder(searched(True), ModelCard(kind, selection="adaptive", model_id="adaptive-1"))
    return PortableVisibility(VisibilityNetwork(), VisibilityCard("v", WIDTHS))


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    """A kind of network → it, and its ONNX file, written once."""
    pytest.importorskip("onnxscript")
    folder, made = tmp_path_factory.mktemp("onnx"), {}

    def get(kind: str) -> tuple[Portable, Path]:
        if kind not in made:
            network = portable(kind, checkpoint)
            export_network(network, "onnx", folder / f"{kind}.onnx")
            made[kind] = network, folder / f"{kind}.onnx"
        return made[kind]

    return get


def run_alone(file: Path, given: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """In another process, without torch."""
    np.savez(folder / "given.npz", **given)
    words = [sys.executable, "-c", ALONE, str(file), str(folder / "given.npz"), str(folder / "answer.npz")]
    subprocess.run(words, check=True, cwd=folder)
    return dict(np.load(folder / "answer.npz"))


@pytest.mark.parametrize("kind", ["pixel", "adaptive", "visibility"])
def test_onnxruntime_alone_answers_what_the_network_does_for_any_batch_in_both_spectra(kind, exported, tmp_path):
    network, file = exported(kind)
    rng = np.random.default_rng(0)
    known = probes()
    for count in (1, 5):
        choice = rng.integers(0, 4, count)
        given = {name: known[name][choice] for name in network.inputs}
        expected, answer = network.expected(given), run_alone(file, given, tmp_path)
        assert answer.keys() == expected.keys() == set(network.outputs)
        for name, values in expected.items():
            assert answer[name].shape == values.shape
            assert np.abs(answer[name] - values).max() <= 1e-4 * max(1.0, np.abs(values).max()), name
        if "embedding" in answer:
            assert (answer["embedding"] * expected["embedding"]).sum(axis=1).min() >= 0.9999
            assert np.linalg.norm(answer["embedding"], axis=1) == pytest.approx(np.ones(count), abs=1e-5)


@pytest.mark.parametrize("kind", ["pixel", "adaptive"])
def test_the_inputs_of_a_file_matter(kind, exported, tmp_path):
    """Spectrum and, where there is one, mask are inputs that change the answer; else their export went wrong."""
    network, file = exported(kind)
    given = {name: np.repeat(probes()[name][:1], 2, axis=0) for name in network.inputs}
    given["spectrum"] = np.array([0, 1])
    first = run_alone(file, given, tmp_path)["embedding"]
    assert first[0] @ first[1] < 0.9999
    if kind == "adaptive":
        told = given | {"mask": np.zeros_like(given["mask"])}
        assert np.abs(run_alone(file, told, tmp_path)["embedding"] - first).max() > 1e-4


@pytest.mark.parametrize("kind", ["openvino", "torchscript", "safetensors"])
def test_other_formats_are_checked_and_described(kind, tmp_path):
    if kind == "openvino":
        pytest.importorskip("openvino")
    path = tmp_path / f"s{formats.FORMATS[kind].suffix}"
    adaptive = kind == "torchscript"
    card = ModelCard("s", searched=True, selection="adaptive" if adaptive else "pixel")
    result = export_network(PortableEmbedder(searched(adaptive), card), kind, path)
    assert result.cosine >= 0.9999
    described = json.loads(card_path(path).read_text())
    assert set(described["inputs"]) == {"face", "spectrum", *(["mask"] if adaptive else [])}
    assert described["check"]["cosine"] == result.cosine
    assert {file.name for file in tmp_path.iterdir()} == {path.name, card_path(path).name} | {
        path.with_suffix(part).name for part in formats.FORMATS[kind].parts
    }


def test_a_file_that_answers_something_else_is_refused_and_not_left_behind(tmp_path, monkeypatch):
    network = PortableEmbedder(searched(), ModelCard("s"))

    def wrong(portable, path):
        return lambda given: {name: np.flip(v, axis=-1) for name, v in portable.expected(given).items()}

    broken = formats.Format(".export.safetensors", formats.FORMATS["safetensors"].write, wrong)
    monkeypatch.setitem(formats.FORMATS, "safetensors", broken)
    with pytest.raises(ExportError, match="differs: cosine"):
        export_network(network, "safetensors", tmp_path / "s.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingPackageError, match=r"onnxscript.*ssn-studio\[onnx\]"):
        export_network(PortableEmbedder(searched(), ModelCard("s")), "onnx", tmp_path / "s.onnx")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingPackageError, match=r"openvino.*ssn-studio\[openvino\]"):
        export_network(PortableEmbedder(searched(), ModelCard("s")), "openvino", tmp_path / "s.xml")


def test_what_is_to_be_installed_is_an_extra_of_the_project_with_that_package():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: {Requirement(line).name for line in lines} for name, lines in project["optional-dependencies"].items()
    }
    assert extras["onnx"] == {"onnx", "onnxscript", "onnxruntime"}
    assert extras["openvino"] == {"openvino"}


@pytest.mark.parametrize(("kind", "name", "said"), [("exe", "a.exe", "no format"), ("onnx", "a.pt", "known as onnx")])
def test_unknown_formats_and_names_are_refused(kind, name, said, tmp_path):
    with pytest.raises(ExportError, match=said):
        export_network(PortableEmbedder(searched(), ModelCard("s")), kind, tmp_path / name)


def faces() -> list[AlignedFace]:
    rng = np.random.default_rng(1)
    spectra = ("vis", "nir", "vis")
    return [
        AlignedFace(rng.integers(0, 256, (128, 128, 3), np.uint8), mean_landmarks(), np.eye(2, 3), spectrum)
        for spectrum in spectra
    ]


def test_the_engine_answers_as_pytorch_does_alone_in_batches_and_with_maps(exported, checkpoint):
    _, file = exported("pixel")
    recognizer = Recognizer.load(checkpoint, "cpu")
    engine = load_recognizer(file, "cpu", "onnx", maps=True)
    assert engine.model_id == recognizer.model_id
    assert engine.card == recognizer.card
    for enrolled in (False, True):
        ours, theirs = (r.embed_batch(faces(), batch=2, enrolled=enrolled) for r in (engine, recognizer))
        assert np.abs(ours - theirs).max() < 1e-4
    assert engine.embed_batch([]).shape == (0, 256)
    (ours, maps), (theirs, expected) = engine.look(faces()[1]), recognizer.look(faces()[1])
    assert ours.similarity(theirs) > 0.9999
    for own, other in zip(maps, expected, strict=True):
        assert (own.number, own.channels) == (other.number, other.channels)
        assert np.abs(own.response - other.response).max() < 1e-3 * other.response.max()
        assert np.abs(own.indicator - other.indicator).max() < 1e-5


def test_the_engine_loads_pytorch_only_where_gradients_are_asked_for(exported, checkpoint, tmp_path):
    _, file = exported("pixel")
    with pytest.raises(ExportError, match="no gradients"):
        _ = load_recognizer(file, "cpu", "onnx").network
    (tmp_path / "model.safetensors").symlink_to(checkpoint)
    (tmp_path / "model.onnx").symlink_to(file)
    engine = load_recognizer(tmp_path / "model.safetensors", "cpu", "onnx")
    assert engine.adaptive is False
    assert "network" not in vars(engine)
    assert engine.network.adaptive is False
    (tmp_path / "model.onnx").unlink()
    (tmp_path / "model.onnx").symlink_to(exported("adaptive")[1])
    with pytest.raises(ExportError, match="Export the checkpoint again"):
        _ = load_recognizer(tmp_path / "model.safetensors", "cpu", "onnx").network


def test_an_engine_without_its_file_says_how_it_is_made(tmp_path):
    with pytest.raises(ExportError, match=r"ssn export --format onnx --maps --checkpoint .*none\.safetensors"):
        load_recognizer(tmp_path / "none.safetensors", "cpu", "onnx")
    (tmp_path / "none.onnx").write_bytes(b"nothing")
    with pytest.raises(ExportError, match="no ONNX file"):
        load_recognizer(tmp_path / "none.safetensors", "cpu", "onnx")


def test_a_file_without_maps_gives_templates_and_says_that_it_has_no_maps(exported):
    network, file = exported("adaptive")
    assert isinstance(network, PortableEmbedder)
    engine, recognizer = load_recognizer(file, "cpu", "onnx"), Recognizer(network.network, network.card, "cpu")
    hidden = occlude(faces()[0], np.tri(128, dtype=bool))
    for face in (faces()[0], hidden):
        assert engine.embed(face).similarity(recognizer.embed(face)) > 0.9999
    with pytest.raises(ExportError, match="--maps"):
        engine.look(faces()[0])
    with pytest.raises(ExportError, match="--maps"):
        load_recognizer(file, "cpu", "onnx", maps=True)
