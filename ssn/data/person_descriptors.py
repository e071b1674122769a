"""One dlib descriptor for each person of an LFW list: whom nobody drawn may resemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ssn.data.lfw import LFW
from ssn.faces.descriptor import describe
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image
from ssn.people.fitting.fit import FUNNELLED

TRAIN_LIST = "peopleDevTrain.txt"


def training_descriptors(root: str | Path, cache: str | Path | None = None) -> np.ndarray:
    """The mean over each person's photos, (P, 128).

    Read from the crops that ``ssn.data.crops`` keeps in ``cache`` where they are, otherwise made from up to three
    photos of each person.
    """
    folder = Path(cache or ".") / f"lfw-{Path(TRAIN_LIST).stem}"
    if (folder / "descriptors.npy").is_file():
        each, owners = np.load(folder / "descriptors.npy"), np.load(folder / "identities.npy")
        return np.stack([each[owners == owner].mean(axis=0) for owner in np.unique(owners)])
    means = []
    for photos in tqdm(LFW(root).people(TRAIN_LIST).values(), desc="descriptors", mininterval=5):
        images = [read_image(path) for path in photos[:3]]
        means.append(np.mean([describe(image, find_landmarks(image, FUNNELLED)) for image in images], axis=0))
    return np.stack(means)
