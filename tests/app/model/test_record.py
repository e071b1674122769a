"""A checkpoint's own record in the page: readable where it is of the usual shape, shown as it is where it is not."""

from __future__ import annotations

import re

import pytest

from app.model.record import measures_tables, training_record
from ssn.models.checkpoint import load_model

EVIL = '<img src=x onerror="alert(1)">'


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", " ", html)


def test_measures_are_a_row_per_probe_in_percent():
    row = {
        "probe_spectrum": "nir-simulated",
        "occlusion": "maskTop",
        "accuracy": 0.876,
        "eer": 0.126,
        "tpr_at_fpr": {"0.01": 0.582, "0.001": 0.3},
        "counts": {"genuine": 500, "impostor": 1500},
        "rank": [],
    }
    html = measures_tables({"lfw": {"rows": [row, row | {"rank": [0.25, 0.5]}], "notes": ["NIR is simulated."]}})
    assert html.count("<tr><td>") == 2
    assert re.findall(r"<td>([^<]*)</td>", html)[:6] == ["NIR, simulated", "maskTop", "87.6", "12.6", "58.2", "–"]
    assert ">25.0<" in html
    assert "500 genuine pairs, 1,500 impostor pairs" in words(html)
    assert "NIR is simulated." in html
    assert "Rank-1" not in measures_tables({"lfw": {"rows": [row]}}), "no empty column"


@pytest.mark.parametrize("odd", [{"rows": [{"eer": 0.1}]}, {"other": [EVIL]}, [1.23456], 3, None, {"rows": [None]}])
def test_measures_of_another_shape_are_shown_as_they_are(odd):
    html = measures_tables({EVIL: odd})
    assert "<img" not in html
    assert "<details>" in html


def test_nothing_is_said_to_be_nothing():
    assert "No measures" in measures_tables({})
    assert "No training record" in training_record({})


def test_training_sums_its_views_over_all_runs_and_keeps_the_whole_record():
    training = {
        "stage": "distill",
        "teacher": EVIL,
        "data": {"celeba": {"images": 20868, "left_out": 1340}, "people": 12},
        "runs before": [{"views": 1000, "recipe": {"rate": 0.00025}}, {"views": 500}],
        "views": 250,
    }
    html = training_record(training)
    assert "1,750 in 3 runs" in html
    assert "20,868 (1,340 left out)" in html
    assert "<details>" in html
    assert "0.00025" in html
    assert "<img" not in html


def test_the_shipped_record_is_readable():
    _, card = load_model()
    before_the_fold = training_record(card.training).split("<details>")[0]
    assert "photos of" in before_the_fold
    assert len(words(before_the_fold).split()) < 80
    assert "<details>" not in measures_tables(card.measures)


def test_rates_within_groups_are_a_table():
    row = {
        "group": "adults <b>",
        "people": 1500,
        "before": {"0.01": 0.0682, "0.001": 0.0121},
        "after": {"0.01": 0.01, "0.001": 0.0008},
    }
    html = measures_tables({"groups": {"thresholds": {"0.001": 0.7, "0.01": 0.6}, "groups": [row]}})
    assert "<details>" not in html
    assert "adults &lt;b&gt;" in html
    assert html.index("6.82") < html.index("1.00") < html.index("1.21") < html.index("0.08")
    assert "1,500" in html
