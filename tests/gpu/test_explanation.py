"""Explanations on a GPU: the same maps by gradients and by hiding parts, in float32 and, where a method may, in
bfloat16."""

from __future__ import annotations

import pytest

from ssn.explanation.explainer import Attribution, Explainer
from ssn.explanation.pair import Target
from ssn.explanation.question import Question
from ssn.machine import has_fast_bfloat16
from ssn.recognizer import Recognizer
from tests.gpu.comparison import distance, drawn_faces, network_named, on_both

pytestmark = pytest.mark.gpu
PARAMETERS = {
    "ig": {"steps": 8},
    "occlusion": {"window": 32, "stride": 32},
    "region_shap": {"samples": 32},
    "smoothgrad": {"samples": 3},
}


@pytest.fixture(scope="module")
def recognizers(device) -> tuple[Recognizer, Recognizer]:
    return on_both(network_named("si-split"), device)


def explained(recognizer: Recognizer, method: str, fast: bool) -> Attribution:
    probe, photo = drawn_faces(3)[1:]
    target = Target.photo("somebody", photo, recognizer)
    question = Question(probe, target, method, parameters=PARAMETERS.get(method, {}))
    return Explainer(recognizer, fast=fast).explain(question)


@pytest.mark.parametrize("method", ["saliency", "input_x_gradient", "gradcam", "region_ablation"])
def test_the_other_maps(method, recognizers):
    if method != "region_ablation":
        pytest.importorskip("captum", reason="explains by gradients")
    here, there = (explained(each, method, fast=False) for each in recognizers)
    assert there.score == pytest.approx(here.score, abs=1e-4)
    assert distance(here.map, there.map) < 0.05


def test_a_seed_draws_the_same_noise_again(recognizers):
    pytest.importorskip("captum", reason="explains by gradients")
    first, again = (explained(recognizers[1], "smoothgrad", fast=False) for _ in range(2))
    assert distance(first.map, again.map) < 1e-3


def test_what_is_thought_of_a_map(recognizers):
    probe, photo = drawn_faces(3)[1:]
    beliefs = []
    for recognizer in recognizers:
        question = Question(probe, Target.photo("somebody", photo, recognizer), "region_ablation", sides="gallery")
        explainer = Explainer(recognizer, fast=False)
        beliefs.append(explainer.believe(question, explainer.explain(question), quick=True))
    here, there = beliefs
    assert there.curves.deletion == pytest.approx(here.curves.deletion, abs=1e-3)
    assert there.curves.insertion == pytest.approx(here.curves.insertion, abs=1e-3)
    assert there.control_deletion == pytest.approx(here.control_deletion, abs=1e-3)


@pytest.mark.parametrize("method", ["ig", "hirescam", "deeplift", "occlusion", "region_shap"])
def test_maps(method, recognizers, device):
    if method in ("ig", "hirescam"):
        pytest.importorskip("captum", reason="explains by gradients")
    here, there = (explained(each, method, fast=False) for each in recognizers)
    assert there.score == pytest.approx(here.score, abs=1e-4)
    assert distance(here.map, there.map) < 0.02
    assert there.regions == pytest.approx(here.regions, abs=2e-3)
    if has_fast_bfloat16(device):
        fast = explained(recognizers[1], method, fast=True)
        assert fast.score == pytest.approx(here.score, abs=1e-4)  # taken in full precision
        assert distance(here.map, fast.map) < 0.5
