"""What the Occlusion panel says of the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.workbench import bench as steps
from app.workbench.occlusion_html import cover_words, occlusion_facts


def test_simulated_nir_is_labelled(services, bench):
    done = steps.set_choice(services, steps.choose(services, bench, 0), "simulate")
    assert "simulated NIR" in occlusion_facts(done, "cpu")


def test_the_share_that_is_hidden_is_told(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert f'data-hidden="{100 * done.mask.mean():.1f} %"' in occlusion_facts(done, "cpu")
    assert occlusion_facts(bench, "cpu") == "", "no face is chosen yet"


def test_a_detection_that_was_not_done_again_is_called_cached(services, bench):
    done = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert "cached" in occlusion_facts(done, "cpu")


def covered(bench, share: float):
    """The bench with a face of which the first rows are covered."""
    seen = np.ones((128, 128), np.float32)
    seen[: round(128 * share)] = 0
    return replace(bench, before=replace(bench.before, visibility=seen))


@pytest.mark.parametrize(
    ("share", "mode", "hidden", "said"),
    [
        (0.0, "none", 0, ""),
        (0.0, "found", 0, "Nothing is seen before this face."),
        (0.25, "none", 0, "25\u00a0%</b> of this photographed face. <b>Found</b>"),
        (0.25, "maskTop", 0.4, ""),
        (0.25, "found", 0.25, "is hidden now, 25\u00a0%."),
        (0.25, "found", 0, "lets light through"),
    ],
)
def test_what_covers_the_face_is_said_where_it_can_be_hidden_or_was_asked_for(
    services, bench, share, mode, hidden, said
):
    done = covered(steps.choose(services, bench, 0), share)
    mask = np.zeros((128, 128), bool)
    mask[: round(128 * hidden)] = True
    words = cover_words(replace(done, mode=mode, mask=mask))
    assert said in words
    assert bool(words) == bool(said)


def test_nothing_is_said_of_covers_where_no_network_sees_them(services, bench):
    done = steps.choose(services, bench, 0)
    assert cover_words(replace(done, before=replace(done.before, visibility=None), mode="found")) == ""
