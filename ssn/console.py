"""What is printed for a person, on whatever console."""

from __future__ import annotations

import io
import os
import sys


def print_anything() -> None:
    """What a console's encoding lacks, such as the bytes of a file name that is no text, is printed as an escape."""
    if sys.stderr is None:  # closed: nobody wants to be told
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
