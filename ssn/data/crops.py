"""Training faces as flat arrays on disk: aligned 144×144 crops with landmarks, identities and teacher descriptors.

Built once into a cache folder, then memory-mapped, so that training reads no picture file. Two sources: LFW (photos of
``peopleDevTrain``, described here) and a folder of ready crops (``SET.tar`` of pictures beside ``SET.npz``). Of the
ready crops those whose descriptor lies within 0.5 of any ``peopleDevTest`` photo are left out: the same person may
stand in two sets. LFW's own two lists share nobody.
"""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import tarfile
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from ssn.data.face_store import StoredFaces
from ssn.data.lfw import LFW
from ssn.errors import DataError, NoFaceError
from ssn.faces.align import alignment_transform, apply_transform, warp
from ssn.faces.descriptor import DESCRIPTOR_SIZE, describe
from ssn.faces.finder import shared_finder
from ssn.faces.read import read_image

log = logging.getLogger(__name__)

CROP_SIZE = 144
SAME_PERSON_DISTANCE = 0.5
"""Euclidean distance of descriptors below which two photos may be of one person (strangers: 1st percentile 0.60)."""


def _crop_and_describe(path: Path):
    """One photo → (crop, landmarks, descriptor), or None where no face is found. Runs in a worker process."""
    torch.set_num_threads(1)
    image = read_image(path)
    landmarks = shared_finder().central_landmarks(image)
    if landmarks is None:
        return None
    try:
        transform = alignment_transform(landmarks, CROP_SIZE)
    except NoFaceError:
        return None
    return warp(image, transform, CROP_SIZE), apply_transform(transform, landmarks), describe(image, landmarks)


def _process(paths: list[Path], what: str, workers: int):
    # A forked copy of a process whose torch threads run can wait for them for ever.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from tqdm(pool.map(_crop_and_describe, paths, chunksize=16), total=len(paths), desc=what, mininterval=5)


def _write(folder: Path, pixels: np.ndarray, **arrays: np.ndarray) -> None:
    """All or nothing: the folder appears under its name once everything in it is on disk."""
    half = folder.with_name(folder.name + ".part")
    half.mkdir(parents=True, exist_ok=True)
    np.save(half / "pixels.npy", pixels)
    for name, array in arrays.items():
        np.save(half / f"{name}.npy", array)
    os.replace(half, folder)


def _prepare_lfw(root: Path, cache: Path, list_name: str, workers: int) -> Path:
    folder = cache / f"lfw-{Path(list_name).stem}"
    if folder.is_dir():
        return folder
    people = LFW(root).people(list_name)
    paths = [path for photos in people.values() for path in photos]
    owners = np.concatenate([[i] * len(photos) for i, photos in enumerate(people.values())])
    done = list(_process(paths, f"LFW {Path(list_name).stem}", workers))
    kept = [i for i, result in enumerate(done) if result is not None]
    log.info("LFW %s: %d of %d photos have a face", list_name, len(kept), len(paths))
    if not kept:
        raise DataError(f"No photo of {list_name} shows a face.", "Check the images folder.")
    _write(
        folder,
        np.stack([done[i][0] for i in kept]),
        landmarks=np.stack([done[i][1] for i in kept]).astype(np.float32),
        descriptors=np.stack([done[i][2] for i in kept]).astype(np.float32),
        identities=owners[kept].astype(np.int64),
    )
    return folder


def _prepare_tar(tar_path: Path, cache: Path) -> Path:
    folder = cache / tar_path.stem
    if folder.is_dir():
        return folder
    try:
        facts = _read_facts(tar_path.with_suffix(".npz"))
        pixels = _read_tar(tar_path, facts.pop("name"))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DataError(f"{tar_path.name} and its .npz are not as described.", "Copy the set again.") from error
    _write(folder, pixels, **facts)
    return folder


