"""``gallery``: what is done with a gallery besides enrolling and searching; a sub-command each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from ssn.answers import gallery as answers
from ssn.answers.people import people_rows
from ssn.commands.gallery_moves import NO_MODEL, decrypt, encrypt, migrate, new_key
from ssn.commands.interrupt import interruptible
from ssn.commands.options import DEFAULT, Checkpoint, Device, JsonFile, say
from ssn.errors import GalleryError
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.health import check_exists, statistics, verify
from ssn.gallery.re_embed import re_embed as re_embedded
from ssn.gallery.registry import open_store, scheme_of
from ssn.gallery.store import GalleryStore
from ssn.recognizer import Recognizer

gallery_commands = typer.Typer(help="Look after a gallery: its people, its changes, its file.", no_args_is_help=True)
command = gallery_commands.command

File = Annotated[str, typer.Argument(metavar="GALLERY", help="A gallery file, or http://host:19530 for one on Milvus.")]
Name = Annotated[str, typer.Argument(help="The person's name, as it is enrolled.")]
ExactName = Annotated[bool, typer.Option("--exact-name", help="Upper and lower case are meant.")]
UNSOUND = 1
"""Exit status where something is not sound."""

for _whole in (migrate, new_key, encrypt, decrypt):
    command()(_whole)


def _open(gallery: str, model_id: str = NO_MODEL) -> GalleryStore:
    if not scheme_of(gallery):
        check_exists(gallery)
    return open_store(gallery, model_id)


@command("list")
def list_people(gallery: File, json_file: JsonFile = None) -> None:
    """Everybody, with how many templates, and what is written down about them."""
    with _open(gallery) as store:
        rows = people_rows(store)
    lines = [f"{row['person']}  {row['templates']}" + (f"  {row['notes']!r}" if row["notes"] else "") for row in rows]
    say("\n".join(lines) or "Nobody is enrolled.", {"people": rows}, json_file)


@command()
def templates(gallery: File, name: Name, json_file: JsonFile = None) -> None:
    """One person's templates by number, for ``move`` and ``delete --template``."""
    with _open(gallery) as store:
        data = answers.templates_of(store, name)
    rows = data["templates"]
    text = "\n".join(f"{row['template']}  {row['spectrum']}  {row['model']}  {row['origin']}" for row in rows)
    say(text, data, json_file)


@command()
def rename(gallery: File, name: Name, new_name: str, exact_name: ExactName = False, json_file: JsonFile = None) -> None:
    """Give a person another name."""
    with _open(gallery) as store:
        data = answers.renamed(store, name, new_name, exact_name)
    say(f"{data['old']} is called {data['new']} now.", data, json_file)


@command()
def merge(gallery: File, name: Name, into: str, json_file: JsonFile = None) -> None:
    """All templates and notes of one person become another's, of the same or another name."""
    with _open(gallery) as store:
        data = answers.merged(store, name, into)
    say(f"{data['merged']} is part of {data['into']} now.", data, json_file)


@command()
def move(gallery: File, template: int, name: Name, json_file: JsonFile = None) -> None:
    """A template becomes that of the person of this name, who is made if new."""
    with _open(gallery) as store:
        data = answers.moved(store, template, name)
    say(f"Template {template} is {name}'s now.", data, json_file)


