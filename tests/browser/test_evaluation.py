"""The evaluation tab, driven as a person would: measure, look at errors, open one in the workbench, take a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
LONG = 350_000
"""Milliseconds a small run may take on a busy machine."""


CARD = {"light": (255, 255, 255), "dark": (23, 31, 39)}
"""What the curves are drawn on, as the page's style has it."""
TEXT_COLOURS = """
() => {
  const texts = [...document.querySelectorAll("#evaluation-plots .main-svg text")];
  return [...new Set(texts.map((text) => getComputedStyle(text).fill))].map((fill) => fill.match(/\\d+/g).map(Number));
}
"""


def contrast(first, second) -> float:
    """Of two colours (r, g, b), as WCAG 2.1 has it."""
    linear = [
        [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        for colour in (first, second)
    ]
    light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear)
    return (light[1] + 0.05) / (light[0] + 0.05)


def measure(visitor, people: int) -> None:
    page = visitor.page
    visitor.tab("Evaluation")
    page.locator("#evaluation-people input[type=number]").fill(str(people))
    page.locator("#evaluation-people input[type=number]").press("Tab")
    page.get_by_label("maskBottom", exact=True).uncheck()
    page.get_by_label("none", exact=True).uncheck()
    page.locator("#evaluation-start").click()
    page.wait_for_selector("#evaluation-status .bar")
    page.wait_for_selector("#evaluation-measures table", timeout=LONG)


def test_a_small_run_from_start_to_an_error_in_the_workbench(visit):
    visitor = visit()
    page = visitor.page
    measure(visitor, 4)
    assert page.locator("#evaluation-measures tbody tr").count() == 1
    assert "simulated NIR, maskTop" in page.locator("#evaluation-measures").inner_text()
    page.wait_for_selector("#evaluation-plots .main-svg")
    with page.expect_download() as saved:
        page.get_by_role("link", name="JSON").click()
    data = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert data["runs"][0]["rows"][0]["occlusion"] == "maskTop"
    for scheme in ("light", "dark"):
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
        contrasts = [contrast(colour, CARD[scheme]) for colour in page.evaluate(TEXT_COLOURS)]
        assert min(contrasts) >= 4.5, f"text of the curves on the {scheme} page"
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            visitor.screenshot(f"evaluation-{scheme}-{width}")
    title = page.locator("#evaluation-errors b").first.inner_text()
    page.locator("#evaluation-errors button").first.click()
    page.wait_for_selector("#ranks li")
    assert title in page.locator("#found figcaption").inner_text()
    assert page.get_by_label("maskTop", exact=True).first.is_checked()
    assert float(visitor.hidden().split()[0]) > 5
    visitor.screenshot("evaluation-in-the-workbench")


def test_a_run_is_cancelled_and_makes_room_for_the_next(visitor):
    page = visitor.page
    visitor.tab("Evaluation")
    page.locator("#evaluation-people input[type=number]").fill("100")
    page.locator("#evaluation-people input[type=number]").press("Tab")
    assert page.get_by_role("heading", name="Worst errors").count() == 0, "there are none yet"
    for _ in range(2):
        page.locator("#evaluation-start").click()
        page.wait_for_selector("#evaluation-status .bar")
        page.locator("#evaluation-stop").click()
        page.wait_for_function("() => document.querySelector('#evaluation-status').innerText.includes('Cancelled')")
        page.wait_for_selector("#evaluation-stop[disabled]")
    assert page.locator("#evaluation-measures table").count() == 0
