"""Ctrl+C in the seconds in which the libraries are read ends a command as it ends others: without a traceback. To be
imported before these."""

from __future__ import annotations

import signal
import sys
from pathlib import Path


def is_command() -> bool:
    """Is this process ``python -m ssn`` or ``ssn``, and not another program that imports it?"""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return (spec is not None and spec.name == "ssn.__main__") or Path(sys.argv[0]).stem == "ssn"


def hear_again() -> None:
    """From here on Ctrl+C raises KeyboardInterrupt, as usual."""
    if is_command() and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
