"""The cascade against facenet-pytorch's own, whose weights it uses, and its parts against PyTorch's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from facenet_pytorch import MTCNN
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ssn.faces.mtcnn import Cascade, PixelSums, SlicedMaxPool
from ssn.faces.read import read_image


@pytest.fixture(scope="module")
def reference() -> MTCNN:
    return MTCNN(keep_all=True, min_face_size=24, post_process=False)


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade(torch.device("cpu"), 24)


def pictures(demo) -> list[np.ndarray]:
    first, second, third = (read_image(person.enrolment) for person in demo[:3])
    small = cv2.resize(second, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).integers(0, 256, (150, 210, 3), dtype=np.uint8)
    nir = read_image(demo[3].probes[2].file)
    return [
        first,
        np.hstack([first, third]),
        np.pad(small, ((0, 70), (51, 0), (0, 0))),
        nir,
        first[40:170, :150],
        noise,
    ]


def test_boxes_confidences_and_points_are_those_of_the_reference(reference, cascade, demo):
    seen = 0
    for picture in pictures(demo):
        boxes, confidences, points = reference.detect(picture, landmarks=True)
        found = cascade(picture)
        if boxes is None:
            assert len(found[0]) == 0
            continue
        order, wanted = np.argsort(found[1]), np.argsort(confidences.astype(float))
        assert np.allclose(found[0][order], boxes[wanted].astype(float), atol=1e-2)
        assert np.allclose(found[1][order], confidences[wanted].astype(float), atol=1e-4)
        assert np.allclose(found[2][order], points[wanted].astype(float), atol=1e-2)
        seen += len(boxes)
    assert seen >= 5


def test_steps_below_the_wanted_size_are_left_out_and_faces_of_it_are_not(cascade, demo, monkeypatch):
    assert [round(cascade.smallest_for(wanted), 1) for wanted in (0, 33, 34, 40, 48)] == [24, 24, 33.9, 33.9, 47.7]
    steps = []
    shrunk = PixelSums.shrunk
    monkeypatch.setattr(PixelSums, "shrunk", lambda self, *size: steps.append(size) or shrunk(self, *size))
    photo = read_image(demo[0].enrolment)
    exact = cascade(photo)
    every, last = list(steps), 0
    for wanted in (40, 60):
        steps.clear()
        large = cascade(photo, wanted)
        left_out = len(every) - len(steps)
        assert left_out > last
        assert steps == every[left_out:]
        assert len(large[0]) == len(exact[0]) == 1
        assert np.allclose(large[0], exact[0], atol=1)
        last = left_out


@given(st.integers(5, 40), st.integers(5, 40), st.integers(3, 48), st.integers(3, 48))
def test_shrinking_is_the_mean_over_pytorchs_areas(height, width, rows, columns):
    picture = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    wanted = F.interpolate(torch.from_numpy(picture).permute(2, 0, 1)[None].double(), size=(rows, columns), mode="area")
    assert np.allclose(PixelSums(picture).shrunk(rows, columns), (wanted - 127.5) / 128, atol=1e-6)


def test_crops_are_the_means_over_their_own_areas():
    picture = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    boxes = np.array([[0, 0, 80, 60], [10, 5, 12, 6], [30, 20, 79, 59], [7, 7, 31, 31]])
    for box, crop in zip(boxes, PixelSums(picture).crops(boxes, 24), strict=True):
        x0, y0, x1, y1 = box
        part = torch.from_numpy(picture[y0:y1, x0:x1]).permute(2, 0, 1)[None].double()
        assert np.allclose(crop, ((F.interpolate(part, size=(24, 24), mode="area") - 127.5) / 128)[0], atol=1e-6)


@given(st.integers(3, 20), st.integers(3, 20), st.sampled_from([2, 3]))
def test_the_sliced_pool_is_the_pool(height, width, kernel):
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(height * 21 + width))
    assert torch.equal(SlicedMaxPool(kernel)(x), nn.MaxPool2d(kernel, 2, ceil_mode=True)(x))


def test_candidates_looked_at_in_parts_are_those_looked_at_together(cascade, demo, monkeypatch):
    for picture in pictures(demo):
        together = cascade(picture)
        with monkeypatch.context() as patch:
            patch.setattr("ssn.faces.mtcnn.AT_ONCE", 3)
            apart = cascade(picture)
        for one, other in zip(together, apart, strict=True):
            assert one.shape == other.shape
            assert np.allclose(one, other, atol=1e-3)
