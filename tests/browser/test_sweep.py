"""The occlusion sweep, in the browser."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


def test_a_click_tries_every_part_and_window(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    name = page.locator("#ranks .name").first.inner_text()
    page.locator("#sweep-window").get_by_label("64 px").click()
    page.locator("#sweep-start").click()
    page.wait_for_selector("#sweep-result .headline")  # nine windows may be done before their progress is drawn
    parts = page.locator("#sweep-result .parts li").all_inner_texts()
    assert len(parts) == 4
    for part in parts:
        assert (f"Rank 1 stays {name}" in part) or re.search(r"Rank 1 becomes .+ \d\.\d{3} ", part)
    assert page.locator("#sweep-map circle").count() == 9
    assert re.search(r"smallest window that breaks|No square window", page.locator("#sweep-map").inner_text())
    page.wait_for_selector("#sweep-curve .main-svg")
    visitor.screenshot("sweep")
    visitor.check_telephone("sweep")
    page.get_by_label("maskTop").click()
    page.wait_for_function("() => document.querySelector('#sweep-result').innerText.includes('Press Sweep')")


def test_a_sweep_is_cancelled(visit):
    visitor = visit(color_scheme="dark")
    page = visitor.page
    page.locator("#examples button").nth(1).click()
    page.wait_for_selector("#ranks li")
    page.locator("#sweep-window").get_by_label("16 px").click()
    page.locator("#sweep-start").click()
    page.wait_for_selector("#sweep-stop:not([disabled])")
    page.wait_for_selector("#sweep-status [role=progressbar]")
    page.locator("#sweep-stop").click()
    page.wait_for_function(
        "() => /Cancelled|Stopped after/.test(document.querySelector('#panel-sweep').innerText)"
        " && document.querySelector('#sweep-stop').disabled"
    )
    visitor.screenshot("sweep-dark")
