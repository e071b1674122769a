"""What the tags of a TIFF file say of its values, where Pillow does not heed them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ssn.faces.depth import guessed_white

TIFF_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO = 0
"""Tags, and a value of the second."""


def as_meant(array: np.ndarray, tags: Mapping) -> np.ndarray:
    """Gray values (H, W) of a file with these ``tags`` → unsigned where they have 32 bits and are said to be so, and
    turned round where 0 is white. A file of another kind has no tags, and its values stay."""
    if array.dtype == np.int32 and tags.get(BITS_PER_SAMPLE) == (32,) and tags.get(SAMPLE_FORMAT, (1,)) == (1,):
        array = array.view(np.uint32)
    if array.dtype.kind == "u" and tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        white = int(guessed_white(array))
        array = (white - np.minimum(array, white)).astype(array.dtype)
    return array
