"""A run's summary is what the metrics say of its scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.evaluation import metrics
from ssn.evaluation.compare import compare, paired
from ssn.evaluation.metrics.intervals import Drawn
from ssn.evaluation.metrics.open_set import fnir_at_fpir, searches, strangers_of
from ssn.evaluation.scores import Comparisons, ScoreFile, ScoreRow
from ssn.evaluation.summary import summarise, summarise_row, worst_errors
from tests.evaluation.toy_scores import KEYS, toy_run

DRAWS = Drawn(30)


def test_measures_are_those_of_the_metrics_and_lie_in_their_intervals(tmp_path):
    run = toy_run(tmp_path / "a.npz")
    for row, summary in zip(run.rows(), summarise(run, DRAWS).rows, strict=True):
        flat = row.verification(run.comparisons)
        values = {name: interval.value for name, interval in summary.measures.items()}
        assert values["auc"] == pytest.approx(metrics.auc(flat.scores, flat.same))
        assert values["eer"] == pytest.approx(metrics.eer(flat.scores, flat.same))
        assert values["tpr_at_0.001"] == pytest.approx(metrics.tpr_at_fpr(flat.scores, flat.same, 0.001))
        ranks = metrics.cmc(*row.identification(run.comparisons))
        assert [values[f"rank{r}"] for r in range(1, 6)] == pytest.approx(ranks)
        assert summary.thresholds["0.01"] == metrics.threshold_at_fmr(flat.scores[~flat.same], 0.01)
        assert all(i.low <= i.value + 0.02 and i.high >= i.value - 0.02 for i in summary.measures.values())
        assert summary.counts == {"genuine": 120, "impostor": 120 * 39, "probes": 120, "gallery": 40}
        assert set(summary.curves) == {"roc", "det", "cmc", "open_set"}


def test_a_finished_file_gives_the_same_summary_when_read_again(tmp_path):
    run = toy_run(tmp_path / "a.npz")
    first, again = summarise(run, DRAWS), summarise(ScoreFile.open(tmp_path / "a.npz"), DRAWS)
    assert [row.measures for row in first.rows] == [row.measures for row in again.rows]
    assert first.compared == again.compared


def test_without_strangers_half_of_the_people_become_strangers(tmp_path):
    run = toy_run(tmp_path / "a.npz")
    row = run.rows()[2]
    out = strangers_of(run.comparisons.gallery_people)
    stays = ~np.isin(run.comparisons.gallery_people, out)
    expected = searches(row.matrix[:, stays], run.comparisons.probe_people, run.comparisons.gallery_people[stays])
    summary = summarise_row(row, run.comparisons, DRAWS)
    for rate in (0.01, 0.1):
        assert summary.measures[f"fnir_at_{rate}"].value == fnir_at_fpir(expected, rate).fnir


def test_real_strangers_are_searched_for_and_not_ranked(tmp_path):
    run = toy_run(tmp_path / "a.npz", strangers=10)
    row = run.rows()[1]
    mated = np.arange(120) < 90
    summary = summarise_row(row, run.comparisons, DRAWS)
    people = run.comparisons.probe_people[mated], run.comparisons.gallery_people[:30]
    assert summary.measures["rank1"].value == pytest.approx(metrics.cmc(row.matrix[mated], *people)[0])
    expected = searches(*row.identification(run.comparisons))
    assert len(expected.stranger_scores) == 30
    assert summary.measures["fnir_at_0.1"].value == fnir_at_fpir(expected, 0.1).fnir


def test_pairs_alone_have_no_ranks():
    who = Comparisons(np.array(["a", "b"]), np.array(["c", "d"]), np.array(["A", "B"]), np.array(["A", "B"]))
    row = ScoreRow("nir", "none", pair_scores=np.array([0.9, 0.1]), pairs=np.array([[0, 0], [1, 0]]))
    summary = summarise_row(row, who, DRAWS)
    assert set(summary.measures) == {"auc", "eer", "tpr_at_0.01", "tpr_at_0.001"}
    assert summary.counts == {"genuine": 1, "impostor": 1, "probes": 2, "gallery": 2}


def test_failures_to_acquire_are_counted_and_named(tmp_path):
    summary = summarise(toy_run(tmp_path / "a.npz"), DRAWS)
    assert summary.acquisition.fta == pytest.approx(1 / 121)
    assert summary.acquisition.fte == 0
    assert summary.failures == ("person 000/blurred.jpg",)


def test_worst_errors_are_the_furthest_on_the_wrong_side(tmp_path):
    run = toy_run(tmp_path / "a.npz")
    row = run.rows()[2]
    worst = worst_errors(row, run.comparisons, 0.01, most=4)
    flat = row.verification(run.comparisons)
    threshold = metrics.threshold_at_fmr(flat.scores[~flat.same], 0.01)
    misses = np.sort(flat.scores[flat.same & (flat.scores < threshold)])[:4]
    false = np.sort(flat.scores[~flat.same & (flat.scores >= threshold)])[::-1][:4]
    assert [e.score for e in worst if e.genuine] == pytest.approx(misses)
    assert [e.score for e in worst if not e.genuine] == pytest.approx(false)
    for error in worst:
        assert error.score == row.matrix[error.probe, error.gallery]
        same = run.comparisons.probe_people[error.probe] == run.comparisons.gallery_people[error.gallery]
        assert same == error.genuine


def test_two_runs_on_the_same_pictures_are_compared_person_by_person(tmp_path):
    """The same people are hard in both, so a paired difference is known better than by two intervals apart."""
    a, b = (summarise(toy_run(tmp_path / f"{gain}.npz", gain=gain), Drawn(200)) for gain in (0.0, 0.05))
    assert paired(a, b)
    found = {(d.occlusion, d.measure): d for d in compare(a, b)}
    assert len(found) == len(KEYS) * len(a.rows[0].measures)
    rank1 = found["maskBottom", "tpr_at_0.01"]
    assert rank1.difference.value == pytest.approx(rank1.second - rank1.first)
    assert rank1.difference.value > 0
    assert rank1.certain
    apart = [run.rows[2].measures["tpr_at_0.01"] for run in (a, b)]
    widths = [i.high - i.low for i in apart]
    assert rank1.difference.high - rank1.difference.low < np.hypot(*widths)


def test_a_run_differs_from_itself_by_nothing(tmp_path):
    a = summarise(toy_run(tmp_path / "a.npz"), DRAWS)
    assert all(d.difference.value == d.difference.low == d.difference.high == 0 for d in compare(a, a))
    assert not any(d.certain for d in compare(a, a))


def test_runs_on_other_people_or_unknown_ones_have_no_paired_interval(tmp_path):
    a = summarise(toy_run(tmp_path / "a.npz"), DRAWS)
    b = summarise(toy_run(tmp_path / "b.npz", people=41), DRAWS)
    for first, second in ((a, b), (replace(a, compared=""), replace(a, compared=""))):
        assert not paired(first, second)
        assert all(d.difference.low is None and not d.certain for d in compare(first, second))


def test_rows_that_only_one_run_has_are_not_compared(tmp_path):
    a = summarise(toy_run(tmp_path / "a.npz"), DRAWS)
    assert {d.occlusion for d in compare(a, replace(a, rows=a.rows[1:]))} == {"maskTop", "maskBottom"}
