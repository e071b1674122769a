"""The statistical appearance model: coefficients → face shape, texture and outline, and how it lies on disk.

After Cootes, Edwards and Taylor, *Active Appearance Models*, 2001, in three layers: skin, hair over it, clothes over
both. Skin comes in bands: luma at half size, full-size detail on the face only, chroma at a quarter. The edges of
person, hair and clothes are signed distances, which stay sharp however many are mixed.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ssn.errors import CheckpointError
from ssn.files import atomically
from ssn.people.piecewise import FRAME
from ssn.places import ASSETS

DEFAULT_MODEL = ASSETS / "appearance_model.npz"
DAMAGED = (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file that was cut off or changed raises."""

FACE_ROWS = slice(40, 184)
FACE_COLUMNS = slice(40, 184)
HALF, QUARTER, EIGHTH = FRAME // 2, FRAME // 4, FRAME // 8
SHAPES = {
    "luma": (HALF, HALF),
    "detail": (FACE_ROWS.stop - FACE_ROWS.start, FACE_COLUMNS.stop - FACE_COLUMNS.start),
    "chroma": (2, QUARTER, QUARTER),
    "edges": (3, QUARTER, QUARTER),
    "colours": (6, EIGHTH, EIGHTH),
    "shape": (68, 2),
}
BANDS = tuple(SHAPES)
GAIN = {"edges": 0.65, "chroma": 0.85, "colours": np.array([0.85, 0.5, 0.5, 0.9, 0.9, 0.9], np.float32)[:, None, None]}
"""How far a band follows the coefficients: outlines and colours are held nearer to the mean, since two extremes rarely
fit together (luma, Cr, Cb of hair, then of clothes)."""
KEPT = {"edges": 0.4, "colours": np.array([0.35, 0.35, 0.35, 1, 1, 1], np.float32)[:, None, None]}
"""How far a band follows what differs between photos of one person: nobody changes hair from one photo to the next."""


def _up(band: np.ndarray) -> np.ndarray:
    return cv2.resize(band, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """1 in the middle of the face box, 0 at its rim, so that detail ends without a seam."""
    rows, columns = SHAPES["detail"]
    ramp = [np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / 12.0, 0, 1) for n in (rows, columns)]
    return np.outer(*ramp).astype(np.float32)


@dataclass(frozen=True)
class Layers:
    """Everything in the mean shape: ``skin``, ``hair``, ``cloth`` (224, 224, 3) float32 RGB, about [0, 255]; ``edges``
    (224, 224, 3): signed distances in px, positive inside, from the edges of person, hair and clothes."""

    skin: np.ndarray
    hair: np.ndarray
    cloth: np.ndarray
    edges: np.ndarray


