"""Miniature sets of ready crops: ``SET.tar`` and ``SET.npz``, of pictures drawn at random."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image


def write_set(folder: Path, stem: str, pictures: dict[str, np.ndarray], descriptors: np.ndarray, **changes) -> None:
    """``stem.tar`` of lossless WebP, out of order and in a folder as archives often are, and ``stem.npz`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{stem}.tar", "w") as tar:
        for file, pixels in sorted(pictures.items(), reverse=True):
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "WEBP", lossless=True)
            info = tarfile.TarInfo(f"{stem}/{file}")
            info.size = len(out.getvalue())
            tar.addfile(info, io.BytesIO(out.getvalue()))
    facts = {
        "name": np.array(list(pictures)),
        "identity": np.arange(len(pictures)) // 2,
        "landmarks": np.arange(len(pictures) * 136, dtype=np.float64).reshape(-1, 68, 2),
        "descriptor": descriptors,
    } | changes
    np.savez(folder / f"{stem}.npz", **{key: value for key, value in facts.items() if value is not None})


def drawn(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"{i:03d}.webp": rng.integers(0, 256, (144, 144, 3), dtype=np.uint8) for i in range(count)}


def random_descriptors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 128)) * 0.1
