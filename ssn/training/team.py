"""The processes of one training: this one alone, or all that ``accelerate launch -m ssn train …`` started.

Every process holds the whole state, works on its own micro-batches and gets the sum of all gradients. This is data
parallelism without DDP's wrapper, whose hooks see ``backward()`` only: a bilevel step asks ``torch.autograd.grad`` for
the gradients of one level at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import is_initialized
from torch import Tensor

from ssn.errors import DataError, TeamError

T = TypeVar("T")
PATIENCE = timedelta(days=30)
"""How long processes wait for one that works alone: as long as that takes. An exchange of gradients is less patient."""


class Team:
    """``rank`` of ``size``; ``device`` is this process's. ``device`` given as ``cpu`` keeps all off the GPUs."""

    def __init__(self, device: torch.device | str = "cpu"):
        device = torch.device(device)
        # what was set up in this process once, for whatever device, cannot be set up again for a processor alone
        self.accelerator = Accelerator(cpu=device.type == "cpu" and not is_initialized())
        self.rank, self.size = self.accelerator.process_index, self.accelerator.num_processes
        self.device = device if self.size == 1 else self.accelerator.device
        group = dist.new_group(backend="gloo", timeout=PATIENCE) if self.size > 1 else None
        self._patient = cast("dist.ProcessGroup | None", group)  # this process is a member

    @property
    def first(self) -> bool:
        """Does this process write files and draw the bar?"""
        return self.rank == 0

    def share(self, count: int) -> range:
        """Which of ``count`` pieces are this process's: every ``size``-th."""
        return range(self.rank, count, self.size)

    def part(self, count: int) -> slice:
        """This process's rows of a batch of ``count``. Raises DataError where they are not as many for everybody."""
        if count % self.size:
            raise DataError(f"A batch of {count} cannot be shared by {self.size} processes.", "Use a multiple.")
        rows = count // self.size
        return slice(self.rank * rows, (self.rank + 1) * rows)

    def sum(self, tensors: list[Tensor]) -> list[Tensor]:
        """The sum over all processes of each tensor, in one exchange; all processes must ask for the same shapes."""
        if self.size == 1:
            return tensors
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        flat = self.accelerator.reduce(flat, reduction="sum")
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]

    def wait(self) -> None:
        """Until all have come this far, however long that takes."""
        if self.size > 1:
            dist.barrier(group=self._patient)

    @torch.no_grad()
    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Give everybody the first process's values, in place."""
        if self.size == 1:
            return
        for tensor in tensors:
            values = tensor.detach().clone(memory_format=torch.contiguous_format)
            dist.broadcast(values, src=0)
            tensor.copy_(values)

    def first_does(self, work: Callable[[], T]) -> T:
        """``work`` in the first process alone → its result, in all of them. The others wait as long as it takes, and
        where it fails raise TeamError. Results should be small, or tensors on the CPU."""
        if self.size == 1:
            return work()
        said: list = [None, None]
        failure: BaseException | None = None
        if self.first:
            try:
                said[1] = work()
            except BaseException as error:  # whatever it is, nobody must be left waiting
                failure, said[0] = error, f"{type(error).__name__}: {error}"
        dist.broadcast_object_list(said, src=0, group=self._patient, device=torch.device("cpu"))
        if failure is not None:
            raise failure
        if said[0] is not None:
            raise TeamError(f"The team's first process gave up: {said[0]}", "See what it said.")
        return said[1]

    def first_before_others(self, work: Callable[[], T]) -> T:
        """``work`` in the first process and then in all others, each with its own result: what builds a cache where
        there is none builds it once, and the others find it."""
        done: list[T] = []
        self.first_does(lambda: done.append(work()))
        return done[0] if done else work()


def processes() -> tuple[int, int]:
    """(rank, size) of this process in its team."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


class _Sum(torch.autograd.Function):
    """The sum over all processes; since their losses add up, so do the gradients that come back."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def sum_with_gradient(x: Tensor) -> Tensor:
    """The sum of every process's ``x``, through which a gradient flows back to all of them."""
    return _Sum.apply(x) if processes()[1] > 1 else x


def whole_batch(rows: Tensor) -> Tensor:
    """This process's rows (n, D) → those of all processes, in order (size · n, D), with gradient."""
    rank, size = processes()
    if size == 1:
        return rows
    padded = rows.new_zeros(size, *rows.shape)
    padded[rank] = rows
    return sum_with_gradient(padded).flatten(0, 1)
