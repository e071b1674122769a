"""The table of the benchmark: who is called a winner, and who is not."""

import json

import numpy as np
import pytest

from benchmarks.faithfulness import as_text, interval, read_done, summarise, winners


def pairs_with(methods: dict[str, tuple[float, float]], noise: float, count: int = 40) -> list[dict]:
    """Measured pairs in which each method has these mean areas, with independent noise."""
    rng = np.random.default_rng(0)
    means = {**methods, "control: random": (0.5, 0.5), "control: centred": (0.45, 0.55)}
    return [
        {"pair": n, "rows": {k: [*(np.array(v) + noise * rng.normal(size=2)), 0.1] for k, v in means.items()}}
        for n in range(count)
    ]


def test_a_clear_winner_is_named_alone():
    done = pairs_with({"good": (0.2, 0.8), "fair": (0.3, 0.7), "bad": (0.6, 0.4)}, noise=0.02)
    rows, best = summarise(done), winners(done)
    assert rows["good"]["verdict"] == "better on both curves"
    assert rows["bad"]["verdict"] == "no better than controls"
    assert best == {"deletion": ["good"], "insertion": ["good"]}
    assert rows["good"]["deletion over centred"]["gain"] == pytest.approx(0.25, abs=0.02)
    assert rows["good"]["deletion over centred"]["won"] == 1.0


def test_what_cannot_be_told_apart_is_said():
    done = pairs_with({"one": (0.3, 0.7), "two": (0.3, 0.7)}, noise=0.0)
    for row in done:
        row["rows"]["one"][0] += 0.05 * (-1) ** row["pair"]  # now better, now worse
    assert {"one", "two"} == set(winners(done)["deletion"])
    text = as_text(summarise(done), winners(done), len(done))
    assert "not told apart from it" in text


def test_beating_one_control_is_not_enough():
    row = summarise(pairs_with({"half": (0.2, 0.52)}, noise=0.02))["half"]
    assert row["insertion over random"]["low"] > 0
    assert row["verdict"] == "better on deletion only"


def test_a_control_may_win():
    assert winners(pairs_with({"bad": (0.6, 0.4)}, noise=0.01))["insertion"] == ["control: centred"]


def test_the_interval_holds_the_mean():
    values = np.random.default_rng(1).normal(2.0, 1.0, 400)
    low, high = interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    file = tmp_path / "done.jsonl"
    file.write_text(json.dumps({"pair": 0}) + "\n" + '{"pair": 1, "rows": {"ig": [0.')
    assert read_done(file) == [{"pair": 0}]
    assert read_done(tmp_path / "none") == []
