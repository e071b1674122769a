"""Before and after: the way back to an earlier state, and states beside each other."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_a_state_left_behind_is_returned_to(visitor):
    page = visitor.page
    assert page.locator("#trail").is_hidden()
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    first = page.locator("#found img").get_attribute("src")
    page.get_by_label("maskBottom").click()
    page.wait_for_selector("#trail li")
    hidden = visitor.hidden()
    visitor.stroke((0.3, 0.3), (0.7, 0.3))
    visitor.wait_for_strokes()
    page.wait_for_function("() => document.querySelectorAll('#trail li').length === 2")
    visitor.stroke((0.3, 0.4), (0.7, 0.4))
    visitor.wait_for_strokes()
    assert page.locator("#trail li").count() == 2, "strokes that go on are one state"
    page.locator("#examples button").nth(2).click()
    visitor.wait_for_change("#found img", "src", first)
    page.wait_for_function("() => document.querySelectorAll('#trail li').length === 3")

    page.locator("#trail button", has_text="lower half hidden").click()
    page.wait_for_function("old => document.querySelector('#found img').getAttribute('src') === old", arg=first)
    assert visitor.hidden() == hidden
    assert page.locator("#occlusion input:checked").get_attribute("value") == "maskBottom"
    assert page.locator("#spectrum input:checked").get_attribute("value") == "nir"
    page.wait_for_function("() => document.querySelectorAll('#trail li').length === 3")
    visitor.screenshot("trail")
    visitor.stroke((0.2, 0.2), (0.4, 0.2))
    visitor.wait_for_strokes()
    page.wait_for_function("() => document.querySelector('#occlusion input:checked').value === 'painted'")


def test_states_are_compared_side_by_side(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.locator("#compare-start").click()
    page.wait_for_selector("#compare-problem .notice.error")
    assert "Nothing is hidden" in page.locator("#compare-problem").inner_text()
    page.locator("#compare-pin").click()
    page.wait_for_selector("#compare-pinned img")
    page.get_by_label("maskBottom").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    page.locator("#compare-start").click()
    page.wait_for_selector("#compare-result .sides")
    assert page.locator("#compare-result .sides section").count() == 3
    assert page.locator("#compare-result .row5 img").count() == 15
    hidden = page.locator("#compare-result section").nth(1).locator(".name").all_inner_texts()
    assert hidden == page.locator("#ranks .name").all_inner_texts()
    assert "Lead over rank 2" in page.locator("#compare-result table").inner_text()
    page.wait_for_selector("#compare-plot .main-svg")
    visitor.screenshot("compare")
    visitor.check_telephone("compare")

    page.locator("#compare-kind").get_by_label("Pinned | now").click()
    page.wait_for_function("() => document.querySelectorAll('#compare-result section').length === 2")
    assert "nothing hidden" in page.locator("#compare-result section").first.inner_text()
    page.locator("#occlusion").get_by_label("None").click()
    page.wait_for_function("() => document.querySelector('#compare-result').innerText.includes('Press Compare')")


def test_comparisons_in_the_dark(visit):
    visitor = visit(color_scheme="dark")
    page = visitor.page
    page.locator("#examples button").nth(1).click()
    page.wait_for_selector("#ranks li")
    page.get_by_label("maskTop").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    page.locator("#compare-start").click()
    page.wait_for_selector("#compare-plot .main-svg")
    visitor.screenshot("compare-dark")
