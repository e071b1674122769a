"""What all tests share: one thread, a checkpoint, a recogniser, the demo people, and which tests run when."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from ssn.faces.finder import FaceFinder, shared_finder
from ssn.models.card import ModelCard
from ssn.models.checkpoint import DEFAULT_CHECKPOINT, save_model
from ssn.models.light_cnn import LightCNN29V2
from ssn.recognizer import Recognizer
from ssn.training.distill.network import initialise
from tests.drawn import mean_landmarks

DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo"

torch.set_num_threads(1)

# No deadline: the machine may be busy. Derandomised: a failure is the same for everybody.
settings.register_profile(
    "ssn", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("ssn")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite in two processes, each file in one of them; what is chosen by name in this one."""
    everything = not config.invocation_params.args or all(arg.startswith("-") for arg in config.invocation_params.args)
    return 2 if everything and (os.cpu_count() or 1) > 1 else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked ``slow`` run where they are asked for (``-m slow``) and always where CI is set."""
    if os.environ.get("CI") or "slow" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="slow: run with -m slow, or set CI=1")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def write_random_checkpoint(path: Path, seed: int = 0) -> ModelCard:
    """A checkpoint that fits and knows nothing."""
    backbone = LightCNN29V2()
    initialise(backbone, torch.Generator().manual_seed(seed))
    tensors = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    return save_model(path, tensors, ModelCard("random", thresholds={"0.01": 0.5, "0.001": 0.7}))


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory) -> Path:
    """Random weights in a file of ours."""
    path = tmp_path_factory.mktemp("checkpoint") / "random.safetensors"
    write_random_checkpoint(path)
    return path


@pytest.fixture(scope="session")
def checkpoint(random_checkpoint) -> Path:
    """The shipped weights, or random ones where there are none yet."""
    return DEFAULT_CHECKPOINT if DEFAULT_CHECKPOINT.is_file() else random_checkpoint


@pytest.fixture(scope="session")
def recognizer(checkpoint) -> Recognizer:
    return Recognizer.load(checkpoint, device="cpu")


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    return shared_finder("cpu")


@dataclass(frozen=True)
class DemoProbe:
    file: Path
    spectrum: str
    occlusion: str


@dataclass(frozen=True)
class DemoPerson:
    """One synthetic person: a photo to enrol, and probes."""

    name: str
    enrolment: Path
    probes: tuple[DemoProbe, ...]


def read_demo() -> list[DemoPerson]:
    """The demo people, or none where they are not built."""
    if not (DEMO / "people.json").is_file():
        return []
    people = json.loads((DEMO / "people.json").read_text(encoding="utf-8"))["people"]
    return [
        DemoPerson(
            person["name"],
            DEMO / person["enrolment"],
            tuple(DemoProbe(DEMO / p["file"], p["spectrum"], p["occlusion"]) for p in person["probes"]),
        )
        for person in people
    ]


@pytest.fixture(scope="session")
def demo() -> list[DemoPerson]:
    people = read_demo()
    if not people:
        pytest.skip("the demo people are not built: assets/demo/people.json is missing")
    return people


@pytest.fixture
def landmarks() -> np.ndarray:
    return mean_landmarks()
