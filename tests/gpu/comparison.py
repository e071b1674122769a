"""How far two devices may differ, and what they are shown."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from ssn.faces.types import AlignedFace
from ssn.models.card import ModelCard
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, load_model
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer
from ssn.training.distill.network import initialise
from ssn.training.search.variants import start_network, variant_named
from tests.drawn import mean_landmarks

NETWORKS = ("light-cnn", "si-split", "ssn-adaptive")
"""The plain backbone, the paper's selection with indicators of its own, and ours."""
CPU = torch.device("cpu")


def base_network() -> SaliencySearchNetwork:
    """The shipped weights without a search, or random ones where they are not there."""
    if DEFAULT_CHECKPOINT.is_file():
        return load_model(DEFAULT_CHECKPOINT)[0]
    network = SaliencySearchNetwork()
    initialise(network, torch.Generator().manual_seed(0))
    return network


def network_named(name: str) -> SaliencySearchNetwork:
    """One of ``NETWORKS``, whose saliency differs from place to place, spectrum to spectrum and face to face."""
    network = start_network(base_network(), variant_named(name))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for block in network.selections():
            block.indicators.add_(torch.randn(block.indicators.shape, generator=generator))
        for parameter in network.correction_parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


def on_both(network: SaliencySearchNetwork, device: torch.device) -> tuple[Recognizer, Recognizer]:
    """The same network on the processor and on the device."""
    card = ModelCard("compared")
    return Recognizer(copy.deepcopy(network), card, CPU), Recognizer(copy.deepcopy(network), card, device)


def drawn_faces(count: int = 6) -> list[AlignedFace]:
    """Nobody's faces: soft squares about an even gray; every second in simulated NIR, every third half hidden."""
    faces = []
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = torch.from_numpy(rng.uniform(40, 210, (1, 3, 12, 12)))
        soft = torch.nn.functional.interpolate(coarse, size=(128, 128), mode="bicubic").clamp(0, 255)
        pixels, mask = soft[0].permute(1, 2, 0).byte().numpy().copy(), np.zeros((128, 128), bool)
        if number % 3 == 0:
            mask[70:, 20:100] = True
            pixels[mask] = 0
        transform = np.eye(2, 3)
        spectrum = "nir-simulated" if number % 2 else "vis"
        faces.append(AlignedFace(pixels, mean_landmarks(), transform, spectrum, mask))
    return faces


def distance(a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> float:
    """Length of the difference as a share of the length of ``a``."""
    a, b = (torch.from_numpy(np.array(x)) if isinstance(x, np.ndarray) else x.detach().cpu() for x in (a, b))
    a, b = a.double(), b.double()
    return float((a - b).norm() / a.norm().clamp_min(1e-12))


def same_terms(a: Mapping[str, float], b: Mapping[str, float], tolerance: float) -> None:
    """What two steps saw, within a share of it; of the gradient's length, to which rounding adds up, within ten times
    that."""
    assert a.keys() == b.keys()
    for name in a:
        share = 10 * tolerance if name == "gradient" else tolerance
        assert a[name] == pytest.approx(b[name], rel=share, abs=share), name


def moved(parameters: Callable[[], Iterable[Tensor]], step: Callable[[], object]) -> Tensor:
    """Do ``step`` → how far it moved all of the parameters, in one row on the processor."""
    before = flat(parameters())
    step()
    return flat(parameters()) - before


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All values in one row on the processor, in double precision."""
    return torch.cat([tensor.detach().cpu().double().flatten() for tensor in tensors])


def worst(rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The largest ``distance`` of pairs."""
    return max(distance(a, b) for a, b in rows)
