"""Partial recognition on faces that are aligned already: ranks and rates by occlusion, before and after re-ranking, and
how much saliency lies on what is hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ssn.evaluation import metrics
from ssn.evaluation.run import RATES, as_probe
from ssn.faces.occlude import OCCLUSIONS, Occlusion
from ssn.faces.types import FACE_SIZE, AlignedFace, Spectrum
from ssn.gallery.rerank import SHORTLIST, mixed, rescored
from ssn.models.network import branch_indices
from ssn.recognizer import Recognizer, gray_batch, masks_of, told_masks

RANKS = 5


@dataclass(frozen=True)
class FaceSet:
    """Complete VIS faces to enrol and to search with, and whose they are: arrays of the faces' lengths."""

    name: str
    gallery: list[AlignedFace]
    gallery_people: np.ndarray
    probes: list[AlignedFace]
    probe_people: np.ndarray
    _shown: dict[tuple[Spectrum, Occlusion], list[AlignedFace]] = field(default_factory=dict, repr=False, compare=False)

    def shown(self, spectrum: Spectrum, occlusion: Occlusion) -> list[AlignedFace]:
        """The probes in that spectrum behind that occlusion; made once."""
        key = spectrum, occlusion
        if key not in self._shown:
            self._shown[key] = [as_probe(face, spectrum, occlusion) for face in self.probes]
        return self._shown[key]


def face_of_crop(pixels: np.ndarray, landmarks: np.ndarray) -> AlignedFace:
    """A crop with margin (S, S, 3) uint8 in Light CNN's frame and its landmarks (68, 2) px → the aligned VIS face."""
    margin = (len(pixels) - FACE_SIZE) // 2
    inner = np.ascontiguousarray(pixels[margin : margin + FACE_SIZE, margin : margin + FACE_SIZE])
    transform = np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin]])
    return AlignedFace(inner, np.asarray(landmarks, float) - margin, transform)


def face_set(
    name: str, pixels: np.ndarray, landmarks: np.ndarray, people: np.ndarray, most: int | None = None
) -> FaceSet:
    """Crops (N, S, S, 3), landmarks (N, 68, 2) and people (N,) → everybody with two or more photos: the first is
    enrolled, the others, at most ``most`` of a person, are probes. Raises ValueError for nobody."""
    people = np.asarray(people)
    _, person, count = np.unique(people, return_inverse=True, return_counts=True)
    used = count[person] > 1
    if not used.any():
        raise ValueError("nobody has two photos")
    order = np.argsort(person, kind="stable")
    place = np.empty(len(people), int)  # of a photo among its person's
    place[order] = np.arange(len(people)) - np.repeat(np.cumsum(count) - count, count)
    last = len(people) if most is None else most
    at = [np.flatnonzero(used & chosen) for chosen in (place == 0, (place > 0) & (place <= last))]
    faces = [[face_of_crop(pixels[i], landmarks[i]) for i in rows] for rows in at]
    return FaceSet(name, faces[0], people[at[0]], faces[1], people[at[1]])


def _embed(recognizer: Recognizer, faces: list[AlignedFace], tell: bool, enrolled: bool = False) -> np.ndarray:
    told = told_masks(faces) if tell else None
    branches = [face.branch for face in faces]
    return recognizer.embed_gray(gray_batch(faces), branches, told, fast=True, enrolled=enrolled)


def measure(
    recognizer: Recognizer,
    faces: FaceSet,
    spectrum: Spectrum = "nir-simulated",
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
    shortlist: int = SHORTLIST,
    tell: bool = False,
) -> list[dict]:
    """One row per occlusion, all against all, shares in [0, 1]: ``occlusion``, ``rank1`` … ``rank5``, ``auc``, ``eer``,
    ``tpr_at_0.01``, ``tpr_at_0.001``, ``threshold_at_…`` (cosines), ``rerank1`` … ``rerank5`` after re-ranking by the
    named mask (not where ``shortlist`` is 0 or nothing is hidden). ``tell``: an adaptive network is told the masks.

    Who is enrolled counts with the mirror image. A named mask follows the landmarks, so each gallery face wears it by
    its own, and is embedded once for all probes.
    """
    gallery = _embed(recognizer, faces.gallery, tell=False, enrolled=True)
    mated = faces.probe_people[:, None] == faces.gallery_people[None, :]
    rows = []
    for occlusion in occlusions:
        probes = _embed(recognizer, faces.shown(spectrum, occlusion), tell)
        scores = probes @ gallery.T
        row = _row(occlusion, scores, mated, faces)
        row |= {f"threshold_at_{rate}": metrics.threshold_at_fmr(scores[~mated], rate) for rate in RATES}
        if shortlist and occlusion != "none":
            hidden = _embed(recognizer, [as_probe(face, "vis", occlusion) for face in faces.gallery], tell)
            row |= _ranks("rerank", rescored(scores, probes @ mixed(gallery, hidden).T, shortlist), faces)
        rows.append(row)
    return rows


