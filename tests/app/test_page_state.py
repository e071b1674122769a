from __future__ import annotations

import contextlib

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from gradio_client import Client

from app import page_state
from app.page_state import keep_components_once

STEPS = 6


@pytest.fixture
def as_gradio_does(monkeypatch):
    """Whatever is changed of Gradio is undone after the test."""
    monkeypatch.setattr(SessionState, "__setitem__", page_state._as_gradio_does)


def asked_in_turn() -> tuple[gr.Blocks, SessionState, str]:
    """A page whose answers change how a text looks, then only the text, ``STEPS`` times → the page, what is kept of its
    visitor, and the last answer."""
    with gr.Blocks(analytics_enabled=False) as page:
        word, shown = gr.Textbox(), gr.Textbox()
        gr.Button().click(lambda text: gr.Textbox(label=text, value=text), word, shown, api_name="look")
        gr.Button().click(lambda text, before: before + text, [word, shown], shown, api_name="say")
    app, address, _ = page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, run_history=False)
    try:
        with contextlib.closing(
            Client(address, download_files=False, analytics_enabled=False, verbose=False)
        ) as client:
            said = ""
            for step in range(STEPS):
                client.predict(f"look {step}", api_name="/look")
                said = client.predict(f"say {step}", "", api_name="/say")
            (state,) = app.state_holder.session_data.values()
    finally:
        page.close()
    return page, state, said


def test_a_page_keeps_every_component_once_however_long_it_is_used(as_gradio_does):
    keep_components_once()
    keep_components_once()
    page, state, said = asked_in_turn()
    assert said == f"say {STEPS - 1}"
    assert state.blocks_config.blocks.keys() == page.blocks.keys()
    assert state.config_values.keys() == page.blocks.keys()
    assert all(block._id == number for number, block in state.blocks_config.blocks.items())
    shown = page.fns[0].outputs[0]._id
    assert state.blocks_config.blocks[shown].label == f"look {STEPS - 1}"
    assert state.config_values[shown]["props"]["value"] == f"say {STEPS - 1}"


def test_gradio_by_itself_keeps_another_for_every_step(as_gradio_does):
    """Where this fails, ``app.page_state`` is needed no more."""
    page, state, _ = asked_in_turn()
    assert len(state.blocks_config.blocks) >= len(page.blocks) + STEPS
