"""``explain``: why a probe matches a photo or a person, as pictures, arrays and figures."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from ssn.answers.explanation import figures_of
from ssn.answers.faces import subject_of
from ssn.answers.people import target_person
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
    read_probe,
    say,
)
from ssn.errors import DataError, ExplanationError
from ssn.evaluation.report import write_json
from ssn.explanation.belief import Belief
from ssn.explanation.explainer import Attribution, Explainer
from ssn.explanation.methods.registry import METHODS, find_method
from ssn.explanation.pair import Target
from ssn.explanation.question import Question, SideName, Sides
from ssn.faces.types import AlignedFace
from ssn.gallery.registry import open_store, scheme_of
from ssn.recognizer import Recognizer

SCALE = 4
"""Pictures are this many times the size of a face."""

FOR, AGAINST = np.array([200.0, 30.0, 30.0]), np.array([30.0, 70.0, 200.0])
"""Red speaks for the match, blue against it."""


def heat_map(face: AlignedFace, values: np.ndarray) -> Image.Image:
    """A map (128, 128) over its face: full colour at the 99th percentile of its size, nothing at zero."""
    size = (face.pixels.shape[1] * SCALE, face.pixels.shape[0] * SCALE)
    top = float(np.percentile(np.abs(values), 99)) or float(np.abs(values).max()) or 1.0
    strength = np.clip(np.abs(values) / top, 0, 1)[..., None]
    under = face.pixels.mean(axis=2, keepdims=True) * 0.6 + 60
    colour = np.where(values[..., None] > 0, FOR, AGAINST)
    mixed = under + 0.75 * strength * (colour - under)
    return Image.fromarray(np.round(mixed).clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def captioned(picture: Image.Image, lines: list[str]) -> Image.Image:
    """The picture with lines of text below it."""
    font, step = ImageFont.load_default(size=18), 26
    page = Image.new("RGB", (picture.width, picture.height + step * len(lines) + 10), "white")
    page.paste(picture, (0, 0))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((8, picture.height + 6 + step * number), line, fill="black", font=font)
    return page


def find_target(
    recognizer: Recognizer, against: str, gallery: str | None, spectrum: str, face: int | None = None
) -> Target:
    """A photo's path, or the name of a person in ``gallery`` → the target. Raises DataError where it is neither."""
    if Path(against).is_file():
        return Target.photo(Path(against).name, read_probe(recognizer, Path(against), spectrum, face=face), recognizer)
    if gallery is None or not (scheme_of(gallery) or Path(gallery).is_file()):
        raise DataError(
            f"There is no photo {against}.", "Name a photo, or a person together with --gallery FILE that holds them."
        )
    with open_store(gallery, recognizer.model_id) as store:
        return target_person(store, against, str(gallery))


def write_method(folder: Path, question: Question, found: Attribution, measured: Belief) -> list[str]:
    """One method's pictures and arrays → the names of the files."""
    written = []
    both: tuple[tuple[SideName, np.ndarray | None], ...] = (("probe", found.map), ("gallery", found.gallery_map))
    maps = {side: values for side, values in both if values is not None}
    note = [f"{METHODS[found.method].title}   score {found.score:+.3f}", measured.verdict]
    for side, values in maps.items():
        name = f"{found.method}.png" if side == "probe" else f"{found.method}-{side}.png"
        lines = note if side == next(iter(maps)) else [note[0], f"the {side} photo's pixels"]
        captioned(heat_map(question.face(side), values), lines).save(folder / name)
        written.append(name)
    curves = measured.curves
    arrays = {"share": curves.share, "deletion": curves.deletion, "insertion": curves.insertion}
    arrays |= {f"{side}_map": values for side, values in maps.items()}
    np.savez_compressed(folder / f"{found.method}.npz", allow_pickle=False, **arrays)
    return [*written, f"{found.method}.npz"]


