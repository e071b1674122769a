"""``sweep``: which part of a face carries its match, found by hiding parts and windows in turn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.answers.faces import subject_of
from ssn.commands.options import (
    DEFAULT,
    Bits,
    Checkpoint,
    Device,
    FaceNumber,
    JsonFile,
    Page,
    SpectrumName,
    occlusion_option,
    read_probe,
    say,
)
from ssn.errors import DataError
from ssn.gallery.cohort import cohort_of
from ssn.gallery.registry import open_store, scheme_of
from ssn.gallery.sweep import WINDOW, WINDOWS, Sweeper, windows_of
from ssn.gallery.sweep_words import sentences, sweep_record
from ssn.gallery.verdict import SearchRates
from ssn.recognizer import Recognizer


def sweep(
    photo: Annotated[Path, typer.Argument(help="The probe.")],
    gallery: Annotated[str, typer.Option(help="A gallery file, or http://host:19530 on Milvus.")],
    window: Annotated[
        int, typer.Option(help=f"Side of the sliding window in pixels: {', '.join(map(str, WINDOWS))}.")
    ] = WINDOW,
    spectrum: SpectrumName = "vis",
    occlusion: Annotated[str, occlusion_option()] = "none",
    face: FaceNumber = None,
    bits: Bits = None,
    page: Page = None,
    rate: Annotated[
        float, typer.Option(help="The share of strangers' searches that may end in a match.")
    ] = SearchRates().match,
    checkpoint: Checkpoint = DEFAULT,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Hide eyes, lower half, left, right and a sliding window in turn: who is at rank 1 then?"""
    windows_of(window)
    rates = SearchRates.around(rate)
    if not scheme_of(gallery) and not Path(gallery).is_file():
        raise DataError(f"There is no gallery {gallery}.", "Name a gallery file.")
    recognizer = Recognizer.load(checkpoint, device)
    probe = read_probe(recognizer, photo, spectrum, occlusion, face, bits=bits, page=page)
    start = time.perf_counter()
    with (
        open_store(gallery, recognizer.model_id, recognizer.device) as store,
        tqdm(desc="Hiding", total=100, unit="%", leave=False) as bar,
    ):
        sweeper = Sweeper(
            probe,
            store,
            recognizer.embed_batch,
            cohort_of(checkpoint, recognizer.model_id),
            rates,
            recognizer.card.thresholds,
            progress=lambda share: bar.update(round(100 * share) - bar.n),
        )
        found = sweeper.run(window)
    record = {
        "photo": str(photo),
        "face": subject_of(probe),
        "model": recognizer.model_id,
        **sweep_record(found, probe),
    }
    took = f"{time.perf_counter() - start:.1f} s"
    say("\n".join([*sentences(found, probe), took]), record, json_file)