@command()
def note(
    gallery: File,
    name: Name,
    text: Annotated[str | None, typer.Argument(help="In place of the old notes; without it they are shown.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Show or write the notes on a person."""
    with _open(gallery) as store:
        data = answers.noted(store, name, text)
    say(data["notes"] or f"There are no notes on {data['person']}.", data, json_file)


@command()
def changes(gallery: File, json_file: JsonFile = None) -> None:
    """What can be undone, the last change first."""
    with _open(gallery) as store:
        data = answers.changes_of(store)
    text = "\n".join(f"{row['made']}  {row['text']}" for row in data["changes"])
    say(text or "There is nothing to undo.", data, json_file)


@command()
def undo(gallery: File, json_file: JsonFile = None) -> None:
    """Take the last change back. A deletion cannot be undone."""
    with _open(gallery) as store:
        undone = store.undo()
    say(f"Undone: {undone.text}.", {"undone": answers.change_row(undone)}, json_file)


@command()
def delete(
    gallery: File,
    name: Annotated[str | None, typer.Argument(help="The person, with all templates and pictures.")] = None,
    template: Annotated[int | None, typer.Option(help="One template instead of a person.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it is final.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Delete a person or a template for good: what was stored is overwritten, and cannot be brought back."""
    with _open(gallery) as store:
        person, what = answers.to_delete(store, name, template)
        if not yes and not typer.confirm(f"Delete {what}? This cannot be undone.", err=True):
            raise GalleryError("Nothing was deleted.", "Answer y, or give --yes.")
        if person is not None:
            store.delete_person(person.id)
        elif template is not None:
            store.delete_template(template)
    say(f"Deleted {what}.", {"deleted": what}, json_file)


@command("export")
def export(gallery: File, out: Path, json_file: JsonFile = None) -> None:
    """Write everything in a gallery into one file. It holds faces and names, and is not encrypted."""
    with _open(gallery) as store:
        done = export_gallery(store, out)
    text = f"{done.people} people with {done.templates} templates are in {out}."
    say(text, {"people": done.people, "templates": done.templates, "file": str(out)}, json_file)


@command("import")
def import_(gallery: File, file: Path, json_file: JsonFile = None) -> None:
    """Add everything in an exported file to a gallery, which is made if it is not there; all or nothing."""
    with open_store(gallery, NO_MODEL) as store:
        done = import_gallery(store, file)
    again = f", {done.already} were there already" if done.already else ""
    say(f"{done.templates} templates of {done.people} people imported{again}.", asdict(done), json_file)


@command("verify")
def verify_(gallery: File, json_file: JsonFile = None) -> None:
    """Read all of a gallery and say what is not sound; exit status 1 if anything is not."""
    with _open(gallery) as store, tqdm(desc="verify", unit="template", mininterval=0.5) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = verify(store, progress)
    seen = f"{found.people} people, {found.templates} templates, {found.pictures} pictures"
    text = f"{seen}: all sound." if found.sound else "\n".join([f"{seen}:", *found.problems])
    for model, fits in found.vector_files.items():
        text += "" if fits else f"\nThe vector file of {model} does not fit; it is made anew at the next search."
    say(text, answers.verified(found), json_file)
    if not found.sound:
        raise typer.Exit(UNSOUND)


@command()
def stats(gallery: File, json_file: JsonFile = None) -> None:
    """Count what is in a gallery."""
    with _open(gallery) as store:
        found = asdict(statistics(store))
    text = "\n".join(f"{key.replace('_', ' ')}  {value}" for key, value in found.items())
    say(text, found, json_file)


@command("re-embed")
def re_embed(
    gallery: File,
    checkpoint: Checkpoint = DEFAULT,
    drop_old: Annotated[str | None, typer.Option(metavar="MODEL", help="Then delete this model's templates.")] = None,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """Enrol every stored picture again with another model. The old templates stay valid; after Ctrl+C or a kill the
    same command goes on where it was."""
    if not scheme_of(gallery):
        check_exists(gallery)
    recognizer = Recognizer.load(checkpoint, device)
    bar = tqdm(desc="re-embed", unit="picture", mininterval=0.5)
    with _open(gallery, recognizer.model_id) as store, interruptible() as stop, bar:

        def progress(done: int, total: int) -> bool:
            bar.total = total
            bar.update(done - bar.n)
            return not stop

        done = re_embedded(store, recognizer, drop_old, progress)
    data = answers.embedded_again(recognizer.model_id, done)
    text = (
        f"{done.added} templates of {recognizer.model_id} added, {len(done.refused)} refused, {done.left} left to do."
    )
    text += f" {done.dropped} templates of {drop_old} deleted." if drop_old else ""
    say(text, data, json_file)
