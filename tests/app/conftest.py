"""A bench without a camera: one face of noise with plausible landmarks, and a gallery in memory."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from app.kit.demo_people import DemoSet
from app.kit.photo import Photo
from app.services import Services
from app.session import Sessions
from app.workbench.bench import Bench
from app.workbench.desk import Desk
from app.workbench.tab import build_workbench
from ssn.faces.types import AlignedFace, FaceBox
from ssn.gallery.second_opinion import SecondOpinion
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Recognizer


def noise_face(landmarks: np.ndarray, seed: int) -> AlignedFace:
    pixels = np.random.default_rng(seed).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    return AlignedFace(pixels, landmarks, np.array([[1.0, 0, 0], [0, 1.0, 0]]))


@pytest.fixture
def services(recognizer) -> Services:
    with Gallery(":memory:", recognizer.model_id) as gallery:
        yield Services(recognizer, gallery, DemoSet())


@pytest.fixture(scope="session")
def other_recognizer(random_checkpoint) -> Recognizer:
    """A second model, called ``random``; it has thresholds of its own."""
    return Recognizer.load(random_checkpoint, device="cpu")


@pytest.fixture
def two_models(services, other_recognizer) -> Services:
    """The same gallery, with a second model beside it."""
    return replace(services, beside=SecondOpinion(other_recognizer, services.gallery))


@pytest.fixture
def face(landmarks) -> AlignedFace:
    return noise_face(landmarks, 3)


@pytest.fixture
def bench(face) -> Bench:
    """Two boxes on a photo, of which only the first could be aligned; nothing chosen yet."""
    boxes = tuple(FaceBox((10 + 50 * i, 20, 50 + 50 * i, 90), np.zeros((5, 2)), 0.99) for i in range(2))
    unclear = "The picture shows 2 faces and nobody is clearly meant."
    return Bench(Photo(np.zeros((128, 160, 3), np.uint8), 1.0, boxes, (face, None), "Your photo", unclear=unclear))


@pytest.fixture
def visitor() -> gr.Request:
    """One open page."""
    return gr.Request(session_hash="visitor")


@pytest.fixture
def desk(services) -> Desk:
    """The workbench of a page that is not served."""
    with gr.Blocks(), gr.Tab("Workbench") as tab:
        return build_workbench(services, Sessions(), tab)


def event(**data) -> gr.EventData:
    """What a component of ours sends."""
    return gr.EventData(None, data)
