"""The visibility network on disk: safetensors with a card of its own, and an id from a hash of the tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ssn.errors import CheckpointError
from ssn.files import atomically
from ssn.models.card import model_id
from ssn.models.visibility import VisibilityNetwork
from ssn.places import CHECKPOINTS

FORMAT = "ssn-studio-visibility-1"
VISIBILITY_CHECKPOINT = CHECKPOINTS / "visibility.safetensors"


@dataclass(frozen=True)
class VisibilityCard:
    """What is known of a visibility network: its name, id, channels, training and measures."""

    name: str
    widths: tuple[int, ...]
    training: dict = field(default_factory=dict)
    measures: dict = field(default_factory=dict)
    model_id: str = ""


def save_visibility(
    path: str | Path,
    network: VisibilityNetwork,
    name: str = "visibility",
    training: dict | None = None,
    measures: dict | None = None,
) -> VisibilityCard:
    """Write the network in half precision with its card, atomically; returns the card with its id.

    Raises CheckpointError where a weight is no number or too large for half precision, or the disk refuses.
    """
    path = Path(path)
    tensors = {key: tensor.detach().cpu() for key, tensor in network.state_dict().items()}
    tensors = {key: (t.half() if t.is_floating_point() else t).contiguous() for key, t in tensors.items()}
    if bad := [key for key, tensor in tensors.items() if not bool(tensor.isfinite().all())]:
        raise CheckpointError(f"The weights hold values that cannot be saved, in {bad[0]}.", "Look at the training.")
    card = VisibilityCard(name, network.widths, training or {}, measures or {}, model_id(name, tensors))
    metadata = {"format": FORMAT, "name": name}
    metadata |= {key: json.dumps(getattr(card, key)) for key in ("widths", "training", "measures")}
    try:
        with atomically(path) as part:
            save_file(tensors, str(part), metadata)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be written: {error}", "Check disk space and permissions.") from error
    return card


def load_visibility(path: str | Path = VISIBILITY_CHECKPOINT) -> tuple[VisibilityNetwork, VisibilityCard]:
    """A file of ours → the network in eval mode, float32, and its card.

    Raises CheckpointError where the file is missing, damaged, or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no visibility network at {path}.", "Name another file, or train one.")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is no readable safetensors file.", "Copy or download it again.") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path.name} is no visibility network.", "Use a file written by its training.")
    try:
        facts = {key: json.loads(metadata[key]) for key in ("widths", "training", "measures")}
        network = VisibilityNetwork(tuple(int(width) for width in facts["widths"]))
        network.load_state_dict(tensors, strict=True)
        name = metadata["name"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path.name} is damaged.", "Copy or download it again.") from error
    if bad := [key for key, tensor in network.state_dict().items() if not bool(tensor.isfinite().all())]:
        raise CheckpointError(f"{path.name} holds values that are no numbers, in {bad[0]}.", "Use another file.")
    card = VisibilityCard(name, network.widths, facts["training"], facts["measures"], model_id(name, tensors))
    return network.eval(), card


def with_measures(path: str | Path, measures: dict) -> VisibilityCard:
    """Write ``measures`` into the card of a file of ours. The tensors stay, and so does the id."""
    network, card = load_visibility(path)
    return save_visibility(path, network, card.name, card.training, {**card.measures, **measures})