def _to_ycc(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor((rgb / 255).astype(np.float32), cv2.COLOR_RGB2YCrCb) * 255


def _to_rgb(ycc: np.ndarray) -> np.ndarray:
    return cv2.cvtColor((ycc / 255).astype(np.float32), cv2.COLOR_YCrCb2RGB) * 255


def _down(picture: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def split_layers(layers: Layers) -> dict[str, np.ndarray]:
    """Layers → flat float32 bands."""
    skin = _to_ycc(layers.skin)
    luma = _down(skin[..., 0], HALF)
    bands = {
        "luma": luma,
        "detail": (skin[..., 0] - _up(luma))[FACE_ROWS, FACE_COLUMNS] * _window(),
        "chroma": _down(skin[..., 1:], QUARTER).transpose(2, 0, 1),
        "edges": _down(layers.edges, QUARTER).transpose(2, 0, 1),
        "colours": np.dstack([_down(_to_ycc(c), EIGHTH) for c in (layers.hair, layers.cloth)]).transpose(2, 0, 1),
    }
    return {name: band.ravel().astype(np.float32) for name, band in bands.items()}


def join_layers(bands: dict[str, np.ndarray]) -> Layers:
    """The bands, each in its shape → layers."""
    luma = _up(bands["luma"])
    luma[FACE_ROWS, FACE_COLUMNS] += bands["detail"]
    skin = np.dstack([luma, *(_up(c) for c in bands["chroma"])])
    smooth = [c if i < 3 else cv2.GaussianBlur(c, (0, 0), 2.0) for i, c in enumerate(bands["colours"])]
    hair, cloth = (np.dstack([_up(c) for c in part]) for part in (smooth[:3], smooth[3:]))
    return Layers(_to_rgb(skin), _to_rgb(hair), _to_rgb(cloth), np.dstack([_up(e) for e in bands["edges"]]))


@dataclass(frozen=True)
class AppearanceModel:
    """``mean_shape`` (68, 2) px of the frame; ``means`` (D_b,) and ``bases`` (K, D_b) for each band b; ``between`` (K,
    B) and ``within`` (K, W): factors of the two covariances; ``descriptors`` (P, 128): one for each training
    person."""

    mean_shape: np.ndarray
    means: dict[str, np.ndarray]
    bases: dict[str, np.ndarray]
    between: np.ndarray
    within: np.ndarray
    descriptors: np.ndarray

    @property
    def components(self) -> int:
        return self.between.shape[0]

    def band(self, name: str, person: np.ndarray, moment: np.ndarray | None = None) -> np.ndarray:
        """Coefficients (K,) of a person, and of what one photo adds to them → one band in its own shape, float32."""
        parts = np.stack([person, np.zeros_like(person) if moment is None else moment]).astype(np.float32)
        steady, moved = (part.reshape(SHAPES[name]) for part in parts @ self.bases[name])
        mean = self.means[name].reshape(SHAPES[name])
        return mean + GAIN.get(name, 1.0) * (steady + KEPT.get(name, 1.0) * moved)

    def shape(self, person: np.ndarray, moment: np.ndarray | None = None) -> np.ndarray:
        """Coefficients → landmarks (68, 2) px of the frame."""
        return self.mean_shape + self.band("shape", person, moment)

    def appearance(self, person: np.ndarray, moment: np.ndarray | None = None) -> tuple[np.ndarray, Layers]:
        """Coefficients → landmarks (68, 2) px of the frame, and the layers in the mean shape."""
        return self.shape(person, moment), join_layers({name: self.band(name, person, moment) for name in BANDS})

    def save(self, path: str | Path) -> None:
        """Write one compressed .npz: bases and descriptors in 8 bits with a scale per row, the rest in half
        precision."""
        arrays = {"reference": self.mean_shape.astype(np.float32)}
        for name in BANDS:
            arrays[f"mean_{name}"] = self.means[name].astype(np.float16)
            arrays[f"basis_{name}"], arrays[f"scale_{name}"] = _to_bytes(self.bases[name])
        arrays["between"], arrays["within"] = self.between.astype(np.float16), self.within.astype(np.float16)
        arrays["descriptors"], arrays["scale_descriptors"] = _to_bytes(self.descriptors)
        with atomically(path) as part, part.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def mean_landmarks(path: str | Path = DEFAULT_MODEL) -> np.ndarray:
    """The landmarks of the mean person, (68, 2) px of the frame, without reading the rest of the model. Raises
    CheckpointError where its file is missing or is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["reference"] + file["mean_shape"].astype(np.float32).reshape(SHAPES["shape"])
    except DAMAGED as error:
        raise _unreadable(path) from error


def _to_bytes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12) / 127
    return np.round(rows / scale).astype(np.int8), scale.astype(np.float32)


@lru_cache(maxsize=2)
def load_model(path: str | Path = DEFAULT_MODEL) -> AppearanceModel:
    """The model file → the model. Raises CheckpointError where it is missing or is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        full = {
            n: stored[n].astype(np.float32) * stored[f"scale_{n.removeprefix('basis_')}"]
            for n in [*(f"basis_{b}" for b in BANDS), "descriptors"]
        }
        return AppearanceModel(
            stored["reference"],
            {b: stored[f"mean_{b}"].astype(np.float32) for b in BANDS},
            {b: full[f"basis_{b}"] for b in BANDS},
            stored["between"].astype(np.float32),
            stored["within"].astype(np.float32),
            full["descriptors"],
        )
    except DAMAGED as error:
        raise _unreadable(path) from error


def _unreadable(path: str | Path) -> CheckpointError:
    return CheckpointError(
        f"The appearance model {Path(path).name} cannot be read.",
        "Restore assets/appearance_model.npz, or fit one: python -m ssn synth --fit LFW_ROOT.",
    )
