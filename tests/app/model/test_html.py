"""The model card: what its thresholds mean."""

from __future__ import annotations

from app.model.html import thresholds_table


def test_thresholds_are_explained():
    html = thresholds_table({"0.01": 0.5, "0.001": 0.7})
    assert "FMR 0.1 %" in html
    assert "0.700" in html
    assert "nothing is called a match" in thresholds_table({})
