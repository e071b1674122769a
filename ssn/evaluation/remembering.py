"""A recogniser that looks at no picture twice: methods that match with the same network share what they have in common.

Everybody enrolled, and every probe that a method leaves as it is, is the same picture to all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ssn.faces.types import AlignedFace
from ssn.models.block_maps import BlockMap
from ssn.recognizer import Recognizer, Template


class RememberingRecognizer(Recognizer):
    """``recognizer``, which keeps every template of ``embed_batch`` (1 KB each) by the pixels it is of, what is hidden
    of them, and how it was computed."""

    def __init__(self, recognizer: Recognizer):
        self.__dict__.update(recognizer.__dict__)
        self._recognizer = recognizer
        self._known: dict[bytes, np.ndarray] = {}

    def embed_batch(
        self, faces: list[AlignedFace], batch: int = 16, fast: bool | None = None, enrolled: bool = False
    ) -> np.ndarray:
        fast = self.in_bfloat16(fast, enrolled)
        keys = [_key(face, self.adaptive, fast, enrolled) for face in faces]
        new = {key: face for key, face in zip(keys, faces, strict=True) if key not in self._known}
        if new or not faces:
            rows = self._recognizer.embed_batch(list(new.values()), batch, fast, enrolled)
            self._known |= dict(zip(new, rows, strict=True))
        return np.stack([self._known[key] for key in keys]) if faces else rows

    def embed_gray(
        self,
        gray: Tensor,
        branches: Sequence[str],
        told: Tensor | None = None,
        batch: int = 16,
        fast: bool | None = None,
        enrolled: bool = False,
    ) -> np.ndarray:
        return self._recognizer.embed_gray(gray, branches, told, batch, fast, enrolled)

    def looks(self, faces: list[AlignedFace]) -> list[tuple[Template, list[BlockMap]]]:
        return self._recognizer.looks(faces)


def _key(face: AlignedFace, told: bool, fast: bool, enrolled: bool) -> bytes:
    digest = hashlib.blake2b(f"{face.branch} {fast} {enrolled}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(face.pixels).data)
    if told:
        digest.update(np.packbits(face.mask).data)
    return digest.digest()
