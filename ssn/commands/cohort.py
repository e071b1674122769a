"""``cohort``: what strangers score with a model, measured on stored faces, for the verdicts of a search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, say
from ssn.data.face_store import face_of_crop
from ssn.data.groups import groups_of, is_child
from ssn.errors import DataError
from ssn.evaluation.cohort import measure_cohort
from ssn.evaluation.strangers import Strangers, embed_strangers
from ssn.faces.types import AlignedFace
from ssn.gallery.cell_score import MeanMaps
from ssn.gallery.cohort import Cohort, cohort_file, save_cohort
from ssn.recognizer import Recognizer

WIDTH = 128
"""Of dlib's descriptors."""
PERHAPS = (0.60, 0.65)
"""Nearer than this by dlib, where its own makers say one person, and of a centred cosine of this and more by another
network, two faces show one person as well: of LFW's strangers fewer than one pair in 100,000 have such a cosine. Among
the pairs of UTKFace that score highest most are one actor under several ages and names."""
PEOPLE, HELD_OUT = 100, 120
"""Drawn of a set where nothing is said."""
SAME_PERSON = 0.3
"""Two faces whose dlib descriptors are nearer than this show one person under two names, and are not counted as
strangers. Of strangers who are adults one pair in 10,000 is nearer than 0.40; UTKFace has people twice, at 0.15."""


CropSets = Annotated[
    list[Path],
    typer.Option(
        help="Crops SET.npy (N, 144, 144, 3) uint8; SET.npz beside them has their landmarks (N, 68, 2), identity "
        "(N,), −1 where nobody knows, original or name (N,), and perhaps dlib (N, 128) and another network's "
        "descriptor (N, D), by which people who are there twice are told. May be given several times."
    ),
]


@dataclass(frozen=True)
class People:
    """Faces of different people, one each, the groups each belongs to, and dlib's descriptors (N, 128) and another
    network's ``units`` (N, D), centred and of unit length; not numbers where a set has none."""

    faces: list[AlignedFace]
    groups: list[tuple[str, ...]]
    descriptors: np.ndarray
    units: np.ndarray

    def __add__(self, other: People) -> People:
        both = np.vstack([self.descriptors, other.descriptors])
        return People(self.faces + other.faces, self.groups + other.groups, both, _stacked(self.units, other.units))

    def of(self, places: list[int]) -> People:
        """Some of them."""
        faces, groups = [self.faces[i] for i in places], [self.groups[i] for i in places]
        return People(faces, groups, self.descriptors[places], self.units[places])

    @property
    def same(self) -> np.ndarray:
        """(N, N) bool: pairs that are one person, also by way of others."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components  # slow to import, and needed here only

        products = self.descriptors @ self.descriptors.T
        lengths = np.diag(products)
        squares = lengths[:, None] + lengths[None] - 2 * products
        near, cosine = PERHAPS
        alike = (squares < SAME_PERSON**2) | ((squares < near**2) & (self.units @ self.units.T >= cosine))
        _, person = connected_components(csr_array(alike), directed=False)
        known = ~np.isnan(lengths)
        return (person[:, None] == person[None]) & known[:, None] & known[None]


def _stacked(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows of perhaps different widths, of which the narrower are not numbers."""
    width = max(first.shape[1], second.shape[1])
    rows = [np.full((len(each), width), np.nan) for each in (first, second)]
    for row, each in zip(rows, (first, second), strict=True):
        if each.shape[1] == width:
            row[:] = each
    return np.vstack(rows)


def nobody() -> People:
    """The start of a sum."""
    return People([], [], np.zeros((0, WIDTH)), np.zeros((0, 1)))


