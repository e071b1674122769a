"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
from pathlib import Path

import pytest

from ssn.errors import DataError
from ssn.files import atomically, atomically_folder, json_text, write_json

SPAWN = multiprocessing.get_context("spawn")


def test_a_file_is_written_in_new_folders_and_replaced_with_its_rights(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    for content in (b"first", b"second"):
        with atomically(path) as part:
            part.write_bytes(content)
            assert part.parent == path.parent
        assert path.read_bytes() == content
        path.chmod(0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["file"]


def write_and_fail(writing, write) -> None:
    with writing as part:
        write(part)
        raise KeyboardInterrupt


def test_an_exception_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(atomically(path), lambda part: part.write_bytes(b"half of it"))
    assert path.read_bytes() == b"before"
    with pytest.raises(FileNotFoundError), atomically(path):
        """Nothing is written."""
    assert path.read_bytes() == b"before"
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(atomically_folder(tmp_path / "folder"), lambda part: (part / "file").touch())
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link_and_a_device_stays_a_device(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "file")
    with atomically(tmp_path / "link") as part:
        part.write_bytes(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"x"
    for place in ("/dev/null", tmp_path / "real"):
        with pytest.raises(OSError, match="no regular file"), atomically(place):
            """Never reached."""


def overtaken(writing, write) -> None:
    with writing() as late:
        write(late, b"late")
        with writing() as early:
            write(early, b"early")


def test_of_two_first_writers_the_first_wins(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(FileExistsError):
        overtaken(lambda: atomically(path, keep=True), lambda part, who: part.write_bytes(who))
    assert path.read_bytes() == b"early"
    with pytest.raises(FileExistsError):
        overtaken(lambda: atomically_folder(tmp_path / "folder"), lambda part, who: (part / who.decode()).touch())
    assert os.listdir(tmp_path / "folder") == ["early"]
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def write_and_die(path: Path) -> None:
    with atomically(path) as part:
        part.write_bytes(b"half of it")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_leaves_the_file_as_it_was_and_does_not_hinder_the_next_writer(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    process = SPAWN.Process(target=write_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert path.read_bytes() == b"before"
    assert len([name for name in os.listdir(tmp_path) if name.startswith(".file.")]) == 1
    with atomically(path) as part:
        part.write_bytes(b"after")
    assert path.read_bytes() == b"after"


def write_whole(path: Path, letter: str) -> None:
    for _ in range(30):
        with atomically(path) as part:
            part.write_text(letter * 100_000)


def test_writers_at_once_never_mix(tmp_path):
    path = tmp_path / "file"
    running = [SPAWN.Process(target=write_whole, args=(path, letter)) for letter in "abc"]
    for process in running:
        process.start()
    while any(process.is_alive() for process in running):
        if path.exists():
            text = path.read_text()
            assert text in {letter * 100_000 for letter in "abc"}
    assert [process.exitcode for process in running] == [0] * 3
    assert os.listdir(tmp_path) == ["file"]


def test_a_long_name_is_no_obstacle(tmp_path):
    path = tmp_path / ("x" * 250)
    with atomically(path) as part:
        part.write_bytes(b"x")
    assert os.listdir(tmp_path) == [path.name]


ODD = {"photo": os.fsdecode(b"caf\xe9.jpg"), "person": "李雷 é", "score": 0.5}


def test_json_with_a_file_name_that_is_no_text_is_not_lost(tmp_path):
    write_json(ODD, tmp_path / "odd.json")
    assert json.loads((tmp_path / "odd.json").read_text(encoding="utf-8")) == ODD
    write_json({"person": "李雷"}, tmp_path / "plain.json")
    assert "李雷" in (tmp_path / "plain.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252", None])
def test_json_means_the_same_in_every_encoding(encoding):
    text = json_text(ODD, encoding)
    assert json.loads(text.encode(encoding or "ascii").decode(encoding or "ascii")) == ODD


def test_json_that_cannot_be_written_is_a_typed_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        write_json({}, tmp_path / "file" / "below.json")
    with pytest.raises(DataError, match="cannot be written"):
        write_json({}, tmp_path)
