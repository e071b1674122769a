"""The command line with a backbone of two thousand weights registered, so that it trains in no time; also as a program
of its own, for several processes."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from ssn.__main__ import main
from ssn.models.backbone import ARCHITECTURES
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model
from tests.training.toys import ToyBackbone

ARCHITECTURE = "toy"
TOY_SEARCH = ("--batch", "4", "--micro", "2", "--search-epochs", "1")
TOY_SCHEDULE = (*TOY_SEARCH, "--finetune-epochs", "1")


def register() -> None:
    """Let a checkpoint be one of the toy."""
    ARCHITECTURES[ARCHITECTURE] = ToyBackbone


def write_toy(path: Path) -> Path:
    """A toy with weights drawn by a seed, as a checkpoint."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        backbone = ToyBackbone()
    tensors = {f"backbone.{name}": value for name, value in backbone.state_dict().items()}
    save_model(path, tensors, ModelCard("toy-base", ARCHITECTURE), half=False)
    return path


if __name__ == "__main__":
    torch.set_num_threads(1)
    register()
    main(sys.argv[1:])
