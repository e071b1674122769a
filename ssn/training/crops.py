"""The crops that views are drawn from, on the device that draws them."""

from __future__ import annotations

import math
import threading

import numpy as np
import torch
from torch import Tensor

from ssn.data.rows import DiskRows
from ssn.memory import free_memory
from ssn.training.transfer import to_device

SHARE = 0.25
"""Of a GPU's free memory: a store that takes no more of it is kept there, of a larger one each batch is sent."""
AT_ONCE = 2048
"""Crops that are sent together when a store moves to a GPU."""


class Crops:
    """``pixels`` (N, S, S, 3) uint8 of a store, to be drawn from on ``device``. What a GPU keeps moves there when it is
    first asked for."""

    def __init__(self, pixels: np.ndarray | DiskRows, device: torch.device | str = "cpu"):
        self.pixels, self.device = pixels, torch.device(device)
        self._lock = threading.Lock()
        self._there: Tensor | None = None
        self._asked = self.device.type != "cuda"

    def at(self, rows: np.ndarray) -> Tensor:
        """The crops at ``rows`` (n,), and no others → (n, S, S, 3) uint8 on the device."""
        with self._lock:
            if not self._asked:
                self._there, self._asked = self._moved(), True
        if self._there is None:
            return to_device(torch.from_numpy(np.array(self.pixels[rows], dtype=np.uint8)), self.device)
        return self._there[to_device(torch.from_numpy(np.asarray(rows, np.int64)), self.device)]

    def drawing(self, generator: torch.Generator) -> torch.Generator:
        """Who draws the views of a step whose choices ``generator`` makes: on a processor itself, on a GPU one that
        lives there and has the same seed."""
        if self.device.type != "cuda":
            return generator
        return torch.Generator(self.device).manual_seed(generator.initial_seed())

    def _moved(self) -> Tensor | None:
        """All of them on the device; None where they take too much of it."""
        shape = self.pixels.shape
        if math.prod(shape) > SHARE * free_memory(self.device):
            return None
        there = torch.empty(shape, dtype=torch.uint8, device=self.device)
        for start in range(0, len(self.pixels), AT_ONCE):
            part = np.array(self.pixels[start : start + AT_ONCE], dtype=np.uint8)
            there[start : start + len(part)] = torch.from_numpy(part).to(self.device)
        torch.cuda.synchronize(self.device)  # whoever asks next may do so from another stream
        return there
