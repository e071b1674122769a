"""What a change of the mask costs on the line, as Chromium's own network log counts it."""

from __future__ import annotations

import pytest

from benchmarks.stroke import Line

pytestmark = pytest.mark.browser

MOST_BYTES = 60_000
"""Of all answers to one change of the mask."""


def quiet(page, line: Line) -> int:
    """What has come over the line, once half a second brings nothing more: what was answered before is not counted."""
    while True:
        received = line.received
        page.wait_for_timeout(500)
        if line.received == received:
            return received


def test_a_change_of_the_mask_costs_sixty_kilobytes_at_most(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    visitor.stroke((0.3, 0.3), (0.7, 0.3))
    visitor.wait_for_strokes()
    page.wait_for_selector("#trail li")
    line, maps = Line(page), page.locator("#blocks .cell img[alt^='Shift']").first
    costs = []
    for place in (0.4, 0.6):
        before, shown = quiet(page, line), maps.get_attribute("src")
        page.locator("#brush canvas").click(position={"x": 200 * place, "y": 120})
        visitor.wait_for_change("#blocks .cell img[alt^='Shift']", "src", shown)
        visitor.wait_for_strokes()
        costs.append(quiet(page, line) - before)
    for mode in ("maskBottom", "maskTop"):
        before, shown = quiet(page, line), maps.get_attribute("src")
        page.locator("#occlusion").get_by_label(mode).check()
        visitor.wait_for_change("#blocks .cell img[alt^='Shift']", "src", shown)
        page.wait_for_function("mode => new URLSearchParams(location.search).get('mode') === mode", arg=mode)
        costs.append(quiet(page, line) - before)
    assert all(10_000 < cost <= MOST_BYTES for cost in costs), f"{costs} bytes"
    visitor.wait_for_strokes()  # the canvas follows, though the face is not sent again
