"""Tensors on their way to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device, channels_last: bool = False) -> Tensor:
    """``tensor`` on ``device``. To a GPU it goes from page-locked memory, while the processor goes on."""
    layout = torch.channels_last if channels_last else torch.preserve_format
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device, memory_format=layout)
    return tensor.to(memory_format=layout).pin_memory().to(device, non_blocking=True)
