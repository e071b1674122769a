"""``import``: Light CNN-29 weights of one's own → a checkpoint of this project."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ssn.commands.options import JsonFile, say
from ssn.errors import CheckpointError, OptionError
from ssn.models.backbone import ARCHITECTURES
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model

PREFIXES = ("module.", "backbone.")
"""What saving from several GPUs, or from a larger network, puts before a name."""
CLASSIFIER = "fc2."
"""The identity classifier of training, which nothing here uses."""


def import_weights(
    weights: Annotated[Path, typer.Argument(help="A state_dict of PyTorch (.pth, .pth.tar, .pt) or a .safetensors.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, a .safetensors.")],
    name: Annotated[str | None, typer.Option(help="What the model is called; by default as the file.")] = None,
    trained_on: Annotated[str, typer.Option(help="The data it was trained on, for its card.")] = "not known",
    full: Annotated[bool, typer.Option("--full", help="Keep single precision; the file is twice as large.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Turn Light CNN-29 weights, of version 1 or 2, into a checkpoint. Which version they are is told from their names
    and shapes; only tensors are read, no program code."""
    if out.suffix != ".safetensors":
        raise OptionError(f"{out} would not be known as a checkpoint.", "Give --out a name that ends in .safetensors.")
    if out.exists() and weights.exists() and out.samefile(weights):
        raise OptionError("--out is the file of the weights itself.", "Give it another name.")
    architecture, tensors = recognise(read_state(weights), weights.name)
    called = name or weights.name.removesuffix(".tar").rsplit(".", 1)[0]
    training = {"data": trained_on, "imported_from": weights.name, "sha256": _sha256(weights)}
    card = save_model(out, tensors, ModelCard(called, architecture, training=training), half=not full)
    text = f"{out}: {architecture}, model id {card.model_id}.\nIt has no thresholds yet: `evaluate` measures them."
    say(text, {"checkpoint": str(out), "architecture": architecture, "model": card.model_id}, json_file)


def read_state(path: Path) -> dict[str, Any]:
    """The named values of a file. Only tensors are unpickled. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"There are no weights at {path}.", "Check the path.")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(str(path)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file that cannot be read we say what is wrong
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} cannot be read.", "Copy or download it again.") from error
    except Exception as error:  # an unpickler raises whatever a foreign file makes it raise
        raise CheckpointError(
            f"{path.name} is damaged, or holds more than tensors.",
            "Save the weights alone: torch.save(model.state_dict(), FILE).",
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict):
        raise CheckpointError(f"{path.name} holds no state_dict.", "Save it with torch.save(model.state_dict(), FILE).")
    return state


def recognise(state: dict[str, Any], file: str) -> tuple[str, dict[str, Tensor]]:
    """Named values → the architecture whose names and shapes they have, and its tensors as ``backbone.*``.

    Raises CheckpointError, which says for the nearest architecture what is missing, too much, or of another shape.
    """
    plain: dict[str, Any] = {}
    for key, value in state.items():
        short = _without_prefixes(str(key))
        if short.startswith(CLASSIFIER):
            continue
        if short in plain:
            raise CheckpointError(f"{file} holds {short} twice.", "Save the weights of one network.")
        plain[short] = value
    misfits = {name: _misfits(plain, name) for name in ARCHITECTURES}
    nearest = min(misfits, key=lambda name: len(misfits[name]))
    if wrong := misfits[nearest]:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise CheckpointError(f"{file} does not fit {nearest}: {wrong[0]}{more}.", "Use weights of Light CNN-29.")
    return nearest, {f"backbone.{key}": tensor.detach().float() for key, tensor in plain.items()}


def _without_prefixes(key: str) -> str:
    while any(key.startswith(prefix) for prefix in PREFIXES):
        key = key.split(".", 1)[1]
    return key


def _misfits(plain: dict[str, Any], architecture: str) -> list[str]:
    """In words, what of these values the architecture does not have as they are."""
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in ARCHITECTURES[architecture]().state_dict().items()}
    wrong = [f"{key} is missing" for key in shapes if key not in plain]
    wrong += [f"{key} does not belong there" for key in plain if key not in shapes]
    for key in shapes.keys() & plain.keys():
        value = plain[key]
        if not isinstance(value, Tensor) or not value.is_floating_point():
            wrong.append(f"{key} holds no numbers with a point")
        elif tuple(value.shape) != shapes[key]:
            wrong.append(f"{key} has shape {tuple(value.shape)} and should have {shapes[key]}")
    return sorted(wrong)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
