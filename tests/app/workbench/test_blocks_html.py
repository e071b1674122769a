"""The block pictures as HTML: they say what they must."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from app.workbench import bench as steps
from app.workbench import blocks_html as views
from app.workbench.blocks import other_indicators
from ssn.models.card import ModelCard


def sloped(services, bench, branch: str) -> list[np.ndarray]:
    """Indicators as a search leaves them: they differ from pixel to pixel."""
    return [np.linspace(0.2, 0.9, one.size).reshape(one.shape) for one in other_indicators(services, bench, branch)]


def unseen(bench):
    """The bench where nothing says what is visible."""
    return replace(bench, after=replace(bench.after, visibility=None))


def test_four_blocks_give_twelve_pictures_with_words(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    html = views.block_pictures(done, ModelCard("m"), sloped(services, done, "vis"), "vis", True)
    assert len(re.findall(r"<img src=\"data:image/webp;base64,", html)) == 12
    for number in (1, 2, 3, 4):
        for kind in ("Saliency", "Selected response", "Shift"):
            assert f'alt="{kind} of block {number}"' in html
    alone = views.block_pictures(unseen(done), ModelCard("m"), sloped(services, done, "vis"), "vis", True)
    assert 'alt="Indicator of block 4"' in alone
    assert "times v" not in alone


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


def coloured(html: str, number: int) -> np.ndarray:
    """The indicator's picture of a block, (176, 176, 3)."""
    source = re.search(
        rf'src="data:image/webp;base64,([^"]+)" alt="(?:Indicator|Saliency) of block {number}"', html
    ).group(1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB")).astype(int)


def test_a_searched_indicator_is_coloured_over_its_blocks_own_range_and_an_adaptive_one_from_0_to_1(services, bench):
    done = unseen(steps.choose(services, bench, 0))
    sizes = [one.shape for one in other_indicators(services, done, "vis")]
    narrow = [np.linspace(0.66, 0.88, rows * columns).reshape(rows, columns) for rows, columns in sizes]
    ends = {}
    for selection in ("pixel", "adaptive"):
        card = ModelCard("m", searched=True, selection=selection)
        html = views.block_pictures(done, card, narrow, "vis", False)
        picture = coloured(html, 4)
        ends[selection] = picture[2:6, 80:96].mean(axis=(0, 1)), picture[-6:-2, 80:96].mean(axis=(0, 1))
        assert html.count("0.66 to 0.88") == 4, "the numbers say how large the differences are"
        assert ("<span>min</span>" in html) == (selection == "pixel")
        assert ("from 0 to 1." in html) == (selection == "adaptive")
    low, high = viridis(0.0), viridis(1.0)
    assert np.abs(ends["pixel"][0] - low).max() < 25
    assert np.abs(ends["pixel"][1] - high).max() < 25
    for value, seen in zip((0.66, 0.88), ends["adaptive"], strict=True):
        assert np.abs(seen - viridis(value)).max() < 25


def viridis(share: float) -> np.ndarray:
    """Viridis at five places, as published, linear between them."""
    stops = [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)]
    return np.array([np.interp(share, np.linspace(0, 1, 5), [stop[i] for stop in stops]) for i in range(3)])


def test_over_a_face_the_indicator_still_shows_more_than_the_face(services, bench):
    done = unseen(steps.choose(services, bench, 0))
    indicators = sloped(services, done, "vis")
    card = ModelCard("m", searched=True)
    bare, over = (coloured(views.block_pictures(done, card, indicators, "vis", laid), 1) for laid in (False, True))
    blue = [picture[..., 2].mean(axis=1) for picture in (bare, over)]  # falls along viridis; the face of noise has none
    assert np.corrcoef(*blue)[0, 1] > 0.95
    assert np.ptp(blue[1]) > 0.7 * np.ptp(blue[0])


def test_saliency_is_darkest_where_the_face_is_hidden_and_the_indicator_where_it_is_seen(services, bench):
    done = steps.choose(services, bench, 0)
    half = np.ones((128, 128), np.float32)
    half[64:] = 0
    card, indicators = ModelCard("m", searched=True), sloped(services, done, "vis")
    looked = [replace(done, after=replace(done.after, visibility=seen)) for seen in (half, np.ones_like(half))]
    for number in (1, 4):
        hidden, seen = (coloured(views.block_pictures(one, card, indicators, "vis", False), number) for one in looked)
        alone = coloured(views.block_pictures(unseen(done), card, indicators, "vis", False), number)
        assert np.abs(seen - alone).max() == 0, "v = 1 leaves σ(M)"
        assert np.abs(hidden[:70] - alone[:70]).mean() < 4
        assert np.abs(hidden[110:] - viridis(0)).mean() < 8


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