def _read_facts(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as facts:
        arrays = {
            "name": facts["name"],
            "landmarks": facts["landmarks"].astype(np.float32).reshape(-1, 68, 2),
            "descriptors": facts["descriptor"].astype(np.float32).reshape(-1, DESCRIPTOR_SIZE),
            "identities": facts["identity"].astype(np.int64).reshape(-1),
        }
    if len({len(array) for array in arrays.values()}) != 1 or len(set(arrays["name"])) != len(arrays["name"]):
        raise DataError(f"The arrays of {path.name} do not belong together.", "Copy the set again.")
    return arrays


def _read_tar(path: Path, names: np.ndarray) -> np.ndarray:
    """The pictures of those names, in their order → (N, 144, 144, 3) uint8."""
    place = {str(name): i for i, name in enumerate(names)}
    pixels = np.zeros((len(place), CROP_SIZE, CROP_SIZE, 3), np.uint8)
    with tarfile.open(path) as tar:
        for member in tqdm(tar, total=len(place), desc=path.stem, mininterval=5):
            if member.isfile() and (index := place.pop(Path(member.name).name, None)) is not None:
                picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                if picture.size != (CROP_SIZE, CROP_SIZE):
                    raise DataError(f"{member.name} in {path.name} is not {CROP_SIZE} pixels wide and high.", "")
                pixels[index] = np.asarray(picture)
    if place:
        raise DataError(f"{path.name} lacks {len(place)} of the pictures its .npz lists.", "Copy the set again.")
    return pixels


def near_any(descriptors: np.ndarray, others: np.ndarray, distance: float = SAME_PERSON_DISTANCE) -> np.ndarray:
    """(N, 128) and (M, 128) → (N,) bool: is any of the others within the Euclidean ``distance``?"""
    near = np.zeros(len(descriptors), bool)
    if not len(others):
        return near
    for start in range(0, len(descriptors), 4096):
        part = torch.from_numpy(descriptors[start : start + 4096])
        near[start : start + 4096] = (torch.cdist(part, torch.from_numpy(others)).amin(dim=1) < distance).numpy()
    return near


def load_crops(
    cache: str | Path, lfw: Path | None = None, faces: Path | None = None, workers: int = 2
) -> tuple[StoredFaces, dict]:
    """Build what is missing in ``cache``, and load all of it → the crops, and counts for the model card.

    ``counts`` is {source: {"images", "left_out"}}; ``left_out`` are those too near to a test person.
    """
    cache = Path(cache)
    read = partial(np.load, mmap_mode="r")
    folders = [_prepare_tar(tar, cache) for tar in sorted(Path(faces).glob("*.tar"))] if faces else []
    ready, test = len(folders), None
    if lfw:
        test = np.load(_prepare_lfw(Path(lfw), cache, "peopleDevTest.txt", workers) / "descriptors.npy")
        folders.append(_prepare_lfw(Path(lfw), cache, "peopleDevTrain.txt", workers))
    if not folders:
        raise DataError("There is nothing to train on.", "Pass --lfw ROOT, --faces ROOT, or both.")
    parts, counts, next_identity = [], {}, 0
    for number, folder in enumerate(folders):
        descriptors = np.load(folder / "descriptors.npy")
        identities = np.load(folder / "identities.npy")
        checked = test is not None and number < ready
        good = ~near_any(descriptors, test) if checked else np.ones(len(descriptors), bool)
        known = identities >= 0
        identities = np.where(known, identities + next_identity, -1)
        next_identity = max(next_identity, int(identities.max(initial=-1)) + 1)
        counts[folder.name] = {"images": int(good.sum()), "left_out": int((~good).sum())}
        parts.append((read(folder / "pixels.npy"), np.load(folder / "landmarks.npy"), descriptors, identities, good))
    total = sum(int(good.sum()) for *_, good in parts)
    pixels = np.empty((total, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    start = 0
    for source, *_, good in parts:
        pixels[start : start + int(good.sum())] = source[good]
        start += int(good.sum())
    joined = [np.concatenate([part[i][part[4]] for part in parts]) for i in (1, 2, 3)]
    names = np.concatenate([[name] * c["images"] for name, c in counts.items()])
    faces_found = StoredFaces(
        pixels,
        joined[0].reshape(-1, 68, 2),
        joined[1].reshape(-1, DESCRIPTOR_SIZE),
        joined[2],
        names,
        np.zeros(total, bool),
    )
    return faces_found, counts
