"""``synth``: draw people who do not exist, or fit the model that draws them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.options import JsonFile, say
from ssn.data.lfw import LFW
from ssn.data.person_descriptors import TRAIN_LIST, training_descriptors
from ssn.errors import DataError
from ssn.people.appearance_model import DEFAULT_MODEL
from ssn.people.demo import write_demo, write_sheet
from ssn.people.photo_set import write_set


def synth(
    out: Annotated[Path | None, typer.Argument(help="Folder for the pictures; with --fit, the model file.")] = None,
    people: Annotated[int, typer.Option(help="How many people to draw.")] = 50,
    images: Annotated[int, typer.Option(help="Photos of each: half VIS, half simulated NIR.")] = 8,
    covered: Annotated[
        int, typer.Option(help="How many of each person's NIR photos show goggles, a surgical mask or a scarf.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(help="Decides everybody and everything; casts of different seeds share nobody.")
    ] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as processors if not said.")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a sheet of pictures of eight people to this file.")
    ] = None,
    demo: Annotated[bool, typer.Option(help="Write the app's 24 demo people instead.")] = False,
    fit: Annotated[Path | None, typer.Option(help="LFW's folder: learn the model anew from peopleDevTrain.")] = None,
    cache: Annotated[Path, typer.Option(help="With --fit: where crops and descriptors are kept.")] = Path("cache"),
    json_file: JsonFile = None,
) -> None:
    """Draw synthetic people in visible light and simulated NIR, with exact landmarks."""
    if fit is not None:
        text, data = _fit(fit, out or DEFAULT_MODEL, cache)
    elif out is None:
        raise DataError("The pictures need a folder.", "Pass one: python -m ssn synth OUT.")
    elif demo:
        data = write_demo(out)
        text = f"{len(data['people'])} demo people in {out}."
    else:
        text, data = _draw(out, people, images, seed, min(covered, images // 2), workers)
    if sheet is not None and fit is None:
        write_sheet(sheet, seed=seed)
    say(text, data, json_file)


def _draw(out: Path, people: int, images: int, seed: int, covered: int, workers: int | None) -> tuple[str, dict]:
    with tqdm(total=people * images, unit="photo") as bar:
        data = write_set(out, people, images, seed, covered, workers, progress=lambda done, _: bar.update(done - bar.n))
    data = {name: value for name, value in data.items() if name != "photos"}
    text = (
        f"{data['people']} people, {data['images']} photos in {out} ({data['seconds']} s); "
        f"the detector finds {data['found by the detector']:.1%}."
    )
    return text, data


def _fit(root: Path, out: Path, cache: Path) -> tuple[str, dict]:
    from ssn.people.fitting.fit import fit

    model = fit(LFW(root).people(TRAIN_LIST), out, training_descriptors(root, cache))
    size = out.stat().st_size / 2**20
    data = {"model": str(out), "megabytes": round(size, 2), "components": model.components}
    return f"The model is in {out} ({size:.1f} MB, {model.components} components).", data
