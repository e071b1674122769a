"""One step of each stage on a GPU is the processor's, within the tolerance of another order of sums."""

from __future__ import annotations

import pytest
import torch

from ssn.machine import choose_device, has_fast_bfloat16
from ssn.training.distill.run import Distillation
from ssn.training.search.algorithm1 import Search
from ssn.training.search.finetune import Finetune
from ssn.training.team import Team
from ssn.training.transfer import to_device
from tests.training.drawn_crops import CONFIG, drawn_crops, tiny
from tests.training.toys import Toys, toy_recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
DEVICES = ("cpu", "cuda")


def close(a: dict[str, float], b: dict[str, float], rel: float) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert a[name] == pytest.approx(b[name], rel=rel, abs=rel), name


@pytest.mark.parametrize(("bfloat16", "rel"), [(False, 2e-3), (True, 5e-2)])
def test_a_step_of_the_distillation(bfloat16, rel):
    runs = [Distillation(drawn_crops(), CONFIG, Team(device), tiny(), bfloat16=False) for device in DEVICES]
    runs[1].bfloat16 = bfloat16
    reports = [run.step() for run in runs]
    for run in runs:
        run.close()
    close(*reports, rel=rel)
    if not bfloat16:
        for name, tensor in runs[0].network.state_dict().items():
            if "running" in name:
                assert torch.allclose(tensor, runs[1].network.state_dict()[name].cpu(), atol=1e-3), name


@pytest.mark.parametrize("kind", [Search, Finetune])
@pytest.mark.parametrize("variant", ["ssn", "ssn-adaptive", "si"])
def test_a_step_of_search_and_of_finetuning(kind, variant):
    stages = []
    for device in DEVICES:
        toys = Toys(toy_recipe(variant))
        toys.team = Team(device)
        stages.append(toys.make(kind))
    reports = [stage.step() for stage in stages]
    for stage in stages:
        stage.close()
    close(*reports, rel=2e-3)
    if stages[0].objective.indicators():
        moved = [torch.cat([p.detach().cpu().flatten() for p in stage.objective.indicators()]) for stage in stages]
        assert torch.cosine_similarity(moved[0] - 1, moved[1] - 1, dim=0) > 0.9 or kind is Finetune


def test_tensors_arrive_whole_and_bfloat16_is_used():
    values = torch.randn(4, 3, 8, 8)
    arrived = to_device(values, choose_device("cuda"), channels_last=True)
    assert arrived.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(arrived.cpu(), values)
    device = torch.device("cuda")
    assert Distillation(drawn_crops(), CONFIG, Team(device), tiny()).bfloat16 == has_fast_bfloat16(device)