@contextlib.contextmanager
def staged_for(out: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``out`` when the block ends, and is gone where it raises."""
    staged = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield staged
        staged.chmod(0o755)
        replace_folder(staged, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def replace_folder(staged: Path, out: Path) -> None:
    """Put ``staged`` in the place of ``out``, which is empty, absent or an earlier explanation: all of it or
    nothing."""
    if not out.exists():
        staged.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    out.rename(aside / "old")
    try:
        staged.rename(out)
    except OSError:
        (aside / "old").rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_methods(methods: list[str], wanted: dict[str, int]) -> None:
    """Raises ExplanationError for an unknown method, and for a parameter that none of the methods reads."""
    known = {key for name in methods for key in find_method(name).parameters}
    for key in wanted.keys() - known:
        readers = [name for name, row in METHODS.items() if key in row.parameters]
        raise ExplanationError(f"--{key} is not read by {', '.join(methods)}.", f"It belongs to {', '.join(readers)}.")


def check_out(out: Path) -> None:
    """Raises DataError where writing to ``out`` would destroy what is no explanation."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / "explanation.json").is_file():
        raise DataError(f"{out} holds other files.", "Name an empty or a new folder.")
    out.parent.mkdir(parents=True, exist_ok=True)


def explain(
    photo: Annotated[Path, typer.Argument(metavar="PROBE", help="The photo to explain.")],
    against: Annotated[str, typer.Option(help="Another photo, or the name of a person in --gallery.")],
    out: Annotated[Path, typer.Option(help="Folder for pictures, arrays and explanation.json.")],
    method: Annotated[str, typer.Option(help=f"One or more of: {', '.join(METHODS)}.")] = "ig,gradcam,occlusion",
    rather_than: Annotated[
        str | None, typer.Option(help="A second photo or person: explain what speaks for the one and not the other.")
    ] = None,
    sides: Annotated[Sides, typer.Option(help="Whose pixels: the probe's, the gallery photo's or both.")] = "probe",
    baseline: Annotated[str | None, typer.Option(help="mean, blur or black; each method has its own default.")] = None,
    block: Annotated[int | None, typer.Option(help="Which block gradcam and hirescam look at, 1 to 4.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of ig's path; more make its delta smaller.")] = None,
    checks: Annotated[bool, typer.Option(help="Also shuffle the weights and shift the face.")] = True,
    gallery: Annotated[str | None, typer.Option(help="A gallery file, or http://host:19530 on Milvus.")] = None,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    numbered: Numbered = None,
    bits: Bits = None,
    page: Page = None,
    against_spectrum: Annotated[str, typer.Option(help="What the other photo is: vis, nir or nir-simulated.")] = "vis",
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Show which pixels made a pair match, and whether the picture can be believed."""
    methods = list(dict.fromkeys(name.strip() for name in method.split(",")))
    wanted = {key: value for key, value in {"block": block, "steps": steps}.items() if value is not None}
    check_methods(methods, wanted)
    check_out(out)
    recognizer = Recognizer.load(checkpoint, device)
    probe = read_probe(recognizer, photo, spectrum, occlusion, face, numbered, bits, page)
    target = find_target(recognizer, against, gallery, against_spectrum)
    if rather_than is not None:
        target = target.rather_than(find_target(recognizer, rather_than, gallery, against_spectrum))
    explainer = Explainer(recognizer)
    with staged_for(out) as folder:
        figures = {}
        for name in methods:
            own = {key: value for key, value in wanted.items() if key in METHODS[name].parameters}
            question = Question(probe, target, name, sides, baseline, own)
            found = explainer.explain(question)
            measured = explainer.believe(question, found, checks=checks)
            files = write_method(folder, question, found, measured)
            figures[name] = {**figures_of(found, measured), "files": files}
        data = {
            "score": found.score,
            "model": recognizer.model_id,
            "probe": {"photo": str(photo), "spectrum": spectrum, "occlusion": occlusion, "face": subject_of(probe)},
            "against": target.name,
            "rather_than": target.rival_name or None,
            "sides": sides,
            "methods": figures,
        }
        write_json(data, folder / "explanation.json")
    say(_summary(data), data, json_file)


def _summary(data: dict) -> str:
    lines = [f"score {data['score']:+.3f} against {data['against']}"]
    for name, row in data["methods"].items():
        curves = f"deletion {row['deletion_auc']:.3f} ({row['control_deletion_auc']:.3f})"
        curves += f"  insertion {row['insertion_auc']:.3f} ({row['control_insertion_auc']:.3f})"
        lines.append(f"{name:<18} {curves}  {row['verdict']}, {row['seconds']:.1f} s")
    return "\n".join([*lines, "In brackets: the harder of the two controls."])
