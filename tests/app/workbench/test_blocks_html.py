"""The block pictures as HTML: they say what they must."""

from __future__ import annotations

import re

import numpy as np

from app.workbench import bench as steps
from app.workbench import blocks_html as views
from app.workbench.blocks import other_indicators
from ssn.models.card import ModelCard


def sloped(services, bench, branch: str) -> list[np.ndarray]:
    """Indicators as a search leaves them: they differ from pixel to pixel."""
    return [np.linspace(0.2, 0.9, one.size).reshape(one.shape) for one in other_indicators(services, bench, branch)]


def test_four_blocks_give_twelve_pictures_with_words(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    html = views.block_pictures(done, ModelCard("m"), sloped(services, done, "vis"), "vis", True)
    assert len(re.findall(r"<img src=\"data:image/webp;base64,", html)) == 12
    for number in (1, 2, 3, 4):
        for kind in ("Indicator", "Selected response", "Shift"):
            assert f'alt="{kind} of block {number}"' in html


def test_uniform_indicators_are_left_out_and_that_is_said_in_one_line(services, bench):
    done = steps.choose(services, bench, 0)
    flat = [np.full(one.shape, 0.73) for one in other_indicators(services, done, "vis")]
    html = views.block_pictures(done, ModelCard("m"), flat, "vis", False)
    assert html.count("No saliency search has been run") == 1
    assert "Indicator" not in html
    assert len(re.findall(r"<img ", html)) == 8
    told = views.block_pictures(done, ModelCard("m", searched=True), sloped(services, done, "vis"), "vis", False)
    assert "No saliency search" not in told
    assert len(re.findall(r"<img ", told)) == 12


def test_every_column_is_explained_without_a_formula(services, bench):
    done = steps.choose(services, bench, 0)
    html = views.block_pictures(done, ModelCard("m", searched=True), sloped(services, done, "vis"), "vis", False)
    assert html.count("In plain words") == 3
    for text in views.PLAIN.values():
        assert text in html


def test_only_a_model_whose_indicators_differ_offers_a_choice_of_them():
    assert not views.differs(ModelCard("m"))
    assert views.differs(ModelCard("m", searched=True))
    assert views.differs(ModelCard("m", selection="adaptive"))


def test_an_adaptive_indicator_is_not_called_the_same_for_every_face(services, bench):
    done = steps.choose(services, bench, 0)
    indicators = sloped(services, done, "vis")
    html = views.block_pictures(done, ModelCard("m", selection="adaptive"), indicators, "vis", False)
    assert "same for every face" not in html
    assert "depends on this face" in html


def test_an_adaptive_indicator_says_what_it_leaves_behind_the_mask(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")
    indicators = sloped(services, done, done.after.face.branch)
    adaptive = ModelCard("m", selection="adaptive")
    told = r"\d\.\d\d (?:everywhere|to \d\.\d\d) · mask\u00a0(\d\.\d\d)<"
    assert len(re.findall(told, views.block_pictures(done, adaptive, indicators, "nir", False))) == 4
    assert not re.findall(told, views.block_pictures(done, ModelCard("m"), indicators, "nir", False))
    dark = [np.where(bench_mask_of(one.shape, done.mask), 0.25, 0.75) for one in indicators]
    html = views.block_pictures(done, adaptive, dark, "nir", False)
    assert all(0.2 < float(value) < 0.35 for value in re.findall(told, html))


def bench_mask_of(shape, mask):
    """Which places of a block stand mostly for hidden pixels, by a loop."""
    side = mask.shape[0] // shape[0]
    rows, columns = range(shape[0]), range(shape[1])
    cut = [[mask[side * r : side * (r + 1), side * c : side * (c + 1)].mean() for c in columns] for r in rows]
    return np.array(cut) > 0.5


def test_the_share_behind_the_mask_is_told(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")
    html = views.block_pictures(done, ModelCard("m"), other_indicators(services, done, "vis"), "vis", False)
    assert len(re.findall(r"≤ [\d.e+]+ · mask \d+\u00a0%", html)) == 4


def test_large_responses_stay_readable():
    assert views._number(1.2345) == "1.23"
    assert views._number(2.71e12) == "2.7·10<sup>12</sup>"


def test_the_indicator_of_the_other_spectrum_is_marked(services, bench):
    done = steps.choose(services, bench, 0)
    indicators = sloped(services, done, "nir")
    assert "went through the other one" in views.block_pictures(done, ModelCard("m"), indicators, "nir", False)
