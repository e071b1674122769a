"""Passwords on disk: only their hashes, for their owner alone, and what is damaged lets nobody in."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat

import pytest

from app.security import passwords
from app.security.passwords import Accounts, Hash, add_user
from ssn.errors import OptionError
from tests.asynchronous import run_async

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(passwords, "PAUSE", 0.0)


@pytest.fixture
def path(tmp_path):
    add_user(tmp_path / "people", "ada", GOOD)
    return tmp_path / "people"


def allowed(accounts: Accounts, name: str, password: str) -> bool:
    return run_async(accounts.allow(name, password))


def test_the_file_holds_no_password_and_opens_to_its_owner_only(path):
    text = path.read_text()
    assert GOOD not in text
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_hash_is_scrypt_of_the_standard_library(path):
    name, _, text = path.read_text().strip().partition(":")
    known = Hash.read(text)
    again = hashlib.scrypt(GOOD.encode(), salt=known.salt, n=2**known.log_cost, r=8, p=1, maxmem=2**27, dklen=32)
    assert (name, again) == ("ada", known.value)


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("ada", GOOD + " "), ("Ada", GOOD), ("bob", GOOD), ("", "")]
)
def test_only_the_right_pair_comes_in(path, name, password):
    accounts = Accounts.read(path)
    assert allowed(accounts, "ada", GOOD)
    assert not allowed(accounts, name, password)


def test_a_second_person_is_added_and_a_new_password_replaces_the_old(path):
    add_user(path, "bob", "another long one")
    add_user(path, "ada", "something else now")
    accounts = Accounts.read(path)
    assert allowed(accounts, "bob", "another long one")
    assert allowed(accounts, "ada", "something else now")
    assert not allowed(accounts, "ada", GOOD)


def test_two_people_of_one_password_have_different_hashes(path):
    add_user(path, "bob", GOOD)
    first, second = Accounts.read(path).people.values()
    assert first.value != second.value


@pytest.mark.parametrize("name", ["", " ada", "a:b", "a\nb", "a\u202eb"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(OptionError, match="no name"):
        add_user(tmp_path / "people", name, GOOD)
    assert not (tmp_path / "people").exists()


def test_a_short_password_is_refused(tmp_path):
    with pytest.raises(OptionError, match="too short"):
        add_user(tmp_path / "people", "ada", "short")


@pytest.mark.parametrize(
    "text",
    [
        "ada\n",
        "ada:plain text password\n",
        "ada:scrypt$15$8$1$AAAA$BBBB\n",
        "ada:scrypt$60$8$1$AAAA$" + "A" * 43 + "=\n",
        "ada:md5$15$8$1$AAAA$" + "A" * 43 + "=\n",
    ],
)
def test_a_damaged_file_lets_nobody_in(tmp_path, text):
    path = tmp_path / "people"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(OptionError, match="Line 1"):
        Accounts.read(path)


@pytest.mark.parametrize("change", ["ada :{}", ":{}", "\u200bada:{}", "bob:{}\nbob:{}"])
def test_a_line_by_which_nobody_could_log_in_or_that_is_there_twice_is_refused(path, tmp_path, change):
    kept = path.read_text(encoding="utf-8").strip().partition(":")[2]
    path.write_text(change.replace("{}", kept), encoding="utf-8")
    with pytest.raises(OptionError, match=f"Line {change.count('bob') or 1}"):
        Accounts.read(path)


def test_a_file_saved_by_another_editor_is_read(path):
    """With a mark at its beginning and other ends of lines."""
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert allowed(Accounts.read(path), "ada", GOOD)


def test_a_file_that_is_missing_empty_or_open_to_others_is_refused(path, tmp_path):
    with pytest.raises(OptionError, match="cannot be read"):
        Accounts.read(tmp_path / "nowhere")
    (tmp_path / "empty").touch(mode=0o600)
    with pytest.raises(OptionError, match="nobody"):
        Accounts.read(tmp_path / "empty")
    if os.name == "posix":
        path.chmod(0o644)
        with pytest.raises(OptionError, match="chmod 600"):
            Accounts.read(path)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_an_unknown_name_costs_what_a_wrong_password_does(path, monkeypatch, name):
    accounts, hashed, really = Accounts.read(path), [], passwords._scrypt

    def hash_and_count(password: str, *costs) -> bytes:
        hashed.append(costs[:3])
        return really(password, *costs)

    monkeypatch.setattr(passwords, "_scrypt", hash_and_count)
    monkeypatch.setattr(passwords, "PAUSE", 0.0)
    assert not allowed(accounts, name, "wrong")
    assert hashed == [(passwords.LOG_COST, passwords.BLOCK, passwords.LANES)]


def test_guesses_are_slow_and_few(path, monkeypatch):
    """Each waits its second before the next of its place begins, whatever name it tries."""
    waited, at_once, most = [], 0, 0

    async def wait(seconds: float) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        for _ in range(5):
            await really(0)
        at_once -= 1
        waited.append(seconds)

    really = asyncio.sleep
    monkeypatch.setattr(passwords, "PAUSE", 1.0)
    monkeypatch.setattr(passwords.asyncio, "sleep", wait)
    accounts = Accounts.read(path)

    async def guess() -> list[bool]:
        return await asyncio.gather(*(accounts.allow(name, "wrong") for name in ["ada", "bob", "cleo"] * 3))

    assert run_async(guess()) == [False] * 9
    assert waited == [1.0] * 9
    assert most <= passwords.GUESSES_AT_ONCE
