"""The Matches panel beyond the plain ranking: like with like, and a second model."""

from __future__ import annotations

import re

import pytest

from tests.browser.visitor import TELEPHONE

pytestmark = pytest.mark.browser

LABEL = "Also hide the same part of the gallery faces"
RESCORED = '#ranks .score small[title^="ordinary score"]'


def test_like_is_compared_with_like(visitor):
    page = visitor.page
    box = page.get_by_label(LABEL)
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    assert box.is_disabled(), "nothing is hidden"
    assert "changes nothing" in page.locator("#alike-facts").inner_text()

    page.get_by_label("maskTop").click()
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    page.get_by_label("Compare everybody by what both faces show").uncheck()
    page.wait_for_function(f"() => !document.querySelector('{RESCORED}')")
    usual = dict(zip(page.locator("#ranks .name").all_inner_texts(), scores(page), strict=True))
    box.check()
    page.wait_for_selector(RESCORED)
    rows = page.locator("#ranks .score").all_inner_texts()
    assert len(rows) == 5
    found = [re.match(r"(-?\d\.\d{3})\s*was (-?\d\.\d{3})", row).groups() for row in rows]
    assert [float(new) for new, _ in found] == sorted((float(new) for new, _ in found), reverse=True)
    for name, (_, was) in zip(page.locator("#ranks .name").all_inner_texts(), found, strict=True):
        assert usual.get(name, was) == was, "the ordinary score is the one shown before"
    assert page.locator("#ranks .chip").count() == 5, "these scores have verdicts of their own"
    assert "among your" in page.locator("#verdict").inner_text()
    assert re.search(r"\d+ people re-ranked in \d+ ms", page.locator("#alike-facts").inner_text())
    visitor.screenshot("alike")

    visitor.stroke((0.3, 0.8), (0.7, 0.8))
    visitor.wait_for_strokes()
    page.wait_for_function(
        "old => document.querySelector('#ranks .score').innerText !== old"
        " && document.querySelector('#ranks .score').innerText.includes('was')",
        arg=rows[0],
    )
    name = page.locator("#ranks .name").nth(1).inner_text()
    page.locator("#why-method input").click()
    page.get_by_role("option", name="Grad-CAM").click()
    page.get_by_role("button", name=f"Why {name}?").click()
    page.wait_for_selector("#why-result .reason")
    assert name in page.locator("#why-result h3").inner_text()
    assert "same part hidden" in page.locator("#why-result").inner_text()
    visitor.screenshot("alike-why")

    photo = page.locator("#found figcaption").inner_text()
    page.locator("#examples button").nth(2).click()
    page.wait_for_function("old => document.querySelector('#found figcaption').innerText !== old", arg=photo)
    assert box.is_checked(), "the wish stays for the next photo"
    assert visitor.hidden() != "0.0 %", "and so does the mask"
    page.locator("#occlusion").get_by_label("None").click()
    page.wait_for_function("() => document.querySelector('#alike-facts').innerText.includes('changes nothing')")
    assert page.locator(RESCORED).count() == 0


def test_as_many_people_are_ranked_as_asked_for(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    assert page.locator("#ranks li").count() == 5
    page.locator("#match-count").get_by_label("10").click()
    page.wait_for_function("() => document.querySelectorAll('#ranks li').length === 10")
    assert page.locator("#why-person label").count() == 10, "each can be asked about"
    photo = page.locator("#found img").get_attribute("src")
    page.locator("#examples button").nth(1).click()
    visitor.wait_for_change("#found img", "src", photo)
    assert page.locator("#ranks li").count() == 10, "the wish stays for the next photo"


def test_a_second_model_stands_beside_the_first(visit, server_of_two):
    visitor = visit(address=server_of_two)
    page = visitor.page
    assert page.locator("#second-opinion").is_hidden()
    page.locator("#examples button").first.click()
    page.wait_for_selector("#second-opinion li")
    assert page.locator("#second-opinion li").count() == 5
    assert "Second model: random" in page.locator("#second-opinion h3").inner_text()
    first, other = (page.locator(f"{where} .name").first.inner_text() for where in ("#ranks", "#second-opinion"))
    said = page.locator("#second-opinion").inner_text()
    assert (f"Agrees on rank 1: {first}" if first == other else f"Disagrees on rank 1: {other}, not {first}") in said
    assert "cannot be compared" in said
    before = page.locator("#second-opinion").inner_text()
    page.get_by_label("maskBottom").click()
    page.wait_for_function("old => document.querySelector('#second-opinion').innerText !== old", arg=before)
    visitor.screenshot("beside")

    page.set_viewport_size(TELEPHONE)
    page.get_by_label(LABEL).check()
    page.wait_for_selector(RESCORED)
    visitor.check_telephone("beside")

    page.set_viewport_size({"width": 1440, "height": 900})
    visitor.tab("Model")
    page.locator("#model-card").wait_for()
    assert re.search(r"random-[0-9a-f]{12}", page.locator("#model-card").inner_text())
    visitor.screenshot("beside-model")


def scores(page) -> list[str]:
    """The scores shown, without what stands beside them."""
    return [re.match(r"-?\d\.\d{3}", row).group() for row in page.locator("#ranks .score").all_inner_texts()]
