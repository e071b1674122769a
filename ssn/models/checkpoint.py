"""Weights on disk ↔ networks in memory. Our files are safetensors with metadata; the official file is imported.

Metadata of a file: ``format``, ``name``, ``architecture``, ``selection`` (``pixel``, also where it is not said, or
``adaptive``), and as JSON ``searched`` (did a search make its indicators), ``training`` (data and recipe),
``measures``, ``thresholds`` and, where it is known, ``thresholds_from``. The model id is the name and a hash of the
tensors: a template belongs to one id.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ssn.errors import CheckpointError
from ssn.files import atomically
from ssn.models.backbone import ARCHITECTURES, DEFAULT_ARCHITECTURE, Backbone
from ssn.models.card import ModelCard, model_id
from ssn.models.network import SaliencySearchNetwork
from ssn.places import CHECKPOINTS

FORMAT = "ssn-studio-1"
OFFICIAL_SHA256 = "d0750746622270548137b092700811b00dc64d67ca8df042c6cf48cb3b1b9964"
"""Of the released Light CNN-29 v2 file."""
SELECTIONS = ("pixel", "adaptive")
BASE_CHECKPOINT = CHECKPOINTS / "light-cnn-29-v2-mobilefacenet.safetensors"
"""What a search starts from."""
DEFAULT_CHECKPOINT = CHECKPOINTS / "ssn-tied-partial.safetensors"
"""What recognises, where nothing else is asked for: the searched network."""


def save_model(path: str | Path, tensors: dict[str, Tensor], card: ModelCard, half: bool = True) -> ModelCard:
    """Write ``backbone.*`` (and ``selection.*``) tensors with their card, atomically; returns the card with its id.

    ``half`` stores them in half precision, but for tensors too small for it (see ``ssn.models.balance``).
    Raises CheckpointError where a value is no number or too large for half precision, or the disk refuses.
    """
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    stored = {key: _halved(tensor).contiguous() for key, tensor in plain.items()} if half else plain
    if bad := [key for key, tensor in stored.items() if not bool(tensor.isfinite().all())]:
        raise CheckpointError(f"The weights hold values that cannot be saved, in {bad[0]}.", "Look at the training.")
    card = replace(card, model_id=model_id(card.name, stored))
    metadata = {
        "format": FORMAT,
        "name": card.name,
        "architecture": card.architecture,
        "searched": json.dumps(card.searched),
        "selection": card.selection,
        "training": json.dumps(card.training),
        "measures": json.dumps(card.measures),
        "thresholds": json.dumps(card.thresholds),
        "thresholds_from": json.dumps(card.thresholds_from),
    }
    try:
        with atomically(path) as part:
            save_file(stored, str(part), metadata)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path} cannot be written: {error}", "Check disk space and permissions.") from error
    return card


def _halved(tensor: Tensor) -> Tensor:
    """Half precision, or float32 where that would round away more than 1 % of the tensor's length."""
    small = tensor.half()
    if not bool(small.isfinite().all()):
        return small  # refused by the caller
    lost = (small.float() - tensor.float()).norm()
    return small if lost <= 0.01 * tensor.float().norm() else tensor.float()


def update_card(
    path: str | Path,
    measures: dict,
    thresholds: dict[str, float] | None = None,
    thresholds_from: dict | None = None,
) -> ModelCard:
    """Add measures to a file of ours, and replace its thresholds where new ones are given, with where they come from.
    The tensors stay, and so does the model id."""
    tensors, card = _read_safetensors(Path(path))
    card = replace(card, measures={**card.measures, **measures})
    if thresholds is not None:
        card = replace(card, thresholds=thresholds, thresholds_from=thresholds_from or {})
    half = all(tensor.dtype == torch.float16 for tensor in tensors.values())
    return save_model(path, tensors, card, half)


def load_model(path: str | Path = DEFAULT_CHECKPOINT) -> tuple[SaliencySearchNetwork, ModelCard]:
    """A file of ours, or the official Light CNN-29 v2 file → the network in eval mode, float32, and its card.

    Raises CheckpointError where the file is missing, damaged, not ours, or does not fit its architecture.
    """
    tensors, card = _read(Path(path))
    return build_network(tensors, card), card


def read_card(path: str | Path) -> ModelCard:
    """What a file says of itself, as ``load_model`` reads it. Raises CheckpointError where it is missing, damaged or
    not ours."""
    return _read(Path(path))[1]


def load_backbone(path: str | Path) -> Backbone:
    """As ``load_model``, but the backbone alone, with the weights as they stand in the file, to be trained further.

    Raises CheckpointError also for a file with a selection: its weights are half of a network.
    """
    tensors, card = _read(Path(path))
    if any(key.startswith("selection.") for key in tensors):
        raise CheckpointError(f"{Path(path).name} holds a selection too.", "Start from base weights.")
    backbone = ARCHITECTURES[card.architecture]()
    try:
        backbone.load_state_dict({k.removeprefix("backbone."): v.float() for k, v in tensors.items()}, strict=True)
    except RuntimeError as error:
        raise CheckpointError(f"The checkpoint does not fit {card.architecture}.", "Use the right file.") from error
    return backbone


