"""What the Live tab keeps of a visitor, and what it says of a frame."""

from __future__ import annotations

import cv2

from app.kit.pictures import data_uri, heat_map
from app.services import Services
from app.session import Part
from ssn.answers.watch import Seen, Watcher
from ssn.faces.read import read_image
from ssn.faces.types import FACE_SIZE, Spectrum
from ssn.gallery.search_verdict import COVERED

MAP_SIDE = 96
"""Pixels of a side of the overlay, which the page stretches over the face."""
MOST_FRAME = 2 * 2**20
"""Bytes of a frame: one of 1280 × 720 as JPEG has a tenth."""
BLOCK = 1
"""Whose response is laid over the face, from 0: the second block still shows parts of a face."""


class Watching(Part):
    """``watcher`` is made with the first frame, and made anew where the camera is started again."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self.run = -1

    def of(self, run: int, services: Services) -> Watcher:
        """The watcher of the camera's ``run``: nothing is smoothed over what another camera saw."""
        if self.watcher is None or run != self.run:
            self.run = run
            asked = services.recognizer, services.finder, services.gallery, services.cohort, services.visibility
            self.watcher = Watcher(*asked)
        return self.watcher


def answer_frame(services: Services, watcher: Watcher, frame: bytes, spectrum: Spectrum, overlay: bool) -> dict:
    """A frame's bytes → what the page draws. Raises BusyError, the errors of reading, GalleryError."""
    with services.reading():
        faces = watcher.find(read_image(frame), spectrum)
    with services.looks:
        seen = watcher.recognise(faces)
    return {"faces": [_said(one, overlay) for one in seen]}


def _said(seen: Seen, overlay: bool) -> dict:
    """``box`` in pixels of the frame; ``covered`` is the share of the face that something hides, where that is so much
    that nobody is called a match, else 0; ``place`` maps the overlay's picture onto it, as a canvas takes it."""
    best = seen.matches[0] if seen.matches else None
    known = best is not None and best.verdict != "no match"
    row: dict = {
        "number": seen.number,
        "box": [round(value, 1) for value in seen.box],
        "largest": seen.largest,
        "person": best.person if best is not None and known else "",
        "score": None if best is None else round(best.score, 3),
        "verdict": "no match" if best is None else best.verdict,
        "covered": round(seen.covered, 2) if seen.covered >= COVERED else 0,
    }
    if overlay and seen.maps:
        response = seen.maps[BLOCK].response
        picture = heat_map(response, 0, float(response.max()), "response", None, MAP_SIDE)
        (a, c, e), (b, d, f) = cv2.invertAffineTransform(seen.face.transform).tolist()
        grow = FACE_SIZE / MAP_SIDE
        row["map"] = data_uri(picture)
        row["place"] = [round(value, 3) for value in (a * grow, b * grow, c * grow, d * grow, e, f)]
    return row
