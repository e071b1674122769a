"""The Matches panel: everybody compared by what both faces show."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


def test_everybody_is_compared_and_the_cells_that_carried_it_are_shown(visitor):
    page = visitor.page
    box = page.get_by_label("Compare everybody by what both faces show")
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    assert box.is_disabled(), "nothing is hidden"
    page.get_by_label("maskBottom").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    box.check()
    page.wait_for_selector("#cells-facts figure")
    assert page.locator("#cells-facts img").count() == 3
    assert re.search(r"\d+ templates compared in \d+ ms", page.locator("#cells-facts").inner_text())
    scores = [float(text[:5]) for text in page.locator("#ranks .score").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert page.locator("#ranks .chip").count() == 5, "these scores have verdicts of their own"
    assert "among your" in page.locator("#verdict").inner_text()
    visitor.screenshot("by-cells")
    page.get_by_label("Also hide the same part of the gallery faces").check()
    page.wait_for_function("() => document.querySelector('#alike-facts').innerText.includes('re-ranked')")
    assert not box.is_checked(), "one takes the other's place"
    assert page.locator("#cells-facts figure").count() == 0
