"""What a page sends is read as it is meant, and anything else as nothing."""

from __future__ import annotations

import base64
import contextlib

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.events import Sent
from ssn.errors import ImageError, ImageTooLargeError, NotAnImageError
from ssn.faces.read import MAX_BYTES

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def sent(data) -> Sent:
    return Sent(gr.EventData(None, data))


@pytest.mark.parametrize(("value", "number"), [(3, 3), ("7", 7), ("x", -1), (None, -1), ([], -1), (float("inf"), -1)])
def test_numbers(value, number):
    assert sent({"index": value}).number("index") == number


@pytest.mark.parametrize(
    ("value", "decimal"),
    [(0.5, 0.5), (3, 3.0), ("0.5", None), (True, None), (None, None), (float("inf"), None), (float("nan"), None)],
)
def test_decimals(value, decimal):
    assert sent({"score": value}).decimal("score") == decimal
    assert sent({"score": float("inf")}).decimal("score") is sent({"score": float("nan")}).decimal("score") is None


def test_a_button_without_data_sends_nothing():
    assert sent(None).number("person") == -1
    assert sent(None).text("token") == ""
    assert not sent(None).flag("camera")


@given(ANYTHING)
def test_whatever_is_sent_is_read_or_refused_politely(data):
    read = sent(data if isinstance(data, dict) else {"data": data, "size": data, "index": data})
    assert isinstance(read.number("index"), int)
    assert isinstance(read.text("token"), str)
    with contextlib.suppress(ImageError):
        assert isinstance(read.photo(), bytes)


def test_a_photo_arrives_byte_for_byte():
    assert sent({"data": base64.b64encode(b"\xff\xd8picture").decode()}).photo() == b"\xff\xd8picture"


def test_a_photo_that_was_too_large_to_send_is_told_from_an_empty_one():
    with pytest.raises(ImageTooLargeError):
        sent({"data": "", "size": MAX_BYTES + 1}).photo()
    with pytest.raises(NotAnImageError):
        sent({"data": "", "size": 0}).photo()
    with pytest.raises(NotAnImageError):
        sent({"data": "not base64!"}).photo()
