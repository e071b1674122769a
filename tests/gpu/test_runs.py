"""Whole runs in bfloat16 on a GPU, for a few steps: what they write is read, and gone on from, on the processor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssn.machine import has_fast_bfloat16
from ssn.models.visibility_file import load_visibility
from ssn.recognizer import Recognizer
from ssn.training.distill.export import export
from ssn.training.distill.run import distill
from ssn.training.search.batches import BatchConfig
from ssn.training.search.pipeline import train_stages
from ssn.training.search.recipe import FinetuneConfig, Recipe, SearchConfig, WarmUpConfig
from ssn.training.team import Team
from ssn.training.visibility.__main__ import export as export_visibility
from ssn.training.visibility.recipe import VisibilityConfig
from ssn.training.visibility.run import learn_visibility
from tests.gpu.comparison import CPU, drawn_faces
from tests.training.drawn_crops import CONFIG, drawn_crops
from tests.training.toys import toy_crops

pytestmark = pytest.mark.gpu
QUIET = {"progress": False}


def embedded(file, where) -> np.ndarray:
    rows = Recognizer.load(file, where).embed_batch(drawn_faces(3))
    assert np.isfinite(rows).all()
    return rows


def test_from_random_weights_to_a_searched_network(device, tmp_path):
    faces = toy_crops(people=4, photos=8)
    config = replace(CONFIG, images=48, batch=16, partners=4, sizes=((64, 0.6), (96, 0.4)))
    run = distill(faces, config, tmp_path, Team(device), **QUIET)
    assert run.bfloat16 == has_fast_bfloat16(device)
    assert run.step_number == 3
    base = tmp_path / "base.safetensors"
    export(run, {"toys": len(faces)}, "nobody", base, batches=2)
    here, there = embedded(base, "cpu"), embedded(base, str(device))
    assert np.abs(here - there).max() < 1e-3

    recipe = Recipe(
        variant="ssn",
        held_out=0,
        batches=BatchConfig(batch=8, micro=4),
        warm_up=WarmUpConfig(views=1, epochs=2, batch=16),
        search=SearchConfig(epochs=0.1),
        finetune=FinetuneConfig(epochs=0.1),
    )
    done = train_stages("all", recipe, base, faces, {}, tmp_path / "ssn", None, False, Team(device))
    recognizer = Recognizer.load(done["file"], "cpu")
    assert recognizer.card.searched
    assert any(bool((block.indicators != 1).any()) for block in recognizer.network.selections())
    assert np.isfinite(recognizer.embed_batch(drawn_faces(2))).all()


def test_a_run_goes_on_on_the_processor(device, tmp_path):
    config = replace(CONFIG, images=32, batch=8, sizes=((32, 1.0),))
    there = distill(drawn_crops(), config, tmp_path, Team(device), stop_at=3, **QUIET)
    here = distill(drawn_crops(), config, tmp_path, Team(CPU), resume=True, bfloat16=False, stop_at=3, **QUIET)
    assert here.step_number == 3
    ours, theirs = here.network.state_dict(), there.network.state_dict()
    assert all(tensor.device.type == "cpu" for tensor in ours.values())
    assert all(torch.equal(ours[name], theirs[name].cpu()) for name in theirs)
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here.average, there.average, strict=True))
    rest = distill(drawn_crops(), config, tmp_path, Team(CPU), resume=True, bfloat16=False, **QUIET)
    assert rest.step_number == config.steps
    assert all(bool(torch.isfinite(tensor).all()) for tensor in rest.tensors())


def test_the_visibility_network(device, tmp_path):
    config, rows = VisibilityConfig(views=96, batch=16, widths=(8, 12, 16)), np.arange(20)
    pixels = drawn_crops().pixels
    learn_visibility(pixels, rows, config, tmp_path, str(device), stop_at=4, progress=False)
    rest = learn_visibility(pixels, rows, config, tmp_path, "cpu", resume=True, progress=False)
    assert rest.step_number == config.steps
    export_visibility(rest, {}, 0, tmp_path / "visibility.safetensors")
    network, _ = load_visibility(tmp_path / "visibility.safetensors")
    maps = network.eval().visibility(torch.rand(2, 1, 128, 128))
    assert bool(((maps >= 0) & (maps <= 1)).all())
