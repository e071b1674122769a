"""Take the README's moving picture: an example is chosen, a part of the face is painted over, maps and ranking follow.

python assets/readme/take_animation.py [--checkpoint FILE] [--person NAME] [--out FILE]
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from take_screenshot import visited

WIDTH, HEIGHT, TOP = 1280, 800, 190
"""Of the browser, and where the bench begins."""
SHOWN = 1000
"""Pixels of the picture's width."""
MOST_BYTES = 2 * 2**20
CURSOR = """
() => {
  const arrow = document.createElement("div");
  arrow.innerHTML = '<svg width="22" height="26" fill="#111" stroke="#fff" stroke-width="1.5">' +
    '<path d="M2 2v19l5-5 3 8 4-2-3-7h7z"/></svg>';
  arrow.style.cssText = "position:fixed;z-index:99;pointer-events:none;left:0;top:0";
  document.body.append(arrow);
  addEventListener("pointermove", (event) => {
    arrow.style.translate = `${event.clientX}px ${event.clientY}px`;
  }, true);
}
"""
"""A browser without a screen draws no cursor."""
SYNCED = """
() => document.querySelector(".brush-share").textContent
  === document.querySelector("#facts .facts").dataset.hidden + " hidden"
"""
ROWS = (0.62, 0.73, 0.84, 0.94)
"""Heights of the strokes, in shares of the face."""
PARTS = 5
"""Pictures of a stroke."""


class Film:
    """Pictures of the bench, and how long each is shown in ms."""

    def __init__(self, page: Page):
        self.page = page
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def take(self, ms: int) -> None:
        """What is on the screen now, for so long."""
        clip = {"x": 0, "y": TOP, "width": WIDTH, "height": HEIGHT - TOP}
        picture = Image.open(io.BytesIO(self.page.screenshot(clip=clip))).convert("RGB")
        height = round(picture.height * SHOWN / picture.width)
        self.frames.append(picture.resize((SHOWN, height), Image.Resampling.LANCZOS))
        self.durations.append(ms)

    def move(self, x: float, y: float, steps: int = 5) -> None:
        """The cursor goes there, seen on its way."""
        for part in range(1, steps + 1):
            self.page.mouse.move(*(a + (b - a) * part / steps for a, b in zip(self.at, (x, y), strict=True)))
            self.take(70)
        self.at = (x, y)

    at = (WIDTH / 2, HEIGHT * 0.8)


def played(page: Page, person: str) -> Film:
    """Example → painted lower half → whom the gallery finds."""
    film = Film(page)
    page.evaluate(CURSOR)
    page.wait_for_function("() => !document.body.innerText.includes('Loading')")
    page.wait_for_timeout(1500)
    page.mouse.move(*film.at)
    film.take(900)
    example = page.locator(f'#examples button[title^="{person}"]').first
    box = example.bounding_box()
    assert box is not None
    film.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#ranks li")
    page.wait_for_timeout(800)
    film.take(1500)
    page.locator(".brush-size").fill("20")
    board = page.locator("#brush canvas").bounding_box()
    assert board is not None
    for number, row in enumerate(ROWS):
        ends = (0.24, 0.76) if number % 2 == 0 else (0.76, 0.24)
        paint(film, board, row, ends)
    film.take(3500)
    return film


def paint(film: Film, board: dict, row: float, ends: tuple[float, float]) -> None:
    """One stroke across the face, in parts; each is taken once the maps are there."""
    page = film.page
    places = [ends[0] + (ends[1] - ends[0]) * part / PARTS for part in range(PARTS + 1)]
    points = [(board["x"] + x * board["width"], board["y"] + row * board["height"]) for x in places]
    film.move(*points[0], steps=2)
    for point in points[1:]:
        page.mouse.down()
        page.mouse.move(*point, steps=3)
        page.mouse.up()
        film.at = point
        page.wait_for_function(SYNCED)
        page.wait_for_timeout(150)
        film.take(130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="weights; the shipped ones by default")
    parser.add_argument("--person", default="Eve", help="whose example it is")
    parser.add_argument("--quality", type=int, default=70)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("studio.webp"))
    flags = parser.parse_args()
    with visited(flags.checkpoint, WIDTH, HEIGHT) as page:
        film = played(page, flags.person)
        said = page.locator("#verdict h3").inner_text()
    first, *others = film.frames
    first.save(
        flags.out, save_all=True, append_images=others, duration=film.durations, loop=0, quality=flags.quality, method=4
    )
    size = flags.out.stat().st_size
    print(f"{flags.out}: {len(film.frames)} pictures, {size / 2**20:.2f} MiB, at the end “{said}”")
    if size > MOST_BYTES:
        sys.exit("That is more than 2 MiB: lower --quality.")


if __name__ == "__main__":
    main()