def _read(path: Path) -> tuple[dict[str, Tensor], ModelCard]:
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}.", "Name another file, or train one.")
    official = path.name.endswith((".pth.tar", ".pth", ".tar"))
    return import_official(path) if official else _read_safetensors(path)


def build_network(tensors: dict[str, Tensor], card: ModelCard) -> SaliencySearchNetwork:
    """Tensors named ``backbone.*`` and perhaps ``selection.*`` → network. A backbone alone gets indicators at their
    first value, with that value divided out of the weights behind them, so that it answers exactly as it did alone."""
    network = SaliencySearchNetwork(ARCHITECTURES[card.architecture](), adaptive=card.selection == "adaptive")
    tensors = {k: v.float() for k, v in tensors.items()}
    if not any(k.startswith("selection.") for k in tensors):
        tensors |= {k: v for k, v in network.state_dict().items() if k.startswith("selection.")}
        divide_out_selection(tensors, network)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()[:200]
        raise CheckpointError(
            f"The checkpoint does not fit {card.architecture}: {reason}", "Use the right file."
        ) from error
    bad = [name for name, parameter in network.named_parameters() if not bool(parameter.isfinite().all())]
    if bad:
        raise CheckpointError(f"The checkpoint holds values that are no numbers, in {bad[0]}.", "Use another file.")
    return network.eval()


def divide_out_selection(tensors: dict[str, Tensor], network: SaliencySearchNetwork) -> None:
    """Divide the weights behind each block by the network's uniform saliency, in place: W (σ(1) Y) / σ(1) = W Y."""
    for name, block in zip(network.backbone.readers, network.selections(), strict=True):
        saliency = torch.sigmoid(block.indicators.detach().flatten()[0])
        if (key := f"backbone.{name}") in tensors:  # what is missing is told when the network loads them
            tensors[key] = tensors[key] / saliency


_FACTS: dict[str, type] = {"searched": bool, "training": dict, "measures": dict, "thresholds": dict}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], ModelCard]:
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is no readable safetensors file.", "Copy or download it again.") from error
    if metadata.get("format") != FORMAT or metadata.get("architecture") not in ARCHITECTURES:
        raise CheckpointError(f"{path.name} is no checkpoint of this project.", "Use a file written by train.")
    selection = metadata.get("selection", "pixel")
    if selection not in SELECTIONS:
        raise CheckpointError(f"{path.name} has a selection this version does not know.", "Update the program.")
    try:
        facts = {key: json.loads(metadata[key]) for key in _FACTS}
        facts["thresholds_from"] = json.loads(metadata.get("thresholds_from", "{}"))
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"The metadata of {path.name} are damaged.", "Copy or download it again.") from error
    scores = facts["thresholds"].values() if isinstance(facts["thresholds"], dict) else [None]
    right = all(isinstance(facts[key], kind) for key, kind in [*_FACTS.items(), ("thresholds_from", dict)])
    if not right or not all(isinstance(score, (int, float)) for score in scores):
        raise CheckpointError(f"The metadata of {path.name} are damaged.", "Copy or download it again.")
    name = metadata.get("name", path.stem)
    known = model_id(name, tensors)
    return tensors, ModelCard(name, metadata["architecture"], selection=selection, model_id=known, **facts)


def import_official(path: str | Path, sha256: str | None = OFFICIAL_SHA256) -> tuple[dict[str, Tensor], ModelCard]:
    """``LightCNN_29Layers_V2_checkpoint.pth.tar`` → backbone tensors and a card. ``sha256=None`` skips the hash.

    Only tensors are unpickled. Raises CheckpointError on another hash, other names or other shapes.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read.", "Check its path.") from error
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256:
        raise CheckpointError(
            f"{path.name} is not the released Light CNN-29 v2 file (sha256 {found[:12]}…).",
            "Download LightCNN_29Layers_V2_checkpoint.pth.tar again, or convert your own weights to safetensors.",
        )
    try:  # from the bytes that were hashed; an unpickler raises whatever a foreign file makes it raise
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)["state_dict"]
        state = {key.removeprefix("module."): value.detach() for key, value in state.items()}
    except Exception as error:
        raise CheckpointError(
            f"{path.name} is no PyTorch checkpoint with a state_dict.", "Use the released file."
        ) from error
    expected = {key: value.shape for key, value in ARCHITECTURES[DEFAULT_ARCHITECTURE]().state_dict().items()}
    state = {key: value for key, value in state.items() if not key.startswith("fc2.")}
    wrong = sorted(set(state) ^ set(expected)) or [k for k in expected if state[k].shape != expected[k]]
    if wrong:
        raise CheckpointError(
            f"{path.name} does not fit Light CNN-29 v2, first at {wrong[0]}.", "Use the released file."
        )
    tensors = {f"backbone.{key}": value for key, value in state.items()}
    name = "light-cnn-29-v2-official"
    known = {"data": "MS-Celeb-1M, by its authors"}
    return tensors, ModelCard(name, training=known, model_id=model_id(name, tensors))
