"""Small networks whose answers are known by hand, and faces that need no picture."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ssn.explanation.methods.baselines import gray
from ssn.explanation.pair import PairScore, Target
from ssn.faces.types import AlignedFace
from ssn.models.light_cnn import LightCNN29, LightCNN29V2, MaxFeatureMap
from ssn.models.network import SaliencySearchNetwork


class LinearEmbedder(nn.Module):
    """Embedding W x + c of the flattened picture."""

    def __init__(self, weight: Tensor, constant: Tensor):
        super().__init__()
        self.weight, self.constant = nn.Parameter(weight), nn.Parameter(constant)

    def forward(self, gray: Tensor, branch: Tensor) -> Tensor:
        return gray.flatten(1) @ self.weight.T + self.constant


class MaxEmbedder(nn.Module):
    """Convolution, max of halves, max pooling, linear: every nonlinearity of Light CNN on an 8×8 picture."""

    def __init__(self, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.conv, self.mfm, self.out = nn.Conv2d(1, 8, 3, padding=1), MaxFeatureMap(), nn.Linear(64, 6)

    def forward(self, gray: Tensor, branch: Tensor) -> Tensor:
        x = self.mfm(self.conv(gray))
        x = torch.nn.functional.max_pool2d(x, 2) + torch.nn.functional.avg_pool2d(x, 2)
        return self.out(x.flatten(1))


def orthogonal_toy(side: int = 6, size: int = 5) -> tuple[PairScore, np.ndarray, np.ndarray, np.ndarray]:
    """A linear score, face and baseline with W(x − b) at right angles to the baseline's embedding and along the
    target, and the Integrated Gradients of it, worked out by hand: with a = |e(b)|, d = |W(x − b)| and r = √(a² +
    d²), (x − b) ⊙ Wᵀ [t / r − e(b) (1/a − 1/r) / d]."""
    rng = np.random.default_rng(3)
    weight = rng.normal(size=(size, side * side))
    face, baseline = rng.random((2, side, side))
    change = weight @ (face - baseline).ravel()
    start = rng.normal(size=size)
    start -= change * (start @ change) / (change @ change)
    network = LinearEmbedder(
        torch.tensor(weight, dtype=torch.float32),
        torch.tensor(start - weight @ baseline.ravel(), dtype=torch.float32),
    )
    a, d = np.linalg.norm(start), np.linalg.norm(change)
    r = np.hypot(a, d)
    target = change / d
    gradient = weight.T @ (target / r - start * (1 / a - 1 / r) / d)
    known = (face - baseline) * gradient.reshape(side, side)
    score = PairScore(network, "vis", torch.tensor(target, dtype=torch.float32))
    return score, face.astype(np.float32), baseline.astype(np.float32), known


def smooth_face(seed: int, spectrum: str = "vis") -> AlignedFace:
    """A smooth random picture with the landmarks of a plain frontal face."""
    noise = np.random.default_rng(seed).random((128, 128)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 4)
    gray = np.round(255 * (soft - soft.min()) / np.ptp(soft)).astype(np.uint8)
    return AlignedFace(np.repeat(gray[..., None], 3, axis=2), plain_landmarks(), np.eye(2, 3), spectrum)


def plain_landmarks() -> np.ndarray:
    """68 points (x, y) of a symmetric face in Light CNN's frame."""
    angle = np.linspace(np.pi, 0, 17)
    jaw = np.stack([64 + 46 * np.cos(angle), 40 + 72 * np.sin(angle)], axis=1)
    brow = np.stack([np.linspace(26, 54, 5), [30, 26, 24, 25, 28]], axis=1)
    bridge = np.stack([np.full(4, 64.0), np.linspace(40, 64, 4)], axis=1)
    nostrils = np.stack([np.linspace(56, 72, 5), [68, 70, 71, 70, 68]], axis=1)
    eye = np.array([[38, 40], [43, 37], [48, 37], [53, 40], [48, 43], [43, 43]], float)
    turn = np.linspace(np.pi, -np.pi, 13)[:-1]
    lips = np.stack([64 + 16 * np.cos(turn), 88 - 7 * np.sin(turn)], axis=1)
    inner = np.stack([64 + 11 * np.cos(turn[:8]), 88 - 3 * np.sin(turn[:8])], axis=1)
    mirror = np.array([-1, 1])
    right_brow, right_eye = (brow * mirror + [128, 0])[::-1], eye * mirror + [128, 0]
    return np.vstack([jaw, brow, right_brow, bridge, nostrils, eye, right_eye, lips, inner])


def light_cnn(seed: int = 0, backbone: type[LightCNN29] = LightCNN29V2) -> SaliencySearchNetwork:
    """Light CNN-29 with selection, with random weights and indicators that differ by branch; in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = SaliencySearchNetwork(backbone())
        with torch.no_grad():
            for parameter in network.backbone.parameters():
                if parameter.dim() > 1:
                    nn.init.kaiming_normal_(parameter, nonlinearity="linear")
                else:
                    parameter.normal_(0, 0.05)
            for block in network.selection:
                block.indicators.normal_(0, 1)
    return network.eval().to(memory_format=torch.channels_last)


def stand_in(network: nn.Module, model_id: str = "toy-1"):
    """What an Explainer reads of a recognizer."""
    return SimpleNamespace(network=network, model_id=model_id, half=False)


def target_of(vector, name: str = "someone", model_id: str = "toy-1", **more) -> Target:
    vector = np.asarray(vector, np.float32)
    return Target(name, vector / np.linalg.norm(vector), model_id, **more)


FEW = {"steps": 4}
"""Parameters that make integrated gradients quick."""


def photo_target(network, face, **more):
    """The target that ``face`` itself is, for this network."""
    score = PairScore(
        network, face.branch, torch.ones(network(torch.zeros(1, 1, 128, 128), torch.zeros(1).long()).shape[1])
    )
    with torch.no_grad():
        vector = score.embed(torch.tensor(gray(face))[None, None])[0].numpy()
    return target_of(vector, face=face, **more)


PLAIN = ("ig", "saliency", "input_x_gradient", "deeplift", "smoothgrad", "occlusion", "region_ablation", "region_shap")
"""The methods that need no Light CNN."""


class StopAfter:
    """Cancels at the n-th look."""

    def __init__(self, looks: int):
        self.left = looks

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def labels_of(side: int, count: int = 4) -> np.ndarray:
    return np.arange(side * side).reshape(side, side) % count


def parameters_of(method: str) -> dict:
    return {"occlusion": {"window": 4, "stride": 2}, "region_shap": {"samples": 64}}.get(method, {})
