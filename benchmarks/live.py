"""How many answers a second the Live tab gives: ``python -m benchmarks.live`` on an idle machine.

A server of its own is sent frames as the page sends them, the next when the last is answered: one person, then two, who
move a little from frame to frame. The browser's part is not in it; it draws while the server works.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from app.kit.demo_people import read_demo
from benchmarks.page_client import Visitor, serving

SIZE = (640, 480)
WARM = 5
"""Frames before the clock runs."""


def frames(photos: list[Path], count: int) -> list[str]:
    """JPEG frames in base64, the people side by side and swaying."""
    side = min(420, SIZE[0] // len(photos))
    faces = [Image.open(photo).convert("RGB").resize((side, side)) for photo in photos]
    made = []
    for number in range(count):
        room = Image.new("RGB", SIZE, (120, 120, 120))
        for place, face in enumerate(faces):
            x = place * side + round(6 * np.sin(number / 3 + place))
            room.paste(face, (max(0, x), (SIZE[1] - side) // 2))
        data = io.BytesIO()
        room.save(data, "JPEG", quality=85)
        made.append(base64.b64encode(data.getvalue()).decode())
    return made


def measure(visitor: Visitor, photos: list[Path], count: int, run: int) -> dict:
    """Answers a second, and milliseconds of an answer."""
    took = []
    for number, data in enumerate(frames(photos, count + WARM)):
        start = time.perf_counter()
        sent = {"run": run, "frame": number, "overlay": True, "data": data}
        answer = json.loads(visitor.send("live-camera", "input", sent)["live-camera"])
        took.append(1000 * (time.perf_counter() - start))
        if len(answer["faces"]) != len(photos):
            raise RuntimeError(f"{len(answer['faces'])} faces instead of {len(photos)}: {answer}")
    counted = np.array(took[WARM:])
    return {
        "people": len(photos),
        "answers": count,
        "per_second": round(1000 / float(counted.mean()), 2),
        "p50_ms": round(float(np.percentile(counted, 50)), 1),
        "p95_ms": round(float(np.percentile(counted, 95)), 1),
    }


def main() -> None:
    """One row a number of people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=60, help="frames that are counted, for each number of people")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    flags = parser.parse_args()
    photos = [person.enrolment for person in read_demo().people[:2]]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (address, _):
        visitor = Visitor(address)
        rows = [measure(visitor, photos[:people], flags.answers, people) for people in (1, 2)]
        visitor.close()
    for row in rows:
        print(json.dumps(row))
    if flags.json:
        flags.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
