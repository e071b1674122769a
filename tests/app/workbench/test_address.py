"""The page's address: what it says of a bench, what it asks for, and what it never holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.demo_people import read_demo
from app.services import Services
from app.workbench.address import read_address, wished, written
from ssn.errors import DataError
from ssn.explanation.methods.registry import METHODS
from ssn.faces.occlude import OCCLUSIONS
from ssn.gallery.verdict import SearchRates


@pytest.fixture
def services(services, demo) -> Services:
    return replace(services, demo=read_demo())


def test_an_address_opened_again_brings_the_same_back(services):
    stem = services.demo.probes[3].path.stem
    wish = read_address({"example": stem, "mode": "maskBottom", "alike": "1", "rate": "0.05"}, services.demo)
    bench = wished(services, wish, None)
    assert (bench.mode, bench.alike, bench.rates.match) == ("maskBottom", True, 0.05)
    assert bench.photo.title == services.demo.probes[3].person
    said = written(bench)
    assert said == {"example": stem, "mode": "maskBottom", "alike": "1", "rate": "0.05"}
    assert read_address(said, services.demo) == wish


def test_a_photo_of_ones_own_is_never_in_the_address(desk, visitor, services, bench):
    from app.workbench import bench as steps

    own = steps.set_mode(services, steps.choose(services, bench, 0), "maskTop")
    assert written(own) == {"example": "", "mode": "", "alike": "", "rate": ""}
    assert own.photo.title not in json.dumps(written(own))


@pytest.mark.parametrize(
    "query",
    [
        {"example": "../../etc/passwd"},
        {"example": "ada"},
        {"mode": "hat"},
        {"mode": "painted"},
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
