"""Photos with a cover in them, found by networks that were never told that they are complete."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ssn.errors import DataError
from ssn.training.augment import as_they_are
from ssn.training.crops import Crops
from ssn.training.visibility import run as module
from ssn.training.visibility import uncovered as looked
from ssn.training.visibility.recipe import VisibilityConfig
from ssn.training.visibility.uncovered import Looks, halves, hidden_shares, uncovered, uncovered_rows
from tests.training.drawn_crops import drawn_crops


class DarkIsHidden(nn.Module):
    """What is darker than a tenth is called hidden."""

    def forward(self, gray: torch.Tensor) -> torch.Tensor:
        return 100 * (0.1 - gray)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Twenty gray crops, of which every fourth has a black square of a ninth of its area."""
    crops = np.full((20, 144, 144, 3), 128, np.uint8)
    crops[::4, 48:96, 48:96] = 0
    return crops


def test_the_share_called_hidden_is_that_of_the_face_as_it_is(pixels):
    crops, rows = Crops(pixels), np.arange(20)
    shares = hidden_shares(DarkIsHidden(), crops, rows)
    gray = as_they_are(torch.from_numpy(pixels), 64)[:, 0].numpy()
    assert shares == pytest.approx([(picture < 0.1).mean() for picture in gray], abs=1e-6)
    assert hidden_shares(DarkIsHidden(), crops, rows[:0]).shape == (0,)


@given(st.integers(0, 10_000), st.integers(2, 60))
def test_halves_hold_every_row_once_and_nobody_is_in_both(seed, count):
    rng = np.random.default_rng(seed)
    identities = rng.integers(-1, 9, count + 10)
    rows = np.sort(rng.permutation(len(identities))[:count])
    first, second = halves(rows, identities, seed)
    assert sorted([*first, *second]) == rows.tolist()
    known = [set(identities[half][identities[half] >= 0]) for half in (first, second)]
    assert not known[0] & known[1]


def test_who_judges_a_photo_has_not_learned_from_it_nor_from_its_person(pixels):
    identities = np.repeat(np.arange(10), 2)
    taught: dict[str, np.ndarray] = {}

    def learn(rows: np.ndarray, name: str) -> nn.Module:
        taught[name] = rows
        return DarkIsHidden()

    rows = np.arange(20)
    kept = uncovered(Crops(pixels), rows, identities, learn, rounds=2)
    assert kept.tolist() == [row for row in range(20) if row % 4]
    assert set(taught) == {"look-0-0", "look-0-1", "look-1-0", "look-1-1"}
    for number in range(2):
        people = [set(identities[taught[f"look-{number}-{side}"]]) for side in (0, 1)]
        assert not people[0] & people[1]
    assert set(taught["look-0-0"]) | set(taught["look-0-1"]) == set(range(20))
    assert set(taught["look-1-0"]) | set(taught["look-1-1"]) == set(kept.tolist()), "the second learns without them"
    assert uncovered(Crops(pixels), rows, identities, learn, rounds=0).tolist() == rows.tolist()


def test_where_every_photo_is_covered_it_is_said_what_to_do(pixels):
    with pytest.raises(DataError, match="every photo"):
        uncovered(Crops(0 * pixels), np.arange(20), np.arange(20), lambda rows, name: DarkIsHidden(), rounds=1)


def test_looks_are_kept_and_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "has_fast_bfloat16", lambda device: False)
    monkeypatch.setattr(module, "keep_freed_memory", lambda: False)
    faces = drawn_crops()
    config = VisibilityConfig(batch=8, widths=(8, 12, 16))
    asked = (faces.pixels, np.arange(20), faces.identities, config, Looks(1, 32), tmp_path, "cpu")
    monkeypatch.setattr(looked, "COVERED", 1.0)  # networks as young as these call anything hidden
    first = uncovered_rows(*asked)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pt")}
    assert len(written) == 2
    monkeypatch.setattr(module.VisibilityTraining, "step", lambda *_: pytest.fail("a step was repeated"))
    assert uncovered_rows(*asked, resume=True).tolist() == first.tolist()
