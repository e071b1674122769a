"""``train`` alone: from random weights through all stages, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssn.commands.from_nothing import STEPS, Course, as_text, better, from_nothing
from ssn.data.synthetic import SyntheticOptions
from ssn.evaluation.measure import Evaluation, Row
from ssn.models.checkpoint import load_model
from ssn.training.distill.recipe import DistillConfig
from ssn.training.search.batches import BatchConfig
from ssn.training.search.recipe import FinetuneConfig, Recipe, SearchConfig, WarmUpConfig
from ssn.training.team import Team

TINY = Course(
    people=SyntheticOptions(people=3, probes=1, train_people=4, train_photos=1),
    distillation=DistillConfig(images=8, batch=4, partners=1, sizes=((64, 1.0),)),
    search=Recipe(
        held_out=0,
        batches=BatchConfig(batch=4, micro=2),
        warm_up=WarmUpConfig(views=1, epochs=1),
        search=SearchConfig(epochs=0.1),
        finetune=FinetuneConfig(epochs=0.1),
    ),
    statistics=1,
)


def test_the_people_measured_are_others_than_those_learned_from_and_the_schedule_fills_its_batches():
    course = Course()
    photos = 2 * course.people.train_photos * course.people.train_people
    assert course.people.people >= 2
    assert photos // 2 >= course.search.batches.batch
    assert course.search.held_out == 0


def test_every_step_has_a_line_with_its_figures():
    def row(occlusion: str, auc: float, rank1: float) -> dict:
        return {"occlusion": occlusion, "auc": auc, "rank": [rank1, 1.0], "counts": {"gallery": 30, "probes": 60}}

    steps = [
        {"what": what, "file": name, "evaluation": {"rows": [row("none", 0.5, 0.1), row("maskTop", 0.25, 0.025)]}}
        for name, what in STEPS.items()
    ]
    told = {"file": "x.safetensors", "model": "ssn-1", "steps": steps, "measure": "so", "minutes": 9.26}
    told |= {"better": {"rows": 1, "of": 2}, "done": {"distill": 0.5, "search": 1.0}}
    text = as_text(told).splitlines()
    assert text[0] == "ssn-1 written to x.safetensors."
    assert "30 synthetic people not learned from, 60 probes in simulated NIR" in text[1]
    assert text[3].split() == ["random", "weights", "50.0", "10.0", "25.0", "2.5"]
    assert text[-2].startswith("Better than random weights in 1 of 2 columns, after 9.3 minutes.")
    assert "time for 50 % of distill:" in text[-2]
    assert "minutes gives more" not in as_text(told | {"done": {"distill": 1.0}})
    assert text[-1] == "The same people again: so"
    assert [line.startswith(what) for line, what in zip(text[3:6], STEPS.values(), strict=True)] == [True] * 3


def test_better_is_counted_by_both_measures():
    def evaluation(*rows: tuple[float, float]) -> Evaluation:
        facts = {"eer": None, "accuracy": None, "tpr_at_fpr": {}, "thresholds": {}, "counts": {}}
        return Evaluation("m", "p", [Row("nir", "none", auc, rank=[rank1], **facts) for auc, rank1 in rows])

    start = evaluation((0.5, 0.1), (0.5, 0.1), (0.5, 0.1))
    assert better(start, evaluation((0.6, 0.2), (0.6, 0.1), (0.4, 0.9))) == {"rows": 1, "of": 3}


@pytest.mark.slow
def test_all_stages_leave_weights_with_a_card_and_measures_of_each(tmp_path):
    out = tmp_path / "made" / "ssn.safetensors"
    told = from_nothing(tmp_path / "cache", tmp_path / "run", out, False, Team("cpu"), TINY)
    assert Path(told["file"]) == out
    assert [step["what"] for step in told["steps"]] == list(STEPS.values())
    models = [step["evaluation"]["model"] for step in told["steps"]]
    assert [model.rsplit("-", 1)[0] for model in models] == [
        "light-cnn-29-v2-random",
        "light-cnn-29-v2-distilled",
        "ssn-partial",
    ]
    assert {row["probe_spectrum"] for step in told["steps"] for row in step["evaluation"]["rows"]} == {"nir-simulated"}
    assert told["measure"].startswith("python -m ssn evaluate --people 3 --probes 1 --train-people 4 ")
    _, card = load_model(out)
    assert card.searched
    assert card.training["data"]["nir"] == "simulated"
    assert card.training["data"]["synthetic"]["simulated NIR"] == 4
    assert card.training["recipe"]["base"] == told["steps"][1]["evaluation"]["model"]
    assert list(card.measures) == ["synthetic, fold 1"]
    assert told["better"]["of"] == 3
    assert told["done"] == {"distill": 1.0, "search": 1.0, "finetune": 1.0}
    again = from_nothing(tmp_path / "cache", tmp_path / "run", out, True, Team("cpu"), TINY)
    assert again["steps"] == told["steps"], "a run that is done is not trained again"
