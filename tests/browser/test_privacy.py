"""What a visitor leaves behind: nothing, neither in memory nor on disk."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.browser


def test_a_closed_page_leaves_nothing(page_here, here, sessions, visit, demo, tmp_path):
    visitor = visit(address=here)
    visitor.open_photo(demo[0].enrolment)
    assert len(sessions) == 1
    visitor.page.close()
    deadline = time.monotonic() + 60
    while (len(sessions) or page_here.state_holder.session_data) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(sessions) == 0
    assert not page_here.state_holder.session_data
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
