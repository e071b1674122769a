"""A photo and the faces found in it, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from app.kit.notices import empty, notice
from app.kit.photo import Photo
from app.kit.pictures import data_uri, landmarks_in_photo, with_landmarks
from ssn.gallery.store import Match
from ssn.gallery.verdict import css_class

ANOTHER = "Another is chosen by clicking its numbered box."

PAGES_SHOWN = 9
"""Pages of a file that can be chosen from, around the one that is shown."""


def found_faces(photo: Photo | None, index: int | None = None, names: Mapping[int, Match] | None = None) -> str:
    """The photo with its faces in boxes, numbered from left to right, and the landmarks of the chosen one. ``names``
    says who is at rank 1 of each face, by its place."""
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
        match = (names or {}).get(place)
        kind, name = ("", "") if match is None else (f" {css_class(match.verdict)}", _name(match))
        following = photo.boxes[place + 1].xyxy[0] * photo.scale if place + 1 < len(photo.boxes) else width
        style += f";--room:{100 * (following - x0) / max(x1 - x0, 1):.0f}%"
        kind += " at-right" if x0 > 0.85 * width else ""
        who = [] if match is None else list(dict.fromkeys((name, match.verdict)))
        said = f"Face {place + 1}" + (f": {', '.join(who)}" if who else "")
        boxes.append(
            f'<button type="button" class="face-box{kind}" style="{style}" data-action="face" data-index="{place}" '
            f'aria-pressed="{chosen}" aria-label="{said}" title="{said}"><i>{place + 1}'
            f"{f' <b>{name}</b>' if name else ''}</i></button>"
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


def _name(match: Match) -> str:
    """Who it is, where that may be said."""
    return "no match" if match.verdict == "no match" else escape(match.person)


def crowd_list(photo: Photo, index: int | None, names: Mapping[int, Match]) -> str:
    """Everybody in a photo of several faces, from left to right: who is at rank 1 of each, and how surely. A click
    chooses."""
    if len(photo.boxes) < 2:
        return ""
    rows = "".join(_in_crowd(photo, place, place == index, names.get(place)) for place in range(len(photo.boxes)))
    return (
        f'<h3 class="sub">Everybody in the photo <small>left to right, nothing hidden</small></h3>'
        f'<div data-roving role="group" aria-label="Everybody in the photo"><ol class="crowd">{rows}</ol></div>'
    )


def _in_crowd(photo: Photo, place: int, chosen: bool, match: Match | None) -> str:
    if photo.faces[place] is None:
        return f'<li><p><b class="rank">{place + 1}</b><span>too small or turned too far</span></p></li>'
    said, chip = "<span>not searched for</span>", ""
    if match is not None:
        likest = f"<small>most like {escape(match.person)}</small>" if match.verdict == "no match" else ""
        said = f'<span class="name">{likest or escape(match.person)} <small>{match.score:.3f}</small></span>'
        chip = f'<em class="chip {css_class(match.verdict)}">{match.verdict}</em>'
    return (
        f'<li><button type="button" data-action="face" data-index="{place}" aria-pressed="{str(chosen).lower()}">'
        f'<b class="rank">{place + 1}</b>{said}{chip}</button></li>'
    )


def several_faces(photo: Photo, index: int | None) -> str:
    """Of several faces: why one is chosen, until the visitor takes another; or why none is, and ask for a choice."""
    if len(photo.boxes) < 2:
        return ""
    if index is None:
        return notice(photo.unclear, "warn", "Choose one by clicking its numbered box.")
    if photo.subject is None or photo.subject.index != index:
        return ""
    said = f"Face {photo.subject.number} is chosen: {photo.subject.reason}."
    return notice(said, "info", ANOTHER)


def largest_is_chosen(photo: Photo, index: int | None) -> str:
    """As :func:`several_faces`, where the largest face is taken when nobody is clearly meant."""
    if len(photo.boxes) < 2 or photo.subject is not None or index != photo.largest:
        return several_faces(photo, index)
    return notice(f"{len(photo.boxes)} faces: number {photo.largest + 1}, the largest, is chosen.", "info", ANOTHER)
