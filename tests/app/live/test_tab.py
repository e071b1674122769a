"""The Live tab's handler, asked as the page asks it."""

from __future__ import annotations

import base64
import io
import json

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.live.tab import LiveTab, build_live
from app.live.watching import MAP_SIDE
from app.session import Sessions
from tests.app.conftest import event


@pytest.fixture
def live(services, demo) -> LiveTab:
    services.enrol(demo[0].name, services.finder.face(demo[0].enrolment, index=0), "test")
    with gr.Blocks(), gr.Tab("Live") as tab:
        return build_live(services, Sessions(), tab)


def sent(photo, **more) -> gr.EventData:
    room = Image.new("RGB", (640, 480), "gray")
    room.paste(Image.open(photo).convert("RGB").resize((420, 420)), (100, 30))
    frame = io.BytesIO()
    room.save(frame, "JPEG", quality=90)
    return event(**{"run": 1, "frame": 7, "overlay": True, "data": base64.b64encode(frame.getvalue()).decode(), **more})


def answer(live: LiveTab, visitor, frame: gr.EventData) -> dict:
    return json.loads(live.on_frame("vis", frame, visitor)[live.camera])


def test_a_frame_is_answered_with_boxes_names_and_a_map_that_lies_over_the_face(live, visitor, demo):
    said = answer(live, visitor, sent(demo[0].enrolment))
    assert (said["run"], said["frame"]) == (1, 7)
    (face,) = said["faces"]
    assert face["person"] == demo[0].name
    assert face["largest"]
    assert face["covered"] == 0
    corners = np.array([(0, 0), (MAP_SIDE, 0), (MAP_SIDE, MAP_SIDE), (0, MAP_SIDE)], float)
    a, b, c, d, e, f = face["place"]
    placed = corners @ np.array([(a, b), (c, d)]) + (e, f)
    x0, y0, x1, y1 = face["box"]
    assert placed[:, 0].min() < (x0 + x1) / 2 < placed[:, 0].max()
    assert placed[:, 1].min() < (y0 + y1) / 2 < placed[:, 1].max()
    picture = Image.open(io.BytesIO(base64.b64decode(face["map"].split(",")[1])))
    assert picture.size == (MAP_SIDE, MAP_SIDE)


def test_without_the_overlay_no_map_is_sent(live, visitor, demo):
    (face,) = answer(live, visitor, sent(demo[0].enrolment, overlay=False))["faces"]
    assert "map" not in face


def test_a_camera_started_again_begins_anew(live, visitor, demo):
    numbers = [answer(live, visitor, sent(demo[0].enrolment, run=run))["faces"][0]["number"] for run in (1, 1, 2)]
    assert numbers == [1, 1, 1]
    other = gr.Request(session_hash="other")
    assert answer(live, other, sent(demo[1].enrolment))["faces"][0]["number"] == 1, "visitors are apart"


@pytest.mark.parametrize("data", ["", "%%%", base64.b64encode(b"no picture").decode()])
def test_a_damaged_frame_is_told(live, visitor, data):
    said = answer(live, visitor, event(run=1, frame=2, data=data))
    assert said["faces"] == []
    assert said["problem"]
