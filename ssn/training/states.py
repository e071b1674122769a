"""Training states on disk: written whole or not at all, and read back without running any code in them."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from ssn.errors import CheckpointError


def save_state(state: dict, path: str | Path) -> None:
    """Write ``state`` (tensors, numbers, strings, and dicts and lists of them) to ``path``, atomically: a kill at any
    time leaves either the old file or the new one. Raises CheckpointError where it cannot be written."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(part, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # torch turns some failures of the disk into a RuntimeError
        raise CheckpointError(
            f"The training state {path} cannot be written: {error}.", "Make room, or use another --run."
        ) from error


def load_state(path: str | Path) -> dict:
    """Read what ``save_state`` wrote. Raises CheckpointError where the file is missing, cut off or something else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"a {type(state).__name__}, no dict")
        return state
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no training state at {path}.", "Start without --resume.") from error
    except Exception as error:  # an unpickler raises whatever a foreign file makes it raise
        raise CheckpointError(
            f"{path} is not a training state.", "It may be cut off; start without --resume."
        ) from error
