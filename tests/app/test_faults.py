"""What goes wrong that nobody foresaw: words for the visitor, kind and place for the log, no name or picture there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from app.faults import NOT_UNDERSTOOD, UNFORESEEN, Studio

NAME = "Zaphodine Quux"
"""A name that must be in no log."""


def fail(name: str) -> str:
    raise KeyError(f"there is no {name}")


def tell(name: str) -> str:
    raise gr.Error(f"{name} is not enrolled.")


def begin(name: str) -> Iterator[str]:
    yield name
    fail(name)


@pytest.fixture(scope="module")
def asking() -> Iterator[Client]:
    with Studio() as page:
        name, said = gr.Textbox(), gr.Textbox()
        whose, size = gr.Dropdown(["Ada"]), gr.Slider(1, 9)
        for place, answer in enumerate((fail, tell, begin)):
            gr.Button().click(answer, name, said, api_name=answer.__name__, concurrency_id=str(place))
        gr.Button().click(lambda *sent: NAME, [whose, size], said, api_name="choose")
        gr.Button().click(lambda: NAME, None, gr.Gallery(), api_name="show")
    page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, run_history=False)
    client = Client(page.local_url, download_files=False, analytics_enabled=False, verbose=False)
    with contextlib.closing(client):
        yield client
    page.close()


@pytest.mark.parametrize(
    ("endpoint", "sent", "words", "noted"),
    [
        ("/fail", [NAME], UNFORESEEN, "KeyError"),
        ("/begin", [NAME], UNFORESEEN, "KeyError"),
        ("/show", [], UNFORESEEN, "ValueError"),
        ("/tell", [NAME], f"{NAME} is not enrolled.", ""),
        ("/choose", [NAME, 3], NOT_UNDERSTOOD, ""),
        ("/choose", ["Ada", NAME], NOT_UNDERSTOOD, ""),
        ("/choose", [[NAME], 3], NOT_UNDERSTOOD, ""),
    ],
)
def test_a_failure_is_told_and_nothing_of_what_was_asked_is_noted(asking, capfd, endpoint, sent, words, noted):
    with pytest.raises(AppError) as told:
        asking.predict(*sent, api_name=endpoint)
    assert str(told.value) == words
    log = "".join(capfd.readouterr())
    assert NAME not in log
    assert noted in log
    assert ("Traceback" in log) == bool(noted)


def test_too_few_values_are_not_noted(asking, capfd):
    """Only what is sent beside the page and its client can lack some."""
    number = next(place for place, end in asking.endpoints.items() if end.api_name == "/choose")
    body = {"data": [NAME], "fn_index": number, "session_hash": "stranger"}
    address = asking.src.rstrip("/") + "/gradio_api/queue/"
    assert httpx.post(address + "join", json=body).status_code == 200
    told = ""
    with httpx.stream("GET", address + "data", params={"session_hash": "stranger"}, timeout=60) as stream:
        for line in stream.iter_lines():
            told += line
            if "process_completed" in line:
                break
    assert NOT_UNDERSTOOD in told
    assert NAME not in "".join(capfd.readouterr())
