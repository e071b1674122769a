"""Any folder of photos: ``person/photo``, with the spectrum from a subfolder, a pattern of file names, or a CSV.

Without a CSV: ``person/photo.jpg`` is VIS, ``person/NIR/photo.jpg`` NIR, and so is a photo whose name fits the pattern.
A CSV has the columns ``path,identity,spectrum,split`` in its first line; ``spectrum`` is ``vis`` or ``nir``, ``split``
one of ``train``, ``gallery`` and ``probe``. A further column ``group`` may say which group of people somebody is
reported with.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ssn.data.lists import Entry, Line, all_enrolled, disjoint, folder_of, once_each, picture_path, samples_of
from ssn.data.protocol import Protocol, Sample
from ssn.errors import DataError
from ssn.faces.types import Spectrum

COLUMNS = ("path", "identity", "spectrum", "split")
SPLITS = ("train", "gallery", "probe")
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


@dataclass(frozen=True)
class FolderOptions:
    """Where the photos are, and how to tell their spectrum and who is learned from."""

    root: Path | None = field(default=None, metadata={"help": "the folder of photos"})
    nir_folder: str = field(default="NIR", metadata={"help": "subfolder of a person that holds NIR photos"})
    nir_pattern: str | None = field(default=None, metadata={"help": "names of NIR photos, such as '*_nir.*'"})
    table: Path | None = field(default=None, metadata={"help": "a CSV of path,identity,spectrum,split instead"})
    train_share: float = field(default=0.0, metadata={"help": "share of the people, first by name, to learn from"})


def folder_protocol(options: FolderOptions, _cache: Path | None = None) -> Protocol:
    """The first VIS photo of each person is enrolled; NIR photos are probes, and where the whole folder has none all
    other VIS photos are. Raises DataError where nothing can be compared, or the CSV is not as described."""
    root = folder_of(options.root, "the photos")
    if options.table is not None:
        if options.nir_pattern is not None or options.train_share or options.nir_folder != FolderOptions.nir_folder:
            raise DataError("The CSV says spectra and splits.", "Pass --table without the other options of a folder.")
        return _from_table(root, options.table)
    if not 0 <= options.train_share < 1:
        raise DataError(f"A share of {options.train_share} cannot be learned from.", "Use 0 to less than 1.")
    people = {p.name: _photos(p, options) for p in sorted(root.iterdir()) if p.is_dir()}
    people = {name: photos for name, photos in people.items() if photos}
    if not people:
        raise DataError(f"{root} holds no photos of people.", f"Expected {root / 'Name' / 'photo.jpg'}.")
    learned = round(options.train_share * len(people))
    train = [photo for photos in list(people.values())[:learned] for photo in photos]
    tested = list(people.values())[learned:]
    real = any(photo.spectrum == "nir" for photos in people.values() for photo in photos)
    gallery, probes, alone = [], [], 0
    for photos in tested:
        vis = [photo for photo in photos if photo.spectrum == "vis"]
        others = [photo for photo in photos if photo.spectrum == "nir"] if real else vis[1:]
        if not vis or not others:
            alone += 1
            continue
        gallery.append(vis[0])
        probes += others
    if not probes:
        raise DataError(f"Nobody in {root} has a VIS photo and another one.", "Expected two photos of each person.")
    if len(gallery) < 2:
        raise DataError(
            f"Of {root} only one person can be compared, {gallery[0].identity}.",
            f"Expected a folder for each person, as {root / 'Name' / 'photo.jpg'}.",
        )
    kind = "real NIR probes." if real else "visible light; NIR probes are simulated from it."
    notes = [f"Folder {root.name}: {kind}"]
    notes += [f"{alone} people have nothing to be compared with."] if alone else []
    return Protocol("folder", gallery, probes, train=train, notes=tuple(notes), train_source=f"folder-{root.name}")


def _photos(person: Path, options: FolderOptions) -> list[Sample]:
    photos = []
    for path in sorted(person.rglob("*")):
        if path.suffix.lower() in PICTURES and path.is_file():
            inner = path.relative_to(person).parts[:-1]
            named = options.nir_pattern is not None and fnmatch(path.name, options.nir_pattern)
            photos.append(Sample(person.name, "nir" if named or options.nir_folder in inner else "vis", path))
    return photos


def _from_table(root: Path, table: Path) -> Protocol:
    rows = _rows(table)
    splits: dict[str, list[Entry]] = {name: [] for name in SPLITS}
    spectra: dict[Entry, Spectrum] = {}
    for line, row in rows:
        path = picture_path(row["path"])
        if path is None or not row["identity"]:
            raise line.wrong("names no picture or nobody", ",".join(COLUMNS))
        if row["spectrum"] not in ("vis", "nir") or row["split"] not in SPLITS:
            raise line.wrong("has another spectrum or split", f"vis or nir, and one of {', '.join(SPLITS)}")
        entry = Entry(line, path, row["identity"])
        splits[row["split"]].append(entry)
        spectra[entry] = "vis" if row["spectrum"] == "vis" else "nir"
    once_each([entry for entries in splits.values() for entry in entries])
    all_enrolled(splits["gallery"], splits["probe"])
    disjoint(splits["train"], [*splits["gallery"], *splits["probe"]], lambda entry: entry.identity)
    if wrong := [entry for entry in splits["gallery"] if spectra[entry] != "vis"]:
        raise wrong[0].line.wrong("enrols an NIR picture", "VIS pictures in the gallery")
    train, gallery, probes = (samples_of(root, splits[name], spectra.__getitem__) for name in SPLITS)
    groups = {row["identity"]: row["group"] for _, row in rows if row.get("group")}
    note = "NIR probes are real." if any(s.spectrum == "nir" for s in probes) else "Visible light; NIR is simulated."
    notes = (f"{table.name}: {note}",)
    return Protocol("folder", gallery, probes, train=train, notes=notes, train_source=table.stem, groups=groups)


def _rows(table: Path) -> list[tuple[Line, dict[str, str]]]:
    expected = f"columns {', '.join(COLUMNS)} in the first line"
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = [
                (
                    Line(Path(table), reader.line_num, ",".join(str(v) for v in row.values())),
                    {k: (v or "").strip() if isinstance(v, str) else "" for k, v in row.items() if k},
                )
                for row in reader
            ]
            head = [name.strip() for name in reader.fieldnames or []]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {table} cannot be read.", f"Expected a CSV with {expected}.") from error
    if head[:4] != list(COLUMNS):
        raise DataError(
            f"{table}, line 1: {','.join(head)[:80]!r} are no columns of this table.", f"Expected {expected}."
        )
    if not found:
        raise DataError(f"The table {table} is empty.", f"Expected a picture a line, and {expected}.")
    return found
