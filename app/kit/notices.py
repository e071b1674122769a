"""Fragments used on every tab."""

from __future__ import annotations

from html import escape

from ssn.errors import SSNError


def notice(text: str, kind: str = "info", after: str = "") -> str:
    """A message in the page; ``kind`` is info, good, warn or error. ``after`` is a quieter second sentence."""
    role = "alert" if kind == "error" else "status"
    more = f" <span>{escape(after)}</span>" if after else ""
    return f'<div class="notice {kind}" role="{role}"><p>{escape(text)}{more}</p></div>'


def error_notice(error: SSNError, kept: bool = False) -> str:
    """What went wrong and what to do. ``kept`` says that the result of before is still on the page."""
    text = f"<b>{escape(error.what)}</b> {escape(error.hint)}"
    still = " <span>The previous probe is still shown.</span>" if kept else ""
    return f'<div class="notice error" role="alert"><p>{text}{still}</p></div>'


def nothing_yet(forgotten: bool, text: str = "Choose a probe first.") -> str:
    """What is asked for needs a photo, and there is none: not yet, or, where it was ``forgotten``, not any more."""
    if not forgotten:
        return notice(text, "warn")
    gone = "The photo of this page is gone: the page was left alone for long, or others needed the room."
    return notice(gone, "warn", "Send it again.")


def empty(text: str) -> str:
    """What stands in a panel that has nothing to show yet."""
    return f'<div class="empty">{escape(text)}</div>'


def step(number: str, title: str, hint: str = "") -> str:
    """Heading of a panel."""
    more = f"<small>{escape(hint)}</small>" if hint else ""
    badge = f'<span class="stepno">{number}</span>' if number else ""
    return f'<div class="step">{badge}<h2>{escape(title)}</h2>{more}</div>'


def progress_bar(text: str, done: int, total: int) -> str:
    """How far something is, in words and as a bar; ``total`` may be 0 where it is not known yet."""
    percent = 100 * done / total if total else 0
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{percent:.0f}" aria-valuemin="0" aria-valuemax="100">'
        f'<i style="width:{percent:.0f}%"></i><span>{escape(text)}</span></div>'
    )
