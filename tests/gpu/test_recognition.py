"""Templates, block maps, visibility and what is seen of a face: a GPU says of a face what the processor says."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from ssn.gallery.cell_score import CellScorer
from ssn.machine import choose_device, has_fast_bfloat16
from ssn.models.visibility import VisibilityNetwork
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT, load_visibility
from ssn.visibility import VisibilityFinder
from tests.gpu.comparison import CPU, NETWORKS, base_network, distance, drawn_faces, network_named, on_both, worst

pytestmark = pytest.mark.gpu
FLOAT32 = 1e-4
"""Of a template's length: other orders of sums make 1e-5 at most, TensorFloat-32 would make 1e-3."""
BFLOAT16 = 0.1
"""bfloat16 has eight bits; the score of a face with itself then stays above 0.995."""


def test_float32_is_float32():
    chosen = choose_device("auto")
    assert chosen.type == "cpu" or not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("name", NETWORKS)
def test_templates(name, device):
    here, there = on_both(network_named(name), device)
    faces = drawn_faces()
    for enrolled in (False, True):
        expected, found = (each.embed_batch(faces, batch=4, enrolled=enrolled) for each in (here, there))
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
        assert np.linalg.norm(expected - found, axis=1).max() < FLOAT32
    if has_fast_bfloat16(device):
        fast = there.embed_batch(faces, fast=True)
        assert np.linalg.norm(here.embed_batch(faces) - fast, axis=1).max() < BFLOAT16


@pytest.mark.parametrize("name", NETWORKS)
def test_the_maps_of_the_four_blocks(name, device):
    here, there = on_both(network_named(name), device)
    faces = drawn_faces(3)
    for (template, maps), (other, others) in zip(here.looks(faces), there.looks(faces), strict=True):
        assert distance(template.vector, other.vector) < FLOAT32
        assert worst([(a.response, b.response) for a, b in zip(maps, others, strict=True)]) < FLOAT32
        if name != "light-cnn":
            assert worst([(a.indicator, b.indicator) for a, b in zip(maps, others, strict=True)]) < FLOAT32


def test_visibility(device):
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        network, card = VisibilityNetwork().eval(), None
    if VISIBILITY_CHECKPOINT.is_file():
        network, card = load_visibility(VISIBILITY_CHECKPOINT)
    here, there = (VisibilityFinder(copy.deepcopy(network), card, where) for where in (CPU, device))
    expected, found = (finder.visibilities(drawn_faces(), batch=4) for finder in (here, there))
    assert np.abs(expected - found).max() < 1e-3
    assert expected.std() > (0.1 if card else 0.005), "places differ by more than devices may"


def test_what_is_seen_of_a_face_by_its_cells(device):
    recognizers = on_both(base_network(), device)
    means = {branch: np.random.default_rng(1).random((128, 8, 8), np.float32) for branch in ("vis", "nir")}
    visibility = np.random.default_rng(2).random((128, 128), np.float32)
    for face in drawn_faces(2):
        here, there = (CellScorer(each, means).probe(face, visibility) for each in recognizers)
        assert there.seen.device.type == device.type
        assert distance(here.weights, there.weights) < 1e-5
        assert distance(here.whole, there.whole) < FLOAT32
        assert distance(here.seen, there.seen) < FLOAT32
