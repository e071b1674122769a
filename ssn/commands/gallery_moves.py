"""``gallery migrate``: a whole gallery from one place to another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.options import JsonFile, say
from ssn.gallery.health import check_exists
from ssn.gallery.migrate import migrate as migrated
from ssn.gallery.milvus_contents import drop_unfinished
from ssn.gallery.registry import open_store, scheme_of

NO_MODEL = ""
"""Names and files can be looked after without a model."""


def migrate(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A gallery file, or http://host:19530/NAME on Milvus.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Likewise; it must be new or empty.")],
    anew: Annotated[
        bool, typer.Option("--anew", help="First remove from TO what an interrupted migration has left there.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Copy everything in a gallery into another, of any kind, with all numbers; then read it back and compare.

    FROM stays as it is; what could be undone there cannot be in TO."""
    if not scheme_of(source):
        check_exists(source)
    if anew and scheme_of(target):
        drop_unfinished(target)
    bar = tqdm(desc="migrate", unit="template", mininterval=0.5)
    with open_store(source, NO_MODEL) as old, open_store(target, NO_MODEL) as new, bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        done = migrated(old, new, progress)
    text = f"{done.people} people with {done.templates} templates and {done.pictures} pictures are in {target} too."
    say(f"{text} All of it was read back and is the same.", {"from": source, "to": target, **asdict(done)}, json_file)
