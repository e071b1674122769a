"""The page's address: what it says of a bench, what it asks for, and what it never holds."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.demo_people import read_demo
from app.services import Services
from app.workbench import bench as steps
from app.workbench.address import mask_word, read_address, read_mask, wished, written
from ssn.errors import DataError
from ssn.explanation.methods.registry import METHODS
from ssn.faces.occlude import OCCLUSIONS
from ssn.gallery.verdict import SearchRates


@pytest.fixture
def services(services, demo) -> Services:
    return replace(services, demo=read_demo())


def test_an_address_opened_again_brings_the_same_back(services):
    stem = services.demo.probes[3].path.stem
    words = {"example": stem, "mode": "maskBottom", "alike": "1", "rate": "0.05", "ranks": "10"}
    wish = read_address(words, services.demo)
    bench = wished(services, wish, None)
    assert (bench.mode, bench.alike, bench.rates.match, bench.ranks) == ("maskBottom", True, 0.05, 10)
    assert bench.photo.title == services.demo.probes[3].person
    said = written(bench)
    assert {name: word for name, word in said.items() if word} == words
    assert read_address({name: word for name, word in said.items() if word}, services.demo) == wish


def test_what_was_painted_is_in_the_address(services):
    stem, mask = services.demo.probes[0].path.stem, np.zeros((128, 128), bool)
    mask[40:60, 20:100] = True
    painted = steps.paint(services, steps.open_example(services, services.demo.probes[0]), mask)
    said = {name: word for name, word in written(painted).items() if word}
    assert said.keys() == {"example", "mode", "mask"}
    assert said["mode"] == "painted"
    assert len(said["mask"]) < 200
    again = wished(services, read_address(said, services.demo), None)
    assert again.mode == "painted"
    assert np.array_equal(again.mask, mask)
    assert written(again) == written(painted)
    empty = wished(services, read_address({"example": stem, "mode": "painted"}, services.demo), None)
    assert (empty.mode, empty.mask.any()) == ("painted", False)


@given(rows=st.lists(st.integers(0, 2**32 - 1), min_size=512, max_size=512))
def test_every_mask_survives_the_way_through_an_address(rows):
    mask = np.unpackbits(np.array(rows, ">u4").view(np.uint8)).reshape(128, 128).astype(bool)
    assert np.array_equal(read_mask(mask_word(mask)), mask)


LARGE = base64.urlsafe_b64encode(zlib.compress(b"0" * 10**7)).decode()
"""It grows beyond all measure."""


@pytest.mark.parametrize("word", ["!", "abc", "äöü", mask_word(np.ones((128, 128), bool))[:-9], LARGE])
def test_a_damaged_mask_is_said(word):
    with pytest.raises(DataError, match="damaged"):
        read_mask(word)


def test_a_photo_of_ones_own_is_never_in_the_address(desk, visitor, services, bench):
    own = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert not any(written(own).values())
    assert not any(written(steps.paint(services, own, ~own.mask)).values())
    assert own.photo.title not in json.dumps(written(own))


@pytest.mark.parametrize(
    "query",
    [
        {"example": "../../etc/passwd"},
        {"example": "ada"},
        {"mode": "hat"},
        {"mode": "painted", "mask": "nothing"},
        {"ranks": "0"},
        {"ranks": "10000000000"},
        {"ranks": "²"},
        {"cells": "yes"},
        {"method": "tarot"},
        {"rate": "much"},
        {"rate": "0"},
        {"rate": "nan"},
        {"overlay": "yes"},
    ],
)
def test_what_this_page_does_not_have_is_said(services, query):
    with pytest.raises(DataError):
        read_address(query, services.demo)


@given(mode=st.sampled_from(sorted(OCCLUSIONS)), method=st.sampled_from(sorted(METHODS)), rate=st.floats(1e-4, 0.5))
def test_every_wish_survives_the_way_through_an_address(mode, method, rate):
    demo = read_demo()
    wish = read_address({"mode": mode, "method": method, "rate": f"{rate:g}", "contrast": "1"}, demo)
    assert (wish.mode, wish.method, wish.contrast) == (mode, method, True)
    assert wish.rate == pytest.approx(SearchRates.around(rate).match, rel=1e-5)


def test_everybody_is_compared_by_cells_where_that_is_possible_unless_the_address_says_no(services, monkeypatch):
    stem, asked = services.demo.probes[0].path.stem, replace(services)
    plain = read_address({"example": stem, "mode": "maskBottom"}, asked.demo)
    unable = wished(asked, plain, None)
    assert not unable.by_cells
    assert written(unable)["cells"] == ""
    object.__setattr__(asked, "like_with_like", object())
    monkeypatch.setattr(type(asked), "search_by_cells", lambda *_: None)
    assert wished(asked, plain, None).by_cells
    off = wished(asked, read_address({"example": stem, "cells": "0"}, asked.demo), None)
    assert not off.by_cells
    assert written(off, able=True)["cells"] == "0"
    assert written(wished(asked, plain, None), able=True)["cells"] == ""
    assert not wished(asked, read_address({"example": stem, "alike": "1"}, asked.demo), None).by_cells
