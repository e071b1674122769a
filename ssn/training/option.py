"""A dataclass field that is an option of the command line too: its name, default, bounds and help stand here alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any


def option(
    default: Any,
    name: str = "",
    low: float | None = None,
    high: float | None = None,
    read: Callable[[str], Any] | None = None,
    write: Callable[[Any], str] = str,
) -> Any:
    """A field of a frozen dataclass. ``name`` is the option's, without dashes in front; the field's where it is empty.
    ``low`` and ``high`` bound it; ``read`` and ``write`` turn text into a value that is no plain one, and back. The
    docstring under the field is the option's help."""
    facts = {"name": name, "low": low, "high": high, "read": read, "write": write}
    return field(default=default, metadata={"option": facts})
