"""Simulated NIR, part by part: it does to skin, lips, hair, irises and background what 850 nm does."""

from __future__ import annotations

import numpy as np
import pytest

from ssn.people.appearance_model import load_model
from ssn.people.nir_portrait import Camera, albedo, simulate_nir_portrait
from ssn.people.parts import Regions, find_regions
from ssn.people.portrait import PHOTO_SIZE, Person, Scene, develop, draw_person, pose


@pytest.fixture(scope="module")
def portraits():
    """(portrait, regions) of a few people in the same scene."""
    model, found = load_model(), []
    for number in range(6):
        person = draw_person(number)
        portrait = develop(model, person, *pose(person, 1, model))
        regions = find_regions(portrait.rgb, portrait.landmarks, portrait.person, portrait.hair, portrait.cloth)
        found.append((portrait, regions))
    return found


def mean(picture: np.ndarray, mask: np.ndarray) -> float:
    return float((picture * mask).sum() / mask.sum())


def cheeks(regions: Regions) -> np.ndarray:
    return regions.skin * (1 - regions.lips) * (1 - regions.eyes) * (1 - regions.brows)


def painted(skin, lips, hair, iris):
    """A flat face in four colours, with its regions."""
    model = load_model()
    person = Person(0, np.zeros(model.components))
    scene = Scene(1.0, 0.0, (0.0, 0.0), (0.0, 0.0), 1.0, 0.0)
    portrait = develop(model, person, np.zeros(model.components), scene, np.random.default_rng(0))
    regions = find_regions(portrait.rgb, portrait.landmarks, portrait.person, portrait.hair, portrait.cloth)
    rgb = np.ones((PHOTO_SIZE, PHOTO_SIZE, 3), np.float32) * np.float32(skin)
    for mask, colour in ((regions.hair, hair), (regions.lips, lips), (regions.iris, iris)):
        rgb += mask[..., None] * (np.float32(colour) - rgb)
    return rgb, regions, portrait.landmarks


LIGHT, DARK = (0.85, 0.68, 0.60), (0.38, 0.26, 0.20)
RED_LIPS, BLACK, BROWN, BLUE = (0.70, 0.35, 0.35), (0.06, 0.05, 0.05), (0.20, 0.12, 0.08), (0.45, 0.55, 0.65)


def test_lips_fade():
    rgb, regions, _ = painted(LIGHT, RED_LIPS, BLACK, BROWN)
    green = rgb[..., 1] ** 2.2
    nir = albedo(rgb, regions)
    lips = regions.lips > 0.95
    before = mean(green, lips) / mean(green, cheeks(regions))
    after = mean(nir, lips) / mean(nir, cheeks(regions))
    assert before < 0.5
    assert 0.8 < after < 1.0


def test_lips_fade_on_drawn_people_too(portraits):
    contrasts = []
    for portrait, regions in portraits:
        green, nir = portrait.rgb[..., 1] ** 2.2, albedo(portrait.rgb, regions)
        lips = regions.lips > 0.9
        contrasts.append([abs(np.log(mean(p, lips) / mean(p, cheeks(regions)))) for p in (green, nir)])
    in_green, in_nir = np.mean(contrasts, axis=0)
    assert in_nir < 0.6 * in_green


def test_skin_tones_come_close():
    values = []
    for skin in (LIGHT, DARK):
        rgb, regions, _ = painted(skin, RED_LIPS, BLACK, BROWN)
        values.append((mean(rgb[..., 1] ** 2.2, cheeks(regions)), mean(albedo(rgb, regions), cheeks(regions))))
    (light_vis, light_nir), (dark_vis, dark_nir) = values
    assert light_vis / dark_vis > 5
    assert 1.0 < light_nir / dark_nir < 1.8


def test_dark_hair_brightens_and_stays_below_skin():
    rgb, regions, _ = painted(LIGHT, RED_LIPS, BLACK, BROWN)
    nir = albedo(rgb, regions)
    hair = regions.hair > 0.95
    assert mean(nir, hair) > 5 * mean(rgb[..., 1] ** 2.2, hair)
    assert mean(nir, hair) < 0.3 * mean(nir, cheeks(regions))


def test_brown_and_blue_irises_look_alike_and_the_pupil_is_black():
    values = []
    for iris in (BROWN, BLUE):
        rgb, regions, _ = painted(LIGHT, RED_LIPS, BLACK, iris)
        nir = albedo(rgb, regions)
        y, x = np.mgrid[0:PHOTO_SIZE, 0:PHOTO_SIZE]
        centre, radius = regions.centres[0], regions.radii[0]
        far = np.hypot(x - centre[0], y - centre[1]) / radius
        ring = (far > 0.65) & (far < 0.85) & (regions.eyes > 0.9)
        values.append(nir[ring].mean())
        assert nir[far < 0.25].mean() < 0.6 * values[-1]
    assert max(values) / min(values) < 1.3


def test_the_lamp_falls_off_and_leaves_the_background_dark():
    rgb, regions, landmarks = painted(LIGHT, RED_LIPS, BLACK, BROWN)
    nir = simulate_nir_portrait(rgb, landmarks, regions, Camera(), np.random.default_rng(0))[..., 0] / 255.0
    face = cheeks(regions) > 0.9
    assert mean(nir, regions.person < 0.05) < 0.4 * mean(nir, face)
    near, far = landmarks[30].astype(int), landmarks[4].astype(int)
    patch = lambda p: nir[p[1] - 4 : p[1] + 5, p[0] - 4 : p[0] + 5].mean()  # noqa: E731
    assert patch(near - np.array([14, 0])) > patch(far + np.array([4, -4]))


def test_the_pupils_glint():
    rgb, regions, landmarks = painted(LIGHT, RED_LIPS, BLACK, BROWN)
    sharp = Camera(pixels=1.0, noise=0.0)
    with_glint, without = (
        simulate_nir_portrait(rgb, landmarks, regions, camera, np.random.default_rng(0))[..., 0].astype(int)
        for camera in (sharp, Camera(pixels=1.0, noise=0.0, glint=0.0))
    )
    more = with_glint - without
    for centre, radius in zip(regions.centres, regions.radii, strict=True):
        x, y = np.round(centre).astype(int)
        r = int(np.ceil(radius))
        assert more[y - r : y + r + 1, x - r : x + r + 1].max() > 40
    assert (more[regions.eyes < 0.01] == 0).all()


def test_cameras_differ_by_seed_within_their_ranges():
    cameras = [Camera.random(np.random.default_rng(seed)) for seed in range(20)]
    assert len({camera.lamp_x for camera in cameras}) == 20
    assert all(0.3 < camera.lamp_x < 0.7 and 0 < camera.wall < 0.1 for camera in cameras)