def cohort(
    faces: CropSets,
    people: Annotated[
        list[int] | None,
        typer.Option(
            min=20, help=f"Strangers of a set whose templates are averaged ({PEOPLE}): for all, or a set each."
        ),
    ] = None,
    held_out: Annotated[
        list[int] | None,
        typer.Option(min=20, help=f"Others of a set whose scores are counted ({HELD_OUT}): for all, or a set each."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file; beside the checkpoint if not given.")] = None,
    seed: Annotated[int, typer.Option(help="Who is drawn, and which masks.")] = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Measure what strangers score with a model, so that the verdicts of a search hold, and their mean maps, without
    which nothing is compared by cells. Only aggregates are stored."""
    averaged, counted_on = of_each(people, faces, PEOPLE, "--people"), of_each(held_out, faces, HELD_OUT, "--held-out")
    drawn = [drawn_people(path, n, m, seed) for path, n, m in zip(faces, averaged, counted_on, strict=True)]
    recognizer = Recognizer.load(checkpoint, device)
    first = sum((adults(one) for one, _ in drawn), nobody())
    second = sum((others for _, others in drawn), nobody())
    known = _embedded(recognizer, first, seed, "templates")
    counted = _embedded(recognizer, second, seed, "scores", None if known.cells is None else known.cells.means)
    facts = {"sets": [path.stem for path in faces], "seed": seed}
    found = measure_cohort(recognizer.model_id, known, counted, is_child, facts, second.same)
    path = out or cohort_file(checkpoint)
    save_cohort(path, found)
    say(f"{as_text(found)}\n{path}", as_data(found), json_file)


def of_each(given: list[int] | None, sets: list[Path], usual: int, option: str) -> list[int]:
    """A count for every set, from none, one for all, or one each. Raises DataError for any other number of them."""
    counts = given or [usual]
    if len(counts) not in (1, len(sets)):
        raise DataError(f"{option} was given {len(counts)} times, --faces {len(sets)}.", "Give one, or one a set.")
    return counts * len(sets) if len(counts) == 1 else counts


def _embedded(recognizer: Recognizer, people: People, seed: int, what: str, means: MeanMaps | None = None) -> Strangers:
    def told(share: float) -> None:
        typer.echo(f"{what} of {len(people.faces)} people: {100 * share:.0f} %", err=True)

    return embed_strangers(recognizer, people.faces, people.groups, seed=seed, told=told, means=means)


def adults(people: People) -> People:
    """Those who are in no group of children."""
    places = [i for i, own in enumerate(people.groups) if not any(map(is_child, own))]
    return people.of(places)


def drawn_people(path: Path, people: int, held_out: int, seed: int) -> tuple[People, People]:
    """At random that many people of a set, one face each, and that many others. Raises DataError for a damaged set or
    one too small."""
    try:
        pixels = np.load(path, mmap_mode="r")
        with np.load(path.with_suffix(".npz")) as facts:
            landmarks, identities = facts["landmarks"], facts["identity"]
            descriptors = facts["dlib"].astype(float) if "dlib" in facts else np.full((len(landmarks), WIDTH), np.nan)
            other = facts["descriptor"].astype(float) if "descriptor" in facts else np.full((len(landmarks), 1), np.nan)
            names = [str(name) for name in facts["original" if "original" in facts else "name"]]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no set of crops with a .npz beside it.", "Name a SET.npy.") from error
    if not len(pixels) == len(landmarks) == len(identities) == len(names) == len(descriptors) == len(other):
        raise DataError(f"{path} and its .npz do not belong together.", "Copy the set again.")
    rows = _one_each(np.random.default_rng(seed).permutation(len(pixels)), identities)[: people + held_out]
    if len(rows) < people + held_out:
        raise DataError(f"{path.name} shows {len(rows)} people.", f"Ask for {len(rows)} in all, or name another set.")
    faces = [face_of_crop(np.array(pixels[row]), landmarks[row]) for row in rows]
    groups = [set_groups(path.stem, names[row]) for row in rows]
    other -= other.mean(axis=0)
    units = other / np.maximum(np.linalg.norm(other, axis=1, keepdims=True), 1e-8)
    drawn = People(faces, groups, descriptors[rows], units[rows])
    return drawn.of(list(range(people))), drawn.of(list(range(people, len(rows))))


def _one_each(order: np.ndarray, identities: np.ndarray) -> list[int]:
    """The first row of everybody in that order; a row of nobody known is somebody of their own."""
    seen: set[int] = set()
    rows = []
    for row in order:
        who = int(identities[row])
        if who < 0 or who not in seen:
            seen.add(who)
            rows.append(int(row))
    return rows


def set_groups(source: str, name: str) -> tuple[str, ...]:
    """The set as a group, and what a file name tells; of a child its age alone, so that no other group has children."""
    own = [f"{source}, {group}" for group in groups_of(source, name)[1:]]
    young = tuple(group for group in own if is_child(group))
    return young or (source, *own)


def as_data(found: Cohort) -> dict:
    """What was measured, by condition."""
    rows = []
    for key, tail in found.adults.items():
        young = found.children.get(key)
        row = {"condition": key, "pairs": tail.pairs, "counted_to": tail.counted, "group": tail.group}
        row |= {f"z_at_{rate:g}": tail.level(rate) for rate in (1e-2, 1e-3, 1e-4, 1e-5)}
        row["children_at_1e-3"] = None if young is None else float(young.rate(tail.level(1e-3)))
        rows.append(row)
    return {"model": found.model_id, "facts": dict(found.facts), "conditions": rows}


def as_text(found: Cohort) -> str:
    """The same as a table."""
    lines = [f"{'condition':<18} {'pairs':>9} {'counted to':>10}  z at 1e-2  1e-3  1e-4  1e-5  most alike"]
    for row in as_data(found)["conditions"]:
        levels = "  ".join(f"{row[f'z_at_{rate:g}']:5.2f}" for rate in (1e-2, 1e-3, 1e-4, 1e-5))
        lines.append(
            f"{row['condition']:<18} {row['pairs']:>9,} {row['counted_to']:>10.1e}  {levels:>28}  {row['group']}"
        )
    return "\n".join(lines)
