"""What a model's indicators have learned, held against loops, built maps and cards written by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np
import pytest
import torch

from ssn.answers import indicators as answers
from ssn.explanation.methods.mean_face import mean_face, mean_face_landmarks
from ssn.faces.align import align
from ssn.models.card import ModelCard
from ssn.models.checkpoint import BASE_CHECKPOINT, load_model
from ssn.models.network import SaliencySearchNetwork
from ssn.people.portrait import draw_person, photo
from ssn.recognizer import Recognizer
from ssn.training.search.tied import PLACES, TiedIndicators


@pytest.fixture
def network() -> SaliencySearchNetwork:
    return SaliencySearchNetwork().eval()


def searched(network: SaliencySearchNetwork, place: bool = True) -> Recognizer:
    """M as a tied search leaves it, rounded as in a file."""
    parameters = [block.indicators for block in network.selections()]
    tied, generator = TiedIndicators(parameters, place), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in tied.parameters():
            one.copy_(0.4 * torch.randn(one.shape, generator=generator))
        tied.write(parameters)
        for m in parameters:
            m.copy_(m.half().float())
    return Recognizer(network, ModelCard("m", searched=True), "cpu")


def test_a_model_without_a_search_has_learned_nothing(network):
    assert answers.learned_indicators(Recognizer(network, ModelCard("m"), "cpu")) is None
    bare = SaliencySearchNetwork(selection=False).eval()
    assert answers.learned_indicators(Recognizer(bare, ModelCard("m"), "cpu")) is None


def test_places_means_and_what_was_moved_are_those_of_a_loop(network):
    recognizer = searched(network)
    found = answers.learned_indicators(recognizer)
    assert [block.number for block in found.blocks] == [1, 2, 3, 4]
    m = network.selections()[3].indicators.detach().numpy()
    channels, height, width = m.shape[1:]
    by_hand = [sum(1 / (1 + exp(-m[0, c, 3, 11])) for c in range(channels)) / channels]
    assert found.blocks[3].nir.places[3, 11] == pytest.approx(by_hand[0], abs=1e-5)
    assert found.blocks[3].vis.places.shape == (height, width)
    assert found.blocks[3].difference[3, 11] == pytest.approx(
        by_hand[0] - (1 / (1 + np.exp(-m[1, :, 3, 11]))).mean(), abs=1e-5
    )
    every = np.concatenate([block.indicators.detach().numpy().ravel() for block in network.selections()])
    assert found.moved == pytest.approx(np.abs(1 / (1 + np.exp(-every)) - 0.7310586).mean(), abs=1e-4)
    inside = ((1 / (1 + np.exp(-m[0]))) >= found.blocks[3].nir.low) & (
        (1 / (1 + np.exp(-m[0]))) <= found.blocks[3].nir.high
    )
    assert inside.mean() == pytest.approx(0.9, abs=0.01)


def test_how_m_is_tied_is_read_off_the_weights(network):
    assert answers.learned_indicators(searched(network)).tied == PLACES
    assert answers.learned_indicators(searched(SaliencySearchNetwork().eval(), place=False)).tied == 1
    with torch.no_grad():
        network.selections()[1].indicators.add_(0.2 * torch.randn(network.selections()[1].indicators.shape))
    assert answers.learned_indicators(Recognizer(network, ModelCard("m", searched=True), "cpu")).tied == 0


@pytest.mark.parametrize("side", [2, 4, 16])
def test_the_smallest_map_of_places_is_found(side):
    rng = np.random.default_rng(side)
    small = torch.from_numpy(rng.normal(size=(1, 1, side, side)).astype(np.float32))
    place = torch.nn.functional.interpolate(small, (32, 32), mode="bilinear", align_corners=False)[0]
    m = (place + torch.from_numpy(rng.normal(size=(5, 1, 1)).astype(np.float32))).numpy()
    assert answers.shared_places(m) == side


def test_a_part_that_was_made_bright_is_the_bright_one(network):
    landmarks = mean_face_landmarks()
    left, top = landmarks[48:60].min(axis=0)
    right, bottom = landmarks[48:60].max(axis=0)
    with torch.no_grad():
        m = network.selections()[0].indicators  # 64 × 64 places of 2 pixels
        m[0, :, int(top / 2) : int(bottom / 2) + 1, int(left / 2) : int(right / 2) + 1] = 3.0
    found = answers.learned_indicators(Recognizer(network, ModelCard("m", searched=True), "cpu"))
    parts = found.blocks[0].nir.parts
    assert max(parts, key=parts.get) == "mouth"
    assert parts["mouth"] > parts["eyes"] + 0.1
    assert found.blocks[0].vis.parts["mouth"] == pytest.approx(0.731, abs=1e-3)
    nir, vis = found.part("mouth")
    assert nir - vis == pytest.approx((parts["mouth"] - 0.7310586) / 4, abs=1e-3), "one block of four"


def test_the_landmarks_lie_where_the_mean_face_has_its_parts():
    points = mean_face_landmarks()
    drawn = []
    for number in range(12):
        picture = photo(draw_person(number), 0)
        drawn.append(align(picture.pixels, picture.landmarks).landmarks)
    assert np.abs(points - np.mean(drawn, axis=0)).mean() < 3, "pixels of 128"
    dark, bright = points[36:48].mean(axis=0).astype(int), points[30].astype(int)
    face = mean_face("vis")
    assert face[dark[1], points[36:42, 0].mean().astype(int)] < face[bright[1], bright[0]]


def card(rank: float, probes: int = 1997, **more) -> ModelCard:
    rows = [
        {"probe_spectrum": "vis", "occlusion": "none", "rank": [0.9, 0.95], "counts": {"probes": probes}},
        {"probe_spectrum": "nir", "occlusion": "maskTop", "rank": [rank], "counts": {"probes": probes}},
        {"probe_spectrum": "nir", "occlusion": "maskBottom", "rank": None, "counts": {}},
    ]
    return ModelCard("m", measures={"lfw": {"rows": rows}}, **more)


def test_a_difference_is_clear_only_beyond_what_so_many_probes_vary_by():
    for own, clear in ((0.61, False), (0.70, True)):
        complete, masked = answers.gains(card(own), card(0.60), "lfw")
        assert (masked.spectrum, masked.occlusion, masked.own, masked.base) == ("nir", "maskTop", own, 0.60)
        assert masked.clear == clear
        assert not complete.clear
    assert not any(gain.clear for gain in answers.gains(card(0.70, 50), card(0.60, 50), "lfw")), "fifty probes"
    assert answers.gains(card(0.6), card(0.6), "casia") == []
    assert answers.gains(ModelCard("m"), card(0.6), "lfw") == []


def test_the_base_is_the_one_that_the_recipe_names():
    known = load_model(BASE_CHECKPOINT)[1]
    mine = ModelCard("m", training={"recipe": {"base": known.model_id}})
    assert answers.base_of(mine) == known
    for training in ({}, {"recipe": "lost"}, {"recipe": {"base": "another-0123"}}):
        assert answers.base_of(replace(mine, training=training)) is None
