"""A map's sentence, and its shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn.explanation.words import region_shares, said_in_words

REGIONS = {"eyes": 0.3, "nose": 0.2, "mouth": 0.02, "jaw": -0.1, "around": -0.08}


def test_the_largest_parts_of_either_side_are_named_with_their_shares():
    most = "For Ada speak most the eyes (43 %) and the nose (29 %)"
    against = "against: the jaw (14 %) and what is around the face (11 %)"
    assert said_in_words(REGIONS, "Ada") == f"{most}; {against}."
    assert said_in_words(REGIONS, "Ada", "Ben").startswith("For Ada rather than Ben speak most the eyes")


def test_what_has_no_direction_and_what_has_no_part():
    assert "in which direction this method does not say" in said_in_words(
        {"eyes": 0.5, "jaw": 0.5}, "Ada", signed=False
    )
    assert said_in_words({"eyes": 0.0}, "Ada") == "No part of the face stands out."
    assert said_in_words({"eyes": -1.0}, "Ada") == "Nothing speaks for Ada; against: the eyes (100 %)."
    assert said_in_words({"eyes": 1.0, "jaw": -0.01}, "Ada").endswith("no part speaks clearly against.")


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-1e3, 1e3), min_size=1), st.floats(0.01, 100))
def test_shares_add_up_to_one_and_do_not_depend_on_the_unit(regions, unit):
    shares = region_shares(regions)
    size = sum(abs(value) for value in regions.values())
    assert sum(map(abs, shares.values())) == pytest.approx(1 if size > 0 else 0)
    other = region_shares({name: unit * value for name, value in regions.items()})
    if size > 1e-6:
        assert other == pytest.approx(shares, abs=1e-9)
