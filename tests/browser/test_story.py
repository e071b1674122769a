"""The story by keyboard alone, the groups of examples, and the slider of rates."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def press(page, title: str, step: int) -> None:
    button = page.locator("#story").get_by_role("button", name=title)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => document.querySelector('.story-text').dataset.step === '{step}'")


def test_the_story_is_told_by_keyboard(visitor):
    page = visitor.page
    assert page.locator("#story").get_by_role("button", name="Why?").is_disabled()
    press(page, "A complete face", 1)
    page.wait_for_selector("#ranks li")
    name = page.locator("#found figcaption").inner_text().split(" ·")[0]
    assert name in page.locator(".story-text").inner_text()
    press(page, "Half covered", 2)
    masked = page.locator("#ranks .name").first.inner_text()
    said = page.locator(".story-text").inner_text()
    assert ("wrong person" in said) == (masked != name)
    press(page, "Hide the cover", 3)
    visitor.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    assert (f"{name} is at rank 1" in page.locator(".story-text").inner_text()) == (
        page.locator("#ranks .name").first.inner_text() == name
    )
    visitor.screenshot("story-3")
    page.locator("#why-method input").click()
    page.get_by_role("option", name="Grad-CAM").click()
    press(page, "Why?", 4)
    page.wait_for_selector("#why-result .reason")
    assert page.locator("#story").is_visible()
    press(page, "A stranger", 5)
    assert "not enrolled" in page.locator(".story-text").inner_text()
    assert page.locator("#verdict .verdict.problem").count() == 0
    visitor.screenshot("story-5")
    page.locator("#occlusion").get_by_label("maskTop").check()
    page.wait_for_function("() => document.querySelector('.story-text').dataset.step === '0'")


def test_every_group_of_examples_opens_and_leads_to_its_people(visitor):
    page = visitor.page
    groups = page.locator("#examples summary")
    titles = [text.rstrip("0123456789 ") for text in groups.all_inner_texts()]
    assert titles == ["Complete", "Goggles", "Surgical mask", "Scarf", "Strangers"]
    groups.last.focus()
    page.keyboard.press("Enter")
    strangers = page.locator("#examples details").last.locator("button")
    strangers.first.wait_for()
    assert not page.locator("#examples button").first.is_visible(), "one group is open at a time"
    strangers.first.click()
    page.wait_for_selector("#ranks li")
    assert page.locator("#found figcaption").inner_text().split(" ·")[0] not in page.locator("#ranks").inner_text()


def test_the_slider_moves_the_verdict(visitor):
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#strangers svg circle.match")
    said = page.locator(".strangers-said")
    assert "about 1 stranger in 100 gets this far among your 20 people" in said.inner_text()
    assert "1 stranger in 100 is called a match" in page.locator("#search-facts").inner_text()
    handle = page.get_by_role("slider", name="Score from which on somebody is called a match")
    page.locator("#strangers").scroll_into_view_if_needed()
    box = page.locator("#strangers svg circle.match").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 20, y, steps=4)
    page.mouse.up()
    moved = float(handle.input_value())
    page.wait_for_function(
        "score => document.querySelector('.strangers-said').innerText.includes(`from ${score} on`)", arg=f"{moved:.2f}"
    )
    where = page.locator("#strangers svg circle.match").bounding_box()
    assert where["x"] + where["width"] / 2 == pytest.approx(x - 20, abs=3), "the handle is where it was left"
    chips = page.locator("#ranks .chip").all_inner_texts()
    scores = [float(text.split()[0]) for text in page.locator("#ranks .score").all_inner_texts()]
    assert [chip == "match" for chip in chips] == [score >= moved for score in scores]
    assert handle.get_attribute("aria-valuetext") == said.inner_text()

    page.mouse.move(x - 20, y)
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "([handle, least]) => Number(handle.value) > least", arg=[handle.element_handle(), moved - 0.3]
    )  # more than half of the strangers is no threshold: it goes back
    assert "about 1 stranger in 2 gets this far" in said.inner_text()
    before = said.inner_text()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('.strangers-said').innerText !== old", arg=before)
    page.get_by_label("Strangers called a match").fill("20")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#search-facts').innerText.includes('1 stranger in 5 is')")
    assert "about 1 stranger in 5 gets this far" in said.inner_text()
    assert float(handle.input_value()) > 0
    visitor.screenshot("threshold")
