"""What disturbs a server that others use: requests broken off at any point, and one visitor's huge photo."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from app.kit.demo_people import DemoPerson
from benchmarks.page_client import API, Visitor
from ssn.faces.read import MAX_PIXELS

QUIET_STROKES = 12
LARGE = 4 * 2**20
"""Characters of an upload that is broken off: the server takes in only a few so large at a time."""
SMALLEST_WATCH = 6
"""Strokes that are timed beside a large upload, at least."""


@dataclass(frozen=True)
class Broken:
    """``aborted`` requests by kind; a whole round of steps took ``before`` and ``after`` seconds; what went wrong."""

    aborted: dict[str, int]
    before: float
    after: float
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Delay:
    """Seconds: the median of a stroke with nobody else there, the longest one beside the upload, and the upload's own
    answer; how many strokes were made beside it, and what the upload was answered."""

    quiet: float
    longest: float
    upload: float
    strokes: int
    said: str

    @property
    def delayed(self) -> float:
        return self.longest - self.quiet


def half_an_upload(address: str, visitor: Visitor) -> None:
    """Say how long a large request is, send half of it, and close."""
    body = json.dumps(visitor.question("probe-input", "input", {"data": "A" * LARGE, "size": 1})).encode()
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        head = f"POST {API}/queue/join HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])


def a_match(visitor: Visitor, photo: str) -> None:
    visitor.ask("probe-input", "input", {"data": photo, "size": 1})
    visitor.hang_up()


def an_explanation(visitor: Visitor, person: str) -> None:
    """A long one."""
    visitor.ask("ranks", "click", {"person": person}, why_method="ig")
    visitor.hang_up()


def break_off(address: str, count: int, photo: str, round_of_steps: Callable[[], None]) -> Broken:
    """``count`` requests broken off in turn within an upload, a match and an explanation; ``round_of_steps`` is timed
    before and after, and raises where an answer is not as it should be."""
    errors: list[str] = []
    matched = Visitor(address)
    answer = matched.send("probe-input", "input", {"data": photo, "size": 1})
    found = re.search(r'data-person="(\d+)"', str(answer["ranks"]))
    assert found is not None, "nobody is ranked"
    person = found.group(1)
    kinds: dict[str, Callable[[], None]] = {
        "upload": lambda: half_an_upload(address, matched),
        "match": lambda: a_match(Visitor(address), photo),
        "explanation": lambda: an_explanation(matched, person),
    }
    before = _seconds(round_of_steps)
    aborted = dict.fromkeys(kinds, 0)
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        kinds[kind]()
        aborted[kind] += 1
    try:
        round_of_steps()  # what is under way ends
        after = _seconds(round_of_steps)
    except Exception as error:
        errors.append(f"after {count} aborted requests: {type(error).__name__} {error}")
        after = float("inf")
    return Broken(aborted, before, after, tuple(errors))


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def huge_photo(person: DemoPerson, pixels: int = MAX_PIXELS) -> bytes:
    """The person's face within a noisy picture of ``pixels``, 8:5, as JPEG."""
    width = int((pixels * 8 / 5) ** 0.5)
    height = pixels // width
    with Image.open(person.enrolment) as small:
        face = small.convert("RGB").resize((height, height))
    picture = Image.new("RGB", (width, height), (96, 104, 110))
    picture.paste(face, ((width - height) // 2, 0))
    noise = np.random.default_rng(0).integers(0, 40, (height, width, 1), dtype=np.uint8)
    noisy = np.asarray(picture) // 5 * 4 + noise
    file = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(file, "JPEG", quality=88)
    return file.getvalue()


def paint_beside(address: str, stroke: Callable[[], None], photo: bytes) -> Delay:
    """Time ``stroke`` alone, and then while another visitor sends ``photo``."""
    quiet = [_seconds(stroke) for _ in range(QUIET_STROKES)]
    said: list[str] = []
    took: list[float] = []

    def send() -> None:
        start = time.perf_counter()
        data = base64.b64encode(photo).decode()
        answer = Visitor(address).send("probe-input", "input", {"data": data, "size": len(photo)})
        took.append(time.perf_counter() - start)
        said.append("refused" if 'role="alert"' in str(answer["probe-problem"]) else "accepted")

    sending = threading.Thread(target=send)
    sending.start()
    beside = []
    while sending.is_alive() or len(beside) < SMALLEST_WATCH:
        beside.append(_seconds(stroke))
    sending.join()
    if not said:
        raise RuntimeError("the upload was not answered")
    return Delay(statistics.median(quiet), max(beside), took[0], len(beside), said[0])
