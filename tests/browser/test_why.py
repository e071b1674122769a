"""Why, as a pair: the map first, both faces, the curves beside their controls, and methods side by side."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


def test_both_faces_are_explained_and_measured(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    name = page.locator("#ranks .name").first.inner_text()
    assert page.locator("#why-method input").input_value() == "DeepLIFT"
    page.get_by_role("button", name=f"Why {name}?").click()
    page.wait_for_selector("#why-result .pair img")
    page.wait_for_function("() => document.querySelectorAll('#why-result .pair img').length === 2")
    assert f"Enrolled: {name}" in page.locator("#why-result .pair").inner_text()
    assert re.search(rf"For {name} speak most the .+ \(\d+ %\)", page.locator("#why-result .said").inner_text())
    page.wait_for_function("() => document.querySelector('#why-result .notice').innerText.includes('controls')")
    assert re.search(r"over the (random|centred) control", page.locator("#why-result .notice").inner_text())
    page.wait_for_selector("#why-plots .legendtext")
    legend = page.locator("#why-plots .legendtext").all_text_contents()
    assert {"this map", "centred", "random orders"} <= set(legend)
    visitor.screenshot("why-pair")

    page.locator("#why-all").click()
    page.wait_for_function("() => document.querySelectorAll('#why-methods li').length === 6")
    page.wait_for_function("() => document.querySelector('#why-stop').disabled")
    assert page.locator("#why-methods .chip").count() == 6
    visitor.screenshot("why-methods")
    visitor.check_telephone("why")
    page.get_by_label("maskTop").click()
    page.wait_for_function("() => document.querySelector('#why-result').innerText.includes('Press Explain')")
    assert page.locator("#why-methods li").count() == 0


def test_a_map_without_directions_says_so(visit):
    visitor = visit(color_scheme="dark")
    page = visitor.page
    page.locator("#examples button").nth(1).click()
    page.wait_for_selector("#ranks li")
    page.locator("#why-method input").click()
    page.get_by_role("option", name="Saliency").click()
    page.locator("#why-start").click()
    page.wait_for_selector("#why-result .ramp")
    assert page.locator("#why-result .ramp").inner_text().split("\n")[0] == "no influence"
    assert "direction this method does not say" in page.locator("#why-result .said").inner_text()
    page.wait_for_function("() => document.querySelector('#why-result .notice').innerText.includes('controls')")
    visitor.screenshot("why-dark")
