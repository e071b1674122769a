"""BUAA-VisNir: ``<id>/<n>.bmp``, nine poses and expressions in two spectra: odd numbers are VIS, even ones NIR.

The set's own division into 50 people to learn from and 100 to test is not public. It is read from
``test_vis_paths.txt`` and ``test_nir_paths.txt``; without them the first 50 people by number are learned from, and the
report says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ssn.data.lists import Entry, Line, all_enrolled, folder_of, once_each, picture_path, read_lines, samples_of
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.faces.types import Spectrum

LEARNED = 50
LISTS = ("test_vis_paths.txt", "test_nir_paths.txt")
EXPECTED = "a path such as 51/1.bmp"
DEFAULT_NOTE = (
    f"The test people are a default, not the set's own list: all but the first {LEARNED} by number; the first VIS "
    "picture of each is enrolled. Pass --vis-list and --nir-list for others."
)


@dataclass(frozen=True)
class BuaaOptions:
    """Which copy of the set, and the lists of test pictures where there are any."""

    root: Path | None = field(default=None, metadata={"help": "the data set's folder"})
    vis_list: Path | None = field(default=None, metadata={"help": "the list of gallery pictures"})
    nir_list: Path | None = field(default=None, metadata={"help": "the list of probe pictures"})


def buaa_protocol(options: BuaaOptions, _cache: Path | None = None) -> Protocol:
    """The listed test pictures, or the default; everybody else is to be learned from. Raises DataError where the tree
    or a list is not as described."""
    root = folder_of(options.root, "BUAA-VisNir")
    people = sorted((p for p in root.iterdir() if p.is_dir() and p.name.isdecimal()), key=lambda p: int(p.name))
    if not people:
        raise DataError(f"{root} holds no people.", f"Expected folders such as {root / '1'} with 1.bmp to 18.bmp.")
    lists = lists_for(root, options.vis_list, options.nir_list, LISTS)
    if lists:
        gallery, probes = ([_entry(line) for line in read_lines(path, EXPECTED)] for path in lists)
        all_enrolled(once_each(gallery), once_each(probes))
        tested = {int(entry.identity) for entry in [*gallery, *probes]}
        notes = (f"Test pictures of {lists[0].name} and {lists[1].name}.",)
        shown = samples_of(root, gallery, "vis"), samples_of(root, probes, "nir")
    else:
        if len(people) <= LEARNED:
            raise DataError(
                f"{root} has {len(people)} people; the default learns from the first {LEARNED} and tests the others.",
                "Pass --vis-list and --nir-list.",
            )
        tested = {int(person.name) for person in people[LEARNED:]}
        photos = [_photos(person) for person in people[LEARNED:]]
        shown = (
            [next(s for s in own if s.spectrum == "vis") for own in photos],
            [s for own in photos for s in own if s.spectrum == "nir"],
        )
        notes = (DEFAULT_NOTE,)
    train = [s for person in people if int(person.name) not in tested for s in _photos(person)]
    return Protocol("buaa", *shown, train=train, notes=("BUAA-VisNir: real NIR probes.", *notes), train_source="buaa")


def lists_for(root: Path, vis: Path | None, nir: Path | None, names: tuple[str, str]) -> tuple[Path, Path] | None:
    """The two lists that are asked for, or that lie in the root; None where neither is. One alone is a DataError."""
    if (vis is None) != (nir is None):
        raise DataError("One list of test pictures is not enough.", "Pass both --vis-list and --nir-list.")
    if vis is not None and nir is not None:
        return Path(vis), Path(nir)
    there = [(root / name).is_file() for name in names]
    if any(there) and not all(there):
        missing = names[there.index(False)]
        raise DataError(f"There is no list {root / missing}.", f"It belongs beside {names[there.index(True)]}.")
    return (root / names[0], root / names[1]) if all(there) else None


def spectrum_of(number: int) -> Spectrum:
    """Picture 1 of a person is VIS and 2 NIR, and so on."""
    return "vis" if number % 2 else "nir"


def _photos(person: Path) -> list[Sample]:
    """All pictures of one person, by number. Raises DataError where one spectrum is missing."""
    files = [p for p in person.iterdir() if picture_path(p.name) is not None and p.stem.isdecimal()]
    photos = [
        Sample(str(int(person.name)), spectrum_of(int(path.stem)), path)
        for path in sorted(files, key=lambda p: int(p.stem))
    ]
    if {photo.spectrum for photo in photos} != {"vis", "nir"}:
        raise DataError(f"{person} has not both spectra.", "Expected 1.bmp (VIS), 2.bmp (NIR) and so on.")
    return photos


def _entry(line: Line) -> Entry:
    path = picture_path(line.text)
    if path is None or len(path.parts) < 2 or not path.parent.name.isdecimal():
        raise line.wrong("is no picture of this set", EXPECTED)
    return Entry(line, path, str(int(path.parent.name)))
