"""A full disk, a folder that cannot be written, a killed process: a sentence, and nothing lost. The faults are real
where the system lets a test make them: a limit on the size of files, a user without rights, a killed process."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ssn import files
from ssn.errors import CheckpointError, DataError, GalleryError
from ssn.files import write_json
from ssn.gallery.archive import export_gallery, import_gallery
from ssn.gallery.sqlite import Gallery
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model
from tests.gallery.templates import MODEL, template

resource = pytest.importorskip("resource", reason="limits and rights of POSIX")

TENSORS = {"backbone.weight": torch.ones(300_000)}
PICTURE = bytes(200_000)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """As a user who is not root, whom no folder refuses."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder others may look into, but not write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def lock(folder: Path) -> None:
    for path in folder.rglob("*"):
        path.chmod(0o444)
    folder.chmod(0o555)


def checkpoint(path: Path, tensors: dict) -> None:
    save_model(path, tensors, ModelCard("m"), half=False)


WRITERS = {
    "checkpoint": (
        lambda path, big: checkpoint(path, TENSORS if big else {"backbone.weight": torch.ones(2)}),
        CheckpointError,
    ),
    "result": (lambda path, big: write_json(["x" * (10**6 if big else 3)], path), DataError),
}


@pytest.mark.parametrize("what", WRITERS)
@pytest.mark.parametrize("there", [True, False])
def test_a_file_the_disk_does_not_take_leaves_the_one_of_before(tmp_path, small_files, what, there):
    write, error = WRITERS[what]
    path = tmp_path / "file"
    if there:
        write(path, False)
    before = path.read_bytes() if there else None
    with pytest.raises(error, match="cannot be written"):
        write(path, True)
    assert list(tmp_path.iterdir()) == ([path] if there else [])
    assert not there or path.read_bytes() == before


@pytest.mark.parametrize("what", WRITERS)
def test_a_disk_that_is_full_only_when_it_is_asked_is_told_too(tmp_path, monkeypatch, what):
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write, error = WRITERS[what]
    write(tmp_path / "file", False)
    before = (tmp_path / "file").read_bytes()
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(error):
        write(tmp_path / "file", True)
    assert (tmp_path / "file").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def people(path: Path) -> list[str]:
    with Gallery(path, MODEL) as gallery:
        assert len(gallery.search(template(0), 9)) == len(gallery.people())
        return [person.name for person in gallery.people()]


def test_a_gallery_whose_file_cannot_grow_keeps_who_was_there(tmp_path, small_files):
    with Gallery(tmp_path / "g.db", MODEL) as gallery:
        gallery.enrol("Ada", template(0))
        for name in ("Ben", "Cleo", "Dan"):
            with pytest.raises(GalleryError, match="could not be written"):
                gallery.enrol(name, template(1), PICTURE)
        assert [person.name for person in gallery.people()] == ["Ada"]
    assert people(tmp_path / "g.db") == ["Ada"]


def test_a_gallery_on_a_full_disk_says_so(tmp_path):
    with Gallery(tmp_path / "g.db", MODEL) as gallery:
        gallery.enrol("Ada", template(0))
        pages = gallery._rows("PRAGMA page_count")[0][0]
        gallery._rows(f"PRAGMA max_page_count={pages}")  # SQLite's own full disk
        for name in ("Ben", "Cleo", "Dan"):
            with pytest.raises(GalleryError, match="disk is full; the gallery is as it was"):
                gallery.enrol(name, template(1), PICTURE)
    assert people(tmp_path / "g.db") == ["Ada"]


def made(path: Path) -> None:
    with Gallery(path, MODEL) as gallery:
        for seed, name in enumerate(("Ada", "Ben", "Cleo")):
            gallery.enrol(name, template(seed), b"face")


def test_a_gallery_that_was_closed_says_so_to_whoever_still_asks(tmp_path):
    """As at the end of a server, where work behind the page goes on for a moment."""
    with Gallery(tmp_path / "g.db", MODEL) as gallery:
        gallery.enrol("Ada", template(0))
    questions = (
        lambda: gallery.enrol("Ben", template(1)),
        lambda: gallery.delete_person(1),
        lambda: gallery.search(template(0), 1),
        gallery.people,
        gallery.check,
    )
    for ask in questions:
        with pytest.raises(GalleryError):
            ask()
    assert people(tmp_path / "g.db") == ["Ada"]