def measure_descriptors(
    describe: Callable[[AlignedFace], np.ndarray],
    faces: FaceSet,
    spectrum: Spectrum = "nir-simulated",
    occlusions: tuple[Occlusion, ...] = tuple(OCCLUSIONS),
) -> list[dict]:
    """The same rows, without thresholds and re-ranking, of any ``describe``: a face → its descriptor (D,), of which two
    are the more alike the smaller their Euclidean distance is."""
    gallery = np.stack([describe(face) for face in faces.gallery])
    mated = faces.probe_people[:, None] == faces.gallery_people[None, :]
    rows = []
    for occlusion in occlusions:
        probes = np.stack([describe(face) for face in faces.shown(spectrum, occlusion)])
        rows.append(_row(occlusion, -cdist(probes, gallery), mated, faces))
    return rows


def _row(occlusion: Occlusion, scores: np.ndarray, mated: np.ndarray, faces: FaceSet) -> dict:
    values, same = scores.ravel(), mated.ravel()
    row = {"occlusion": occlusion, **_ranks("rank", scores, faces)}
    row |= {"auc": metrics.auc(values, same), "eer": metrics.eer(values, same)}
    return row | {f"tpr_at_{rate}": metrics.tpr_at_fpr(values, same, rate) for rate in RATES}


def _ranks(name: str, scores: np.ndarray, faces: FaceSet) -> dict[str, float]:
    found = metrics.cmc(scores, faces.probe_people, faces.gallery_people, RANKS)
    return {f"{name}{i}": share for i, share in enumerate(found, start=1)}


@torch.inference_mode()
def saliency_on_mask(
    recognizer: Recognizer, faces: list[AlignedFace], occlusion: Occlusion, spectrum: Spectrum = "nir-simulated"
) -> list[dict]:
    """What the network keeps of hidden pixels, mean over the faces, one row per block: ``indicator`` σ(M) (None
    without selection) and ``response`` mean |Ŷ|, each as {"inside", "outside"} of the mask for the occluded face and
    {"inside_complete", "outside_complete"} for the same face before."""
    sums: list[dict] = []
    for face in faces:
        complete, hidden = (as_probe(face, spectrum, kind) for kind in ("none", occlusion))
        branch = branch_indices([hidden.branch], recognizer.device)
        inside = masks_of([hidden])
        seen = []
        for each in (hidden, complete):
            gray = gray_batch([each]).to(recognizer.device, memory_format=torch.channels_last)
            seen.append(recognizer.network.trace(gray, branch)[1])
        blocks = [_shares(now, before, inside) for now, before in zip(*seen, strict=True)]
        sums = blocks if not sums else [_add(a, b) for a, b in zip(sums, blocks, strict=True)]
    return [
        {"block": number, **{kind: _mean(values, len(faces)) for kind, values in block.items()}}
        for number, block in enumerate(sums, start=1)
    ]


def _shares(now, before, mask: torch.Tensor) -> dict:
    size = now.output.shape[-2:]
    inside = torch.nn.functional.adaptive_avg_pool2d(mask, size).to(now.output.device)  # (1, 1, H, W) in [0, 1]

    def over(maps: torch.Tensor, weight: torch.Tensor) -> float:
        return ((maps.float().abs().mean(dim=1, keepdim=True) * weight).sum() / weight.sum().clamp_min(1e-6)).item()

    found = {}
    for kind, a, b in (("indicator", now.indicator, before.indicator), ("response", now.selected, before.selected)):
        if a is None:
            found[kind] = None
            continue
        found[kind] = {
            "inside": over(a, inside),
            "outside": over(a, 1 - inside),
            "inside_complete": over(b, inside),
            "outside_complete": over(b, 1 - inside),
        }
    return found


def _add(a: dict, b: dict) -> dict:
    return {k: None if a[k] is None else {name: a[k][name] + b[k][name] for name in a[k]} for k in a}


def _mean(values: dict | None, count: int) -> dict | None:
    return None if values is None else {name: value / count for name, value in values.items()}
