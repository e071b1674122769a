"""Several folds' ablations as one table."""

from __future__ import annotations

import json

import pytest

from ssn.ablation.folds import over_folds
from ssn.ablation.table import as_markdown
from ssn.errors import DataError
from ssn.evaluation.published import TABLES
from ssn.evaluation.report import mean_and_deviation
from tests.ablation.test_rows import Laboratory

FIGURES = ({"light-cnn": 0.60, "si": 0.64}, {"light-cnn": 0.62, "si": 0.70}, {"light-cnn": 0.70, "si": 0.72})


@pytest.fixture
def summaries(tmp_path) -> list[dict]:
    """Three folds of two rows and two seeds."""
    made = []
    for number, figures in enumerate(FIGURES, start=1):
        ablation = Laboratory(figures).ablation(tmp_path / str(number), ("light-cnn", "si"), (0, 1))
        ablation.run()
        teacher = {"sets": {"lfw-devtest": [{"occlusion": "none", "rank1": 0.8 + number / 10, "auc": None}]}}
        told = {"notes": ["Every fold.", f"Fold {number}."], "commands": ["python -m ssn ablate"], "shortlist": 50}
        made.append(ablation.summary(protocol=f"toy, fold {number}", teacher=teacher, **told))
    return made


def test_rows_are_means_and_deviations_over_the_folds_means(summaries):
    found = json.loads(json.dumps(over_folds("toy", summaries)))
    assert found["test"] == found["protocol"] == "toy, 3 folds"
    row = next(row for row in found["rows"] if (row["variant"], row["occlusion"]) == ("si", "none"))
    means = [
        next(r for r in fold["rows"] if (r["variant"], r["occlusion"]) == ("si", "none"))["rank1_mean"]
        for fold in summaries
    ]
    mean, deviation = mean_and_deviation(means)
    assert (row["rank1_mean"], row["rank1_std"], row["folds"]) == (pytest.approx(mean), pytest.approx(deviation), 3)
    assert mean_and_deviation([0.64, 0.70, 0.72])[1] == pytest.approx(deviation)
    assert found["teacher"]["sets"]["toy, 3 folds"] == [{"occlusion": "none", "rank1": pytest.approx(1.0)}]
    assert len(found["folds"]) == 3
    assert found["notes"] == ["Every fold.", "Fold 1.", "Fold 2.", "Fold 3."]


def test_a_part_helps_where_the_folds_show_it(summaries):
    gain = next(g for g in over_folds("toy", summaries)["gains"] if g["occlusion"] == "none")
    assert gain["rank1_gain_mean"] == pytest.approx((0.04 + 0.08 + 0.02) / 3)
    assert gain["helps"] is True
    again = next(g for g in over_folds("toy", summaries[:1])["gains"] if g["occlusion"] == "none")
    assert again["helps"] is None


def test_the_page_says_over_what(summaries):
    page = as_markdown(over_folds("toy", summaries))
    assert "deviation over the folds" in page
    assert "paired by fold" in page
    assert "## toy, 3 folds, maskBottom" in page
    assert "over the seeds" not in page


def test_folds_with_other_rows_or_recipes_do_not_go_together(summaries):
    for key, value in (("recipe", {}), ("seed_list", [7]), ("rows", [])):
        with pytest.raises(DataError, match="different rows"):
            over_folds("toy", [summaries[0], {**summaries[1], key: value}])


def test_on_the_papers_set_its_table_stands_beside_ours(summaries):
    page = as_markdown(over_folds("casia", summaries))
    section = page[page.index("## casia, 3 folds, maskBottom") :].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| *")]
    assert len(rows) == len(TABLES["VII"]) == 6
    own = next(line for line in rows if "SSN" in line)
    assert [cell.strip(" *") for cell in own.split("|")[2:4]] == ["90.8 ± 1.0", "94.9 ± 0.7"]
    assert own.count("|") == section.splitlines()[2].count("|"), "as many columns as the head"
    assert "published figures, not measured here" in section
    assert page.count("| *SSN") == 1, "Table VII is of maskBottom alone"
    assert "| *" not in as_markdown(over_folds("toy", summaries))
