"""A sweep in sentences, and as what a script reads."""

from __future__ import annotations

import numpy as np

from ssn.faces.parts import REGIONS, region_labels
from ssn.faces.types import FACE_SIZE, AlignedFace
from ssn.gallery.sweep import WINDOWS, Sweep, Tried


def hide(sweep: Sweep, tried: Tried) -> str:
    """``Hide the lower half: rank 1 becomes Ben.``, or that it stays."""
    what = f"Hide the {tried.place.name}"
    if sweep.breaks(tried):
        return f"{what}: rank 1 becomes {tried.best.person}."
    return f"{what}: rank 1 stays {sweep.person}, {tried.best.score:.3f}, {tried.best.verdict}."


def headline(sweep: Sweep) -> str:
    """The one sentence to remember."""
    if not sweep.parts:
        return ""
    broken = [tried for tried in sweep.parts if sweep.breaks(tried)]
    if broken:
        worst = min(broken, key=lambda tried: tried.lead)
        more = f" {len(broken)} of the {len(sweep.parts)} parts break the match." if len(broken) > 1 else ""
        return hide(sweep, worst) + more
    worst = min(sweep.parts, key=lambda tried: tried.score)
    return (
        f"{sweep.person} stays at rank 1 whichever part is hidden; the {worst.place.name} "
        f"{'cost' if worst.place.name == 'eyes' else 'costs'} most ({sweep.whole.score:.3f} → {worst.score:.3f})."
    )


def where(tried: Tried, face: AlignedFace) -> str:
    """Which part of the face a window covers most, besides what is around it."""
    if face.landmarks is None:
        return "face"
    counts = np.bincount(region_labels(face.landmarks)[tried.place.mask], minlength=len(REGIONS))
    inner = int(counts[1:].argmax()) + 1
    return REGIONS[inner if counts[inner] else 0]


def smallest_words(sweep: Sweep, face: AlignedFace) -> str:
    """What the smallest window that breaks the match is, or that none was found."""
    if sweep.done < 1.0:
        return "Stopped before the smallest window was found."
    tried = sweep.smallest
    if tried is None:
        return f"No square window up to {WINDOWS[-1]}×{WINDOWS[-1]} pixels brings anybody else to rank 1."
    share = 100 * (tried.place.size / FACE_SIZE) ** 2
    size = f"{tried.place.size}×{tried.place.size}"
    below = [unbroken for unbroken in sweep.unbroken if unbroken < tried.place.size]
    tried_too = f" No window of {max(below)}×{max(below)} does." if below else ""
    return (
        f"The smallest window that breaks the match is {size} pixels ({share:.1f} % of the picture), over the "
        f"{where(tried, face)}: rank 1 becomes {tried.best.person}.{tried_too}"
    )


def losing_words(sweep: Sweep) -> str:
    """How many windows break the match, and how many take only its verdict."""
    count = len(sweep.windows)
    broken = sum(sweep.breaks(tried) for tried in sweep.windows)
    same = sum(tried.best.verdict == sweep.whole.best.verdict and not sweep.breaks(tried) for tried in sweep.windows)
    return (
        f"Of {count} windows of {sweep.window}×{sweep.window} pixels, {broken} bring somebody else to rank 1; "
        f"{count - broken - same} keep rank 1 but not its verdict “{sweep.whole.best.verdict}”."
    )


def sentences(sweep: Sweep, face: AlignedFace) -> list[str]:
    """All there is to say."""
    said = [headline(sweep), *(hide(sweep, tried) for tried in sweep.parts)]
    return [*said, losing_words(sweep), smallest_words(sweep, face)]


def sweep_record(sweep: Sweep, face: AlignedFace) -> dict:
    """For the JSON: scores are cosines, places in pixels of the aligned face."""
    return {
        "person": sweep.person,
        "done": sweep.done,
        "seconds": sweep.seconds,
        "whole": _record(sweep, sweep.whole),
        "parts": [{"part": tried.place.name, **_record(sweep, tried)} for tried in sweep.parts],
        "window": sweep.window,
        "windows": [_window(sweep, tried) for tried in sweep.windows],
        "smallest": None if sweep.smallest is None else _window(sweep, sweep.smallest),
        "unbroken_sizes": list(sweep.unbroken),
        "sentences": sentences(sweep, face),
    }


def _window(sweep: Sweep, tried: Tried) -> dict:
    x, y = tried.place.corner
    return {"x": x, "y": y, "size": tried.place.size, **_record(sweep, tried)}


def _record(sweep: Sweep, tried: Tried) -> dict:
    best = tried.best
    return {
        "score": tried.score,
        "rank_1": best.person,
        "rank_1_score": best.score,
        "verdict": best.verdict,
        "best_other_score": tried.rival,
        "broken": sweep.breaks(tried),
    }
