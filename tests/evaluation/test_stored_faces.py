"""Re-ranking under the probe's mask, and measures on aligned faces, with networks whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssn.data.face_store import face_of_crop
from ssn.errors import DataError
from ssn.evaluation import metrics
from ssn.evaluation.face_set import stored_face_set
from ssn.evaluation.measure import measure, measure_descriptors
from ssn.evaluation.probes import as_probe
from ssn.evaluation.saliency import saliency_on_mask
from ssn.faces.align import alignment_transform
from ssn.faces.occlude import mask_bottom, occlude
from ssn.faces.types import AlignedFace
from ssn.gallery.rerank import Reranker, mixed, rescored
from ssn.models.card import ModelCard
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer, gray_batch, told_masks
from tests.drawn import mean_landmarks
from tests.training.toys import FULL_SHAPES, ToyBackbone


class Pixels(nn.Module):
    """The embedding is the face itself, 16×16."""

    adaptive = False

    def forward(self, gray, branch, mask=None):
        return F.adaptive_avg_pool2d(gray, 16).flatten(1)


class Told(Pixels):
    """What the mask says of a pixel moves the pixel above or below."""

    adaptive = True

    def forward(self, gray, branch, mask=None):
        plain = super().forward(gray, branch)
        return plain if mask is None else plain * (1 + super().forward(mask.flip(2), branch))


class Measured(Recognizer):
    """What measuring reads of a recognizer, without a detector."""

    def __init__(self, network: nn.Module):
        self.network, self.device, self.half = network.eval(), torch.device("cpu"), False
        self.card = ModelCard("toy", model_id="toy")


def embed(used: Recognizer, faces: list[AlignedFace], told: torch.Tensor | None = None, enrolled: bool = False):
    return used.embed_gray(gray_batch(faces), ["vis"] * len(faces), told, enrolled=enrolled)


def adaptive_network(bias: float = 0.0) -> SaliencySearchNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SaliencySearchNetwork(ToyBackbone(), adaptive=True, shapes=FULL_SHAPES)
    with torch.no_grad():
        for block in network.selection:
            block.answer.bias.fill_(bias)
    return network


def face(top: int, bottom: int) -> AlignedFace:
    """An upper and a lower gray."""
    pixels = np.full((128, 128, 3), top, np.uint8)
    pixels[70:] = bottom
    return AlignedFace(pixels, mean_landmarks(), np.eye(2, 3))


def pattern(seed: int) -> np.ndarray:
    """A person: 8×8 random squares, as a crop with margin."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(20, 230, (18, 18, 1)), np.ones((8, 8, 3))).astype(np.uint8)


