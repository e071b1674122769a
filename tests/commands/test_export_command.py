"""``export`` and ``--engine`` as a script sees them."""

from __future__ import annotations

import json

import numpy as np

from ssn.models.checkpoint import load_model
from tests.commands.running import run


def test_export_writes_both_networks_with_their_cards_and_says_how_well_they_agree(checkpoint, tmp_path, capsys):
    out, report = tmp_path / "sub" / "net.safetensors", tmp_path / "report.json"
    words = ("export", "--format", "safetensors", "--checkpoint", checkpoint, "--out", out, "--visibility")
    assert run(*words, "--json", report) == 0
    files = json.loads(report.read_text())["files"]
    assert [file["check"]["cosine"] is None for file in files] == [False, True]
    assert files[0]["check"]["cosine"] >= 0.9999
    assert "cosine at least" in capsys.readouterr().out
    for file in files:
        card = json.loads((out.parent / file["card"]).read_text())
        assert card["model"]["model_id"] == file["model"]
        assert (out.parent / card["file"]).is_file()
    network, card = load_model(checkpoint)
    again, _ = load_model(out)
    for name, tensor in network.state_dict().items():
        assert np.array_equal(again.state_dict()[name].numpy(), tensor.numpy()), name


def test_what_cannot_be_exported_or_run_is_one_line(checkpoint, demo, tmp_path, capsys):
    assert run("export", "--format", "exe", "--checkpoint", checkpoint) == 2
    assert "no format" in capsys.readouterr().err
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(checkpoint.read_bytes())
    assert run("export", "--format", "safetensors", "--checkpoint", copy, "--out", copy) == 2
    assert "the checkpoint itself" in capsys.readouterr().err
    assert copy.read_bytes() == checkpoint.read_bytes()
    taken = tmp_path / "visibility.onnx"
    assert run("export", "--format", "onnx", "--checkpoint", copy, "--out", taken, "--visibility") == 2
    assert "the name of the visibility network" in capsys.readouterr().err
    photo = demo[0].enrolment
    assert run("embed", photo, "--checkpoint", tmp_path / "a.safetensors", "--engine", "onnx") == 2
    assert "ssn export --format onnx" in capsys.readouterr().err
    assert run("embed", photo, "--checkpoint", checkpoint, "--engine", "tea") == 2
    assert "no engine" in capsys.readouterr().err
