"""Somebody who visits the page, in a browser session of their own."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE = 60_000
"""Milliseconds to wait for anything: the machine may be busy."""
PLOTTED = """
() => [...document.querySelectorAll('[aria-label="Empty value"]')].every((empty) => !empty.checkVisibility())
"""
"""Gradio draws a plot some moments after the page; what stands there before is its own."""
SERIOUS = ("serious", "critical")
TELEPHONE = {"width": 390, "height": 844}
"""A narrow screen, in CSS pixels."""


class Visitor:
    """A page of the app in a session of its own. Every request and every error of the page is remembered."""

    def __init__(self, browser: Browser, address: str, **options):
        self.context: BrowserContext = browser.new_context(
            viewport=options.pop("viewport", {"width": 1440, "height": 900}), **options
        )
        self.context.set_default_timeout(PATIENCE)
        self.address = address
        self.page: Page = self.context.new_page()
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("#brush canvas")
        self.page.wait_for_selector("#examples button")

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.outside.append(url)

    def upload(self, path: Path, where: str = "#probe-input") -> None:
        self.page.locator(f"{where} input[type=file]").set_input_files(path)

    def open_photo(self, path: Path) -> None:
        """Upload, and wait until the maps are there."""
        self.upload(path)
        self.page.wait_for_selector("#found .photo img")
        self.page.wait_for_selector("#blocks .cell img")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def hidden(self) -> str:
        """Share of the face the server says is hidden, as shown."""
        return self.page.locator("#facts .facts").get_attribute("data-hidden")

    def block_sources(self) -> list[str]:
        return [image.get_attribute("src") for image in self.page.locator("#blocks .cell img").all()]

    def wait_for_change(self, selector: str, attribute: str, old: str) -> None:
        self.page.wait_for_function(
            "([s, a, old]) => { const e = document.querySelector(s); return e && e.getAttribute(a) !== old }",
            arg=[selector, attribute, old],
        )

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Paint from ``start`` to ``end``, in shares of the canvas."""
        canvas = self.page.locator("#brush canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        (x0, y0), (x1, y1) = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=6)
        self.page.mouse.up()

    def wait_for_strokes(self) -> None:
        """Until what the server hides is what the canvas shows."""
        self.page.wait_for_function(
            "() => document.querySelector('.brush-share').textContent"
            " === document.querySelector('#facts .facts').dataset.hidden + ' hidden'"
        )

    def serious(self) -> list[tuple]:
        """What axe finds on the page as it is, light and dark, that is serious or worse."""
        found = []
        for dark in (False, True):
            self.page.evaluate("dark => document.body.classList.toggle('dark', dark)", dark)
            self.page.wait_for_function(PLOTTED)
            self.page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running')")
            violations = Axe().run(self.page).response["violations"]
            found += [(v["id"], dark, v["nodes"][0]["html"][:90]) for v in violations if v["impact"] in SERIOUS]
        self.page.evaluate("document.body.classList.remove('dark')")
        return found

    def check_telephone(self, name: str) -> None:
        """On a narrow screen, which it stays on, nothing sticks out sideways; with a screenshot of that."""
        self.page.set_viewport_size(TELEPHONE)
        assert self.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
        self.screenshot(f"{name}-{TELEPHONE['width']}")

    def screenshot(self, name: str) -> None:
        """Into the folder SSN_SCREENSHOTS, if it is set."""
        folder = os.environ.get("SSN_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(600)
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert self.outside == [], "the page asked other hosts"
        assert self.errors == [], "the page raised errors"
