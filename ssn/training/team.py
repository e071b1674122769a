"""The processes of one training: this one alone, or all that ``accelerate launch -m ssn train …`` started.

Every process holds the whole state, works on its own micro-batches and gets the sum of all gradients. This is data
parallelism without DDP's wrapper, whose hooks see ``backward()`` only: a bilevel step asks ``torch.autograd.grad`` for
the gradients of one level at a time.
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import Tensor


class Team:
    """``rank`` of ``size``; ``device`` is this process's. ``device`` given as ``cpu`` keeps all off the GPUs."""

    def __init__(self, device: torch.device | str = "cpu"):
        device = torch.device(device)
        self.accelerator = Accelerator(cpu=device.type == "cpu")
        self.rank, self.size = self.accelerator.process_index, self.accelerator.num_processes
        self.device = device if self.size == 1 else self.accelerator.device

    @property
    def first(self) -> bool:
        """Does this process write files and draw the bar?"""
        return self.rank == 0

    def share(self, count: int) -> range:
        """Which of ``count`` pieces are this process's: every ``size``-th."""
        return range(self.rank, count, self.size)

    def sum(self, tensors: list[Tensor]) -> list[Tensor]:
        """The sum over all processes of each tensor, in one exchange; all processes must ask for the same shapes."""
        if self.size == 1:
            return tensors
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        flat = self.accelerator.reduce(flat, reduction="sum")
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def wait(self) -> None:
        """Until all have come this far."""
        self.accelerator.wait_for_everyone()
