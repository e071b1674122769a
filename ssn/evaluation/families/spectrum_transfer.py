"""Spectrum transfer before matching: the paper's NIR-VIS rows, by two curves instead of a generative network.

Fitted on training people only: a gray value of NIR goes to the VIS luma of the same rank in the two sets' histograms,
and that luma takes the mean colour pixels of it have in VIS. Light CNN reads the luma alone; colour is for descriptors
that see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssn.errors import DataError
from ssn.evaluation.families.family import Family, Material, Prepared, needed
from ssn.faces.gray import LUMA
from ssn.faces.types import AlignedFace
from ssn.recognizer import Recognizer


@dataclass(frozen=True)
class SpectrumTransfer:
    """``colours`` (256, 3) float: the RGB a gray value of NIR becomes, in [0, 255]."""

    colours: np.ndarray

    @classmethod
    def fit(cls, nir: Sequence[AlignedFace], vis: Sequence[AlignedFace]) -> SpectrumTransfer:
        """From faces of training people, any of either spectrum; hidden pixels do not count.

        Raises DataError where there are none of one of the two.
        """
        if not nir or not vis:
            raise DataError("A spectrum transfer is fitted on NIR and VIS faces of training people.", "Give it both.")
        gray = np.concatenate([_visible(face) for face in nir]) @ np.array(LUMA)
        rgb = np.concatenate([_visible(face) for face in vis]).astype(float)
        luma = rgb @ np.array(LUMA)
        matched = _matched(np.rint(gray).astype(int), np.sort(luma))
        return cls(np.clip(matched[:, None] + _chroma(rgb - luma[:, None], luma)[np.rint(matched).astype(int)], 0, 255))

    def __call__(self, face: AlignedFace) -> AlignedFace:
        """A NIR or simulated NIR face → as in VIS, what is hidden still black. A VIS face comes back as it is."""
        if face.spectrum == "vis":
            return face
        gray = np.rint(face.pixels @ np.array(LUMA)).astype(int)
        pixels = np.rint(self.colours[gray]).astype(np.uint8)
        pixels[face.mask] = 0
        return face.with_(pixels=pixels, spectrum="vis")


def _visible(face: AlignedFace) -> np.ndarray:
    return face.pixels[~face.mask]


def _matched(gray: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """NIR gray values (n,) and sorted VIS lumas (m,) → (256,) luma of each gray value: of the same rank, the middle of
    the ranks a value holds; values that do not occur lie on the straight line between those that do."""
    counts = np.bincount(gray, minlength=256)
    rank = (np.cumsum(counts) - counts / 2) / len(gray)
    occurring = np.flatnonzero(counts)
    values = ordered[np.minimum((rank[occurring] * len(ordered)).astype(int), len(ordered) - 1)]
    return np.interp(np.arange(256), occurring, values)


def _chroma(offsets: np.ndarray, luma: np.ndarray, width: int = 8) -> np.ndarray:
    """Colour minus luma (m, 3) of VIS pixels and their luma (m,) → (256, 3): the mean offset by luma, over bands of
    ``width``. Its own luma is zero, so that adding it leaves a luma as it is."""
    band = np.rint(luma).astype(int) // width
    counts = np.bincount(band, minlength=256 // width)
    sums = np.stack([np.bincount(band, weights=offsets[:, c], minlength=256 // width) for c in range(3)], axis=1)
    there = np.flatnonzero(counts)
    centres = (there + 0.5) * width
    return np.stack([np.interp(np.arange(256), centres, sums[there, c] / counts[there]) for c in range(3)], axis=1)


class Transferred(Prepared):
    """A family that begins with the transfer."""

    def __init__(self, recognizer: Recognizer, transfer: SpectrumTransfer):
        super().__init__(recognizer)
        self.transfer = transfer

    @classmethod
    def build(cls, material: Material) -> Family:
        recognizer = needed(material.recognizer, cls.name, "a checkpoint")
        return cls(recognizer, SpectrumTransfer.fit(material.nir, material.vis))

    def prepare(self, face: AlignedFace) -> AlignedFace:
        return self.transfer(face)


class Spectrum(Transferred):
    """The probe as in VIS, matched with the VIS branch."""

    name = "spectrum-transfer"
    title = "NIR → VIS curves → Light CNN"
    stands_for = "PCFH, PACH, VSANet (Tables I–VI)"
