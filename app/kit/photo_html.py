"""A photo and the faces found in it, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from app.kit.notices import empty, notice
from app.kit.photo import Photo
from app.kit.pictures import data_uri, landmarks_in_photo, with_landmarks

PAGES_SHOWN = 9
"""Pages of a file that can be chosen from, around the one that is shown."""


def found_faces(photo: Photo | None, index: int | None = None) -> str:
    """The photo with numbered face boxes, and the landmarks of the chosen face."""
    if photo is None:
        return empty("The photo appears here, with the faces found in it.")
    height, width = photo.preview.shape[:2]
    face = None if index is None else photo.faces[index]
    points = np.zeros((0, 2)) if face is None else landmarks_in_photo(face)
    picture = data_uri(with_landmarks(photo.preview, points, photo.scale))
    boxes = []
    for place, box in enumerate(photo.boxes):
        x0, y0, x1, y1 = (value * photo.scale for value in box.xyxy)
        style = f"left:{100 * x0 / width:.2f}%;top:{100 * y0 / height:.2f}%;"
        style += f"width:{100 * (x1 - x0) / width:.2f}%;height:{100 * (y1 - y0) / height:.2f}%"
        chosen = "true" if place == index else "false"
        boxes.append(
            f'<button type="button" class="face-box" style="{style}" data-action="face" data-index="{place}"'
            f' aria-pressed="{chosen}" aria-label="Face {place + 1}"><i>{place + 1}</i></button>'
        )
    count = "1 face" if len(photo.boxes) == 1 else f"{len(photo.boxes)} faces"
    what = f"{escape(photo.title)} · {count}" + (f" · {photo.smaller} smaller ones" if photo.smaller else "")
    what += (" · 68 landmarks" if face is not None else "") + (" · brightened" if photo.brightened else "")
    tag = '<em class="tag">simulated NIR</em>' if photo.simulated else ""
    return (
        f'<figure class="photo"><div data-roving><img src="{picture}" alt="The probe photo, {count} found">'
        f"{''.join(boxes)}</div>"
        f"<figcaption>{what} {tag}{_pages(photo)}</figcaption></figure>"
    )


def _pages(photo: Photo) -> str:
    """Which page of a file it is, and the way to those beside it."""
    if photo.file is None:
        return ""
    first = max(min(photo.page - PAGES_SHOWN // 2, photo.pages - PAGES_SHOWN), 0)
    buttons = [
        f'<button type="button" class="quiet" data-action="page" data-page="{place}" aria-label="Page {place + 1}"'
        f' aria-pressed="{"true" if place == photo.page else "false"}">{place + 1}</button>'
        for place in range(first, min(first + PAGES_SHOWN, photo.pages))
    ]
    return f'<span class="pages">Page {photo.page + 1} of {photo.pages}: {"".join(buttons)}</span>'


def several_faces(photo: Photo, index: int | None) -> str:
    """Of several faces: why one is chosen, until the visitor takes another; or why none is, and ask for a choice."""
    if len(photo.boxes) < 2:
        return ""
    if index is None:
        return notice(photo.unclear, "warn", "Choose one by clicking its numbered box.")
    if photo.subject is None or photo.subject.index != index:
        return ""
    said = f"Face {photo.subject.number} is chosen: {photo.subject.reason}."
    return notice(said, "info", "Another is chosen by clicking its numbered box.")
