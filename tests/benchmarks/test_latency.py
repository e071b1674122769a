"""What the latency table says follows from what was timed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.latency import ALONE, BOTH, MATRIX, PRODUCT, as_text, limit_of, pipeline_rows, row
from benchmarks.other_pipelines import nearest
from benchmarks.turns import Times, in_turn


def test_every_work_takes_its_turn_in_every_round():
    asked: list[str] = []
    taken = in_turn({name: lambda name=name: asked.append(name) for name in "abc"}, rounds=4)
    assert {name: asked.count(name) for name in "abc"} == {"a": 5, "b": 5, "c": 5}
    assert "".join(asked) == "abccbaabccbaabc"
    assert {len(times.seconds) for times in taken.values()} == {4}


def test_ratios_are_of_the_same_round():
    """A machine that is ten times slower in the second round changes no ratio."""
    ours, other = Times((1.0, 10.0, 1.0)), Times((2.0, 20.0, 2.0))
    assert other.over(ours) == 2
    assert row(other, 2, ours, None) == {"p50_ms": 1000, "p95_ms": pytest.approx(9100), "times_ours": 2}


def test_the_limit_is_the_work_at_the_rate_of_the_product():
    limit = limit_of(Times((0.5, 1.0)), MATRIX**3)
    assert limit.seconds == (0.25, 0.5)


def test_each_pipeline_is_held_against_dlib_and_the_limit_of_its_precision():
    product = 2 * MATRIX**3
    taken = {
        PRODUCT.format("float32"): Times((0.4, 0.4)),
        PRODUCT.format("bfloat16"): Times((0.1, 0.1)),
        ALONE.format("float32"): Times((1.0, 1.0)),
        BOTH.format("float32"): Times((1.5, 1.5)),
        ALONE.format("bfloat16"): Times((0.5, 0.5)),
        BOTH.format("bfloat16"): Times((0.8, 0.8)),
        "dlib": Times((2.0, 2.0)),
    }
    rows = pipeline_rows(taken, product, ["float32", "bfloat16"])
    assert rows[BOTH.format("bfloat16")]["times_dlib"] == pytest.approx(0.4)
    assert rows["dlib"]["times_ours"] == pytest.approx(4.0)
    beyond = [rows[f"… beyond the limit of two passes, {way}"]["p50_ms"] for way in ("float32", "bfloat16")]
    assert beyond == pytest.approx([700, 600])


def test_the_processors_clock_stands_still_while_others_work():
    taken = in_turn({"waiting": lambda: time.sleep(0.05)}, rounds=1, clock="processor")
    assert taken["waiting"].seconds[0] < 0.05


def test_the_five_nearest():
    rows = np.eye(8, dtype=np.float32)
    order = nearest(rows, 0.9 * rows[3] + 0.1 * rows[6])
    assert list(order[:2]) == [3, 6]
    assert len(order) == 5


def test_the_text_has_a_cell_for_what_a_row_lacks():
    rows = {"a": {"p50_ms": 1.0}, "b": {"p50_ms": 2.0, "times_ours": 2.0}}
    result = {
        "model": "m",
        "gigaflop": 7.2,
        "clock": "wall",
        "load": 1.0,
        "left_out": ["x"],
        "threads": {"1": {"t": rows}},
    }
    text = as_text(result)
    assert "| a | 1.0 |  |" in text
    assert "| b | 2.0 | 2.00 |" in text
    assert "Left out: x" in text
