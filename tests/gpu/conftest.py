"""The same on a GPU as on the processor. Skipped where PyTorch sees no GPU; needs no picture, data set or network.

They also run where little is installed: python -m pytest tests/gpu -n 0 --confcutdir=tests/gpu
"""

from __future__ import annotations

import os

import pytest
import torch

from ssn.machine import choose_device

NAME = os.environ.get("SSN_TEST_DEVICE", "cuda")
"""What is compared with the processor. ``cpu`` compares it with itself, which tells whether the tests themselves
run."""
THERE = NAME == "cpu" or torch.cuda.is_available()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a GPU nothing marked ``gpu`` runs."""
    for item in items:
        if item.get_closest_marker("gpu") and not THERE:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device: PyTorch sees none here"))


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The GPU, set up as the command line and the page set it up."""
    return choose_device(NAME)
