"""A command run as a script runs it, but in this process."""

from __future__ import annotations

import pytest

from ssn.__main__ import main


def run(*words: object) -> int:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)
