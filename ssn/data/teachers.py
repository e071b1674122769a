"""Networks that say how alike two faces are: what stage 0 learns from, and who must not be learned from.

A teacher is ``dlib`` (built in), the name of descriptors that lie beside ready crops (``SET.NAME.npz``), or a file
``NET.onnx``, which needs onnxruntime: input (N, 3, 112, 112) float32 RGB, (x − 127.5) / 128, the face aligned as
ArcFace's (Deng et al., CVPR 2019) by the least-squares similarity of eyes, nose tip and mouth corners to ``TEMPLATE``,
border replicated; output (N, D). What counts is the mean direction of the face and its mirror image.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import torch

from ssn.errors import DataError
from ssn.faces.descriptor import describe as describe_by_dlib

TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Where eyes, nose tip and mouth corners belong in a picture of 112×112."""
SIDE = 112


@dataclass(frozen=True)
class NearRule:
    """When two descriptors may be of one person: a Euclidean distance below ``threshold``, or a cosine at or above it
    after the training mean is taken off."""

    metric: Literal["euclidean", "cosine"]
    threshold: float


DLIB_RULE = NearRule("euclidean", 0.5)
"""Strangers' distances: 1st percentile 0.60."""
EMBEDDER_RULE = NearRule("cosine", 0.60)
"""MobileFaceNet's centred cosines on LFW: one pair of strangers in 100,000 reaches 0.63, in 10,000 0.57."""


class Teacher(Protocol):
    """``name`` (another network, another name), its ``rule``, and whether it describes whole photos or stored crops."""

    @property
    def name(self) -> str: ...

    @property
    def rule(self) -> NearRule: ...

    @property
    def reads_photos(self) -> bool: ...

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB and 68 landmarks in its pixels → descriptor (D,) float32."""


@dataclass(frozen=True)
class DlibTeacher:
    """dlib's ResNet: 128 numbers, not normalised."""

    name: str = "dlib"
    rule: NearRule = DLIB_RULE
    reads_photos: bool = True

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return describe_by_dlib(image, landmarks)


DLIB = DlibTeacher()


@dataclass(frozen=True)
class StoredTeacher:
    """One whose descriptors lie beside ready crops, and which is not at hand itself."""

    name: str
    rule: NearRule = EMBEDDER_RULE
    reads_photos: bool = False

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        raise DataError(
            f"There are no descriptors of {self.name} for some of these pictures.",
            f"Put SET.{self.name}.npz beside the crops, or pass the network itself: --teacher {self.name}.onnx.",
        )


@dataclass(frozen=True)
class OnnxTeacher:
    """An embedder in a file, run on stored crops."""

    path: Path
    name: str
    rule: NearRule = EMBEDDER_RULE
    reads_photos: bool = False

    def describe(self, image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        face = arcface_crop(image, landmarks)
        batch = np.stack([face, face[:, ::-1]]).astype(np.float32).transpose(0, 3, 1, 2)
        session = _session(str(self.path))
        out = session.run(None, {session.get_inputs()[0].name: (batch - 127.5) / 128})[0]
        units = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-8)
        mean = units.sum(axis=0)
        return (mean / max(float(np.linalg.norm(mean)), 1e-8)).astype(np.float32)


def teacher_named(text: str) -> Teacher:
    """``dlib``, a file ``NET.onnx``, or the name of stored descriptors. Raises DataError where the file is missing."""
    if text == DLIB.name:
        return DLIB
    if not text.endswith(".onnx"):
        return StoredTeacher(text)
    path = Path(text)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise DataError(f"There is no network {path}.", "Pass --teacher dlib, or a file NET.onnx.") from error
    _session(text)
    return OnnxTeacher(path, f"{path.stem}-{digest}")


@lru_cache(maxsize=1)
def _session(path: str):
    try:
        import onnxruntime
    except ImportError as error:
        raise DataError("onnxruntime is not installed.", "pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # a foreign file makes it raise whatever it likes
        raise DataError(f"{path} is no network that onnxruntime can run.", "Pass another file.") from error
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or list(shape[1:]) != [3, SIDE, SIDE]:
        raise DataError(f"{path} reads {shape}.", f"Expected (N, 3, {SIDE}, {SIDE}).")
    return session


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """68 landmarks → centres of the eyes, tip of the nose, corners of the mouth, (5, 2)."""
    eyes = [landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)]
    return np.array([*eyes, landmarks[30], landmarks[48], landmarks[54]], float)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity (2, 3), without reflection, that takes (n, 2) points nearest to others in least squares (Umeyama,
    1991)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    size = (a**2).sum()
    along = (a * b).sum() / size
    across = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / size
    turn = np.array([[along, -across], [across, along]])
    return np.hstack([turn, (target.mean(axis=0) - turn @ source.mean(axis=0))[:, None]])


def arcface_crop(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A picture with 68 landmarks → the face (112, 112, 3) uint8 where embedders expect it."""
    transform = similarity(five_points(landmarks), TEMPLATE)
    return cv2.warpAffine(image, transform, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def near_any(
    descriptors: np.ndarray, others: np.ndarray, rule: NearRule = DLIB_RULE, mean: np.ndarray | None = None
) -> np.ndarray:
    """(N, D) and (M, D) → (N,) bool: may any of the others be of the same person? ``mean`` (D,) is taken off where the
    rule counts cosines; that of ``descriptors`` where it is not given."""
    near = np.zeros(len(descriptors), bool)
    if not len(others) or not len(descriptors):
        return near
    cosine = rule.metric == "cosine"
    if cosine:
        mean = descriptors.mean(axis=0) if mean is None else mean
        descriptors, others = (_units(values - mean) for values in (descriptors, others))
    other = torch.from_numpy(np.ascontiguousarray(others, np.float32))
    for start in range(0, len(descriptors), 4096):
        part = torch.from_numpy(np.ascontiguousarray(descriptors[start : start + 4096], np.float32))
        if cosine:
            found = (part @ other.T).amax(dim=1) >= rule.threshold
        else:
            found = torch.cdist(part, other).amin(dim=1) < rule.threshold
        near[start : start + 4096] = found.numpy()
    return near


def _units(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-8)


def whole_people(chosen: np.ndarray, identities: np.ndarray) -> np.ndarray:
    """(N,) bool and identities (N,), −1 where unknown → all pictures of whoever has a chosen one."""
    people = np.unique(identities[chosen & (identities >= 0)])
    return chosen | ((identities >= 0) & np.isin(identities, people))
