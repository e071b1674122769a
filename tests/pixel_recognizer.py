"""A recogniser without a network: a face's template is its own picture. As fast as the machine, and it knows people."""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from ssn.evaluation.remembering import RememberingRecognizer
from ssn.models.card import ModelCard
from ssn.models.network import BlockTrace
from ssn.recognizer import Recognizer


class Pixels(nn.Module):
    """The embedding is the face itself, 16×16 minus its mean."""

    adaptive = False

    def forward(self, gray, branch, mask=None):
        small = F.adaptive_avg_pool2d(gray, 16).flatten(1)
        return small - small.mean(dim=1, keepdim=True)


class TracedPixels(Pixels):
    """What the blocks saw is the picture itself."""

    width = 256

    @property
    def backbone(self) -> SimpleNamespace:
        return SimpleNamespace(embed=lambda gray: self(gray, None))

    def traced_map(self, gray, branch, mask=None):
        return gray, [BlockTrace(None, gray, gray)] * 4


class PixelRecognizer(Recognizer):
    """What measuring reads of a recogniser."""

    def __init__(self, network: nn.Module | None = None):
        self.network, self.device, self.half = (network or Pixels()).eval(), torch.device("cpu"), False
        self.card = ModelCard("pixels", model_id="pixels")


class RememberingPixels(RememberingRecognizer, PixelRecognizer):
    """The same, which looks at no picture twice."""
