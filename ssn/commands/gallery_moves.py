"""``gallery migrate``, ``encrypt`` and ``decrypt``: a whole gallery from one place or form to another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.commands.options import JsonFile, say
from ssn.gallery.encryption import decrypt as decrypted
from ssn.gallery.encryption import encrypt as encrypted
from ssn.gallery.health import check_exists
from ssn.gallery.migrate import migrate as migrated
from ssn.gallery.milvus_contents import drop_unfinished
from ssn.gallery.registry import open_store, scheme_of
from ssn.gallery.sealing import KEY_FILE, write_key

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


def new_key(file: Path, json_file: JsonFile = None) -> None:
    """Make a key for encrypted galleries in a new file that only you can read. They are lost without it: copy it."""
    write_key(file)
    say(f"A new key is in {file}; set {KEY_FILE} to its path, and keep a copy of it.", {"file": str(file)}, json_file)


Encrypted = Annotated[str, typer.Argument(metavar="GALLERY", help="The gallery file, which no other program has open.")]


def encrypt(gallery: Encrypted, json_file: JsonFile = None) -> None:
    """Encrypt the pictures and templates of a gallery with the key in SSN_GALLERY_KEY_FILE (or SSN_GALLERY_KEY)."""
    check_exists(gallery)
    with open_store(gallery, NO_MODEL) as store:
        count = encrypted(store)
    say(f"{count} templates and their pictures are encrypted now.", {"gallery": gallery, "encrypted": count}, json_file)


def decrypt(gallery: Encrypted, json_file: JsonFile = None) -> None:
    """The other way round."""
    check_exists(gallery)
    with open_store(gallery, NO_MODEL) as store:
        count = decrypted(store)
    say(f"{count} templates and their pictures are readable now.", {"gallery": gallery, "decrypted": count}, json_file)
