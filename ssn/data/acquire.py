"""A data set's picture → its aligned face, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ssn.data.protocol import Sample
from ssn.data.shards import write_shard
from ssn.errors import ImageError, NoFaceError
from ssn.faces.align import alignment_transform, apply_transform, warp
from ssn.faces.finder import shared_finder
from ssn.faces.read import read_image
from ssn.faces.types import FACE_SIZE

CROP_SIZE = 144
MISSING = "missing"
UNREADABLE = "unreadable"
NO_FACE = "no face detected"
NOT_UPRIGHT = "face too small or turned too far"

Picture = Path | Callable[[], np.ndarray]


class AcquireError(NoFaceError):
    """A picture of a data set gave no face; ``what`` is the reason, one of this module's."""


def picture_with_landmarks(picture: Picture, landmarks: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its landmarks, where they are known → (H, W, 3) uint8 RGB and the (68, 2) landmarks of the face in
    the middle. Raises AcquireError."""
    if isinstance(picture, Path) and not picture.is_file():
        raise AcquireError(MISSING)
    try:
        image = read_image(picture() if callable(picture) else picture)
    except ImageError as error:
        raise AcquireError(UNREADABLE) from error
    if landmarks is not None:
        return image, landmarks
    points = shared_finder().central_landmarks(image)
    if points is None:
        raise AcquireError(NO_FACE)
    return image, points


def upright_transform(landmarks: np.ndarray, size: int) -> np.ndarray:
    """As ``alignment_transform``. Raises AcquireError."""
    try:
        return alignment_transform(landmarks, size)
    except NoFaceError as error:
        raise AcquireError(NOT_UPRIGHT) from error


def aligned_crop(picture: Picture, landmarks: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """→ crop (144, 144, 3) uint8, landmarks (68, 2) in it, the transform (2, 3) from the picture, and the landmarks
    (68, 2) of the aligned face inside the margin, to the last bit: where a mask ends depends on it. Raises
    AcquireError."""
    image, points = picture_with_landmarks(picture, landmarks)
    transform = upright_transform(points, CROP_SIZE)
    crop = warp(image, transform, CROP_SIZE)
    # A shifted frame is interpolated otherwise here and there; inside the margin is the aligned face itself.
    margin = (CROP_SIZE - FACE_SIZE) // 2
    inner = upright_transform(points, FACE_SIZE)
    crop[margin:-margin, margin:-margin] = warp(image, inner, FACE_SIZE)
    return crop, apply_transform(transform, points), transform, apply_transform(inner, points)


def align_jobs(samples: list[Sample], keys: list[str]) -> dict[str, tuple]:
    """What ``align_shard`` needs of each sample, by key."""
    return {key: (key, sample.image, sample.landmarks) for sample, key in zip(samples, keys, strict=True)}


def align_shard(folder: Path, jobs: list[tuple]) -> None:
    """Align pictures and write them as one shard: pixels, landmarks, transforms, and what failed. Runs in a worker."""
    keys, failed, faces = [], {}, []
    for key, picture, landmarks in jobs:
        try:
            faces.append(aligned_crop(picture, landmarks))
            keys.append(key)
        except AcquireError as error:
            failed[key] = error.what
    pixels, landmarks, transforms, aligned = zip(*faces, strict=True) if faces else ((), (), (), ())
    write_shard(
        folder,
        keys,
        failed,
        pixels=np.array(pixels, np.uint8).reshape(-1, CROP_SIZE, CROP_SIZE, 3),
        landmarks=np.array(landmarks, float).reshape(-1, 68, 2),
        transforms=np.array(transforms, float).reshape(-1, 2, 3),
        aligned=np.array(aligned, float).reshape(-1, 68, 2),
    )


def describe_shard(teacher, folder: Path, jobs: list[tuple]) -> None:
    """Describe faces by ``teacher`` and write the descriptors as one shard. A picture is a photo, or the file and row
    of a stored crop. Runs in a worker."""
    values = []
    for _, picture, landmarks in jobs:
        if isinstance(picture, tuple):
            file, row = picture
            image = np.array(np.load(file, mmap_mode="r")[row])
        else:
            image = read_image(picture() if callable(picture) else picture)
        values.append(teacher.describe(image, landmarks))
    write_shard(folder, [job[0] for job in jobs], {}, values=np.array(values, np.float32))


def describer(teacher) -> Callable[[Path, list[tuple]], None]:
    """``describe_shard`` of one teacher, to be sent to a worker."""
    return partial(describe_shard, teacher)
