"""An attribution in one sentence, and its regions in units that compare from method to method."""

from __future__ import annotations

from collections.abc import Mapping

NAMED = 2
"""Parts of the face that are named on each side."""
LEAST = 0.05
"""Shares below this are not named."""
AROUND = "what is around the face"


def region_shares(regions: Mapping[str, float]) -> dict[str, float]:
    """Sums over regions → signed shares whose sizes add up to 1, in the same order; zeros where all are zero."""
    total = sum(abs(value) for value in regions.values())
    return {name: value / total if total > 0 else 0.0 for name, value in regions.items()}


def said_in_words(regions: Mapping[str, float], name: str, rival: str = "", signed: bool = True) -> str:
    """Which parts speak for ``name`` (rather than ``rival``) and which against, with their shares."""
    shares = region_shares(regions)
    leading = sorted((part for part in shares if shares[part] >= LEAST), key=lambda part: -shares[part])[:NAMED]
    if not any(shares.values()):
        return "No part of the face stands out."
    if not signed:
        return f"The score depends most on {_listed(leading, shares)}; in which direction this method does not say."
    against = sorted((part for part in shares if shares[part] <= -LEAST), key=lambda part: shares[part])[:NAMED]
    whom = f"{name} rather than {rival}" if rival else name
    if not leading:
        return f"Nothing speaks for {whom}; against: {_listed(against, shares)}."
    end = f"; against: {_listed(against, shares)}" if against else "; no part speaks clearly against"
    return f"For {whom} speak most {_listed(leading, shares)}{end}."


def _listed(parts: list[str], shares: Mapping[str, float]) -> str:
    said = [f"{AROUND if part == 'around' else f'the {part}'} ({100 * abs(shares[part]):.0f} %)" for part in parts]
    return " and ".join(said)
