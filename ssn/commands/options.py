"""Options that several commands share, with one wording each."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from tqdm import tqdm

from ssn.answers.faces import check_choices, take_face
from ssn.errors import DataError, SeveralFacesError
from ssn.export.engine import ENGINES
from ssn.faces.finder import Found, shared_finder
from ssn.faces.occlude import OCCLUSIONS, named_mask, occlude
from ssn.faces.read import Source
from ssn.faces.subject import numbered_picture
from ssn.faces.types import AlignedFace
from ssn.files import atomically, json_text, printable, write_json
from ssn.gallery.registry import INDICES
from ssn.models.checkpoint import DEFAULT_CHECKPOINT
from ssn.recognizer import Recognizer

Checkpoint = Annotated[Path, typer.Option(help="Weights: a .safetensors of ours, or the official Light CNN .pth.tar.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Engine = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join(ENGINES)}]",
        help="What computes: PyTorch, or onnxruntime with the file that `export --format onnx` wrote.",
    ),
]
JsonFile = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - prints it.")]
SpectrumName = Annotated[
    str, typer.Option(help="What the photo is: vis, nir, or nir-simulated (made from a VIS photo).")
]
FaceNumber = Annotated[
    int | None, typer.Option(min=1, help="Which face, counted from 1 and from left to right, if there are several.")
]
Numbered = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the photo with a frame and a number on every face.")
]
Bits = Annotated[
    int | None, typer.Option(min=8, max=16, help="Bits the sensor gave, where the file holds more than 8.")
]
Page = Annotated[
    int | None,
    typer.Option(min=0, help="Which page of a file of several, counted from 0; the first with a face if not said."),
]

DEFAULT = DEFAULT_CHECKPOINT


def occlusion_option() -> Any:
    """The option that hides a part of a face. To be written into a command's annotation, which is read when the command
    is: an occlusion registered from outside is then a choice too."""
    return typer.Option(metavar=f"[{'|'.join(OCCLUSIONS)}]", help="Hide a part of the probe.")


def index_option() -> Any:
    """The option that chooses how a gallery is searched. Read as :func:`occlusion_option` is."""
    return typer.Option(metavar=f"[{'|'.join(INDICES)}]", help="How the gallery is searched.")


@contextlib.contextmanager
def face_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left → what is told how many faces are done, and of how many."""
    with tqdm(desc=title, unit="face", leave=False) as bar:

        def told(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield told


def say(text: str, data: dict | list, json_file: str | None) -> None:
    """Print for people, and write for scripts; with ``--json -`` only JSON reaches standard output, in whatever
    encoding that has. Raises DataError where nothing can be written there."""
    if sys.stdout is None and json_file == "-":
        raise DataError("The answer cannot be written to standard output (it is closed).", "Write it to a file.")
    text = json_text(data, sys.stdout.encoding) if json_file == "-" else printable(text, lines=True)
    try:
        typer.echo(text)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever read it wants no more, which is no error
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stdout.close()  # or Python tries once more at its end
        what = f"The answer cannot be written to standard output ({error.strerror or error})."
        raise DataError(what, "Make room, or write it to another place.") from error
    if json_file and json_file != "-":
        write_json(data, json_file)


def read_probe(
    recognizer: Recognizer,
    photo: Path,
    spectrum: str = "vis",
    occlusion: str = "none",
    face: int | None = None,
    numbered: Path | None = None,
    bits: int | None = None,
    page: int | None = None,
) -> AlignedFace:
    """A photo file → the aligned face in the asked spectrum, occluded as asked; the other options as in
    ``find_in_photo`` and ``pick_face``. Raises the library's typed errors."""
    check_choices(spectrum, occlusion)
    found = find_in_photo(photo, recognizer.device, numbered, bits, page)
    tell_pages(photo, found, page)
    aligned = pick_face(found, photo, recognizer.device, spectrum, face)
    return occlude(aligned, named_mask(occlusion, aligned.landmarks))


def find_in_photo(
    source: Source,
    device: str | torch.device,
    numbered: Path | None = None,
    bits: int | None = None,
    page: int | None = None,
) -> Found:
    """A photo → its faces; ``numbered`` is where to draw them. Raises the errors of reading, DataError."""
    if numbered is not None and isinstance(source, Path) and numbered.exists() and numbered.samefile(source):
        raise DataError(f"{numbered} is the photo itself.", "Name another file for the numbered picture.")
    found = shared_finder(device).find_in(source, bits, page)
    if numbered is not None:
        _write_numbered(found, numbered)
    return found


def tell_pages(photo: Path, found: Found, page: int | None) -> None:
    """That a file has more pages than the one that was taken, unless it was asked for."""
    if page is not None or found.pages == 1 or not found.faces:
        return
    taken, others = "the first", f"1 to {found.pages - 1}" if found.pages > 2 else "1"
    if found.page:
        taken, others = f"page {found.page}, counted from 0 and the first with a face,", f"0 to {found.pages - 1}"
    warn(photo, f"holds {found.pages} pages, of which {taken} is taken. Choose another with --page {others}.")


def pick_face(
    found: Found, photo: Path, device: str | torch.device, spectrum: str, number: int | None = None
) -> AlignedFace:
    """The faces of a photo → the one of that number, from 1, or the one that is clearly meant, which is then said; in
    the asked spectrum. Raises NoFaceError, SeveralFacesError."""
    try:
        aligned = take_face(shared_finder(device), found, spectrum, number)
    except SeveralFacesError as error:
        hint = f"{error.hint} Say it with --face; --numbered FILE writes the photo with the numbers."
        raise SeveralFacesError(error.what, hint, error.count) from error
    if number is None and (subject := aligned.subject) is not None and subject.count > 1:
        warn(photo, f"face {subject.number} is taken, {subject.reason}.")
    return aligned


def _write_numbered(found: Found, file: Path) -> None:
    """As PNG or whatever else the name asks for. Raises DataError where that cannot be written."""
    try:
        kind = Image.registered_extensions()[file.suffix.lower()]
        with atomically(file) as part:
            Image.fromarray(numbered_picture(found.image, found.faces)).save(part, kind)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{file} cannot be written.", "Name a .png in a folder that is there.") from error


def one_photo_only(photos: int, **given: object) -> None:
    """Options that are about one photo, by name; None where they are not given. Raises DataError where there are
    several photos."""
    if photos != 1 and (names := [name for name, value in given.items() if value is not None]):
        raise DataError(f"--{names[0]} is about one photo.", "Leave it out, or name a single photo.")


def warn(about: Path, reason: object) -> None:
    """Something about a photo of many: say it, above a progress bar if there is one, and go on."""
    tqdm.write(f"{printable(about)}: {printable(reason)}", file=sys.stderr)
