"""Two pinned states under one handle: moved with a mouse, a finger and the arrow keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

BOARD = ".slide-board"


@pytest.fixture(scope="module")
def compared(browser, server) -> Iterator[Visitor]:
    """Two states are pinned, the complete face and its hidden eyes; now its lower half is hidden."""
    visitor = Visitor(browser, server, has_touch=True)
    page = visitor.page
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.locator("#compare-pin").click()
    page.wait_for_selector("#compare-pinned img")
    for mode, pins in (("maskTop", 2), ("maskBottom", 2)):
        before = visitor.hidden()
        page.locator("#occlusion").get_by_label(mode).check()
        visitor.wait_for_change("#facts .facts", "data-hidden", before)
        if mode == "maskTop":
            page.locator("#compare-pin").click()
        page.wait_for_function("n => document.querySelectorAll('#compare-pinned img').length === n", arg=pins)
    page.locator("#compare-kind").get_by_label("Pinned | now").click()
    page.wait_for_selector(BOARD)
    yield visitor
    visitor.close()


def at(page) -> float:
    """Where the handle is, in percent from the left, as it is drawn."""
    return page.evaluate(
        """() => {
          const board = document.querySelector(".slide-board").getBoundingClientRect();
          const handle = document.querySelector(".slide-board i").getBoundingClientRect();
          return (100 * (handle.left + handle.width / 2 - board.left)) / board.width;
        }"""
    )


def box_of(page) -> dict[str, float]:
    page.locator(BOARD).scroll_into_view_if_needed()
    return page.locator(BOARD).bounding_box()


def test_both_pinned_states_and_now_are_there(compared):
    page = compared.page
    heads = page.locator("#compare-result section h3").all()
    titles = [head.evaluate("head => head.firstChild.textContent.trim()") for head in heads]
    assert titles == ["Pinned 1", "Pinned 2", "Now"]
    pictures = page.locator("#compare-result .row5").first.locator("img")
    assert page.locator(".slide-under").get_attribute("src") == pictures.nth(2).get_attribute("src")
    compared.screenshot("slide")


def test_axe_finds_nothing_serious(compared):
    assert compared.serious() == []


def test_the_mouse_moves_the_handle_and_what_is_seen(compared):
    page = compared.page
    box = box_of(page)
    assert at(page) == pytest.approx(50, abs=1)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60, steps=5)
    page.mouse.up()
    assert at(page) == pytest.approx(25, abs=2)
    clip = page.locator(".slide-over").evaluate("image => getComputedStyle(image).clipPath")
    assert clip == f"inset(0px 0px 0px {page.locator(BOARD + ' input').input_value()}%)"


def test_the_arrow_keys_move_it_and_say_where_it_is(compared):
    page = compared.page
    handle = page.get_by_role("slider", name="Handle between the two states")
    handle.focus()
    page.keyboard.press("Home")
    assert at(page) == pytest.approx(0, abs=0.5)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert at(page) == pytest.approx(3, abs=0.5)
    assert handle.get_attribute("aria-valuetext") == "3 % Pinned 1, 97 % Pinned 2"
    outline = page.locator(BOARD).evaluate("board => getComputedStyle(board).outlineStyle")
    assert outline == "solid", "it is seen where the keys are"


def test_a_finger_moves_it(compared):
    page = compared.page
    box = box_of(page)
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, share: float) -> None:
        point = {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2}
        points = [] if kind == "touchEnd" else [point]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", 0.3)
    for share in (0.4, 0.55, 0.7):
        finger("touchMove", share)
    finger("touchEnd", 0.7)
    page.wait_for_function("() => Number(document.querySelector('.slide-board input').value) > 60")
    assert at(page) == pytest.approx(70, abs=3)


def test_other_sides_and_pictures_are_chosen(compared):
    page = compared.page
    sides = page.locator("#compare-result .sides > section")
    page.locator('[data-slide="right"]').select_option(label="Now")
    page.locator('[data-slide="picture"]').select_option(label="face")
    assert page.locator(".slide-over").get_attribute("src") == sides.nth(2).locator("img").first.get_attribute("src")
    assert page.locator(".slide-over").get_attribute("alt") == "Now: face"
    rank = sides.nth(2).locator("li").first
    said = page.locator(".slide-said p").nth(1).inner_text()
    assert said.startswith("Now")
    assert rank.locator(".name").inner_text() in said
    assert rank.locator(".score").inner_text() in said
    compared.check_telephone("slide")
    assert at(page) == pytest.approx(70, abs=3)
    page.set_viewport_size({"width": 1440, "height": 900})
