"""One dlib descriptor for each person of an LFW list: whom nobody drawn may resemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from ssn.data.face_store import FaceStore
from ssn.data.lfw import LFW
from ssn.data.protocol import Sample
from ssn.data.teachers import DLIB
from ssn.faces.descriptor import describe
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image
from ssn.people.fitting.fit import FUNNELLED

TRAIN_LIST = "peopleDevTrain.txt"


def training_descriptors(root: str | Path, cache: str | Path | None = None) -> np.ndarray:
    """The mean over each person's photos, (P, 128): of all photos, through the store of faces in ``cache``; without one
    of up to three photos of each person."""
    people = LFW(root).people(TRAIN_LIST)
    if cache is not None:
        samples = [Sample(name, "vis", path) for name, photos in people.items() for path in photos]
        stored, _ = FaceStore(cache).stored(samples, Path(TRAIN_LIST).stem, DLIB)
        owners = stored.identities
        return np.stack([stored.descriptors[owners == owner].mean(axis=0) for owner in np.unique(owners)])
    means = []
    for photos in tqdm(people.values(), desc="descriptors", mininterval=5):
        images = [read_image(path) for path in photos[:3]]
        means.append(np.mean([describe(image, find_landmarks(image, FUNNELLED)) for image in images], axis=0))
    return np.stack(means)
