"""The Model page's section of indicators: what it shows of a search, and that it claims nothing without one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from app.model.html import card_facts, model_card
from app.model.indicators_html import saliency_section
from ssn.answers.indicators import learned_indicators
from ssn.models.card import ModelCard
from ssn.models.network import SaliencySearchNetwork
from ssn.recognizer import Recognizer


def ranked(*shares: float) -> dict:
    masks = ("none", "maskTop", "maskBottom")
    rows = [
        {"probe_spectrum": "nir-simulated", "occlusion": mask, "rank": [share], "counts": {"probes": 2000}}
        for mask, share in zip(masks, shares, strict=True)
    ]
    return {"lfw": {"rows": rows}}


@pytest.fixture
def model() -> Recognizer:
    """NIR looks at the upper half, VIS everywhere alike."""
    network = SaliencySearchNetwork().eval()
    with torch.no_grad():
        for block in network.selections():
            block.indicators[0, :, : block.indicators.shape[2] // 2] = 2.0
    recipe = {"recipe": {"base": "base-1"}}
    return Recognizer(network, ModelCard("m", searched=True, training=recipe, measures=ranked(0.9, 0.6, 0.8)), "cpu")


def test_without_a_search_there_is_one_sentence(model):
    model.card = ModelCard("m")
    html = saliency_section(model)
    assert "uniform at 0.73: no search has been run" in html
    assert "<img" not in html
    assert "<table" not in html
    assert html.count("<p>") == 1


def test_every_block_has_both_spectra_and_their_difference_with_numbers(model):
    html = saliency_section(model)
    for number in (1, 2, 3, 4):
        for kind in ("NIR", "VIS", "NIR minus VIS"):
            assert html.count(f'alt="{kind} indicator of block {number}"') == 1
    assert html.count("<img ") == 12
    assert html.count("0.73 to 0.88<br>mean 0.81") == 4, "σ(1) below, σ(2) above"
    assert html.count("0.73 to 0.73<br>mean 0.73") == 4
    assert html.count("±0.15") == 4
    assert "no search" not in html


def test_the_parts_are_those_that_were_computed(model):
    html = saliency_section(model)
    found = learned_indicators(model)
    for name, title in (("eyes", "eyes"), ("mouth", "mouth"), ("around", "around the face")):
        nir, vis = found.part(name)
        assert f"<th>{title}</th><td>{nir:.3f}</td><td>{vis:.3f}</td>" in html
    assert found.part("eyes")[0] > found.part("mouth")[0]


def test_how_m_is_tied_and_how_far_it_went_is_said(model):
    html = saliency_section(model)
    assert "All of it began at 0.73" in html
    assert re.search(r"moved σ\(M\) by 0\.04 on average", html), "half of one of two spectra, by 0.15"
    with torch.no_grad():
        model.network.selections()[0].indicators.add_(torch.rand(model.network.selections()[0].indicators.shape))
    assert "M is free" in saliency_section(model)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ((0.905, 0.602, 0.81), "No: about as well. Of 3 kinds of probe it is ahead of its base in 0 and behind in 3"),
        ((0.80, 0.602, 0.95), "ahead of its base in 1 and behind in 2; by more than chance in 1 and 1 of them."),
    ],
)
def test_what_the_search_did_to_recognition_is_what_the_cards_say(model, monkeypatch, base, words):
    other = ModelCard("<base>", measures=ranked(*base), model_id="base-1")
    monkeypatch.setattr("ssn.answers.indicators.read_card", lambda path: other)
    html = saliency_section(model)
    assert words in html
    assert "&lt;base&gt;" in html
    assert f"<th>simulated NIR, maskTop</th><td>60.0</td><td>{100 * base[1]:.1f}</td>" in html


def test_where_the_cards_say_nothing_of_it_neither_does_the_page(model, monkeypatch):
    monkeypatch.setattr("ssn.answers.indicators.read_card", lambda path: ModelCard("other", model_id="other"))
    html = saliency_section(model)
    assert "is not written in its file" in html
    assert "about as well" not in html


def test_an_adaptive_model_says_that_more_is_added(model):
    model.card = replace(model.card, selection="adaptive")
    assert "a correction that depends on the face is added" in saliency_section(model)


def test_the_card_holds_the_section(services):
    html = model_card(services)
    assert "<h2>Saliency</h2>" in html
    searched = services.recognizer.card.searched
    assert ("NIR indicator of block 1" in html) == searched
    assert (card_facts(services.recognizer)["indicators"] == "from a saliency search") == searched
