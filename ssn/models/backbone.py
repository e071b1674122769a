"""What the network needs of a backbone, and the backbones there are. A new one is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from ssn.models.light_cnn import LightCNN29V1, LightCNN29V2

Shape = tuple[int, int, int]
"""C×H×W of one face's map."""


Stage = tuple[nn.Module, nn.Module, bool]
"""A block, which says Y, the group that reads it, and whether a pool follows. The selection sits between the two."""


class Backbone(Protocol):
    """An ``nn.Module`` from gray faces (N, 1, S, S) in [0, 1] to embeddings (N, ``width``), taken apart at its blocks:
    ``embed(… pool(group(block(stem(faces)))))``.

    ``block_shapes``: the blocks' outputs for faces of 128×128. ``readers``: of each block the name of the weight tensor
    that alone multiplies what the selection lets through, with no bias before it; a constant factor can be moved there.
    """

    @property
    def width(self) -> int:
        """Values of an embedding."""
        ...

    @property
    def block_shapes(self) -> tuple[Shape, ...]:
        """Of Y, for faces of 128×128."""
        ...

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of the weight tensors behind the blocks."""
        ...

    def stem(self, x: Tensor, /) -> Tensor:
        """Faces → what the first block reads."""
        ...

    def stages(self) -> tuple[Stage, ...]:
        """In order, one a block."""
        ...

    def pool(self, x: Tensor, /) -> Tensor:
        """Between stages, where they ask for it."""
        ...

    def embed(self, x: Tensor, /) -> Tensor:
        """The last group's maps → embeddings (N, ``width``), not normalised."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """As ``nn.Module``'s."""
        ...

    def get_parameter(self, target: str, /) -> nn.Parameter:
        """As ``nn.Module``'s."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """As ``nn.Module``'s."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """As ``nn.Module``'s."""
        ...


ARCHITECTURES: dict[str, Callable[[], Backbone]] = {"light-cnn-29-v2": LightCNN29V2, "light-cnn-29-v1": LightCNN29V1}
"""What a checkpoint may call its architecture → how a backbone of it is made."""
DEFAULT_ARCHITECTURE = "light-cnn-29-v2"


def architecture_of(backbone: Backbone) -> str:
    """What a checkpoint calls it. Raises ValueError for a kind that is not registered."""
    for name, make in ARCHITECTURES.items():
        if make is type(backbone):
            return name
    raise ValueError(f"{type(backbone).__name__} is no registered backbone")
