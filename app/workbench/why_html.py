"""A pair explained, as HTML."""

from __future__ import annotations

from html import escape

import numpy as np

from app.kit.notices import empty, notice
from app.kit.pictures import css_gradient, data_uri, heat_map
from app.workbench.reasons import Reason
from ssn.explanation.belief import Belief, Curve
from ssn.explanation.methods.registry import METHODS, Method
from ssn.explanation.words import said_in_words
from ssn.faces.types import AlignedFace

SIDE = 256
CURVES: tuple[Curve, Curve] = ("deletion", "insertion")


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
    """Both faces with their maps, a sentence, and score, baseline, completeness and belief in words."""
    found = why.found
    method = METHODS[found.method]
    pair = [(why.face, found.main_map, "This probe"), *_enrolled(why)]
    reach = max(_reach(values) for _, values, _ in pair)
    against = f"{escape(why.name)} rather than {escape(why.rival)}" if why.rival else escape(why.name)
    pictures = "".join(_picture(face, values, reach, method, said, why) for face, values, said in pair)
    if why.other is None:
        pictures += empty("No stored picture of this person, so only the probe can be explained.")
    words = said_in_words(found.regions, why.name, why.rival, method.signed)
    return (
        f'<div class="reason"><div><div class="pair">{pictures}</div>{_legend(method)}</div>'
        f'<div><h3>{method.title}: {against}</h3><p class="said">{escape(words)}</p>'
        f"<dl>{_facts(why)}</dl>{_belief(why)}</div></div>"
    )


def _enrolled(why: Reason) -> list[tuple[AlignedFace, np.ndarray, str]]:
    if why.enrolled is None or why.other is None:
        return []
    return [(why.other, why.enrolled.main_map, f"Enrolled: {why.name}")]


def _reach(values: np.ndarray) -> float:
    """The size that has the full colour: the 99th percentile."""
    return float(np.percentile(np.abs(values), 99)) or float(np.abs(values).max()) or 1.0


def _picture(face: AlignedFace, values: np.ndarray, reach: float, method: Method, said: str, why: Reason) -> str:
    shown = heat_map(values, -reach if method.signed else 0.0, reach, kind_of(method), face.pixels, SIDE)
    what = "what speaks for" if method.signed else "what decides about"
    alt = escape(f"{method.title}: {what} {why.name}")
    return f'<figure><img src="{data_uri(shown)}" alt="{alt}"><figcaption>{escape(said)}</figcaption></figure>'


def kind_of(method: Method) -> str:
    """The colours of a method's map."""
    return "shift" if method.signed else "influence"


def _legend(method: Method) -> str:
    ends = ("against", "for the match") if method.signed else ("no influence", "much, either way")
    return (
        f'<p class="ramp"><i style="background:{css_gradient(kind_of(method))}"></i>'
        f"<span>{ends[0]}</span><span>{ends[1]}</span></p>"
    )


def _facts(why: Reason) -> str:
    found = why.found
    facts = [("Score", f"{found.score:+.3f}" + (" (difference)" if why.rival else ""))]
    if why.alike:
        facts.append(("Compared with", "the enrolled face, whole and with the same part hidden"))
    if found.baseline:
        behind = " behind the same mask" if why.face.mask.any() else ""
        facts.append(("Baseline", f"{escape(found.baseline)}{behind}, score {found.baseline_score:+.3f}"))
    if found.relative_delta is not None:
        facts.append(("Completeness", f"off by {100 * found.relative_delta:.1f}\u00a0% of the difference"))
    facts.append(("Time", f"{found.seconds:.1f} s" + (" when it was made; this is cached" if why.cached else "")))
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)


def _belief(why: Reason) -> str:
    if not why.found.complete:
        return notice(f"Stopped after {100 * why.found.done:.0f} %: the map is unfinished.", "warn")
    if why.belief is None and why.measuring:
        return notice("Measuring whether this map can be believed …")
    if why.belief is None:
        return notice("Stopped before the map was measured.", "warn")
    belief = why.belief
    numbers = " ".join(_gain(belief, kind) for kind in CURVES)
    kind = "good" if belief.verdict == "better than controls" else "warn"
    return notice(f"This map is {belief.verdict}.", kind, numbers)


def _gain(belief: Belief, kind: Curve) -> str:
    area, gain = getattr(belief.curves, f"{kind}_auc"), belief.gain(kind)
    low, high = gain.value - gain.noise, gain.value + gain.noise
    return (
        f"{kind.capitalize()} {area:.3f}: {gain.value:+.3f} over the {gain.over} control ({low:+.3f} to {high:+.3f})."
    )


def side_by_side(reasons: list[Reason]) -> str:
    """Several methods' maps of the same pair beside each other, with what each is worth."""
    if not reasons:
        return ""
    cards = "".join(_card(why) for why in reasons)
    return (
        f'<h3 class="sub">Methods side by side: {escape(reasons[0].name)}</h3><ul class="methods">{cards}</ul>'
        '<p class="facts">Red speaks for the match and blue against it; brown is influence without a direction. Each '
        "map has its own scale; ± is the noise a gain over the controls must exceed.</p>"
    )


def _card(why: Reason) -> str:
    method, belief = METHODS[why.found.method], why.belief
    picture = _picture(why.face, why.found.main_map, _reach(why.found.main_map), method, method.title, why)
    if belief is None:
        return f"<li>{picture}</li>"
    good = "match" if belief.verdict == "better than controls" else "no-match"
    gains = "<br>".join(
        f"{kind} {gain.value:+.3f} ± {gain.noise:.3f}" for kind in CURVES for gain in (belief.gain(kind),)
    )
    return f'<li>{picture}<em class="chip {good}">{belief.verdict}</em><p>{gains}</p></li>'
