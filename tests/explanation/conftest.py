"""Pairs whose score is explained: a small network, Light CNN-29 with random weights; a linear one and its explainer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssn.explanation.explainer import Explainer
from ssn.explanation.methods.baselines import baseline_picture, gray
from ssn.explanation.pair import PairScore
from tests.explanation.toys import LinearEmbedder, MaxEmbedder, light_cnn, smooth_face, stand_in


@pytest.fixture
def toy() -> tuple[PairScore, np.ndarray, np.ndarray]:
    """A small network with maxima, a face and a baseline, 8×8."""
    rng = np.random.default_rng(1)
    direction = torch.tensor(rng.normal(size=6), dtype=torch.float32)
    score = PairScore(MaxEmbedder(), "vis", direction / direction.norm())
    return score, rng.random((8, 8)).astype(np.float32), rng.random((8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def real() -> tuple[PairScore, np.ndarray, np.ndarray]:
    """Light CNN-29 with random weights. Its random embeddings lie close together: the direction is their difference."""
    network = light_cnn()
    face = smooth_face(1)
    x, baseline = gray(face), baseline_picture("blur", face)
    score = PairScore(network, "vis", torch.ones(256))
    with torch.no_grad():
        unit = torch.nn.functional.normalize(score.embed(torch.tensor(np.stack([x, baseline]))[:, None]), dim=1)
    difference = unit[0] - unit[1]
    return PairScore(network, "vis", difference / difference.norm()), x, baseline


@pytest.fixture
def network() -> LinearEmbedder:
    generator = torch.Generator().manual_seed(0)
    return LinearEmbedder(torch.randn(4, 128 * 128, generator=generator), torch.randn(4, generator=generator))


@pytest.fixture
def explainer(network) -> Explainer:
    return Explainer(stand_in(network))
