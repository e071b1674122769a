"""What the Occlusion panel says of the face."""

from __future__ import annotations

from app.workbench import bench as steps
from app.workbench.occlusion_html import occlusion_facts


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
