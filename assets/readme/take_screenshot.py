"""Take the README's picture: the app on a gallery of its own, with the lower half of a demo face hidden.

python assets/readme/take_screenshot.py [--checkpoint FILE] [--example N] [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-background-networking"]
PATIENCE = 120_000
DRAWN = """
() => {
  const bars = [...document.querySelectorAll("#score-plot .barlayer .point path")];
  return bars.length === document.querySelectorAll("#ranks li").length
    && bars.some((bar) => bar.getBoundingClientRect().width > 20);
}
"""
"""The bars of the ranking are there, not only their axes."""


def wait_for(address: str, process: subprocess.Popen) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit("the app did not start")
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    sys.exit("the app did not answer")


@contextlib.contextmanager
def visited(checkpoint: Path | None, width: int, height: int) -> Iterator[Page]:
    """The app on a gallery of its own, opened in a browser of that size."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--gallery", f"{folder}/gallery.db"]
        command += ["--checkpoint", str(checkpoint)] if checkpoint else []
        process = subprocess.Popen(command)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process)
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            page.wait_for_selector("#examples button")
            yield page
            browser.close()
        finally:
            process.terminate()
            process.wait(timeout=30)


def photograph(page: Page, example: int, out: Path) -> None:
    page.locator("#examples button").nth(example).click()
    page.wait_for_selector("#ranks li")
    page.get_by_label("maskBottom").click()
    page.wait_for_function("() => document.querySelector('#facts .facts').dataset.hidden !== '0.0 %'")
    page.locator("#score-plot").get_by_text("by whole faces").wait_for()
    page.wait_for_function(DRAWN)
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1500)
    options = {"type": "jpeg", "quality": 88} if out.suffix in (".jpg", ".jpeg") else {}
    box = page.locator("#panel-matches").bounding_box()
    assert box is not None
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": box["y"] + box["height"] + 16}
    page.screenshot(path=out, full_page=True, clip=clip, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="weights; the shipped ones by default")
    parser.add_argument("--example", type=int, default=4, help="which example of the strip, counted from 0")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("workbench.jpg"))
    flags = parser.parse_args()
    with visited(flags.checkpoint, 1440, 900) as page:
        photograph(page, flags.example, flags.out)
    print(flags.out)


if __name__ == "__main__":
    main()
