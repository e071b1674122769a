"""Bytes, a path or a PIL picture → (H, W, 3) uint8 RGB, upright; or a typed error, before anything large is decoded."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.TiffImagePlugin import TiffImageFile

from ssn.errors import ImageError, ImageTooLargeError, NotAnImageError
from ssn.faces.depth import guessed_white, to_eight_bits, white_of
from ssn.faces.tiff import TIFF_BEGINNINGS, as_meant

with contextlib.suppress(ImportError):  # without it HEIC is refused by name, see _typed_errors
    from pillow_heif import register_heif_opener

    register_heif_opener()

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 40_000_000
STRIP = 2**20
"""Pixels that are converted at a time: Pillow holds four bytes of each in every step on the way."""
MAX_PIXELS_JPEG2000 = 4_000_000
"""Of more, only every second pixel is decoded, and the picture enlarged again: this decoder takes a second for every
five megabytes of a file."""
NATIVE_OTHER = "B" if sys.byteorder == "little" else "L"
OTHER_WAY_ROUND = {
    **{"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": f"RGB;16{NATIVE_OTHER}"},
    **{"RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": f"RGBA;16{NATIVE_OTHER}"},
    "LA;16B": "RGBA",
}
"""Of the orders of bytes in which Pillow reads 16-bit colours, the opposite ones; of gray with transparency all four
bytes, as if they were colours."""
Image.init()
_PHOTOS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "BMP", "TIFF", "GIF", "PPM", "JPEG2000")
FORMATS: list[str] = [name for name in _PHOTOS if name in Image.OPEN]
"""Of the formats Pillow knows, those that hold photos. The others are refused unopened: EPS would run Ghostscript."""
SUFFIXES = frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO"))
"""Of file names that may hold one of these, in lower case with the dot: the decoder says which. MPO is several JPEG
pictures in one."""

Source = str | Path | bytes | Image.Image | np.ndarray


def read_image(source: Source, bits: int | None = None, page: int = 0) -> np.ndarray:
    """Any picture in one of ``FORMATS`` → (H, W, 3) uint8 RGB in [0, 255].

    EXIF orientation is applied; gray and colour pictures of 16 bits, and those of floats, are scaled to 8 bits, see
    ``ssn.faces.depth``; alpha is laid on white; CMYK is converted; of several pages or frames ``page`` is taken,
    counted from 0. ``bits`` says how many the sensor gave, 8 to 16, where the file holds more than 8. Raises
    NotAnImageError, ImageTooLargeError.
    """
    return _to_eight(_read(source, page), bits)


def read_series(sources: Sequence[Source], bits: int | None = None) -> list[np.ndarray]:
    """Frames of one camera → as ``read_image``, all scaled alike: by the deepest of their bit depths where none is
    said, so that no frame is brighter for having less in it."""
    raw = [_read(source, 0) for source in sources]
    deep = [array for array in raw if array.dtype != np.uint8]
    white = white_of(bits) if bits is not None else max((_white(array) for array in deep), default=255.0)
    return [_with_channels(_scaled(array, white)) for array in raw]


def pages(source: Source) -> int:
    """How many pages or frames a picture holds; what telephones keep beside a photo (MPO) is none. Raises as
    ``read_image``."""
    if isinstance(source, np.ndarray):
        return 1
    with _opened(source) as picture:
        return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


def _read(source: Source, page: int) -> np.ndarray:
    """Source → RGB (H, W, 3) uint8, or what is deeper as it is stored."""
    if isinstance(source, np.ndarray):
        return _checked_array(source, page)
    if isinstance(source, str | Path):
        source = file_bytes(Path(source))
    with _opened(source) as picture:
        _turn_to(picture, page)
        lower = None if isinstance(source, Image.Image) else _lower_halves(picture)
        array = _to_array(picture, laid_on_white=lower is None)
    if lower is None:
        return array
    with _opened(source) as picture:
        _turn_to(picture, page)
        gray = picture.tile[0].args == "LA;16B"
        picture.tile = lower
        other = _to_array(picture, laid_on_white=False)
        if gray:
            return np.stack(
                [other[..., place].astype(np.uint16) << 8 | other[..., place + 1] for place in (0, 0, 0, 2)], 2
            )
        deep = array.astype(np.uint16)
        deep <<= 8
        deep |= other
        return deep


def _lower_halves(picture: Image.Image) -> list | None:
    """How to decode the lower bytes of a colour picture of 16 bits: as if its bytes stood the other way round. Pillow
    only takes the upper ones, in which there is little of 10 to 14 bits. None for any other picture."""
    tiles = picture.tile if isinstance(picture, ImageFile) and picture.mode in ("RGB", "RGBA") else []
    if "transparency" in picture.info:
        return None
    swapped = []
    for tile in tiles:
        order, *more = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        if order not in OTHER_WAY_ROUND:
            return None
        order = OTHER_WAY_ROUND[order]
        swapped.append(tile._replace(args=(order, *more) if isinstance(tile.args, tuple) else order))
    return swapped or None


@contextlib.contextmanager
def _opened(source: str | Path | bytes | Image.Image):
    if isinstance(source, Image.Image):
        with _typed_errors():
            yield source
        return
    data = source if isinstance(source, bytes) else file_bytes(Path(source))
    if not data:
        raise NotAnImageError("The file is empty.", "Choose a picture file.")
    _check_bytes(len(data))
    with _typed_errors(data), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        yield picture


_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SMALLER = f"Shrink it below {MAX_PIXELS // 10**6} megapixels."


@contextlib.contextmanager
def _typed_errors(data: bytes = b""):
    """A decoder raises whatever a damaged file makes it raise, so everything from it becomes one of our errors."""
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise ImageTooLargeError("The picture has too many pixels.", _SMALLER) from error
    except Exception as error:
        if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and "HEIF" not in FORMATS:
            raise NotAnImageError(
                "HEIC pictures cannot be read here.", "pip install pillow-heif, or save it as JPEG."
            ) from error
        if data[:4] in TIFF_BEGINNINGS and isinstance(error, UnidentifiedImageError):
            raise NotAnImageError(
                "This kind of TIFF file is not read.", "Save it with 8 or 16 bits a value."
            ) from error
        raise NotAnImageError(
            "The file is not a readable picture.", "Use JPEG, PNG, WebP, BMP or TIFF; it may be cut off or renamed."
        ) from error


def file_bytes(path: Path) -> bytes:
    """A file's content. Raises NotAnImageError, and ImageTooLargeError before it is read."""
    try:
        if path.is_dir():
            raise NotAnImageError(f"{path.name or path} is a folder, not a picture.", "Name the pictures in it.")
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


