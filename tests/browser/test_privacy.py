"""What a visitor leaves behind: nothing, neither in memory nor on disk."""

from __future__ import annotations

import time

import pytest

from app.kit.demo_people import read_demo
from app.page import build_demo
from app.services import Services
from ssn.gallery.sqlite import Gallery

pytestmark = pytest.mark.browser


@pytest.fixture
def page_server(recognizer, demo, monkeypatch, tmp_path):
    """The page served from this process, so that its memory can be looked at."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    with Gallery(":memory:", recognizer.model_id) as gallery:
        page = build_demo(Services(recognizer, gallery, read_demo()))
        page.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, run_history=False)
        yield page
        page.close()


def test_a_closed_page_leaves_nothing(page_server, visit, demo, tmp_path):
    visitor = visit(address=page_server.local_url.rstrip("/"))
    visitor.open_photo(demo[0].enrolment)
    assert page_server.state_holder.session_data
    visitor.page.close()
    deadline = time.monotonic() + 60
    while page_server.state_holder.session_data and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not page_server.state_holder.session_data
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
