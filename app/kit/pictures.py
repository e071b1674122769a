"""Arrays → PIL pictures and their encodings; pure functions, no state, no screen.

Colour maps are tables (256, 3) uint8, so that a picture and the legend beside it cannot disagree.
"""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ssn.errors import LandmarksUnknownError
from ssn.faces.align import apply_transform
from ssn.faces.types import FACE_SIZE, AlignedFace

MAP_SIDE = 176
"""Side of a block picture in pixels."""
OVERLAY = {"response": 0.62, "indicator": 0.78}
"""Share of the heat map's colour where it is laid over the face. An indicator has no dark ground that lets the face
through, so that more of a face would wash out what it shows."""
ENCODINGS: dict[str, dict[str, int]] = {
    "JPEG": {"quality": 90, "subsampling": 0},
    "WEBP": {"quality": 71, "method": 2},
    "PNG": {"compress_level": 1},
}
"""Options by format. WebP: a mask change, with its twelve maps and three of cells, stays below 60 KB; by the fastest
way the maps are half as large again and 2 ms sooner."""
LANDMARK_COLOUR = (64, 224, 208)


def _ramp(*stops: tuple[float, str]) -> np.ndarray:
    """(position in [0, 1], hex colour) stops → table (256, 3) uint8, linear between them."""
    at = np.linspace(0, 1, 256)
    colours = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in stops], float)
    return (
        np.stack([np.interp(at, [p for p, _ in stops], colours[:, i]) for i in range(3)], axis=1).round().astype("u1")
    )


def _from_cv2(colormap: int) -> np.ndarray:
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.applyColorMap(levels, colormap)[:, 0, ::-1].copy()


COLOURS: dict[str, np.ndarray] = {
    "indicator": _from_cv2(cv2.COLORMAP_VIRIDIS),
    "response": _from_cv2(cv2.COLORMAP_INFERNO),
    "shift": _ramp((0, "#1d4f91"), (0.25, "#6fa3d3"), (0.5, "#ffffff"), (0.75, "#e58f76"), (1, "#a11d2a")),
    "influence": _ramp((0, "#ffffff"), (0.5, "#e3b23c"), (1, "#7a4b00")),
}
"""Indicator: viridis. Selected response: inferno. Shift: blue (less) – white (unchanged) – red (more). Influence: white
(none) – brown (much), for what has no direction."""


def css_gradient(kind: str, steps: int = 16) -> str:
    """The colour map of ``kind`` as a CSS gradient from left (lowest) to right (highest)."""
    table = COLOURS[kind][np.linspace(0, 255, steps).round().astype(int)]
    return f"linear-gradient(to right, {', '.join(f'#{bytes(row).hex()}' for row in table)})"


