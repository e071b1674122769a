"""The groups of people that the file names of UTKFace and All-Age-Faces tell: age, sex and origin."""

from __future__ import annotations

import re

AGES = ((0, 12), (13, 17), (18, 29), (30, 44), (45, 59), (60, 120))
SEXES = ("male", "female")
ORIGINS = ("White", "Black", "Asian", "Indian", "others")
"""UTKFace's own words and order."""
CHILDREN = 2
"""How many of ``AGES``, from the first, are those of children."""


def age_band(age: int) -> str:
    """Years, 0 to 120 → the band of ``AGES`` they lie in."""
    return next(f"age {low}–{high}" for low, high in AGES if low <= age <= high)


def groups_of(source: str, original: str) -> list[str]:
    """A file name of the set → the groups it says it belongs to."""
    if source == "aaf" and (found := re.match(r"\d+A(\d+)\.", original)):
        return ["all", age_band(int(found[1]))]
    if source == "utkface" and (found := re.match(r"(\d+)_([01])_([0-4])_", original)):
        return ["all", age_band(int(found[1])), SEXES[int(found[2])], ORIGINS[int(found[3])]]
    return []


def is_child(group: str) -> bool:
    """Does a group's name, which may stand behind that of its set, say that its people are under 18?"""
    return group.endswith(tuple(f"age {low}–{high}" for low, high in AGES[:CHILDREN]))
