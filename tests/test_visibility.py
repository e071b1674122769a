"""What the shipped visibility network finds on the demo people, none of whom exists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.faces.finder import shared_finder
from ssn.faces.occlude import named_mask, occlude
from ssn.faces.types import AlignedFace
from ssn.people.dressed import dress_in
from ssn.visibility import CORE, HIDDEN, SURE, VisibilityFinder, hidden_share, opaque, painted, without_doubt


@pytest.fixture(scope="module")
def finder() -> VisibilityFinder:
    return VisibilityFinder.load(device="cpu")


@pytest.fixture(scope="module")
def faces(demo) -> list[AlignedFace]:
    return [shared_finder("cpu").face(person.enrolment) for person in demo[:8]]


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    """Intersection over union, pixel by pixel."""
    both = sum(1 for a, b in zip(found.ravel(), true.ravel(), strict=True) if a and b)
    either = sum(1 for a, b in zip(found.ravel(), true.ravel(), strict=True) if a or b)
    return both / either


def forgetful(face: AlignedFace) -> AlignedFace:
    """The face without the mask that says what is hidden."""
    return face.with_(mask=np.zeros_like(face.mask))


def test_maps_are_one_a_face_in_the_faces_size_and_in_range(finder, faces):
    maps = finder.visibilities(faces, batch=3)
    assert maps.shape == (len(faces), 128, 128)
    assert maps.dtype == np.float32
    assert 0 <= maps.min() <= maps.max() <= 1
    assert np.allclose(maps[5], finder.visibility(faces[5]), atol=1e-4), "however many are asked together"
    assert finder.visibilities([]).shape == (0, 128, 128)


def test_complete_faces_are_visible(finder, faces, demo):
    nir = [shared_finder("cpu").face(p.probes[0].file, "nir") for p in demo[:8]]
    for group in (faces, nir):
        assert np.mean([hidden_share(v) for v in finder.visibilities(group)]) <= 0.02


@pytest.mark.parametrize("name", ["maskTop", "maskBottom"])
def test_a_black_mask_is_found(finder, faces, name):
    for face in faces[:4]:
        mask = named_mask(name, face.landmarks)
        assert overlap(finder.visibility(forgetful(occlude(face, mask))) < HIDDEN, mask) >= 0.9


def test_a_black_rectangle_is_found_wherever_it_lies(finder, faces):
    rng = np.random.default_rng(5)
    for face in faces[:4]:
        left, top = rng.integers(10, 60, 2)
        mask = np.zeros((128, 128), bool)
        mask[top : top + rng.integers(35, 60), left : left + rng.integers(35, 60)] = True
        assert overlap(finder.visibility(forgetful(occlude(face, mask))) < HIDDEN, mask) >= 0.9


@pytest.mark.parametrize(
    ("worn", "spectrum", "least"),
    [
        ("goggles", "vis", 0.85),
        ("surgical", "vis", 0.65),
        ("scarf", "vis", 0.75),
        ("goggles", "nir-simulated", 0.85),
        ("surgical", "nir-simulated", 0.65),
        ("scarf", "nir-simulated", 0.85),
    ],
)
def test_covers_that_no_training_saw_are_found(finder, faces, worn, spectrum, least):
    shares = []
    for number, face in enumerate(faces[:4]):
        dressed, opacity = dress_in(face, worn, spectrum, np.random.default_rng(number))
        shares.append(overlap(finder.visibility(dressed) < HIDDEN, opacity > 0.5))
    assert np.mean(shares) >= least


def test_goggles_that_let_nir_light_through_are_less_visible_than_the_face_and_more_than_a_scarf(finder, faces):
    """v is a degree: behind the lens half of the light comes back."""
    means = {}
    for worn in ("goggles", "scarf"):
        hidden = []
        for number, face in enumerate(faces[:4]):
            dressed, opacity = dress_in(face, worn, "nir-simulated", np.random.default_rng(number))
            hidden.append((1 - finder.visibility(dressed))[opacity > 0.5].mean())
        means[worn] = np.mean(hidden)
    bare = 1 - finder.visibilities([dress_in(f, "none", "nir-simulated", np.random.default_rng(0))[0] for f in faces])
    assert bare.mean() + 0.15 < means["goggles"] < means["scarf"] - 0.1


def test_painted_is_black_where_next_to_nothing_is_seen_and_the_same_elsewhere(faces):
    seen = np.ones((128, 128), np.float32)
    seen[10:30], seen[50:70], seen[70:90] = SURE / 2, HIDDEN / 2, (HIDDEN + 1) / 2
    before = faces[0].with_(mask=np.eye(128, dtype=bool))
    after = painted(before, seen)
    assert not after.pixels[10:30].any()
    assert (after.pixels[30:] == before.pixels[30:]).all()
    assert after.mask[10:30].all()
    assert (after.mask[30:] == before.mask[30:]).all(), (
        "what was hidden before stays so, what lets light through is shown"
    )
    assert hidden_share(seen) == pytest.approx(40 / 128)


def flooded(visibility: np.ndarray) -> np.ndarray:
    """The opaque regions by flooding, pixel after pixel."""
    height, width = visibility.shape
    below = {(y, x) for y in range(height) for x in range(width) if visibility[y, x] < HIDDEN}
    answer = np.zeros((height, width), bool)
    while below:
        region, edge = set(), [below.pop()]
        while edge:
            y, x = edge.pop()
            region.add((y, x))
            for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if near in below:
                    below.remove(near)
                    edge.append(near)
        if sum(visibility[place] < SURE for place in region) >= CORE * len(region):
            answer[tuple(zip(*region, strict=True))] = True
    return answer


@given(st.integers(0, 10_000))
def test_what_is_painted_are_the_regions_with_a_sure_core(seed):
    rng = np.random.default_rng(seed)
    visibility = rng.choice([0.0, 0.05, 0.2, 0.4, 1.0], size=(12, 9), p=rng.dirichlet(np.ones(5))).astype(np.float32)
    assert (opaque(visibility) == flooded(visibility)).all()


def test_doubt_alone_paints_nothing():
    visibility = np.ones((128, 128), np.float32)
    visibility[20:60, 20:100] = 0.2
    visibility[80:120, 30:90] = 0.02
    assert not opaque(visibility)[:70].any()
    assert opaque(visibility)[80:120, 30:90].all()
    assert not opaque(np.ones((4, 4))).any()
    assert opaque(np.zeros((4, 4))).all()
    certain = without_doubt(visibility)
    assert (certain[:70] == 1).all(), "what may tell who it is is not left out"
    assert certain[80:120, 30:90] == pytest.approx(0.02)
