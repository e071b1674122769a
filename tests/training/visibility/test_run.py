"""The visibility network's training: the loss in closed form, a run that learns, and a stopped one that goes on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssn.data.face_store import StoredFaces
from ssn.errors import CheckpointError
from ssn.models.visibility_file import load_visibility
from ssn.training.crops import Crops
from ssn.training.visibility import __main__ as script
from ssn.training.visibility import run as module
from ssn.training.visibility.covers import CoverMix
from ssn.training.visibility.recipe import VisibilityConfig, draw_batch, visibility_loss
from ssn.training.visibility.run import STATE_FILE, learn_visibility
from tests.training.drawn_crops import drawn_crops

CONFIG = VisibilityConfig(views=8 * 12, batch=8, widths=(8, 12, 16), warmup=0.1)
ROWS = np.arange(20)


@pytest.fixture(scope="module")
def crops() -> StoredFaces:
    return drawn_crops()


@pytest.fixture(autouse=True)
def exact(monkeypatch) -> None:
    """Full precision, and the allocator as the other tests need it."""
    monkeypatch.setattr(module, "has_fast_bfloat16", lambda device: False)
    monkeypatch.setattr(module, "keep_freed_memory", lambda: False)


def test_the_loss_is_cross_entropy_and_dice_written_out():
    logits = torch.tensor([[[[0.5, -1.0], [2.0, 0.0]]]])
    hidden = torch.tensor([[[[1.0, 0.0], [0.4, 0.0]]]])
    p, t = 1 / (1 + np.exp(-logits.numpy().ravel())), hidden.numpy().ravel()
    entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    dice = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    terms = visibility_loss(logits, hidden, 0.5)
    assert terms["entropy"].item() == pytest.approx(entropy, rel=1e-5)
    assert terms["dice"].item() == pytest.approx(0.5 * dice, rel=1e-5)


def test_a_batch_depends_on_its_step_alone_and_uses_the_named_rows_only(crops):
    views, hidden = draw_batch(Crops(crops.pixels), ROWS, CONFIG, 3)
    assert views.shape == hidden.shape == (8, 1, 64, 64)
    assert min(views.min(), hidden.min()) >= 0
    assert max(views.max(), hidden.max()) <= 1
    again = draw_batch(Crops(crops.pixels), ROWS, CONFIG, 3)
    assert torch.equal(views, again[0])
    assert torch.equal(hidden, again[1])
    assert not torch.equal(views, draw_batch(Crops(crops.pixels), ROWS, CONFIG, 4)[0])
    spoilt = crops.pixels.copy()
    spoilt[10:] = 255
    first = draw_batch(Crops(crops.pixels), np.arange(10), CONFIG, 3)[0]
    assert torch.equal(first, draw_batch(Crops(spoilt), np.arange(10), CONFIG, 3)[0])


def test_the_rate_warms_up_and_ends_at_nothing():
    rates = [CONFIG.rate_at(step) for step in range(CONFIG.steps)]
    assert max(rates) == pytest.approx(CONFIG.learning_rate)
    assert rates[-1] < 0.1 * CONFIG.learning_rate
    assert np.argmax(rates) <= 2


def test_the_loss_falls(crops):
    """Black covers on random squares, the same four batches again and again."""
    black = CoverMix(fills=(1, 0, 0, 0, 0, 0))
    config = VisibilityConfig(views=8 * 40, batch=8, widths=(8, 12, 16), learning_rate=1e-2, mix=black)
    run = module.VisibilityTraining(config)
    losses = [sum(run.step(*draw_batch(Crops(crops.pixels), ROWS, config, step % 4)).values()) for step in range(40)]
    assert np.mean(losses[-4:]) < 0.75 * np.mean(losses[:4])


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(crops, tmp_path):
    whole = learn_visibility(crops.pixels, ROWS, CONFIG, tmp_path / "a", "cpu", progress=False)
    learn_visibility(crops.pixels, ROWS, CONFIG, tmp_path / "b", "cpu", stop_at=5, progress=False)
    rest = learn_visibility(crops.pixels, ROWS, CONFIG, tmp_path / "b", "cpu", resume=True, progress=False)
    assert whole.step_number == rest.step_number == CONFIG.steps
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, rest.network.state_dict()[name]), name


def test_a_state_of_another_recipe_or_of_something_else_is_refused(crops, tmp_path):
    learn_visibility(crops.pixels, ROWS, CONFIG, tmp_path, "cpu", stop_at=1, progress=False)
    other = VisibilityConfig(views=CONFIG.views, batch=8, widths=(8, 12, 16), warmup=0.1, dice=1.0)
    with pytest.raises(CheckpointError, match="another recipe"):
        learn_visibility(crops.pixels, ROWS, other, tmp_path, "cpu", resume=True, progress=False)
    (tmp_path / STATE_FILE).write_bytes(b"not a state")
    with pytest.raises(CheckpointError, match="not a training state"):
        learn_visibility(crops.pixels, ROWS, CONFIG, tmp_path, "cpu", resume=True, progress=False)


def test_held_out_people_have_no_row_and_the_unknown_stay():
    identities = np.array([0, 0, 1, 2, 2, -1, -1])
    rows = script.rows_to_learn(identities, 2)
    assert {5, 6} <= set(rows)
    assert len(set(identities[rows]) - {-1}) == 1
    left = set(identities[rows]) - {-1}
    assert set(rows) - {5, 6} == {i for i, who in enumerate(identities) if who in left}


def test_the_script_writes_a_network_with_its_card(crops, tmp_path, monkeypatch, capsys):
    known = crops, {"drawn": {"images": len(crops)}}
    monkeypatch.setattr(script, "training_faces", lambda protocol, cache, faces: known)
    out = tmp_path / "v.safetensors"
    few = ["--views", "64", "--held-out", "1", "--looks", "0"]
    script.main(["--cache", str(tmp_path), "--run", str(tmp_path), "--out", str(out), *few])
    network, card = load_visibility(out)
    assert card.model_id in capsys.readouterr().out
    assert card.training["data"] == {"drawn": {"images": 20}}
    assert card.training["views"] == 64
    assert card.training["left_out_as_covered"] == 0
    assert card.training["recipe"]["mix"]["complete"] == VisibilityConfig().mix.complete
    assert not network.training


def test_the_script_says_in_one_line_what_it_lacks(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(["--cache", str(tmp_path), "--run", str(tmp_path)])
    assert stop.value.code == 2
    assert capsys.readouterr().err.strip().startswith("error: ")
