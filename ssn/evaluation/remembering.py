"""A recogniser that looks at no picture twice: methods that match with the same network share what they have in common.

Everybody enrolled, and every probe that a method leaves as it is, is the same picture to all of them.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from ssn.faces.types import AlignedFace
from ssn.recognizer import Recognizer


class RememberingRecognizer(Recognizer):
    """Keeps every template of ``embed_batch`` (1 KB each) by the pixels it is of, what is hidden of them, and how it
    was computed."""

    @cached_property
    def _known(self) -> dict[bytes, np.ndarray]:
        return {}

    def embed_batch(
        self, faces: list[AlignedFace], batch: int = 16, fast: bool | None = None, enrolled: bool = False
    ) -> np.ndarray:
        fast = self.in_bfloat16(fast, enrolled)
        keys = [_key(face, self.adaptive, fast, enrolled) for face in faces]
        new = {key: face for key, face in zip(keys, faces, strict=True) if key not in self._known}
        if new:
            rows = super().embed_batch(list(new.values()), batch, fast, enrolled)
            self._known.update(zip(new, rows, strict=True))
        return np.stack([self._known[key] for key in keys]) if faces else super().embed_batch(faces)


def _key(face: AlignedFace, told: bool, fast: bool, enrolled: bool) -> bytes:
    digest = hashlib.blake2b(f"{face.branch} {fast} {enrolled}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(face.pixels).data)
    if told:
        digest.update(np.packbits(face.mask).data)
    return digest.digest()
