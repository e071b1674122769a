"""A tab is one module and one row; and no handler of the page queues visitors behind each other."""

from __future__ import annotations

import gradio as gr
import pytest

from app.page import build_demo
from app.tabs import TABS, Tab


def titles(page: gr.Blocks) -> list[str]:
    return [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]


def test_a_tab_from_outside_is_found_by_the_page(services, monkeypatch):
    built = []
    toy = Tab("Toy", lambda services, sessions, tab: built.append((services, tab.label)))
    monkeypatch.setitem(TABS, "toy", toy)
    page = build_demo(services)
    assert titles(page) == ["Workbench", "Live", "Gallery", "Evaluation", "Model", "Toy"]
    assert built == [(services, "Toy")]


@pytest.fixture
def functions(services) -> list:
    page = build_demo(services)
    events = [function for function in page.fns.values() if function.fn is not None and function.targets]
    return [function for function in events if function.targets[0][1] != "unload"]


def test_no_event_waits_for_another_visitor(functions):
    assert len(functions) > 15
    assert {function.name: function.concurrency_limit for function in functions} == {
        function.name: None for function in functions
    }


def test_no_handler_keeps_a_visitors_data_outside_the_session(services):
    page = build_demo(services)
    assert [block for block in page.blocks.values() if isinstance(block, gr.State)] == []
