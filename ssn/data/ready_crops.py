"""Sets of ready crops: ``SET.tar`` of aligned pictures of 144×144 beside ``SET.npz`` with ``name``, ``identity``,
``landmarks`` and dlib's ``descriptor`` of each; further descriptors, with names of their own, in ``SET.TEACHER.npz``.

They are imported into the store of faces under the content of the archive, so that another archive of the same name is
another set.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ssn.data.acquire import CROP_SIZE
from ssn.data.face_store import FaceStore, StoredFaces
from ssn.data.protocol import Sample
from ssn.data.shards import write_shard
from ssn.data.teachers import DLIB, Teacher
from ssn.errors import DataError

DAMAGED = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True)
class _Facts:
    names: list[str]
    landmarks: np.ndarray
    identities: np.ndarray
    descriptors: np.ndarray


def ready_sets(folder: str | Path | None) -> list[Path]:
    """The archives of crops in a folder, by name."""
    return sorted(Path(folder).glob("*.tar")) if folder else []


def import_set(tar: Path, store: FaceStore, teacher: Teacher) -> StoredFaces:
    """One set, all of its pictures in the order of its .npz. Raises DataError where the parts do not fit, or the
    teacher's descriptors are neither there nor can be made."""
    facts = _read_facts(tar.with_suffix(".npz"))
    pictures, described = (store.fingerprints.of(path) for path in (tar, tar.with_suffix(".npz")))
    if pictures is None or described is None:
        raise DataError(f"{tar} cannot be read.", "Copy the set again.")
    store.fingerprints.save()
    keys = [f"{pictures}-{described[:12]}-{name}" for name in facts.names]
    if store.faces.unknown(keys):
        with _opened(tar) as archive:
            members = _members(archive, tar, facts.names)
            jobs = {key: (key, archive, members[i], facts.landmarks[i]) for i, key in enumerate(keys)}
            store.faces.fill(jobs, _write_pictures, 1, tar.stem)
    return StoredFaces(
        store.pixels(keys),
        facts.landmarks.astype(np.float32),
        _descriptors(tar, facts, teacher, store, keys),
        facts.identities,
        np.array([tar.stem] * len(keys)),
        np.zeros(len(keys), bool),
    )


def _descriptors(tar: Path, facts: _Facts, teacher: Teacher, store: FaceStore, keys: list[str]) -> np.ndarray:
    if teacher.name == DLIB.name:
        return facts.descriptors
    known = stored_descriptors(tar.parent, tar.stem, teacher)
    if known is not None:
        if list(known) != facts.names:
            raise DataError(f"{tar.stem}.{teacher.name}.npz does not belong to {tar.name}.", "Copy the set again.")
        return np.stack([known[name] for name in facts.names])
    samples = [Sample(name, "vis", tar) for name in facts.names]
    return store.descriptors(teacher, samples, keys, tar.stem)


def stored_descriptors(folder: Path | None, name: str, teacher: Teacher) -> dict[str, np.ndarray] | None:
    """``NAME.TEACHER.npz`` → {picture's file name: descriptor (D,) float32}; None where there is no such file. Raises
    DataError where it is damaged."""
    path = Path(folder or ".") / f"{name}.{teacher.name}.npz"
    if folder is None or not path.is_file():
        return None
    try:
        with np.load(path) as facts:
            names, values = facts["name"], facts["descriptor"].astype(np.float32)
    except DAMAGED as error:
        raise DataError(f"{path} cannot be read.", "Expected arrays name and descriptor.") from error
    if values.ndim != 2 or len(names) != len(values):
        raise DataError(f"The arrays of {path} do not belong together.", "Copy the set again.")
    return {str(each): value for each, value in zip(names, values, strict=True)}


def _read_facts(path: Path) -> _Facts:
    try:
        with np.load(path) as facts:
            names = [str(name) for name in facts["name"]]
            arrays = (
                facts["landmarks"].astype(float).reshape(-1, 68, 2),
                facts["identity"].astype(np.int64).reshape(-1),
                facts["descriptor"].astype(np.float32).reshape(len(names), -1),
            )
    except DAMAGED as error:
        raise DataError(f"{path} is not as described.", "Copy the set again.") from error
    if any(len(array) != len(names) for array in arrays) or len(set(names)) != len(names):
        raise DataError(f"The arrays of {path.name} do not belong together.", "Copy the set again.")
    return _Facts(names, *arrays)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as archive:
            yield archive
    except DAMAGED as error:
        raise DataError(f"{path.name} and its .npz are not as described.", "Copy the set again.") from error


def _members(archive: tarfile.TarFile, path: Path, names: list[str]) -> list[tarfile.TarInfo]:
    """The members of those names, in whatever folder. Raises DataError where one is missing."""
    known = {Path(member.name).name: member for member in archive if member.isfile()}
    if missing := [name for name in names if name not in known]:
        raise DataError(
            f"{path.name} lacks {len(missing)} of the pictures its .npz lists, first {missing[0]}.",
            "Copy the set again.",
        )
    return [known[name] for name in names]


def _write_pictures(folder: Path, jobs: list[tuple]) -> None:
    pixels = np.zeros((len(jobs), CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for row, (_, archive, member, _) in enumerate(jobs):
        picture = Image.open(io.BytesIO(archive.extractfile(member).read())).convert("RGB")
        if picture.size != (CROP_SIZE, CROP_SIZE):
            raise DataError(f"{member.name} is not {CROP_SIZE} pixels wide and high.", "Copy the set again.")
        pixels[row] = np.asarray(picture)
    write_shard(
        folder,
        [job[0] for job in jobs],
        {},
        pixels=pixels,
        landmarks=np.stack([job[3] for job in jobs]),
        transforms=np.tile(np.eye(2, 3), (len(jobs), 1, 1)),
    )
