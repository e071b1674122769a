"""Miniature trees of the NIR-VIS sets, from drawn people: the sets' own names, extensions, lists and quirks, nobody's
face. Pictures are drawn once for a whole run of the tests."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from ssn.data.protocol import Protocol
from ssn.data.registry import DataRequest
from ssn.people.portrait import draw_person, photo

FORMATS = {".bmp": "BMP", ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


@lru_cache(maxsize=512)
def picture(person: int, seed: int, spectrum: str) -> np.ndarray:
    """A photo of a drawn person, (224, 224, 3) uint8: gray where it is NIR."""
    return photo(draw_person(person), seed, spectrum).pixels


@lru_cache(maxsize=512)
def encoded(person: int, seed: int, spectrum: str, kind: str) -> bytes:
    out = io.BytesIO()
    shot = Image.fromarray(picture(person, seed, spectrum))
    (shot.convert("L") if spectrum == "nir" else shot).save(out, kind)
    return out.getvalue()


def write_picture(path: Path, person: int, seed: int, spectrum: str) -> None:
    """One picture, in the format of its extension; the NIR ones have one channel, as cameras of that kind write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(person, seed, spectrum, FORMATS[path.suffix]))


def read(protocol: str, root: Path, fold: str | None = None, **given) -> Protocol:
    """What the reader of that name makes of a tree."""
    return DataRequest(protocol, fold, {"root": root, **given}).read()


def write_list(path: Path, lines: list[str], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode())


def casia(root: Path, learned: int = 2, tested: int = 3, probes: int = 2, folds=("1",), flat: bool = False) -> Path:
    """``NIR-VIS-2.0`` with s1 … and ``protocols``. Lists have backslashes and Windows line ends, and say .bmp for VIS
    pictures that are .jpg on disk. ``flat`` is the flattened variant, which has labels."""
    base = root / "NIR-VIS-2.0"
    lists: dict[str, list[str]] = {"nir_train": [], "vis_train": [], "vis_gallery": [], "nir_probe": []}
    for person in range(learned + tested):
        test = person >= learned
        for spectrum, first, count in (("vis", 1, 1 if test else 2), ("nir", 5, probes if test else 2)):
            for number in range(first, first + count):
                kind = "vis_gallery" if spectrum == "vis" else "nir_probe"
                kind = kind if test else f"{spectrum}_train"
                upper, identity = spectrum.upper(), f"{10000 + person:05d}"
                suffix = ".jpg" if spectrum == "vis" or flat else ".bmp"
                if flat:
                    path = f"{upper}/s{1 + person % 4}_{upper}_{identity}_{number:03d}{suffix}"
                    lists[kind].append(f"{path} {person}")
                else:
                    path = f"s{1 + person % 4}/{upper}/{identity}/{number:03d}{suffix}"
                    lists[kind].append(path.replace("/", "\\").replace(".jpg", ".bmp"))
                write_picture(base / path, person, number, spectrum)
    for fold in folds:
        for name, lines in lists.items():
            write_list(base / "protocols" / f"{name}_{fold}.txt", lines, "\r\n")
    return base


def lamp_hq(
    root: Path, learned: int = 2, tested: int = 3, folds=(1,), folder: str = "Protocol", header: bool = False
) -> Path:
    """The lists in ``Protocol`` (or ``Protocols``), labels counting from 0 in training and in test alike."""
    top = ["path label"] if header else []
    lists: dict[str, list[str]] = {"train_vis": [], "train_nir": [], "gallery_vis": [], "probe_nir": []}
    for person in range(learned + tested):
        test, label = person >= learned, person - learned if person >= learned else person
        for spectrum in ("vis", "nir"):
            kind = ("gallery_vis" if spectrum == "vis" else "probe_nir") if test else f"train_{spectrum}"
            for number in range(1 if test and spectrum == "vis" else 2):
                path = f"{spectrum.upper()}/{person:03d}/{person:03d}_{number}.jpg"
                write_picture(root / path, person, number + (0 if spectrum == "vis" else 5), spectrum)
                lists[kind].append(f"{path} {label}")
    for fold in folds:
        for name, lines in lists.items():
            part = "train" if name.startswith("train") else "test"
            write_list(root / folder / part / f"{name}{fold}.txt", top + lines)
    return root


def buaa(root: Path, people: int = 4, lists: bool = True, tested: int = 3) -> Path:
    """``<id>/<n>.bmp``, odd VIS, even NIR; with ``lists`` the last ``tested`` people are to be tested."""
    for person in range(1, people + 1):
        for number in range(1, 5):
            spectrum = "vis" if number % 2 else "nir"
            write_picture(root / str(person) / f"{number}.bmp", person, number, spectrum)
    if lists:
        chosen = range(people - tested + 1, people + 1)
        write_list(root / "test_vis_paths.txt", [f"{person}/1.bmp" for person in chosen])
        write_list(root / "test_nir_paths.txt", [f"{p}/{n}.bmp" for p in chosen for n in (2, 4)])
    return root


EXPRESSIONS = ("Anger", "Disgust", "Fear", "Happiness", "Sadness", "Surprise")


def oulu(root: Path, people: int = 4, lists: bool = True, tested: int = 3, frames: int = 1) -> Path:
    """``Oulu_CASIA_NIR_VIS/{NI,VL}/Strong/P001/Anger/000.jpeg``, one picture for all expressions of a person."""
    base = root / "Oulu_CASIA_NIR_VIS"
    for person in range(1, people + 1):
        for folder, spectrum in (("VL", "vis"), ("NI", "nir")):
            for expression in EXPRESSIONS:
                for frame in range(frames):
                    path = base / folder / "Strong" / f"P{person:03d}" / expression / f"{frame:03d}.jpeg"
                    write_picture(path, person, 1 if spectrum == "vis" else 5, spectrum)
    if lists:
        names = [f"P{person:03d}" for person in range(people - tested + 1, people + 1)]
        write_list(base / "test_vis_paths.txt", [f"VL/Strong/{name}/Anger/000.jpeg" for name in names])
        write_list(
            base / "test_nir_paths.txt", [f"NI/Strong/{n}/{e}/000.jpeg" for n in names for e in ("Anger", "Fear")]
        )
    return base


def folder(root: Path, people: int = 4) -> Path:
    """``person/photo.jpg`` and ``person/NIR/photo.jpg``."""
    for person in range(people):
        write_picture(root / f"Person {person}" / "a.jpg", person, 1, "vis")
        write_picture(root / f"Person {person}" / "NIR" / "b.jpg", person, 5, "nir")
    return root
