"""How many answers a second the Live tab gives: ``python -m benchmarks.live`` on an idle machine.

A server of its own and a Chromium whose camera plays a film of one synthetic person, then of two, side by side. Counted
is what the page shows: frames sent, answered and drawn. Needs playwright and the system's Chromium.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Playwright, sync_playwright

from app.kit.demo_people import read_demo
from benchmarks.page_client import serving

SIZE = (640, 480)
FLAGS = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
STARTED = "count => document.querySelectorAll('.live-people li').length === count"
LATENCIES = """
async (seconds) => {
  const live = document.querySelector(".live").parentElement;
  const took = [];
  const watch = new MutationObserver(() => took.push(Number(live.dataset.latency)));
  watch.observe(live, { attributes: true, attributeFilter: ["data-answers"] });
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  watch.disconnect();
  return took;
}
"""


def film(path: Path, photos: list[Path]) -> None:
    """Motion JPEG of the people side by side, swaying a little."""
    side = min(420, SIZE[0] // len(photos))
    faces = [Image.open(photo).convert("RGB").resize((side, side)) for photo in photos]
    with path.open("wb") as out:
        for number in range(30):
            room = Image.new("RGB", SIZE, (120, 120, 120))
            for place, face in enumerate(faces):
                sway = round(6 * np.sin(2 * np.pi * number / 30 + place))
                room.paste(face, (max(0, place * side + sway), (SIZE[1] - side) // 2))
            frame = io.BytesIO()
            room.save(frame, "JPEG", quality=90)
            out.write(frame.getvalue())


def measure(driver: Playwright, address: str, folder: Path, photos: list[Path], seconds: float) -> dict:
    """Answers a second, and milliseconds from a frame to what is drawn of it."""
    film(folder / "camera.mjpeg", photos)
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}"]
    browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
    page = browser.new_context(permissions=["camera"]).new_page()
    page.goto(f"{address}/?tab=live")
    page.get_by_role("button", name="Start the camera").click()
    page.wait_for_function(STARTED, arg=len(photos))
    took = np.array(page.evaluate(LATENCIES, seconds), float)
    browser.close()
    return {
        "people": len(photos),
        "answers": len(took),
        "per_second": round(len(took) / seconds, 2),
        "p50_ms": round(float(np.percentile(took, 50)), 1),
        "p95_ms": round(float(np.percentile(took, 95)), 1),
    }


def main() -> None:
    """One row a number of people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of counting, for each number of people")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    flags = parser.parse_args()
    photos = [person.enrolment for person in read_demo().people[:2]]
    with tempfile.TemporaryDirectory() as place, serving(Path(place)) as (address, _), sync_playwright() as driver:
        rows = [measure(driver, address, Path(place), photos[:people], flags.seconds) for people in (1, 2)]
    for row in rows:
        print(json.dumps(row))
    if flags.json:
        flags.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