def colourise(values: np.ndarray, low: float, high: float, kind: str, side: int = MAP_SIDE) -> np.ndarray:
    """A map (H, W) of any range → (side, side, 3) uint8 in the colours of ``kind``; ``low`` and ``high`` are its ends,
    what lies outside is clipped. Values are interpolated, not colours."""
    grown = cv2.resize(values.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    span = high - low
    share = (grown - low) / span if span > 0 else np.full_like(grown, 0.5 if kind == "shift" else 0.0)
    return COLOURS[kind][(np.clip(share, 0, 1) * 255).round().astype(np.uint8)]


def heat_map(
    values: np.ndarray, low: float, high: float, kind: str, face: np.ndarray | None = None, side: int = MAP_SIDE
) -> Image.Image:
    """A block's map (H, W) as a picture, laid over ``face`` (128, 128, 3) uint8 if one is given.

    Over a face shift and influence are as opaque as they are large, so that places without show the face itself.
    """
    colour = colourise(values, low, high, kind, side).astype(np.float32)
    if face is None:
        return Image.fromarray(colour.astype(np.uint8))
    under = np.repeat(cv2.cvtColor(cv2.resize(face, (side, side)), cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    share: np.ndarray | float = OVERLAY.get(kind, 0.0)
    if kind in ("shift", "influence"):
        limit = max(abs(low), abs(high)) or 1.0
        grown = cv2.resize(np.abs(values).astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
        share = np.clip(grown / limit, 0, 1)[..., None] ** 0.5 * 0.9
    return Image.fromarray((share * colour + (1 - share) * under).round().astype(np.uint8))


def indicator_ends(indicator: np.ndarray, adaptive: bool) -> tuple[float, float]:
    """Between which values an indicator (H, W) is coloured: a searched one, the same for every face, between its own
    least and most, for it differs from place to place by a tenth or two. An ``adaptive`` one moves with what is
    hidden, so that its ends must stay, at 0 and 1; so must those of a uniform one, which has none."""
    low, high = float(indicator.min()), float(indicator.max())
    return (0.0, 1.0) if adaptive or is_uniform(indicator) else (low, high)


def is_uniform(indicator: np.ndarray | None) -> bool:
    """Does an indicator (H, W) say nothing, since it is the same everywhere or there is none?"""
    return indicator is None or float(np.ptp(indicator)) < 1e-4


def preview(image: np.ndarray, longest: int = 640) -> tuple[np.ndarray, float]:
    """Picture (H, W, 3) uint8 → one of ``longest`` pixels (small ones grow at most threefold), and new size / old."""
    height, width = image.shape[:2]
    scale = min(3.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), scale


def landmarks_in_photo(face: AlignedFace) -> np.ndarray:
    """The face's 68 landmarks in pixels of the photo it came from, (68, 2). Raises LandmarksUnknownError."""
    if face.landmarks is None:
        raise LandmarksUnknownError
    back = cv2.invertAffineTransform(face.transform)
    return apply_transform(back, face.landmarks)


def with_landmarks(photo: np.ndarray, points: np.ndarray, scale: float = 1.0) -> Image.Image:
    """Photo (H, W, 3) uint8 with points (N, 2), given in pixels of the photo before it was scaled by ``scale``."""
    picture = Image.fromarray(photo).convert("RGB")
    draw = ImageDraw.Draw(picture)
    points = points * scale
    reach = float(np.ptp(points, axis=0).max()) if len(points) else 0.0
    radius = max(1.5, reach / 80)
    for x, y in points:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=LANDMARK_COLOUR)
    return picture


def thumbnail(image: np.ndarray, side: int = 112, share: float = 1.0) -> Image.Image:
    """The middle square of a picture (H, W, 3) uint8, ``share`` of its shorter side wide, shrunk to ``side``."""
    height, width = image.shape[:2]
    cut = max(1, round(share * min(height, width)))
    y, x = (height - cut) // 2, (width - cut) // 2
    square = np.ascontiguousarray(image[y : y + cut, x : x + cut])
    return Image.fromarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA))


def encode(picture: Image.Image | np.ndarray, form: str = "JPEG") -> bytes:
    """A picture as JPEG (quality 90, full colour resolution), WebP (a third of that, for what is sent with every
    stroke) or PNG bytes."""
    picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    buffer = io.BytesIO()
    picture.save(buffer, form, **ENCODINGS[form])
    return buffer.getvalue()


def data_uri(picture: Image.Image | np.ndarray, form: str = "JPEG") -> str:
    """A picture as a ``data:`` address: the page needs no file on disk."""
    return _address(encode(picture, form), form)


def stored_uri(data: bytes) -> str:
    """The picture stored with a template (PNG from the page, WebP from the command line) as a ``data:`` address."""
    return _address(data, "WEBP" if data[8:12] == b"WEBP" else "PNG")


def stored_thumbnail(data: bytes, side: int) -> str:
    """The picture stored with a template, shrunk to ``side`` pixels, as a ``data:`` address."""
    return data_uri(stored_picture(data).resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0), "WEBP")


def stored_picture(data: bytes) -> Image.Image:
    """The picture stored with a template."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def _address(data: bytes, form: str) -> str:
    return f"data:image/{form.lower()};base64,{base64.b64encode(data).decode()}"


def pack_mask(mask: np.ndarray) -> str:
    """Mask (128, 128) bool → base64 of its 16,384 bits, row by row, highest bit first."""
    return base64.b64encode(np.packbits(mask.astype(bool)).tobytes()).decode()


def unpack_mask(text: str) -> np.ndarray:
    """The inverse of :func:`pack_mask`. Raises ValueError for anything else."""
    data = base64.b64decode(text, validate=True)
    if len(data) != FACE_SIZE * FACE_SIZE // 8:
        raise ValueError(f"a mask has {FACE_SIZE * FACE_SIZE // 8} bytes, not {len(data)}")
    return np.unpackbits(np.frombuffer(data, np.uint8)).reshape(FACE_SIZE, FACE_SIZE).astype(bool)
