"""Every screen: what is seen together at which size, without a mouse, on a slow line, by a room of people; and axe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.visitor import PLOTTED, TELEPHONE, Visitor

pytestmark = pytest.mark.browser

SIZES = [(1280, 720), (1440, 900), (1920, 1080), (390, 844)]
TABS = {
    "Workbench": "#ranks li",
    "Live": "#live-camera .live-start",
    "Gallery": ".people button",
    "Evaluation": "#evaluation-start",
    "Model": ".card-grid",
}
"""Every tab, and what is there once it is."""
SMALLEST = 12
SEEN = """
() => ["#brush canvas", "#verdict .verdict", "#blocks .cell:nth-of-type(n) img"].flatMap((selector) =>
  [...document.querySelectorAll(selector)].slice(0, 2).map((element) => {
    const box = element.getBoundingClientRect();
    return [selector, box.left >= 0, box.top >= 0, box.right <= innerWidth, box.bottom <= innerHeight, box.width > 50];
  }))
"""
CLIPPED = """
() => [...document.querySelectorAll("#bench *")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !element.closest(".main-svg, .plot-container, .modebar");
}).map((element) => element.outerHTML.slice(0, 80))
"""
SMALL = """
(least) => {
  const small = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !parent.checkVisibility()) continue;
    if (parseFloat(getComputedStyle(parent).fontSize) < least) small.add(parent.outerHTML.slice(0, 80));
  }
  return [...small];
}
"""
FOCUSED = "selector => document.activeElement.closest(selector) !== null"
OPACITIES = """
() => ["#panel-blocks", "#panel-matches", "#panel-why"]
  .map((selector) => Number(getComputedStyle(document.querySelector(selector)).opacity))