def gone(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def another(path: Path) -> None:
    made(path.with_name("other.db"))
    gone(path)
    path.with_name("other.db").rename(path)


AWAY = {
    "removed": gone,
    "replaced": another,
    "folder removed": lambda path: shutil.rmtree(path.parent),
    "folder moved": lambda path: path.parent.rename(path.parents[1] / "moved"),
}


@pytest.mark.parametrize("happens", AWAY.values(), ids=AWAY)
def test_a_gallery_whose_file_went_away_takes_nothing_more_and_can_be_saved(tmp_path, happens):
    """What it took would be gone with the process."""
    (tmp_path / "room").mkdir()
    path = tmp_path / "room" / "g.db"
    with Gallery(path, MODEL) as gallery:
        gallery.enrol("Ada", template(0), b"face")
        gallery.check()
        happens(path)
        changes = (
            lambda: gallery.enrol("Ben", template(1)),
            lambda: gallery.delete_person(1),
            lambda: gallery.rename(1, "Adah"),
            gallery.undo,
            gallery.check,
        )
        for change in changes:
            with pytest.raises(GalleryError, match="removed or replaced"):
                change()
        assert gallery.search(template(0), 1)[0].person == "Ada"
        with (tmp_path / "saved.zip").open("wb") as file:
            export_gallery(gallery, file)
    with Gallery(":memory:", MODEL) as saved, (tmp_path / "saved.zip").open("rb") as file:
        import_gallery(saved, file)
        assert [person.name for person in saved.people()] == ["Ada"]


def test_a_gallery_that_may_only_be_read_is_searched_and_not_changed(shared):
    made(shared / "g.db")
    lock(shared)
    with without_rights(), Gallery(shared / "g.db", MODEL) as gallery:
        assert [gallery.search(template(seed), 1)[0].person for seed in range(3)] == ["Ada", "Ben", "Cleo"]
        assert gallery.face_image(1) == b"face"
        changes = (
            lambda: gallery.enrol("Dan", template(4)),
            lambda: gallery.delete_person(1),
            lambda: gallery.delete_template(2),
        )
        for change in changes:
            with pytest.raises(GalleryError, match="can only be read"):
                change()
        assert len(gallery.people()) == 3
    assert [path.name for path in shared.iterdir()] == ["g.db"]


def test_a_gallery_with_a_log_in_a_folder_that_may_only_be_read_is_not_read_without_it(shared):
    """The log holds the last person: without it the gallery would seem smaller than it is."""
    made(shared / "g.db")
    with Gallery(shared / "g.db", MODEL) as gallery:
        gallery.enrol("Dan", template(4))
        lock(shared)
        with without_rights(), Gallery(shared / "g.db", MODEL) as reader:
            assert [person.name for person in reader.people()] == ["Ada", "Ben", "Cleo", "Dan"]
        shared.chmod(0o755)


@pytest.mark.parametrize("content", [b"", b"no database" * 300])
def test_what_may_only_be_read_and_is_no_gallery_is_refused(shared, content):
    (shared / "g.db").write_bytes(content)
    lock(shared)
    with without_rights(), pytest.raises(GalleryError):
        Gallery(shared / "g.db", MODEL)


@pytest.mark.parametrize("what", WRITERS)
def test_a_folder_that_may_only_be_read_takes_nothing(shared, what):
    write, error = WRITERS[what]
    lock(shared)
    with without_rights(), pytest.raises(error, match="cannot be written"):
        write(shared / "file", False)
    assert list(shared.iterdir()) == []


SAVING = """
import sys, torch
from pathlib import Path
from ssn.models.card import ModelCard
from ssn.models.checkpoint import save_model
for number in range(10**6):
    save_model(sys.argv[1], {"backbone.weight": torch.full((10**6,), float(number % 50))}, ModelCard("m"))
    print(number, flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "m.safetensors"
    for delay in (0.0, 0.013, 0.029):
        process = subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, cwd=Path.cwd())
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.wait()
        process.stdout.close()
        values = load_file(str(path))["backbone.weight"]
        assert bool((values == values[0]).all())


FULL = """
import ssn.__main__ as program
from ssn.commands.options import say
program.command_line = lambda: lambda **_: say("an answer", {"an": "answer"}, "-")
program.main(["match"])
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_an_answer_that_cannot_be_printed_is_told_in_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", FULL], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: The answer cannot be written to standard output (No space left on device).")
    assert len(done.stderr.splitlines()) == 1
