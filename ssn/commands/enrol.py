"""``embed``, ``enrol`` and ``match``: one photo, many photos, and a search."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from ssn.commands.options import (
    DEFAULT,
    Bits,
    Checkpoint,
    Device,
    FaceNumber,
    JsonFile,
    Numbered,
    Page,
    SpectrumName,
    occlusion_option,
    photos_in,
    read_probe,
    say,
    subject_of,
    warn,
)
from ssn.errors import DataError, SSNError
from ssn.faces.types import AlignedFace
from ssn.gallery.sqlite import Gallery
from ssn.recognizer import Recognizer

Photos = Annotated[list[Path], typer.Argument(help="One or more photos, each with one face.")]


def encoded(face: AlignedFace) -> bytes:
    """The aligned face as WebP, to show beside a match."""
    buffer = io.BytesIO()
    Image.fromarray(face.pixels).save(buffer, "WEBP", quality=85)
    return buffer.getvalue()


def embed(
    photos: Photos,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Turn photos into templates: 256 numbers of unit length."""
    recognizer = Recognizer.load(checkpoint, device)
    rows = []
    for photo in photos:
        probe = read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)
        vector = [round(float(v), 7) for v in recognizer.embed(probe).vector]
        rows.append({"photo": str(photo), "spectrum": spectrum, "face": subject_of(probe), "vector": vector})
    text = "\n".join(f"{r['photo']}: {' '.join(f'{v:+.3f}' for v in r['vector'][:6])} …" for r in rows)
    say(text, {"model": recognizer.model_id, "templates": rows}, json_file)


def _enrol_folder(gallery: Gallery, recognizer: Recognizer, folder: Path, spectrum: str) -> dict:
    enrolled, refused = [], []
    for name, photo in photos_in(folder):
        try:
            face = read_probe(recognizer, photo, spectrum)
            gallery.enrol(name, recognizer.enrolment(face), encoded(face), origin=photo.name)
            enrolled.append({"person": name, "photo": str(photo), "face": subject_of(face)})
        except SSNError as error:
            warn(error, photo)
            refused.append({"photo": str(photo), "reason": str(error)})
    return {"enrolled": enrolled, "refused": refused}


def enrol(
    folder: Annotated[Path, typer.Argument(help="FOLDER/Name/photo.jpg or FOLDER/Name.jpg; or a photo and --name.")],
    gallery: Annotated[Path, typer.Option(help="Gallery file; made if it is not there.")],
    name: Annotated[str | None, typer.Option(help="The person's name, where one photo is given.")] = None,
    spectrum: SpectrumName = "vis",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Enrol people into a gallery file."""
    recognizer = Recognizer.load(checkpoint, device)
    if folder.is_file() and not name:
        raise DataError("One photo needs the person's name.", "Add --name NAME.")
    if not folder.is_file():
        photos_in(folder)
    with Gallery(gallery, recognizer.model_id, recognizer.device) as store:
        if folder.is_file():
            found = read_probe(recognizer, folder, spectrum, "none", face, numbered, bits, page)
            store.enrol(name, recognizer.enrolment(found), encoded(found), origin=folder.name)
            taken = {"person": name, "photo": str(folder), "face": subject_of(found)}
            result = {"enrolled": [taken], "refused": []}
        else:
            result = _enrol_folder(store, recognizer, folder, spectrum)
    text = f"{len(result['enrolled'])} photos enrolled in {gallery}, {len(result['refused'])} refused."
    say(text, {"model": recognizer.model_id, "gallery": str(gallery), **result}, json_file)


def match(
    photo: Annotated[Path, typer.Argument(help="The probe.")],
    gallery: Annotated[Path, typer.Option(help="A gallery file, or a folder of photos to enrol for this once.")],
    k: Annotated[int, typer.Option("--k", min=1, help="How many ranks to show.")] = 5,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = 0,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Search a photo in a gallery: the k people most like it, with scores and verdicts."""
    recognizer = Recognizer.load(checkpoint, device)
    shown = read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)
    probe = recognizer.embed(shown)
    from_folder = gallery.is_dir()
    if not from_folder and not gallery.is_file():
        raise DataError(f"There is no gallery {gallery}.", "Name a gallery file or a folder of photos.")
    with Gallery(":memory:" if from_folder else gallery, recognizer.model_id, recognizer.device) as store:
        if from_folder:
            _enrol_folder(store, recognizer, gallery, "vis")
        matches = store.search(probe, k, recognizer.card.thresholds)
    known = bool(matches) and matches[0].verdict == "match"
    lines = [f"{m.rank}. {m.person:<30} {m.score:+.3f}  {m.verdict}" for m in matches]
    lines.append("" if known else "Nobody enrolled reaches the threshold of FMR 0.1 %: no confirmed match.")
    data = {
        "model": recognizer.model_id,
        "probe": {"photo": str(photo), "spectrum": spectrum, "occlusion": occlusion, "face": subject_of(shown)},
        "thresholds": recognizer.card.thresholds,
        "matches": [asdict(m) for m in matches],
    }
    say("\n".join(lines).rstrip(), data, json_file)
