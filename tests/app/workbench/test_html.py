"""HTML fragments: they say what they must, and escape what visitors typed."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from app.gallery import html as gallery_views
from app.kit.notices import error_notice
from app.model.html import thresholds_table
from app.workbench import bench as steps
from app.workbench import html as views
from app.workbench import matches_html as match_views
from ssn.errors import NoFaceError
from ssn.gallery.store import Match
from ssn.gallery.verdict import verdict
from ssn.models.card import ModelCard

THRESHOLDS = {"0.01": 0.5, "0.001": 0.7}
EVIL = '<img src=x onerror="alert(1)">'


def with_score(bench, score):
    """The bench, its best match replaced by one of that score."""
    match = Match(1, "Ada", 1, score, 1, verdict(score, THRESHOLDS))
    return replace(bench, matches=(match,), complete_scores=(score + 0.1,))


def test_four_blocks_give_twelve_pictures_with_words(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    html = views.block_pictures(done, ModelCard("m"), steps.other_indicators(services, done, "vis"), "vis", True)
    assert len(re.findall(r"<img src=\"data:image/jpeg;base64,", html)) == 12
    for number in (1, 2, 3, 4):
        for kind in ("Indicator", "Selected response", "Shift"):
            assert f'alt="{kind} of block {number}"' in html


def test_unsearched_indicators_say_so(services, bench):
    done = steps.choose(services, bench, 0)
    indicators = steps.other_indicators(services, done, "vis")
    text = "no saliency search has been run"
    assert text in views.block_pictures(done, ModelCard("m", searched=False), indicators, "vis", False)
    assert text not in views.block_pictures(done, ModelCard("m", searched=True), indicators, "vis", False)


def test_an_adaptive_indicator_is_not_called_the_same_for_every_face(services, bench):
    done = steps.choose(services, bench, 0)
    indicators = steps.other_indicators(services, done, "vis")
    html = views.block_pictures(done, ModelCard("m", selection="adaptive"), indicators, "vis", False)
    assert "same for every face" not in html
    assert "depends on this face" in html


def test_an_adaptive_indicator_says_what_it_leaves_behind_the_mask(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskBottom")
    indicators = steps.other_indicators(services, done, done.after.face.branch)
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
    html = views.block_pictures(done, ModelCard("m"), steps.other_indicators(services, done, "vis"), "vis", False)
    assert len(re.findall(r"≤ [\d.e+]+ · mask \d+\u00a0%", html)) == 4


def test_large_responses_stay_readable():
    assert views._number(1.2345) == "1.23"
    assert views._number(2.71e12) == "2.7·10<sup>12</sup>"


def test_the_indicator_of_the_other_spectrum_is_marked(services, bench):
    done = steps.choose(services, bench, 0)
    indicators = steps.other_indicators(services, done, "nir")
    assert "went through the other one" in views.block_pictures(done, ModelCard("m"), indicators, "nir", False)


@pytest.mark.parametrize(
    ("score", "words"), [(0.8, "Match: Ada"), (0.6, "Uncertain: perhaps Ada"), (0.3, "No match in this gallery")]
)
def test_the_banner_is_as_sure_as_the_thresholds(services, bench, score, words):
    done = with_score(steps.choose(services, bench, 0), score)
    assert words in match_views.verdict_banner(done, THRESHOLDS)


def test_without_thresholds_there_is_no_verdict(services, bench):
    done = with_score(steps.choose(services, bench, 0), 0.99)
    assert "no thresholds" in match_views.verdict_banner(done, {})
    assert "Match:" not in match_views.verdict_banner(done, {})
    assert "chip" not in match_views.ranking(done, {}, judged=False)
    assert "chip match" in match_views.ranking(done, {})


def test_an_empty_gallery_is_told(services, bench):
    assert "gallery is empty" in match_views.verdict_banner(steps.choose(services, bench, 0), THRESHOLDS)


def test_ranks_show_the_change_only_where_something_is_hidden(services, bench, face):
    services.enrol("Ada", face, "test")
    done = steps.choose(services, bench, 0)
    assert "<small" not in match_views.ranking(done, {})
    hidden = steps.set_mode(services, done, "maskBottom")
    assert re.search(r"<small[^>]*>[-+]\d\.\d{3}</small>", match_views.ranking(hidden, {}))


def test_names_are_escaped_everywhere(services, bench, face):
    services.enrol(EVIL, face, "test")
    done = steps.choose(services, bench, 0)
    person = services.gallery.people()[0]
    pages = (
        match_views.ranking(done, {}),
        match_views.verdict_banner(done, THRESHOLDS),
        gallery_views.people_grid(services.gallery),
        gallery_views.person_details(services.gallery, person.id),
    )
    for html in pages:
        assert "onerror" in html
        assert "<img src=x" not in html


def test_simulated_nir_is_labelled(services, bench):
    done = steps.set_choice(services, steps.choose(services, bench, 0), "simulate")
    assert "simulated NIR" in views.occlusion_facts(done, "cpu")


def test_an_open_choice_of_faces_is_asked_for(bench):
    assert "2 faces" in views.several_faces(bench)
    html = views.found_faces(bench)
    assert html.count("face-box") == 2
    assert 'aria-label="Face 2"' in html


def test_errors_give_cause_and_way_out():
    html = error_notice(NoFaceError("No face <here>.", "Try another."), kept=True)
    assert "No face &lt;here&gt;." in html
    assert "Try another." in html
    assert "previous probe is still shown" in html


def test_thresholds_are_explained():
    html = thresholds_table(THRESHOLDS)
    assert "FMR 0.1 %" in html
    assert "0.700" in html
    assert "nothing is called a match" in thresholds_table({})
