"""``export``: a checkpoint → a file that other programs run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ssn.commands.options import DEFAULT, Checkpoint, JsonFile, say
from ssn.errors import OptionError
from ssn.export.check import Check
from ssn.export.formats import FORMATS, beside
from ssn.export.portable import Portable, PortableEmbedder, PortableVisibility
from ssn.export.write import card_path, export_network
from ssn.models.checkpoint import load_model
from ssn.models.visibility_file import VISIBILITY_CHECKPOINT, load_visibility


def export(
    kind: Annotated[str, typer.Option("--format", metavar=f"[{'|'.join(FORMATS)}]", help="What to write.")],
    checkpoint: Checkpoint = DEFAULT,
    out: Annotated[Path | None, typer.Option(help="The file to write; by default beside the checkpoint.")] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Answer the maps of the four blocks too.")] = False,
    visibility: Annotated[
        bool, typer.Option("--visibility", help="Export the visibility network too, into the same folder.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Write a checkpoint as ONNX, OpenVINO, TorchScript or full safetensors, with a card beside it that says what goes
    in and comes out. It is run at once on drawn faces and refused where it answers anything else than the network."""
    path = out or beside(checkpoint, kind)
    second = path.with_name(beside(VISIBILITY_CHECKPOINT, kind).name)
    if path.exists() and checkpoint.exists() and path.samefile(checkpoint):
        raise OptionError("--out is the checkpoint itself.", "Give it another name.")
    if visibility and path == second:
        raise OptionError(f"--out has the name of the visibility network, {second.name}.", "Give it another one.")
    wanted: list[tuple[Portable, Path]] = [(PortableEmbedder(*load_model(checkpoint), maps), path)]
    if visibility:
        wanted.append((PortableVisibility(*load_visibility()), second))
    rows, lines = [], []
    for portable, file in wanted:
        result = export_network(portable, kind, file)
        lines.append(f"{file}: {portable.card.model_id}, {_in_words(result)}. Its card: {card_path(file).name}")
        rows.append(
            {"file": str(file), "card": str(card_path(file)), "model": portable.card.model_id, "check": asdict(result)}
        )
    say("\n".join(lines), {"format": kind, "files": rows}, json_file)


def _in_words(result: Check) -> str:
    said = [] if result.cosine is None else [f"cosine at least {result.cosine:.7f}"]
    said += [] if result.difference is None else [f"maps differ by at most {result.difference:.1e}"]
    return f"checked on {result.faces} faces: {', '.join(said)}"
