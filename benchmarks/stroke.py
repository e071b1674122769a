"""How long a stroke takes to the maps on the screen, and what it costs on the line: ``python -m benchmarks.stroke`` on
an idle machine.

A server of its own and a Chromium that dabs on an example's face, each time at another place. Counted is from the
moment the button is let go to the frame after the new maps are decoded, and every byte that the browser received
meanwhile. Needs playwright and the system's Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.page_client import serving

FLAGS = ["--no-sandbox", "--disable-background-networking"]
UNCOUNTED = 3
"""First dabs, which find things that are not in memory yet."""
WATCH = """
() => {
  window.took = [];
  let began = 0;
  document.querySelector("#brush canvas").addEventListener("pointerup", () => (began = performance.now()), true);
  const shown = async () => {
    if (!began) return;
    const maps = [...document.querySelectorAll("#blocks .cell img")];
    await Promise.all(maps.map((map) => map.decode()));
    requestAnimationFrame(() => {
      if (began) window.took.push(performance.now() - began);
      began = 0;
    });
  };
  const blocks = document.querySelector("#blocks");
  new MutationObserver(shown).observe(blocks, { childList: true, subtree: true, attributeFilter: ["src"] });
}
"""


class Line:
    """``received`` are the bytes of all answers to a page since this was made, before any compression; pictures that
    came within the page's own text are not counted again."""

    def __init__(self, page: Page):
        self.received = 0
        self._own: set[str] = set()
        network = page.context.new_cdp_session(page)
        network.on("Network.requestWillBeSent", self._asked)
        network.on("Network.dataReceived", self._came)
        network.send("Network.enable")

    def _asked(self, told: dict) -> None:
        if not told["request"]["url"].startswith("http"):
            self._own.add(told["requestId"])

    def _came(self, told: dict) -> None:
        if told["requestId"] not in self._own:
            self.received += told["dataLength"]


def dab(page: Page, place: int, line: Line) -> tuple[float, int]:
    """One change of the mask → milliseconds to the maps on the screen, bytes received."""
    canvas = page.locator("#brush canvas").bounding_box()
    assert canvas is not None
    x, y = (0.2 + 0.6 * ((place * step) % 1) for step in (0.618, 0.755))
    page.mouse.move(canvas["x"] + x * canvas["width"], canvas["y"] + y * canvas["height"])
    page.wait_for_timeout(250)  # the page rests, as between two strokes
    before, done = line.received, page.evaluate("window.took.length")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_function("done => window.took.length > done", arg=done)
    page.wait_for_timeout(100)  # what comes after the maps is counted too
    return page.evaluate("window.took.at(-1)"), line.received - before


def measure(page: Page, dabs: int) -> dict:
    """Percentiles of ``dabs`` strokes on the first example, the brush cleared every now and then."""
    page.locator("#examples button").first.click()
    page.wait_for_selector("#ranks li")
    page.evaluate(WATCH)
    line = Line(page)
    page.locator(".brush-size").fill("10")
    rows = []
    for place in range(UNCOUNTED + dabs):
        if place % 20 == 0:
            page.get_by_role("button", name="Clear").click()
            page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden === '0.0 %'")
        rows.append(dab(page, place, line))
    taken, costs = (np.array(column, float) for column in zip(*rows[UNCOUNTED:], strict=True))
    return {
        "strokes": len(taken),
        "p50_ms": round(float(np.percentile(taken, 50)), 1),
        "p95_ms": round(float(np.percentile(taken, 95)), 1),
        "worst_ms": round(float(taken.max()), 1),
        "p50_kb": round(float(np.percentile(costs, 50)) / 1000, 1),
        "most_kb": round(float(costs.max()) / 1000, 1),
    }


def visited(address: str, strokes: int) -> dict:
    """The figures of the page at ``address``, and of which model."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("#examples button")
        model = page.locator('#masthead [title="model id"]').inner_text()
        row = {"model": model, **measure(page, strokes)}
        browser.close()
    return row


def main() -> None:
    """One row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=60)
    parser.add_argument("--checkpoint", type=Path, help="weights; the shipped ones by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    flags = parser.parse_args()
    more = [] if flags.checkpoint is None else ["--checkpoint", str(flags.checkpoint.resolve())]
    with tempfile.TemporaryDirectory() as place, serving(Path(place), more=more) as (address, _):
        row = visited(address, flags.strokes)
    row["load"] = round(os.getloadavg()[0], 2)
    print(json.dumps(row))
    if flags.json:
        flags.json.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
