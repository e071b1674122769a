"""What is hidden, on a GPU: parts of faces and the score like with like, re-ranking, strangers for the cohort, and the
saliency that is left on a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.evaluation.saliency import saliency_on_mask
from ssn.evaluation.strangers import embed_strangers
from ssn.faces.types import AlignedFace
from ssn.gallery.cell_score import CellScorer
from ssn.gallery.parts import FaceParts, enrolled_parts, unpacked
from ssn.gallery.rerank import Reranker
from tests.gpu.comparison import base_network, distance, drawn_faces, network_named, on_both

pytestmark = pytest.mark.gpu
MEANS = {branch: np.random.default_rng(1).random((128, 8, 8), np.float32) for branch in ("vis", "nir")}
FAST = 0.1
"""Distance of templates that one of the two devices may make in bfloat16."""


def complete(count: int) -> list[AlignedFace]:
    """Of which nothing is hidden, in VIS."""
    nothing = np.zeros((128, 128), bool)
    return [replace(face, mask=nothing, spectrum="vis") for face in drawn_faces(count)]


def test_parts_of_a_face_and_the_score_by_cells(device):
    faces, visibility = complete(3), np.random.default_rng(2).random((128, 128), np.float32)
    scores = []
    for recognizer in on_both(base_network(), device):
        scorer = CellScorer(recognizer, MEANS)
        probe = scorer.probe(faces[0], visibility)
        units, parts = enrolled_parts(recognizer, faces)
        read = unpacked(parts.packed(), scorer.layer)
        whole = scorer.seen(read, ["vis"] * 3)
        assert distance(units, whole) < 2e-3, "read from a file in half precision they still add up to the templates"
        seen = scorer.seen(read, ["vis"] * 3, probe.weights)
        shares = scorer.shares(probe, FaceParts(read.cells[1:2], read.scales[1:2]), "vis")
        assert shares.score == pytest.approx(float(0.5 * whole[1] @ probe.whole + 0.5 * seen[1] @ probe.seen), abs=1e-4)
        scores.append((seen, shares))
    (here, expected), (there, found) = scores
    assert distance(here, there) < 2e-3
    assert found.score == pytest.approx(expected.score, abs=2e-3)
    assert found.cells == pytest.approx(expected.cells, abs=2e-3)


def test_reranking(device):
    mask = np.zeros((128, 128), bool)
    mask[20:60] = True
    faces, found = drawn_faces(5), []
    for recognizer in on_both(network_named("ssn-adaptive"), device):
        vectors = recognizer.embed_batch(faces, enrolled=True)
        scores = (vectors @ vectors[0]).astype(np.float32)
        ranked = Reranker(recognizer, faces, vectors).rerank(faces[0], scores, mask=mask)
        assert ranked.places[0] == 0
        found.append(ranked.scores[np.argsort(ranked.places)])
    assert found[1] == pytest.approx(found[0], abs=FAST)


def test_strangers(device):
    here, there = (
        embed_strangers(each, complete(4), [()] * 4, covers=("none", "eyes"))
        for each in on_both(base_network(), device)
    )
    assert distance(here.enrolled, there.enrolled) < FAST
    for condition in here.probes:
        assert distance(here.probes[condition], there.probes[condition]) < FAST
    for condition in here.cells.seen:
        assert distance(here.cells.seen[condition], there.cells.seen[condition]) < FAST
    assert distance(here.cells.hidden["eyes"], there.cells.hidden["eyes"]) < FAST


@pytest.mark.parametrize("name", ["si-split", "ssn-adaptive"])
def test_saliency_on_a_mask(name, device):
    here, there = (saliency_on_mask(each, complete(2), "maskBottom") for each in on_both(network_named(name), device))
    for expected, found in zip(here, there, strict=True):
        assert found["indicator"] == pytest.approx(expected["indicator"], rel=1e-3)
        assert found["response"] == pytest.approx(expected["response"], rel=1e-3)
