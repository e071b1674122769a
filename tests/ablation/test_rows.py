"""The ablation's rows: run once each, resumed where they stopped, and reported as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ssn.ablation.rows import Ablation, AblationConfig, mean_and_deviation
from ssn.ablation.table import as_markdown
from ssn.errors import DataError
from ssn.training.search.pipeline import Pipeline
from ssn.training.search.variants import VARIANTS
from tests.training.toys import Toys, toy_base, toy_recipe

OCCLUSIONS = ("none", "maskTop", "maskBottom")


def rows(rank1: float) -> list[dict]:
    """What a judge says of one test set."""
    same = {"auc": 0.9, "eer": 0.1, "tpr_at_0.01": 0.5, "tpr_at_0.001": 0.25}
    ranks = {f"rank{i}": min(1.0, rank1 + 0.02 * (i - 1)) for i in range(1, 6)}
    found = [{"occlusion": name, **ranks, **same} for name in OCCLUSIONS]
    return [row if row["occlusion"] == "none" else {**row, "rerank1": rank1 + 0.01} for row in found]


BASE = {"model": "base-1", "sets": {"lfw-devtest": rows(0.50), "held-out": rows(0.55)}}


SHARES = {"inside": 0.2, "outside": 0.6, "inside_complete": 0.4, "outside_complete": 0.6}
SALIENCY = {"maskTop": [{"block": 1, "indicator": SHARES, "response": None}]}


class Laboratory:
    """Trains nothing, and judges by a list of figures."""

    def __init__(self, figures: dict[str, float] | None = None):
        self.figures, self.trained, self.fail_at = figures or {}, [], None

    def train(self, recipe, folder):
        if (recipe.variant, recipe.seed) == self.fail_at:
            raise KeyboardInterrupt
        self.trained.append((recipe.variant, recipe.seed))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "search.pt").write_bytes(b"state")
        return recipe

    def judge(self, trained, recipe, folder):
        assert trained is recipe
        rank1 = self.figures.get(recipe.variant, 0.6) + 0.01 * recipe.seed
        told = {"told": {"lfw-devtest": rows(rank1 + 0.1)}} if recipe.variant == "ssn-adaptive" else {}
        return {"sets": {"lfw-devtest": rows(rank1), "held-out": rows(rank1)}, "saliency": SALIENCY, **told}

    def ablation(self, folder, variants=tuple(VARIANTS), seeds=(0, 1, 2), **recipe) -> Ablation:
        config = AblationConfig(toy_recipe(**recipe), variants, seeds)
        return Ablation(config, folder, self.train, self.judge, BASE)


def test_every_row_is_run_once_baseline_first_with_the_same_seeds(tmp_path):
    laboratory = Laboratory()
    laboratory.ablation(tmp_path, ("ssn", "light-cnn"), (4, 7)).run()
    assert laboratory.trained == [("light-cnn", 4), ("light-cnn", 7), ("ssn", 4), ("ssn", 7)]
    laboratory.ablation(tmp_path, ("ssn", "si", "light-cnn"), (4, 7)).run()
    assert laboratory.trained[4:] == [("si", 4), ("si", 7)], "what is done is not done again"
    apart = Laboratory()
    apart.ablation(tmp_path / "apart", ("ssn", "si", "light-cnn"), (4, 7)).run()
    assert apart.trained[2:] == [("si", 4), ("ssn", 4), ("si", 7), ("ssn", 7)], "seed by seed behind the baseline"
    assert not list(tmp_path.rglob("search.pt")), "a finished row needs no state"


def test_a_killed_ablation_goes_on_at_the_row_where_it_stopped(tmp_path):
    laboratory = Laboratory()
    laboratory.fail_at = ("si-split", 1)
    with pytest.raises(KeyboardInterrupt):
        laboratory.ablation(tmp_path).run()
    before = list(laboratory.trained)
    laboratory.fail_at = None
    laboratory.ablation(tmp_path).run()
    assert laboratory.trained[len(before)] == ("si-split", 1)
    assert len(laboratory.trained) == len(set(laboratory.trained)) == 3 * len(VARIANTS)


def test_nothing_is_compared_on_a_baseline_that_does_not_beat_the_base(tmp_path):
    laboratory = Laboratory({"light-cnn": 0.4})
    with pytest.raises(DataError, match="baseline"):
        laboratory.ablation(tmp_path).run()
    assert {variant for variant, _ in laboratory.trained} == {"light-cnn"}
    laboratory.ablation(tmp_path).run(anyway=True)
    assert len(laboratory.trained) == 3 * len(VARIANTS)


def test_rows_of_another_recipe_and_damaged_rows_are_refused(tmp_path):
    laboratory = Laboratory()
    laboratory.ablation(tmp_path, ("si",), (0,)).run()
    with pytest.raises(DataError, match="another recipe"):
        laboratory.ablation(tmp_path, ("si",), (0,), epochs=9).run()
    (tmp_path / "si-seed0" / "result.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        laboratory.ablation(tmp_path, ("si",), (0,)).run()
    for variants, seeds in ((("unheard",), (0,)), ((), (0,)), (("si",), (1, 1)), (("si",), ())):
        with pytest.raises(DataError):
            AblationConfig(toy_recipe(), variants, seeds)


def test_rows_of_other_faces_are_refused(tmp_path):
    laboratory = Laboratory()
    config = AblationConfig(toy_recipe(), ("si",), (0,))

    def ablation(facts):
        return Ablation(config, tmp_path, laboratory.train, laboratory.judge, BASE, facts=facts)

    ablation({"people": "a1"}).run()
    ablation({"people": "a1"}).run()
    assert len(laboratory.trained) == 1
    with pytest.raises(DataError, match="other faces"):
        ablation({"people": "b2"}).run()


def test_the_summary_has_the_documented_rows_and_is_json(tmp_path):
    ablation = Laboratory({"ssn": 0.7}).ablation(tmp_path)
    ablation.run()
    summary = json.loads(json.dumps(ablation.summary(notes=["A note."])))
    assert [(row["variant"], row["occlusion"]) for row in summary["rows"]] == [
        (variant, occlusion) for variant in VARIANTS for occlusion in OCCLUSIONS
    ]
    row = next(r for r in summary["rows"] if r["variant"] == "ssn" and r["occlusion"] == "maskBottom")
    assert row["seeds"] == 3
    assert row["rank1_mean"] == pytest.approx(0.71)
    assert row["rank1_std"] == pytest.approx(0.01)
    assert row["rerank1_mean"] == pytest.approx(0.72)
    measures = {"rank1", "rank5", "auc", "eer", "tpr_at_0.01", "tpr_at_0.001"}
    assert {f"{name}_{kind}" for name in measures for kind in ("mean", "std")} <= set(row)
    assert set(summary["more"]) == {"held-out"}
    assert len(summary["saliency"]["ssn-adaptive"]) == 3
    assert [row["rank1_mean"] for row in summary["told"]] == pytest.approx([0.71] * 3)
    page = as_markdown(summary)
    assert page.count("told which pixels are hidden | 71.0 ± 1.0") == 2, "one line for each mask, none without"


def test_a_part_helps_only_where_the_seeds_show_it(tmp_path):
    ablation = Laboratory({"light-cnn": 0.6, "si": 0.6, "si-split": 0.65}).ablation(tmp_path)
    ablation.run()
    gains = {(g["variant"], g["occlusion"]): g for g in ablation.summary()["gains"]}
    assert gains["si", "none"]["helps"] is False
    assert gains["si-split", "maskTop"]["helps"] is True
    assert gains["si-split", "maskTop"]["rank1_gain_mean"] == pytest.approx(0.05)
    assert gains["si-split+ib", "maskTop"]["rank1_gain_mean"] == pytest.approx(-0.05)
    single = Laboratory().ablation(tmp_path / "single", ("light-cnn", "si"), (0,))
    single.run()
    assert all(gain["helps"] is None for gain in single.summary()["gains"])
    assert single.summary()["rows"][0]["rank1_std"] is None


def test_removed_errors_are_shares_of_the_baselines(tmp_path):
    ablation = Laboratory({"light-cnn": 0.6, "ssn": 0.7, "ssn-adaptive": 0.5}).ablation(tmp_path, seeds=(0, 1))
    ablation.run()
    found = {
        (row["variant"], row["told"], row["reranked"]): row
        for row in ablation.summary()["removed"]
        if row["occlusion"] == "maskBottom"
    }
    wanted = np.mean([0.1 / 0.4, 0.1 / 0.39])
    assert found["ssn", False, False]["removed_mean"] == pytest.approx(wanted)
    assert found["ssn", False, True]["removed_mean"] == pytest.approx(np.mean([0.11 / 0.4, 0.11 / 0.39]))
    assert found["ssn-adaptive", False, False]["removed_mean"] == pytest.approx(-wanted)
    assert found["ssn-adaptive", True, False]["removed_mean"] == pytest.approx(0)
    assert found["light-cnn", False, False]["removed_mean"] == 0
    assert found["light-cnn", False, False]["ceiling_mean"] == 0, "these probes do as well hidden as complete"
    page = as_markdown(ablation.summary())
    assert "| `ssn` |  |  | 25.3 ± 0.5 | 25.3 ± 0.5 |" in page
    assert "| *ceiling* | | | 0.0 | 0.0 |" in page


def test_the_page_says_what_the_figures_say(tmp_path):
    ablation = Laboratory({"light-cnn": 0.6, "si": 0.58}).ablation(tmp_path, ("light-cnn", "si"))
    ablation.run()
    teacher = {"sets": {"lfw-devtest": [{"occlusion": "maskTop", "rank1": 0.875, "eer": 0.25}]}}
    page = as_markdown(ablation.summary(notes=["Simulated."], commands=["python -m ssn ablate"], teacher=teacher))
    assert [line.split("|")[2:8] for line in page.splitlines() if "teacher |" in line] == [
        [" 87.5 ", " – ", " – ", " – ", " – ", " – "]
    ]
    lines = page.splitlines()
    assert "| untuned base | 50.0 | 52.0 |" in page
    assert any(line.startswith("| `light-cnn`") and "61.0 ± 1.0" in line for line in lines)
    assert any(line.startswith("| `si` | `light-cnn` | maskTop | -2.0 ± 0.0 | not shown |") for line in lines)
    assert "python -m ssn ablate" in lines
    assert "| `si` | maskTop | 1 | 50.0 (100.0) | – |" in lines
    for name in ("lfw-devtest", "held-out"):
        for occlusion in OCCLUSIONS:
            assert f"## {name}, {occlusion}" in lines
    widths = {line.count("|") for line in lines if line.startswith(("| row | Rank-1", "| `light-cnn`:", "| untuned"))}
    assert len(widths) == 1


def test_mean_and_sample_deviation():
    assert mean_and_deviation([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert mean_and_deviation([0.25]) == (0.25, None)


def test_rows_really_train_from_one_base_and_one_warm_start(tmp_path):
    toys, finished = Toys(), {}

    def train(recipe, folder):
        base = toy_base()
        warm = tmp_path / "warm.pt"
        made = Pipeline(base, toys.faces, toys.people, recipe, folder, toys.team, warm, bfloat16=False)
        return made.run("all", resume=(folder / "search.pt").is_file(), progress=False)

    def judge(objective, recipe, folder):
        finished[recipe.variant] = objective
        return {"sets": {"lfw-devtest": rows(0.6)}}

    config = AblationConfig(toy_recipe(epochs=1), ("light-cnn", "si"), (0,))
    Ablation(config, tmp_path, train, judge, BASE).run(anyway=True)
    assert sorted(path.name for path in tmp_path.glob("warm*")) == ["warm.pt"]
    assert torch.equal(finished["si"].targets, finished["light-cnn"].targets)
    assert finished["light-cnn"].network.selection is None
    shared = [block.indicators for block in finished["si"].network.selection]
    assert all(torch.equal(m[0], m[1]) and bool((m != 1).any()) for m in shared)