def people(count: int, photos: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    crops = np.stack([pattern(i // photos) for i in range(count * photos)]).astype(int)
    crops = (crops + rng.integers(-8, 8, crops.shape)).clip(0, 255).astype(np.uint8)
    return crops, np.stack([mean_landmarks() + 8] * len(crops)), np.arange(count).repeat(photos)


def test_hiding_the_same_on_both_sides_puts_the_right_person_first():
    """A mask makes the probe's lower half black; so is the wrong person's, very nearly, by nature."""
    right, wrong = face(120, 45), face(90, 10)
    right.pixels[:70, 32:96] = 60
    probe = occlude(right, np.arange(128)[:, None].repeat(128, 1) >= 70)
    used = Measured(Pixels())
    gallery = [right, wrong]
    whole, seen = embed(used, gallery, enrolled=True), embed(used, [probe])[0]
    scores = whole @ seen
    assert scores.argmax() == 1, "without re-ranking the wrong person wins"
    found = Reranker(used, gallery).rerank(probe, scores, shortlist=2)
    assert found.places[0] == 0
    both = 2 * whole + embed(used, [occlude(one, probe.mask) for one in gallery])
    closed = (both @ seen) / np.linalg.norm(both, axis=1)
    assert found.scores == pytest.approx(closed, abs=1e-5)
    textured = [face_of_crop(pattern(i), mean_landmarks() + 8) for i in range(6)]
    hidden = occlude(textured[4], mask_bottom(textured[4].landmarks))
    scores = embed(used, textured, enrolled=True) @ embed(used, [hidden])[0]
    found = Reranker(used, textured).rerank(hidden, scores, shortlist=6)
    assert found.places[0] == 4
    usual = found.before[0]  # with the whole face; with the same face behind the same mask it is 1
    assert usual < 0.99
    assert found.scores[0] == pytest.approx((2 * usual + 1) / (5 + 4 * usual) ** 0.5, abs=1e-5)
    assert sorted(found.places) == list(range(6))
    assert (np.diff(found.scores) <= 0).all()


def test_a_painted_mask_can_stand_in_for_the_probes_own():
    used, gallery = Measured(Pixels()), [face_of_crop(pattern(i), mean_landmarks() + 8) for i in range(3)]
    mask = np.zeros((128, 128), bool)
    mask[60:] = True
    vectors = embed(used, [*gallery, gallery[1]])
    found = Reranker(used, gallery).rerank(gallery[1], vectors[:3] @ vectors[3], 3, mask)
    own = Reranker(used, gallery).rerank(occlude(gallery[1], mask), vectors[:3] @ vectors[3], 3)
    assert np.array_equal(found.places, own.places)
    assert np.allclose(found.scores, own.scores)


def test_an_adaptive_network_is_told_the_mask_when_it_ranks_again():
    used, gallery = Measured(Told()), [face_of_crop(pattern(i), mean_landmarks() + 8) for i in range(3)]
    probe = occlude(gallery[1], mask_bottom(gallery[1].landmarks))
    hidden = [occlude(one, probe.mask) for one in gallery]
    whole = embed(used, gallery, enrolled=True)
    scores = {}
    for told in (True, False):
        mask = told_masks([*hidden, probe]) if told else None
        vectors = embed(used, [*hidden, probe], mask)
        scores[told] = mixed(whole, vectors[:3]) @ vectors[3]
    found = Reranker(used, gallery).rerank(probe, whole @ vectors[3], 3)
    assert found.scores == pytest.approx(scores[True][found.places], abs=1e-5)
    assert np.abs(scores[True] - scores[False]).max() > 1e-3


def test_the_mirror_image_of_a_hidden_face_is_told_the_mirrored_mask():
    used = Measured(Told())
    mask = np.zeros((128, 128), bool)
    mask[:40, :50] = True
    hidden = occlude(face_of_crop(pattern(1), mean_landmarks() + 8), mask)
    turned = hidden.with_(pixels=hidden.pixels[:, ::-1].copy(), mask=mask[:, ::-1].copy())
    both = embed(used, [hidden, turned], told_masks([hidden, turned])).sum(axis=0)
    found = used.embed_batch([hidden], enrolled=True)[0]
    assert found == pytest.approx(both / np.linalg.norm(both), abs=1e-6)
    assert np.abs(found - embed(used, [hidden], enrolled=True)[0]).max() > 1e-3, "told nothing, it answers otherwise"


def test_where_nothing_is_hidden_nothing_changes_and_only_the_shortlist_does():
    used, gallery = Measured(Pixels()), [face_of_crop(pattern(i), mean_landmarks() + 8) for i in range(6)]
    probes = [gallery[2], occlude(gallery[3], mask_bottom(gallery[3].landmarks))]
    vectors = embed(used, [*gallery, *probes])
    scores = vectors[6:] @ vectors[:6].T
    reranker = Reranker(used, gallery)
    same = reranker.rerank(probes[0], scores[0], 4)
    assert np.array_equal(same.scores, same.before)
    again = reranker.rerank(probes[1], scores[1], 2)
    assert again.places[0] == 3
    assert set(again.places) == set(np.argsort(-scores[1])[:2])
    with pytest.raises(ValueError, match="gallery of 6"):
        reranker.rerank(probes[1], scores[1][:3])


def test_rescoring_reorders_the_shortlist_and_leaves_the_rest_behind_it():
    rng = np.random.default_rng(5)
    scores, again = rng.uniform(-1, 1, (4, 7)), rng.uniform(-1, 1, (4, 7))
    found = rescored(scores, again, shortlist=3)
    for row in range(4):
        best = sorted(range(7), key=lambda place: -scores[row, place])
        wanted = sorted(best[:3], key=lambda place: -again[row, place]) + best[3:]
        assert np.argsort(-found[row]).tolist() == wanted


def test_a_face_with_nothing_hidden_is_told_as_not_known():
    plain = face(100, 50)
    hidden = occlude(plain, mask_bottom(plain.landmarks))
    told = told_masks([plain, hidden])
    assert told.shape == (2, 1, 128, 128)
    assert bool((told[0] == -1).all())
    assert np.array_equal(told[1, 0].numpy(), hidden.mask)


def test_a_crop_with_margin_is_the_aligned_face_inside_it():
    crop = np.random.default_rng(0).integers(0, 255, (144, 144, 3)).astype(np.uint8)
    found = face_of_crop(crop, mean_landmarks() + 8)
    assert np.array_equal(found.pixels, crop[8:136, 8:136])
    assert np.allclose(found.landmarks, mean_landmarks())
    assert np.allclose(found.transform, [[1, 0, -8], [0, 1, -8]])
    small, large = (alignment_transform(mean_landmarks(), size) for size in (128, 144))
    assert np.allclose(large[:, 2] - small[:, 2], 8), "a larger crop has the same frame and margin all round"


def test_the_first_photo_of_everybody_with_two_is_enrolled():
    crops, landmarks, owners = people(3)
    found = stored_face_set(
        "x", np.concatenate([crops, crops[:1]]), np.concatenate([landmarks, landmarks[:1]]), [*owners, 9]
    )
    assert found.gallery_people.tolist() == [0, 1, 2]
    assert found.probe_people.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(found.gallery[1].pixels, crops[3, 8:136, 8:136])
    order = np.random.default_rng(3).permutation(len(crops))
    mixed = stored_face_set("x", crops[order], landmarks[order], owners[order], most=1)
    first = [next(i for i in order if owners[i] == person) for person in range(3)]
    assert [face.pixels.tobytes() for face in mixed.gallery] == [
        crops[i, 8:136, 8:136].tobytes() for i in order if i in first
    ]
    assert sorted(mixed.probe_people.tolist()) == [0, 1, 2]
    assert not any(np.array_equal(a.pixels, b.pixels) for a in mixed.gallery for b in mixed.probes)
    with pytest.raises(DataError, match="two photos"):
        stored_face_set("x", crops[:1], landmarks[:1], np.array([1]))


def test_the_rows_are_those_of_the_metrics():
    faces, used = stored_face_set("x", *people(5)), Measured(Pixels())
    rows = [row.flat() for row in measure(used, faces, ("vis",), shortlist=3)]
    assert [row["occlusion"] for row in rows] == ["none", "maskTop", "maskBottom"]
    scores = embed(used, list(faces.probes)) @ embed(used, list(faces.gallery), enrolled=True).T
    same = faces.probe_people[:, None] == faces.gallery_people
    assert rows[0]["auc"] == metrics.auc(scores.ravel(), same.ravel())
    assert rows[0]["rank1"] == metrics.cmc(scores, faces.probe_people, faces.gallery_people)[0] == 1.0
    assert "rerank1" not in rows[0]
    assert rows[2]["rerank1"] == 1.0
    assert set(rows[0]) >= {"rank5", "eer", "tpr_at_0.01", "tpr_at_0.001", "threshold_at_0.001"}
    assert "rerank1" not in measure(used, faces, ("vis",), ("maskTop",))[0].flat()


def test_other_descriptors_are_ranked_by_distance_on_the_same_pictures():
    """Mean brightness of two halves for a descriptor: the rows are those of a loop over all pairs."""
    faces = stored_face_set("x", *people(4))

    def describe(one):
        return np.array([one.pixels[:64].mean(), one.pixels[64:].mean()])

    rows = [row.flat() for row in measure_descriptors(describe, faces, "vis", ("none", "maskBottom"))]
    hidden = [as_probe(one, "maskBottom") for one in faces.probes]
    for row, probes in zip(rows, (list(faces.probes), hidden), strict=True):
        near = [[np.hypot(*(describe(a) - describe(b))) for b in faces.gallery] for a in probes]
        first = np.mean(faces.gallery_people[np.argmin(near, axis=1)] == faces.probe_people)
        assert row["rank1"] == pytest.approx(first)
        assert set(row) == {
            "occlusion",
            *(f"rank{i}" for i in range(1, 6)),
            "auc",
            "eer",
            "tpr_at_0.01",
            "tpr_at_0.001",
        }
    assert rows[0]["rank1"] == 1
    assert rows[1]["auc"] < rows[0]["auc"]


def test_saliency_on_the_mask_is_reported_with_and_without_it():
    crops, landmarks, _ = people(2, 1)
    faces = [face_of_crop(*pair) for pair in zip(crops, landmarks, strict=True)]
    rows = saliency_on_mask(Measured(adaptive_network()), faces, "maskBottom")
    assert [row["block"] for row in rows] == [1, 2, 3, 4]
    start = torch.sigmoid(torch.tensor(1.0)).item()
    assert all(value == pytest.approx(start, abs=1e-5) for row in rows for value in row["indicator"].values())
    assert all(value >= 0 for row in rows for value in row["response"].values())
    assert rows[0]["response"]["inside"] != pytest.approx(rows[0]["response"]["inside_complete"])
    plain = SaliencySearchNetwork(ToyBackbone(), selection=False, shapes=FULL_SHAPES)
    assert all(row["indicator"] is None for row in saliency_on_mask(Measured(plain), faces, "maskTop"))
