"""What a step saw, read when somebody wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor


class Seen(Mapping[str, float]):
    """Numbers by name. Those that a GPU is still computing are waited for when they are read: a step that nobody asks
    does not make the processor wait."""

    def __init__(self, values: Mapping[str, float | Tensor]):
        self.unread = {name: value.detach() if isinstance(value, Tensor) else value for name, value in values.items()}
        """The numbers as they were given, tensors () where they were computed."""

    def __getitem__(self, name: str) -> float:
        return float(self.unread[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.unread)

    def __len__(self) -> int:
        return len(self.unread)