def _turn_to(picture: Image.Image, page: int) -> None:
    _check_pixels(picture.width, picture.height)
    count = getattr(picture, "n_frames", 1) if page else 1
    if page and not 0 <= page < count:
        raise _no_page(page, count)
    if picture.tell() != page:
        picture.seek(page)
        _check_pixels(picture.width, picture.height)


def _to_array(picture: Image.Image, laid_on_white: bool = True) -> np.ndarray:
    """RGB (H, W, 3) uint8, or gray as it is stored; with transparency (H, W, 4) where it is not laid on white."""
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    picture = _upright(_enlarged_jpeg2000(picture))
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return as_meant(_checked_array(np.asarray(picture)), tags)
    if not laid_on_white:
        return np.array(picture)
    array = np.empty((picture.height, picture.width, 3), np.uint8)
    rows = max(1, STRIP // picture.width)
    for top in range(0, picture.height, rows):
        below = min(top + rows, picture.height)
        array[top:below] = np.asarray(_on_white(picture.crop((0, top, picture.width, below))))
    return array


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its EXIF data say; itself where there is nothing to turn."""
    if picture.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9):
        return ImageOps.exif_transpose(picture)
    picture.load()
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    """In RGB, what is transparent laid on white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return picture.convert("RGB")


def _enlarged_jpeg2000(picture: Image.Image) -> Image.Image:
    """A large JPEG 2000 picture in its own size, from the half resolution that its file holds; others as they are."""
    size = picture.size
    if not isinstance(picture, Jpeg2KImageFile) or not picture.tile or size[0] * size[1] <= MAX_PIXELS_JPEG2000:
        return picture
    picture.reduce = 1
    try:
        picture.load()
    except OSError as error:
        raise NotAnImageError(
            "The JPEG 2000 picture is damaged, or so large that it takes too long to decode.", "Save it as JPEG."
        ) from error
    return picture.resize(size, Image.Resampling.BILINEAR)


def _no_page(page: int, count: int) -> NotAnImageError:
    return NotAnImageError(f"There is no page {page}.", f"The picture has {count}, counted from 0.")


def _checked_array(array: np.ndarray, page: int = 0) -> np.ndarray:
    if page:
        raise _no_page(page, 1)
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise NotAnImageError(f"An array of shape {array.shape} is no picture.", "Pass (H, W), (H, W, 3) or (H, W, 4).")
    if array.dtype.kind not in "buif":
        raise NotAnImageError(f"An array of {array.dtype} is no picture.", "Pass integers or floats.")
    _check_pixels(array.shape[1], array.shape[0])
    return array


def _to_eight(array: np.ndarray, bits: int | None) -> np.ndarray:
    white = None if bits is None else white_of(bits)
    if array.dtype != np.uint8:
        array = _scaled(array, _white(array) if white is None else white)
    return _with_channels(array)


def _white(array: np.ndarray) -> float:
    """As ``guessed_white``, of the colours alone."""
    return guessed_white(array[..., :3] if array.ndim == 3 else array)


def _scaled(array: np.ndarray, white: float) -> np.ndarray:
    """As ``to_eight_bits``; what is opaque is so by a depth of its own."""
    if array.dtype == np.uint8:
        return array
    if array.ndim == 2 or array.shape[2] < 4:
        return to_eight_bits(array, white)
    opaque = array[..., 3:]
    return np.dstack([to_eight_bits(array[..., :3], white), to_eight_bits(opaque, guessed_white(opaque))])


def _with_channels(array: np.ndarray) -> np.ndarray:
    """(H, W), (H, W, 1), RGB or RGBA uint8 → RGB."""
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255
        return np.round(array[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(array)
