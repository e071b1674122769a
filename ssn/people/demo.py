"""The app's demo people, and the sheet of pictures for the README: both drawn, both the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ssn.errors import DataError
from ssn.faces.types import Branch
from ssn.people.casting import cast
from ssn.people.photo_set import COVERED, take
from ssn.people.portrait import Person, photo
from ssn.people.worn import Worn

DEMO_NAMES = (
    "Ada Example",
    "Ben Sample",
    "Cleo Mockup",
    "Dan Stencil",
    "Eve Pixel",
    "Finn Vector",
    "Gia Render",
    "Hugo Pattern",
    "Ida Sketch",
    "Jon Raster",
    "Kim Outline",
    "Lou Gradient",
    "Mia Contour",
    "Ned Palette",
    "Oda Texture",
    "Pim Canvas",
    "Quin Figment",
    "Rae Draft",
    "Sol Mosaic",
    "Tia Collage",
    "Uma Model",
    "Vic Figure",
    "Wim Template",
    "Zoe Nobody",
)


def write_demo(out: str | Path, seed: int = 24, quality: int = 86) -> dict:
    """The app's 24 demo people: one VIS enrolment photo and three simulated NIR probes each, the last one covered.

    Writes the pictures and ``people.json`` to ``out``; the same for the same seed. Raises DataError where it cannot.
    """
    out = Path(out)
    people = cast(len(DEMO_NAMES), seed).people
    listing: dict = {"what": "Synthetic people: nobody shown exists. NIR is simulated.", "seed": seed}
    try:
        out.mkdir(parents=True, exist_ok=True)
        listing["people"] = [
            _write_person(out, name, person, COVERED[place % len(COVERED)], quality)
            for place, (name, person) in enumerate(zip(DEMO_NAMES, people, strict=True))
        ]
        (out / "people.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"The demo people cannot be written to {out}.", "Choose another folder.") from error
    return listing


def _write_person(out: Path, name: str, person: Person, worn: Worn, quality: int) -> dict:
    stem = name.split()[0].lower()
    enrolment, probes = f"{stem}-vis.jpg", []
    shots: tuple[tuple[Branch, Worn], ...] = (("vis", "none"), ("nir", "none"), ("nir", "none"), ("nir", worn))
    for seed, (spectrum, cover) in enumerate(shots):
        shot, picture, _, _ = take(person, seed, spectrum, cover, quality)
        file = enrolment if spectrum == "vis" else f"{stem}-nir-{seed}.jpg"
        (out / file).write_bytes(picture)
        if spectrum == "nir":
            probes.append({"file": file, "spectrum": shot.spectrum, "occlusion": cover})
    return {"name": name, "enrolment": enrolment, "probes": probes}


SHEET_COLUMNS: tuple[tuple[Branch, int, Worn], ...] = (
    ("vis", 0, "none"),
    ("vis", 1, "none"),
    ("vis", 2, "none"),
    ("nir", 0, "none"),
    ("nir", 1, "none"),
    ("nir", 3, "goggles"),
    ("nir", 3, "surgical"),
    ("vis", 4, "scarf"),
)
"""Spectrum, seed and what is worn in each column of the sheet."""


def picture_row(person: Person, size: int) -> np.ndarray:
    """One person in all of SHEET_COLUMNS, (size, 8 · size, 3) uint8."""
    shots = [photo(person, seed, spectrum, worn).pixels for spectrum, seed, worn in SHEET_COLUMNS]
    return np.hstack([cv2.resize(shot, (size, size), interpolation=cv2.INTER_AREA) for shot in shots])


def write_sheet(path: str | Path, people: int = 8, seed: int = 24, size: int = 128, quality: int = 85) -> None:
    """A sheet of pictures: a row for each person, VIS on the left, simulated NIR and what is worn on the right."""
    rows = [picture_row(person, size) for person in cast(people, seed).people]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(path, quality=quality, optimize=True)
