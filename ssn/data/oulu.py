"""Oulu-CASIA NIR-VIS: ``{NI,VL}/{Strong,Weak,Dark}/P001…/{Anger,Disgust,Fear,Happiness,Sadness,Surprise}/000.jpeg…``.

80 people, of whom the published protocol takes 40: 20 to learn from and 20 to test, eight frames of each expression and
spectrum. Which people and frames is not public. They are read from lists of test pictures; without them the first 20
people are learned from, the next 20 tested, with eight frames spread over each sequence, and the report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ssn.data.buaa import lists_for
from ssn.data.lists import Entry, Line, all_enrolled, folder_of, once_each, picture_path, read_lines, samples_of
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.faces.types import Spectrum

SPECTRA: dict[str, Spectrum] = {"VL": "vis", "NI": "nir"}
LIGHTS = ("Strong", "Weak", "Dark")
EXPRESSIONS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")
LEARNED, TESTED, FRAMES = 20, 20, 8
LISTS = ("test_vis_paths.txt", "test_nir_paths.txt")
EXPECTED = "a path such as NI/Strong/P001/Anger/000.jpeg"
DEFAULT_NOTE = (
    f"The people and frames are a default, not the published choice: {LEARNED} people by number to learn from and the "
    f"next {TESTED} to test, {FRAMES} frames spread over each sequence; the first VIS frame of each is enrolled. "
    "Pass --vis-list and --nir-list for others."
)


@dataclass(frozen=True)
class OuluOptions:
    """Which copy of the set, under which light, and the lists of test pictures where there are any."""

    root: Path | None = field(default=None, metadata={"help": "the data set's folder"})
    light: str = field(default="Strong", metadata={"help": "Strong, Weak or Dark"})
    vis_list: Path | None = field(default=None, metadata={"help": "the list of gallery pictures"})
    nir_list: Path | None = field(default=None, metadata={"help": "the list of probe pictures"})


def oulu_protocol(options: OuluOptions, _cache: Path | None = None) -> Protocol:
    """The listed test pictures, or the default. Raises DataError where the tree or a list is not as described."""
    if options.light not in LIGHTS:
        raise DataError(f"There is no light {options.light!r}.", f"Use one of {', '.join(LIGHTS)}.")
    root = folder_of(options.root, "Oulu-CASIA NIR-VIS", "Oulu_CASIA_NIR_VIS", "")
    places = {folder: folder_of(root / folder, f"{folder}/{options.light}", options.light) for folder in SPECTRA}
    people = sorted(p.name for p in places["VL"].iterdir() if p.is_dir() and _is_person(p.name))
    if lists := lists_for(root, options.vis_list, options.nir_list, LISTS):
        gallery, probes = (
            once_each([_entry(line, folder) for line in read_lines(path, EXPECTED)])
            for path, folder in zip(lists, SPECTRA, strict=True)
        )
        all_enrolled(gallery, probes)
        tested = {entry.identity for entry in [*gallery, *probes]}
        learned = [name for name in people if name not in tested]
        shown = samples_of(root, gallery, "vis"), samples_of(root, probes, "nir")
        notes: tuple[str, ...] = (f"Test pictures of {lists[0].name} and {lists[1].name}.",)
    else:
        if len(people) < LEARNED + 2:
            raise DataError(
                f"{places['VL']} has {len(people)} people; the default learns from {LEARNED} and tests the next.",
                f"Expected folders such as {places['VL'] / 'P001'}, or pass --vis-list and --nir-list.",
            )
        learned, chosen = people[:LEARNED], people[LEARNED : LEARNED + TESTED]
        shown = (
            [_frames(places["VL"], name, "vis")[0] for name in chosen],
            [s for name in chosen for s in _frames(places["NI"], name, "nir")],
        )
        notes = (DEFAULT_NOTE,)
    train = [s for name in learned for folder, kind in SPECTRA.items() for s in _frames(places[folder], name, kind)]
    notes = (f"Oulu-CASIA NIR-VIS: real NIR probes, light {options.light}.", *notes)
    return Protocol("oulu", *shown, train=train, notes=notes, train_source="oulu")


def _is_person(name: str) -> bool:
    return name[:1].upper() == "P" and name[1:].isdecimal()


def _frames(place: Path, person: str, spectrum: Spectrum) -> list[Sample]:
    """Eight frames, spread evenly, of each expression. Raises DataError where an expression has none."""
    found = []
    for expression in EXPRESSIONS:
        folder = place / person / expression
        files = sorted(p for p in folder.glob("*") if picture_path(p.name) is not None) if folder.is_dir() else []
        if not files:
            raise DataError(f"{folder} holds no frames.", f"Expected {folder / '000.jpeg'} and so on.")
        last = len(files) - 1
        steps = [round(i * last / (FRAMES - 1)) for i in range(FRAMES)]
        found += [Sample(person, spectrum, files[i]) for i in dict.fromkeys(steps)]
    return found


def _entry(line: Line, folder: str) -> Entry:
    path = picture_path(line.text)
    parts = path.parts if path else ()
    person = next((part for part in parts[:-1] if _is_person(part)), None)
    seen = next((part.upper() for part in parts[:-1] if part.upper() in SPECTRA), None)
    if path is None or person is None or seen is None:
        raise line.wrong("is no picture of this set", EXPECTED)
    if seen != folder:
        raise line.wrong(f"lies in {seen}", f"pictures of {folder} in this list")
    return Entry(line, path, person)
