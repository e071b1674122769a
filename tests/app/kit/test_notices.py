"""Messages: cause and way out, escaped."""

from __future__ import annotations

from app.kit.notices import error_notice
from ssn.errors import NoFaceError


def test_errors_give_cause_and_way_out():
    html = error_notice(NoFaceError("No face <here>.", "Try another."), kept=True)
    assert "No face &lt;here&gt;." in html
    assert "Try another." in html
    assert "previous probe is still shown" in html