"""


@pytest.fixture(scope="module")
def opened(browser, server) -> Iterator[Visitor]:
    """One page for all of these tests."""
    visitor = Visitor(browser, server)
    yield visitor
    visitor.close()


@pytest.fixture
def shown(opened) -> Visitor:
    """The page at its usual size with the first example."""
    page = opened.page
    page.set_viewport_size({"width": 1440, "height": 900})
    opened.tab("Workbench")
    if page.locator("#found figcaption").count() == 0:
        page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.wait_for_selector("#blocks .cell img")
    return opened


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_brush_verdict_and_a_row_of_maps_are_seen_together(shown, width, height):
    page = shown.page
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("innerWidth < 761 ? document.querySelector('#brush').scrollIntoView() : scrollTo(0, 0)")
    for selector, *inside in page.evaluate(SEEN):
        assert all(inside), f"{selector} is not whole at {width} × {height}: {inside}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CLIPPED) == []
    shown.screenshot(f"screen-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_no_text_is_small(shown, scheme):
    page = shown.page
    page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
    try:
        for tab, there in TABS.items():
            shown.tab(tab)
            page.locator(there).first.wait_for()
            page.wait_for_function(PLOTTED)
            page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
            violations = Axe().run(page).response["violations"]
            said = [(v["id"], v["impact"], [n["html"][:90] for n in v["nodes"][:3]]) for v in violations]
            assert [row for row in said if row[1] in ("serious", "critical")] == [], f"{tab}, {scheme}"
            assert page.evaluate(SMALL, SMALLEST) == [], tab
            shown.screenshot(f"axe-{scheme}-{tab.lower()}")
    finally:
        page.evaluate("document.body.classList.remove('dark')")


def test_from_the_upload_to_the_occlusion_it_is_eight_stops_at_most(shown):
    page = shown.page
    page.locator("#probe-input input[type=file]").focus()
    stops = 0
    while not page.evaluate(FOCUSED, "#occlusion"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 8, page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#occlusion input:checked').value === 'maskTop'")
    shown.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")


def test_the_arrows_move_among_the_examples(shown):
    page = shown.page
    buttons = page.locator("#examples details[open] button")
    buttons.nth(0).focus()
    page.keyboard.press("ArrowRight")
    assert buttons.nth(1).evaluate("button => button === document.activeElement")
    assert page.locator('#examples [tabindex="0"]').count() == 1
    before = page.locator("#found img").get_attribute("src")
    page.keyboard.press("Enter")
    shown.wait_for_change("#found img", "src", before)


def test_a_part_is_hidden_and_revealed_without_a_mouse(shown):
    page = shown.page
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")
    page.locator("#brush canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "+", "Enter"):
        page.keyboard.press(key)
    shown.wait_for_strokes()
    assert shown.hidden() == f"{100 * 60 * 40 / 128**2:.1f} %", "48 × 32 pixels, a quarter larger"
    assert page.locator("#occlusion input:checked").get_attribute("value") == "painted"
    shown.screenshot("keyboard-frame")
    page.get_by_role("group", name="Brush").get_by_text("Reveal").click()
    page.locator("#brush canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "-", "Enter"):
        page.keyboard.press(key)
    shown.wait_for_strokes()
    assert 0 < float(shown.hidden().split()[0]) < 14.6
    page.get_by_role("group", name="Brush").get_by_text("Hide").click()
    page.locator("#brush canvas").focus()
    page.keyboard.press("Delete")
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")


def test_old_results_fade_together_on_a_slow_line(shown):
    page, held = shown.page, []
    page.route("**/queue/join*", lambda route: held.append(route))
    try:
        page.locator("#occlusion").get_by_label("maskTop").check()
        page.wait_for_function(f"() => ({OPACITIES})().every((opacity) => opacity < 0.45)")
        shown.screenshot("slow-line")
    finally:
        for route in held:
            route.continue_()
        page.unroute("**/queue/join*")
    page.wait_for_function(f"() => ({OPACITIES})().every((opacity) => opacity === 1)")
    assert shown.hidden() != "0.0 %"
    page.locator("#occlusion").get_by_label("None").check()
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")


def test_a_presentation_is_given_with_keys_alone(shown):
    page = shown.page
    page.get_by_role("button", name="Present").click()
    assert page.evaluate("document.body.classList.contains('presenting')")
    assert float(page.locator("#verdict h3").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 30
    assert not page.locator("#panel-probe").is_visible()
    before = page.locator("#found img").get_attribute("src")
    page.keyboard.press("n")
    page.keyboard.press("n")
    shown.wait_for_change("#found img", "src", before)
    page.keyboard.press("3")
    page.wait_for_function("() => document.querySelector('#occlusion input:checked').value === 'maskBottom'")
    shown.wait_for_change("#facts .facts", "data-hidden", "0.0 %")
    shown.screenshot("presenting")
    sources = shown.block_sources()
    for place in (0, 1):
        page.keyboard.press("m")
        assert page.locator("dialog.large img").get_attribute("src") == sources[place]
    shown.screenshot("presenting-large")
    page.keyboard.press("Escape")
    assert not page.locator("dialog.large").is_visible()
    page.locator("#blocks .cell img").nth(1).click()
    assert page.locator("dialog.large").is_visible()
    page.locator("dialog.large").click()
    page.get_by_role("button", name="Present").click()
    assert page.locator("#panel-probe").is_visible()
    assert page.locator(".present-keys").is_hidden()


def test_names_in_a_ranking_are_whole_on_a_small_screen(shown):
    page = shown.page
    page.set_viewport_size({"width": 1280, "height": 720})
    for name in page.locator("#ranks .name").all():
        lines = name.evaluate(
            """name => {
              const range = document.createRange();
              range.selectNodeContents(name);
              return range.getClientRects().length;
            }"""
        )
        assert lines == 1, name.inner_text()


def test_the_tables_of_the_model_fit_a_telephone(shown):
    page = shown.page
    shown.tab("Model")
    page.set_viewport_size(TELEPHONE)
    widths = page.locator(".card-grid table").evaluate_all(
        "tables => tables.filter(table => table.checkVisibility())"
        ".map(table => table.getBoundingClientRect().right - table.closest('section').getBoundingClientRect().right)"
    )
    assert widths
    assert all(beyond < 0 for beyond in widths), widths


def test_the_story_stays_in_sight_on_a_telephone(shown):
    page = shown.page
    page.set_viewport_size(TELEPHONE)
    for title, step in (("A complete face", 1), ("Half covered", 2)):
        page.locator("#story").get_by_role("button", name=title).click()
        page.wait_for_function(f"() => document.querySelector('.story-text').dataset.step === '{step}'")
        page.wait_for_function(
            """() => ["#story", "#brush canvas", "#verdict .verdict"].every((selector) => {
              const box = document.querySelector(selector).getBoundingClientRect();
              return box.top >= 0 && box.bottom <= innerHeight;
            })"""
        )
        covered = page.evaluate(
            """() => {
              const { left, top, width, height } = document.querySelector("#story").getBoundingClientRect();
              const shares = [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98];
              const seen = shares.flatMap((x) => shares.map((y) =>
                document.elementFromPoint(left + x * width, top + y * height)));
              return seen.filter((one) => !one.closest("#story")).map((one) => one.outerHTML.slice(0, 80));
            }"""
        )
        assert covered == [], "nothing shines through the strip"
        following = page.locator("#story-steps .primary").bounding_box()
        assert following["x"] >= 0
        assert following["x"] + following["width"] <= 390, "the next step is at hand"
    shown.screenshot("story-390")
