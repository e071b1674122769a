"""Bytes, a path or a PIL picture → (H, W, 3) uint8 RGB, upright; or a typed error, before anything large is decoded."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ssn.errors import ImageError, ImageTooLargeError, NotAnImageError

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 40_000_000
Image.init()
FORMATS: list[str] = [
    name for name in ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF", "PPM", "JPEG2000") if name in Image.OPEN
]
"""Of the formats Pillow knows, those that hold photos. The others are refused unopened: EPS would run Ghostscript."""
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS)
"""Of file names that may hold one of these, in lower case with the dot: the decoder says which."""

Source = str | Path | bytes | Image.Image | np.ndarray


def read_image(source: Source) -> np.ndarray:
    """Any picture in one of ``FORMATS`` → (H, W, 3) uint8 RGB in [0, 255].

    EXIF orientation is applied; gray, 16-bit and float pictures are scaled to 8 bits; alpha is laid on white; CMYK is
    converted; of an animation the first frame is taken. Raises NotAnImageError, ImageTooLargeError.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _typed_errors():
            return _to_rgb(source)
    data = source if isinstance(source, bytes) else _read_bytes(Path(source))
    if not data:
        raise NotAnImageError("The file is empty.", "Choose a picture file.")
    _check_bytes(len(data))
    with _typed_errors(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        return _to_rgb(picture)


_SMALLER = f"Shrink it below {MAX_PIXELS // 10**6} megapixels."


@contextlib.contextmanager
def _typed_errors():
    """A decoder raises whatever a damaged file makes it raise, so everything from it becomes one of our errors."""
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise ImageTooLargeError("The picture has too many pixels.", _SMALLER) from error
    except Exception as error:
        raise NotAnImageError(
            "The file is not a readable picture.", "Use JPEG, PNG, WebP, BMP or TIFF; it may be cut off or renamed."
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise NotAnImageError(f"There is no picture file {path.name}.", "Check its path.")
        _check_bytes(path.stat().st_size)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise NotAnImageError(f"The file {path.name} cannot be opened.", "Check its path and permissions.") from error


def _check_bytes(count: int) -> None:
    if count > MAX_BYTES:
        raise ImageTooLargeError(
            f"The file has {count / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20}.", "Save it smaller."
        )


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(f"The picture has {width * height / 1e6:.0f} megapixels.", _SMALLER)
    if width < 1 or height < 1:
        raise NotAnImageError("The picture has no pixels.", "Choose another file.")


def _to_rgb(picture: Image.Image) -> np.ndarray:
    _check_pixels(picture.width, picture.height)
    if picture.tell():
        picture.seek(0)
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _from_array(np.asarray(picture))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(picture.convert("RGB"))


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise NotAnImageError(f"An array of shape {array.shape} is no picture.", "Pass (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype.kind not in "buif":
        raise NotAnImageError(f"An array of {array.dtype} is no picture.", "Pass integers or floats.")
    _check_pixels(array.shape[1], array.shape[0])
    if array.dtype != np.uint8:
        array = _to_eight_bits(array)
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255
        return np.round(array[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(array)


def _to_eight_bits(array: np.ndarray) -> np.ndarray:
    """By the smallest range that holds the values: [0, 1] for floats, then 8, 12 (some sensors) and 16 bits. With
    values below 0 no such range is meant, and the array's own is stretched."""
    whites = (255.0, 4095.0, 65535.0) if array.dtype.kind in "ui" else (1.0, 255.0, 4095.0, 65535.0)
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise NotAnImageError("The picture holds values that are no numbers.", "Export it as 8 or 16 bit.")
    low, top = float(array.min()), float(array.max())
    if low < 0:
        return np.round((array - low) * (255.0 / max(top - low, 1e-12))).astype(np.uint8)
    white = next((w for w in whites if top <= w), top)
    return np.round(array * (255.0 / white)).astype(np.uint8)
