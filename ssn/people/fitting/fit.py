"""Learning the appearance model from LFW's ``peopleDevTrain``: photos → aligned samples → joint PCA → two covariances.

Near-frontal photos are put into the model's frame, the person is cut out of the background (GrabCut), each texture is
warped to the mean shape, and shape, texture and outline are compressed together by one PCA. In its coefficients the
variance is split into *between people* and *within a person* from the people with several photos (the two-covariance
model of Brümmer and De Villiers, 2010). The shipped model was learned from 1,507 photos of 1,119 people, those of 4,047
near-frontal ones that are sharp, without glasses and cut out whole.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ssn.errors import DataError, NoFaceError
from ssn.faces.align import alignment_transform, apply_transform
from ssn.faces.landmarks import find_landmarks
from ssn.faces.read import read_image
from ssn.faces.types import FaceBox
from ssn.people.appearance_model import BANDS, SHAPES, AppearanceModel, Layers, split_layers
from ssn.people.fitting.cut_out import (
    LOWEST_CROWN,
    core,
    crown_height,
    cut_out,
    fill_outside,
    outline_distance,
    share_out,
)
from ssn.people.parts import polygon
from ssn.people.piecewise import EYE, EYE_TO_MOUTH, FRAME, control_points, pixel_map, remap, triangles_of

log = logging.getLogger(__name__)

Photos = Mapping[str, Sequence[Path]]
"""Each person's photos, deep-funnelled as LFW's are."""

FUNNELLED = FaceBox(
    (79.0, 62.0, 171.0, 186.0), np.array([[104.5, 113], [147, 112.5], [126, 136], [107.5, 159], [145.5, 158.5]]), 1.0
)
"""Where the face stands in every deep-funnelled LFW photo (mean of MTCNN's points; they vary by 2 to 4 px)."""


@dataclass(frozen=True)
class FitConfig:
    """What is learned from, and how much is kept."""

    photos_each: int = 6
    """At most so many photos of one person, so that nobody dominates."""
    turn: float = 5.0
    """Largest offset of the nose tip from the middle of the eyes, in px of the 128 px crop: what counts as frontal."""
    sharpness: float = 0.20
    """Share of the photos left out because they are the least sharp."""
    glasses: float = 0.18
    """Share left out because of edges across the bridge of the nose: glasses, which mix into ghosts."""
    components: int = 240
    between: int = 150
    within: int = 60


@dataclass(frozen=True)
class Sample:
    """One photo in the frame: ``pixels`` (224, 224, 3) uint8, ``landmarks`` (68, 2), ``person`` its number."""

    pixels: np.ndarray
    landmarks: np.ndarray
    valid: np.ndarray
    person: int
    turn: float
    sharpness: float


def frame_transform(landmarks: np.ndarray) -> np.ndarray:
    """The similarity (2, 3) from photo pixels to the model's frame."""
    small = alignment_transform(landmarks)
    scale = EYE_TO_MOUTH / 48.0
    out = small * scale
    out[:, 2] += np.array(EYE) - scale * np.array([64.0, 40.0])
    return out


def read_sample(path: Path, person: int) -> Sample | None:
    """One LFW photo → its sample, or None where no upright face stands where it should."""
    image = read_image(path)
    landmarks = find_landmarks(image, FUNNELLED)
    try:
        transform = frame_transform(landmarks)
    except NoFaceError:
        return None
    pixels = cv2.warpAffine(image, transform, (FRAME, FRAME), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shown = (image.max(axis=2) > 2).astype(np.uint8)
    valid = cv2.warpAffine(cv2.erode(cv2.dilate(shown, np.ones((5, 5))), np.ones((9, 9))), transform, (FRAME, FRAME))
    points = apply_transform(transform, landmarks)
    middle = (points[36:42].mean(axis=0) + points[42:48].mean(axis=0)) / 2
    face = cv2.cvtColor(pixels[70:170, 62:162], cv2.COLOR_RGB2GRAY).astype(np.float32)
    sharp = float(cv2.Laplacian(face, cv2.CV_32F).std() / (face.std() + 10))
    return Sample(pixels, points, valid > 0, person, float(abs(points[30, 0] - middle[0])) * 48 / EYE_TO_MOUTH, sharp)


def read_samples(people: Photos, config: FitConfig) -> list[Sample]:
    """The chosen photos: near-frontal, sharp, plausible landmarks, few of each person."""
    samples: list[Sample] = []
    for number, photos in enumerate(tqdm(people.values(), desc="photos", mininterval=5)):
        found = [read_sample(path, number) for path in photos[: 3 * config.photos_each]]
        samples += [s for s in found if s is not None and s.turn < config.turn][: config.photos_each]
    if len(samples) < 50:
        raise DataError(f"Only {len(samples)} usable photos were found.", "Pass the root of a complete LFW copy.")
    shapes = np.stack([s.landmarks for s in samples])
    odd = np.abs(shapes - np.median(shapes, axis=0)).mean(axis=(1, 2))
    plausible = [s for s, o in zip(samples, odd, strict=True) if o < np.quantile(odd, 0.97)]
    sharp = np.array([s.sharpness for s in plausible])
    crossed = np.array([bridge_edges(s) for s in plausible])
    keep = (sharp > np.quantile(sharp, config.sharpness)) & (crossed < np.quantile(crossed, 1 - config.glasses))
    chosen = [s for s, k in zip(plausible, keep, strict=True) if k]
    log.info("%d near-frontal photos, %d kept, %d people", len(samples), len(chosen), len({s.person for s in chosen}))
    return chosen


def bridge_edges(sample: Sample) -> float:
    """How much light changes downwards on the bridge of the nose, over the face's contrast: high where glasses sit."""
    x, y = sample.landmarks[27:29].mean(axis=0).astype(int)
    gray = cv2.cvtColor(sample.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    patch = cv2.Sobel(gray, cv2.CV_32F, 0, 1)[y - 10 : y + 10, x - 5 : x + 6]
    return float(np.abs(patch).mean() / (gray[70:170, 62:162].std() + 10))


def normalised(sample: Sample, mean_shape: np.ndarray) -> dict[str, np.ndarray] | None:
    """A sample → its feature bands in the mean shape (see ``BANDS``), NaN for what is not seen of hair and clothes;
    None where the cut-out lost the top of the head."""
    person = cut_out(sample.pixels, sample.landmarks)
    if crown_height(person, sample.landmarks) < LOWEST_CROWN:
        return None
    pixels = sample.pixels.astype(np.float32)
    parts = share_out(sample.pixels, sample.landmarks, person)
    filled = [fill_outside(pixels, core(part & sample.valid)) for part in parts]
    edges = np.dstack([outline_distance(m) for m in (person, parts[1], parts[2])]).astype(np.float32)
    target, source = control_points(mean_shape), control_points(sample.landmarks)
    where = pixel_map(target, source, triangles_of(target), FRAME)
    skin, hair, cloth = (np.clip(remap(layer, where), 0, 255) for layer in filled)
    bands = split_layers(Layers(skin, hair, cloth, remap(edges, where, smooth=True)))
    unseen = np.repeat([not parts[1].any(), not parts[2].any()], len(bands["colours"]) // 2)
    bands["colours"][unseen] = np.nan
    if not parts[1].any():
        bands["edges"].reshape(3, -1)[1] = np.nan
    return bands | {"shape": (sample.landmarks - mean_shape).ravel().astype(np.float32)}


def with_means(rows: np.ndarray) -> np.ndarray:
    """(N, D) → the same with each NaN replaced by the mean of its column."""
    return np.where(np.isnan(rows), np.nanmean(rows, axis=0), rows).astype(np.float32)


SHARE = {"luma": 0.46, "detail": 0.15, "chroma": 0.08, "edges": 0.11, "colours": 0.05, "shape": 0.15}
"""What share of the variance that the joint PCA sees comes from each band."""
BODY_WEIGHT = 0.3
"""Weight of skin outside the face, which is mostly neck."""


def band_weight(name: str, mean_shape: np.ndarray) -> np.ndarray | float:
    """Weights of a band's values inside the joint PCA: 1 on the face, ``BODY_WEIGHT`` elsewhere."""
    if name not in ("luma", "chroma"):
        return 1.0
    face = polygon(cv2.convexHull(control_points(mean_shape)[:75].astype(np.float32)).reshape(-1, 2), FRAME, 6.0)
    sides = SHAPES[name][-2:]
    weight = cv2.resize(BODY_WEIGHT + (1 - BODY_WEIGHT) * face, sides, interpolation=cv2.INTER_AREA)
    return np.broadcast_to(weight, SHAPES[name]).ravel().astype(np.float32)


def joint_pca(
    bands: dict[str, np.ndarray], mean_shape: np.ndarray, components: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Bands (N, D_b) → means (D_b,), bases (K, D_b) and unit-variance coefficients (N, K)."""
    means = {name: rows.mean(axis=0) for name, rows in bands.items()}
    count = len(next(iter(bands.values())))
    gram = np.zeros((count, count))
    for name, rows in bands.items():
        centred = (rows - means[name]) * band_weight(name, mean_shape)
        part = (centred @ centred.T).astype(np.float64)
        gram += part * (SHARE[name] / np.trace(part))
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][: min(components, count - 1)]
    coefficients = vectors[:, order] * np.sqrt(count)  # (N, K)
    bases = {name: (coefficients.T.astype(np.float32) @ (rows - means[name])) / count for name, rows in bands.items()}
    log.info("%d components hold %.1f %% of the variance", len(order), 100 * values[order].sum())
    return means, bases, coefficients


def two_covariances(coefficients: np.ndarray, people: np.ndarray, between: int, within: int):
    """(N, K) coefficients and person numbers (N,) → factors (K, B), (K, W) with covariance F·Fᵀ each."""
    sizes = np.bincount(people)
    counts = sizes[people]
    means = np.zeros((len(sizes), coefficients.shape[1]))
    np.add.at(means, people, coefficients / counts[:, None])
    several = counts > 1
    residual = (coefficients - means[people])[several]
    freedom = several.sum() - (sizes > 1).sum()
    inside = residual.T @ residual / max(freedom, 1)
    weighted = coefficients / np.sqrt(counts)[:, None]
    total = weighted.T @ weighted / (sizes > 0).sum()
    return _factor(total - inside, between), _factor(inside, within)


def _factor(covariance: np.ndarray, count: int) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:count]
    return (vectors[:, order] * np.sqrt(np.maximum(values[order], 0))).astype(np.float32)


def fit(people: Photos, out: str | Path, descriptors: np.ndarray, config: FitConfig = FitConfig()) -> AppearanceModel:
    """Learn the model from the photos of ``people`` and write it to ``out`` (.npz).

    ``descriptors`` (P, 128): one dlib descriptor per training person, kept in the model for the nearness check.
    Raises DataError where the set is not as described.
    """
    samples = read_samples(people, config)
    mean_shape = np.mean([s.landmarks for s in samples], axis=0)
    rows = [normalised(s, mean_shape) for s in tqdm(samples, desc="textures", mininterval=5)]
    samples = [s for s, row in zip(samples, rows, strict=True) if row is not None]
    bands = {name: np.stack([row[name] for row in rows if row is not None]) for name in BANDS}
    bands |= {name: with_means(bands[name]) for name in ("colours", "edges")}
    means, bases, coefficients = joint_pca(bands, mean_shape, config.components)
    owners = np.array([s.person for s in samples])
    between, within = two_covariances(coefficients, owners, config.between, config.within)
    model = AppearanceModel(mean_shape, means, bases, between, within, descriptors.astype(np.float32))
    model.save(out)
    return model
