"""``match``: photos → the people of a gallery who are most like each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.enrolling import Enroller
from ssn.commands.options import (
    DEFAULT,
    Checkpoint,
    Device,
    FaceNumber,
    JsonFile,
    SpectrumName,
    check_choices,
    occlusion_option,
    read_probe,
    say,
    warn,
)
from ssn.errors import DataError, SSNError
from ssn.gallery.index import find_over
from ssn.gallery.people_folder import read_folder
from ssn.gallery.registry import DEFAULT_INDEX, INDICES, find_index, open_store, scheme_of
from ssn.gallery.store import Match
from ssn.gallery.verdict import DEFAULT_RULE, RULES, find_rule, summary
from ssn.recognizer import Recognizer, Template


def match(
    photos: Annotated[list[Path], typer.Argument(help="One or more probes.")],
    gallery: Annotated[str, typer.Option(help="A gallery file, or a folder of photos to enrol for this once.")],
    k: Annotated[int, typer.Option("--k", min=1, help="How many ranks to show.")] = 5,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    over: Annotated[
        str, typer.Option(help="A person's several templates count as their best score, or the mean.")
    ] = "best",
    index: Annotated[str, typer.Option(help=f"How to search: {', '.join(INDICES)}.")] = DEFAULT_INDEX,
    rule: Annotated[str, typer.Option(help=f"How scores become verdicts: {', '.join(RULES)}.")] = DEFAULT_RULE,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Search photos in a gallery: for each the k people most like it, with scores and verdicts."""
    check_choices(spectrum, occlusion)
    find_index(index)
    find_rule(rule)
    counted = find_over(over)
    from_folder = not scheme_of(gallery) and Path(gallery).is_dir()
    if not scheme_of(gallery) and not Path(gallery).exists():
        raise DataError(f"There is no gallery {gallery}.", "Name a gallery file or a folder of photos.")
    recognizer = Recognizer.load(checkpoint, device)
    probes = _probes(recognizer, photos, spectrum, occlusion, face)
    with open_store(":memory:" if from_folder else gallery, recognizer.model_id, recognizer.device, index) as store:
        if from_folder:
            Enroller(store, recognizer).enrol_folder(read_folder(Path(gallery)))
        known = [probe for _, probe in probes if isinstance(probe, Template)]
        found = iter(store.search_many(known, k, recognizer.card.thresholds, rule, counted))
    rows, blocks = [], []
    for photo, probe in probes:
        if isinstance(probe, Template):
            matches = next(found)
            rows.append({"photo": str(photo), "matches": [_row(one) for one in matches]})
            blocks.append(_text(matches) if len(probes) == 1 else f"{photo}\n{_text(matches)}")
        else:
            rows.append({"photo": str(photo), "matches": [], "error": str(probe)})
    say("\n\n".join(blocks), rows, json_file)
    _refuse([probe for _, probe in probes if isinstance(probe, SSNError)], len(probes))


def _probes(
    recognizer: Recognizer, photos: list[Path], spectrum: str, occlusion: str, face: int | None
) -> list[tuple[Path, Template | SSNError]]:
    """Of each photo its template, or why it has none."""
    probes: list[tuple[Path, Template | SSNError]] = []
    for photo in photos:
        try:
            probes.append((photo, recognizer.embed(read_probe(recognizer, photo, spectrum, occlusion, face))))
        except SSNError as error:
            probes.append((photo, error))
            if len(photos) > 1:
                warn(photo, error)
    return probes


def _refuse(errors: list[SSNError], photos: int) -> None:
    """Exit with status 2 where a photo could not be used; the reason of an only one is the error."""
    if errors and photos == 1:
        raise errors[0]
    if errors:
        raise typer.Exit(2)


def _row(found: Match) -> dict:
    return {"rank": found.rank, "person": found.person, "score": found.score, "verdict": found.verdict}


def _text(matches: list[Match]) -> str:
    lines = [f"{m.rank}. {m.person:<30} {m.score:+.3f}  {m.verdict}" for m in matches]
    return "\n".join([*lines, summary([m.verdict for m in matches])]).rstrip()
