"""Occluders: their shapes, shares, fills and chances, and what they leave alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssn.errors import DataError
from ssn.training.augment import ViewRanges, random_views
from ssn.training.occluders import (
    COMPLETE,
    FACE,
    GRAY,
    PAPER,
    RECTANGLE,
    STROKES,
    TEXTURE,
    OccluderMix,
    blobs,
    hide,
    paper_boxes,
    random_boxes,
    strokes,
    upright_boxes,
)

KINDS = {"rectangle": RECTANGLE, "paper": PAPER, "gray": GRAY, "texture": TEXTURE, "face": FACE, "strokes": STROKES}
NONE = dict.fromkeys(KINDS, 0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def faces(count: int = 40, size: int = 32) -> torch.Tensor:
    """Gray in [0.2, 0.8], so that neither black nor any pixel of them is black by chance."""
    return 0.2 + 0.6 * torch.rand(count, 1, size, size, generator=generator(9))


def only(kind: str) -> OccluderMix:
    return OccluderMix(**{**NONE, kind: 1.0})


def test_the_shares_of_the_kinds_are_those_asked_for():
    mix = OccluderMix(rectangle=0.3, paper=0.1, gray=0.05, texture=0.15, face=0.1, strokes=0.1)
    counts = torch.bincount(mix.kinds(20_000, generator()), minlength=7) / 20_000
    assert counts.tolist() == pytest.approx([0.3, 0.1, 0.05, 0.15, 0.1, 0.1, 0.2], abs=0.012)
    assert set(mix.kinds(500, generator()).tolist()) <= set(range(COMPLETE + 1))


@given(hidden=st.floats(0, 1))
def test_a_mix_shared_out_hides_that_much_in_the_same_proportions(hidden):
    mix = OccluderMix().sharing(hidden)
    assert sum(vars(mix).values()) == pytest.approx(hidden)
    assert mix.rectangle * OccluderMix().face == pytest.approx(mix.face * OccluderMix().rectangle)


@pytest.mark.parametrize("shares", [{"rectangle": -0.1}, {"rectangle": 0.9, "face": 0.3}])
def test_shares_that_cannot_be_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        OccluderMix(**{**NONE, **shares})


@given(size=st.sampled_from([16, 32, 64]), seed=st.integers(0, 2**31), low=st.floats(0.1, 0.5))
def test_boxes_lie_inside_with_sides_in_the_range_and_are_drawn_as_they_say(size, seed, low):
    boxes = random_boxes(6, generator(seed), low, low + 0.3)
    left, top, right, bottom = boxes.unbind(1)
    assert bool((boxes >= 0).all())
    assert bool((boxes <= 1 + 1e-6).all())
    for side in (right - left, bottom - top):
        assert bool((side >= low - 1e-5).all())
        assert bool((side <= low + 0.3 + 1e-5).all())
    for mask, box in zip(upright_boxes(boxes, size), boxes.tolist(), strict=True):
        for y in range(0, size, 5):
            for x in range(0, size, 5):
                inside = box[0] <= (x + 0.5) / size < box[2] and box[1] <= (y + 0.5) / size < box[3]
                assert bool(mask[y, x]) == inside


def test_paper_boxes_are_the_two_masks_of_the_paper_but_for_a_little():
    boxes = paper_boxes(400, generator(), jitter=0.06)
    upper = boxes[:, 1] < 0.34
    assert 0.4 < upper.float().mean() < 0.6
    eyes, mouth = torch.tensor([0.17, 0.23, 0.84, 0.74]), torch.tensor([0.11, 0.45, 0.89, 0.95])
    assert (boxes - torch.where(upper[:, None], eyes, mouth)).abs().max() <= 0.06 + 1e-6


@pytest.mark.parametrize("shape", [blobs, strokes])
def test_blobs_and_strokes_hide_something_and_never_everything(shape):
    masks = shape(300, 32, generator())
    assert masks.shape == (300, 32, 32)
    share = masks.float().mean(dim=(1, 2))
    assert 0.02 < share.mean() < 0.6
    assert (share > 0).float().mean() > 0.97
    assert share.max() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_outside_the_mask(kind):
    before = faces()
    after, mask = hide(before, generator(), only(kind), 0.3, 0.6)
    assert mask.dtype == torch.bool
    assert after.shape == mask.shape == before.shape
    assert torch.equal(after[~mask], before[~mask])
    assert (mask.flatten(1).any(1)).float().mean() > 0.9
    assert 0 <= after.min() <= after.max() <= 1
    assert bool((after[mask] != before[mask]).float().mean() > 0.9)


@pytest.mark.parametrize("kind", ["rectangle", "paper"])
def test_black_kinds_are_black(kind):
    after, mask = hide(faces(), generator(), only(kind), 0.3, 0.6)
    assert not after[mask].any()


def test_the_other_kinds_are_seldom_black_and_differ_from_each_other():
    filled = {kind: hide(faces(), generator(), only(kind), 0.3, 0.6) for kind in ("gray", "texture", "face")}
    for after, mask in filled.values():
        assert after[mask].mean() > 0.2
    roughness = {}
    for kind, (after, mask) in filled.items():
        inner = mask[..., :, 1:] & mask[..., :, :-1]
        roughness[kind] = (after[..., :, 1:] - after[..., :, :-1]).abs()[inner].mean()
    assert roughness["gray"] < 0.2 * roughness["texture"], "a plain fill has no texture"


def test_complete_views_are_untouched():
    before = faces()
    after, mask = hide(before, generator(), OccluderMix(**NONE))
    assert torch.equal(after, before)
    assert not mask.any()
    after, mask = hide(before, generator(), OccluderMix(**{**NONE, "gray": 0.4}))
    shown = ~mask.flatten(1).any(1)
    assert 0.3 < shown.float().mean() < 0.9
    assert torch.equal(after[shown], before[shown])


def test_the_generator_decides_everything_and_the_faces_stay():
    before = faces()
    first, again, other = (hide(before, generator(seed), OccluderMix()) for seed in (3, 3, 4))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert torch.equal(before, faces())


@pytest.mark.parametrize(("occluders", "share"), [("none", 0.0), ("rectangle", 0.6), ("many", 0.6)])
def test_training_views_are_hidden_as_the_option_says(occluders, share):
    crops = torch.randint(60, 200, (300, 144, 144, 3), dtype=torch.uint8, generator=generator())
    ranges = ViewRanges(occluded=0.6, occluders=occluders)
    views, mask = random_views(crops, torch.zeros(300, dtype=torch.bool), 32, generator(1), ranges)
    assert mask.flatten(1).any(1).float().mean().item() == pytest.approx(share, abs=0.08)
    black = not views[mask].any()
    assert black == (occluders != "many")


def test_unknown_occluders_are_refused():
    with pytest.raises(DataError, match="hats"):
        ViewRanges(occluders="hats")
