"""A recogniser that remembers: the same templates as without, and no picture looked at twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssn.evaluation.families.inpainting import Inpainting
from ssn.evaluation.families.light_cnn import LightCNN
from ssn.evaluation.matcher import FamilyMatcher, NetworkMatcher
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.types import AlignedFace
from tests.drawn import mean_landmarks
from tests.pixel_recognizer import PixelRecognizer, RememberingPixels


def noise(seed: int, spectrum: str = "vis") -> AlignedFace:
    pixels = np.random.default_rng(seed).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    return AlignedFace(pixels, mean_landmarks(), np.eye(2, 3), spectrum)


@pytest.fixture
def seen(monkeypatch) -> list[int]:
    """How many pictures the network looked at, call by call."""
    counts: list[int] = []
    plain = PixelRecognizer.embed_gray

    def counted(self, gray, *given):
        counts.append(len(gray))
        return plain(self, gray, *given)

    monkeypatch.setattr(PixelRecognizer, "embed_gray", counted)
    return counts


def test_methods_with_one_network_share_what_is_the_same_picture_to_them(seen):
    faces = [noise(i) for i in range(5)]
    hidden = occlude(faces[0], named_mask("maskTop", faces[0].landmarks))
    plain, shared = PixelRecognizer(), RememberingPixels()
    methods = [NetworkMatcher(shared), FamilyMatcher(LightCNN(shared)), FamilyMatcher(Inpainting(shared))]
    probes = [*faces[1:], hidden]
    expected = [plain.embed_batch(faces, enrolled=True), plain.embed_batch(probes)]
    seen.clear()
    for method in methods[:2]:
        assert np.array_equal(method.describe(faces, enrolled=True), expected[0])
        assert np.array_equal(method.describe(probes), expected[1])
    assert sum(seen) == 10, "the second method found all of it"
    methods[2].describe(probes)
    assert sum(seen) == 11, "of five probes inpainting changes one"


def test_what_differs_is_kept_apart(seen):
    shared, plain = RememberingPixels(), PixelRecognizer()
    face = noise(1)
    for each in (face, noise(1, "nir"), noise(2)):
        for enrolled in (False, True):
            assert np.array_equal(
                shared.embed_batch([each, each], enrolled=enrolled)[1], plain.embed_batch([each], enrolled=enrolled)[0]
            )
    assert shared.model_id == plain.model_id
    shared.network.adaptive = True
    before = sum(seen)
    shared.embed_batch([replace(face, mask=np.ones((128, 128), bool))])
    assert sum(seen) == before + 1, "an adaptive network is told what is hidden"
