"""A pair explained, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from app.kit.notices import empty, notice
from app.kit.pictures import css_gradient, data_uri, heat_map
from app.workbench.reasons import Reason
from ssn.explanation.methods.registry import METHODS

SIDE = 320


def nothing_yet() -> str:
    """Before an explanation, and after the face it belonged to changed."""
    return empty("Press Explain, or “Why?” beside a match. A changed face or occlusion needs a new explanation.")


def progress(share: float) -> str:
    """A bar, ``share`` in [0, 1]."""
    percent = f"{100 * share:.0f}"
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" aria-valuemax="100">'
        f'<i style="width:{percent}%"></i><span>{percent} %</span></div>'
    )


def reason(why: Reason) -> str:
    """The map over the face, with score, baseline, completeness and belief in words."""
    found = why.found
    reach = float(np.percentile(np.abs(found.main_map), 99)) or float(np.abs(found.main_map).max()) or 1.0
    picture = data_uri(heat_map(found.main_map, -reach, reach, "shift", why.face.pixels, SIDE))
    title = METHODS[found.method].title
    against = f"{escape(why.name)} rather than {escape(why.rival)}" if why.rival else escape(why.name)
    facts = [("Score", f"{found.score:+.3f}" + (" (difference)" if why.rival else ""))]
    if why.alike:
        facts.append(("Compared with", "the enrolled face, whole and with the same part hidden"))
    if found.baseline:
        behind = " behind the same mask" if why.face.mask.any() else ""
        facts.append(("Baseline", f"{escape(found.baseline)}{behind}, score {found.baseline_score:+.3f}"))
    if found.relative_delta is not None:
        facts.append(("Completeness", f"off by {100 * found.relative_delta:.1f}\u00a0% of the difference"))
    facts.append(("Time", f"{found.seconds:.1f} s" + (" when it was made; this is cached" if why.cached else "")))
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return (
        f'<div class="reason"><figure><img src="{picture}" alt="{title}: what speaks for {escape(why.name)}">'
        f'<figcaption><i style="background:{css_gradient("shift")}"></i><span>against</span><span>for the match</span>'
        f"</figcaption></figure><div><h3>{title}: {against}</h3><dl>{rows}</dl>{_belief(why)}</div></div>"
    )


def _belief(why: Reason) -> str:
    if not why.found.complete:
        return notice(f"Stopped after {100 * why.found.done:.0f} %: the map is unfinished.", "warn")
    if why.belief is None:
        return notice("Stopped before the map was measured.", "warn")
    belief, curves = why.belief, why.belief.curves
    numbers = (
        f"Deletion {curves.deletion_auc:.3f} (control {belief.control_deletion_auc:.3f}, lower is better), "
        f"insertion {curves.insertion_auc:.3f} (control {belief.control_insertion_auc:.3f}, higher is better)."
    )
    kind = "good" if belief.verdict == "better than controls" else "warn"
    return notice(f"This map is {belief.verdict}.", kind, numbers)
