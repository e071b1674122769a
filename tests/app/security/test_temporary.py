"""The process's own temporary folder."""

from __future__ import annotations

import os
import stat
import tempfile

import pytest

from app.security.temporary import folder_of, private_folder
from ssn.errors import OptionError


def test_it_is_for_its_owner_alone_and_gone_afterwards(tmp_path):
    path = tmp_path / "own"
    with private_folder(path) as folder:
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "picture.png").write_bytes(b"face")
    assert not path.exists()


def test_what_a_killed_process_left_is_gone_at_the_next_start(tmp_path):
    path = tmp_path / "own"
    path.mkdir(mode=0o755)
    (path / "picture.png").write_bytes(b"face")
    with private_folder(path) as folder:
        assert list(folder.iterdir()) == []
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_it_is_emptied_after_an_error_too(tmp_path):
    def fail() -> None:
        with private_folder(tmp_path / "own") as folder:
            (folder / "picture.png").write_bytes(b"face")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_a_link_or_a_file_of_that_name_is_not_touched(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "file").write_text("mine")
    for name in ("link", "file"):
        with pytest.raises(OptionError, match="somebody else"), private_folder(tmp_path / name):
            pytest.fail("it was taken")
    assert (precious / "letter").read_text() == "dear"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OptionError, match="TMPDIR"), private_folder(tmp_path / "file" / "own"):
        pytest.fail("it was made")


def test_two_servers_have_two_folders():
    names = {folder_of("127.0.0.1", 7860), folder_of("127.0.0.1", 7861), folder_of("::1", 7860)}
    assert len(names) == 3
    assert all(path.parent == folder_of("x", 1).parent for path in names)
    assert str(folder_of("::1", 1)).startswith(tempfile.gettempdir())
