"""Who may come in where the page listens to other machines: a file of names and hashed passwords."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ssn.errors import OptionError
from ssn.files import atomically

LOG_COST, BLOCK, LANES = 15, 8, 1
"""scrypt's N = 2^15, r = 8, p = 1 for new passwords: 32 MiB and about a tenth of a second a guess (RFC 7914)."""
MOST_MEMORY = 2**27
"""Bytes a hash may take; a file that asks for more is refused."""
SALT, LENGTH = 16, 32
SHORTEST = 10
"""Characters of a password."""
GUESSES_AT_ONCE = 4
PAUSE = 1.0
"""Seconds a wrong guess waits for its answer. With ``GUESSES_AT_ONCE`` that is four guesses a second for everybody
together, whatever address they come from."""


@dataclass(frozen=True)
class Hash:
    """A password as the file holds it: scrypt's cost, its salt, and what came out (32 bytes)."""

    log_cost: int
    block: int
    lanes: int
    salt: bytes
    value: bytes

    @classmethod
    def of(cls, password: str) -> Hash:
        salt = secrets.token_bytes(SALT)
        return cls(LOG_COST, BLOCK, LANES, salt, _scrypt(password, LOG_COST, BLOCK, LANES, salt))

    @classmethod
    def read(cls, text: str) -> Hash:
        """From ``scrypt$15$8$1$salt$value``. Raises ValueError."""
        kind, *costs, salt, value = text.split("$")
        log_cost, block, lanes = (int(cost) for cost in costs)
        made = cls(
            log_cost, block, lanes, base64.b64decode(salt, validate=True), base64.b64decode(value, validate=True)
        )
        memory = 128 * block * 2**log_cost if 10 <= log_cost <= 20 and 1 <= block <= 32 else MOST_MEMORY + 1
        if kind != "scrypt" or memory > MOST_MEMORY or not 1 <= lanes <= 4 or len(made.value) != LENGTH:
            raise ValueError("no hash of a password")
        return made

    def written(self) -> str:
        salt, value = (base64.b64encode(part).decode() for part in (self.salt, self.value))
        return f"scrypt${self.log_cost}${self.block}${self.lanes}${salt}${value}"

    def fits(self, password: str) -> bool:
        """Compared in a time that tells nothing."""
        return hmac.compare_digest(_scrypt(password, self.log_cost, self.block, self.lanes, self.salt), self.value)


def _scrypt(password: str, log_cost: int, block: int, lanes: int, salt: bytes) -> bytes:
    plain = password.encode("utf-8", "replace")
    memory = 2 * MOST_MEMORY
    return hashlib.scrypt(plain, salt=salt, n=2**log_cost, r=block, p=lanes, maxmem=memory, dklen=LENGTH)


class Accounts:
    """The people of a file, one ``name:hash`` a line; it is read once."""

    def __init__(self, people: dict[str, Hash]):
        self.people = people
        self._nobody = Hash.of(secrets.token_urlsafe())
        self._guesses = asyncio.Semaphore(GUESSES_AT_ONCE)

    @classmethod
    def read(cls, path: Path) -> Accounts:
        """Raises OptionError where the file is missing, damaged, empty, or others may read it."""
        people = _read(path)
        if not people:
            raise OptionError(f"{path} holds nobody who may come in.", "Add somebody with --auth FILE --add-user NAME.")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise OptionError(f"Others may read {path}.", f"Run: chmod 600 {path}")
        return cls(people)

    async def allow(self, name: str, password: str) -> bool:
        """Do they fit? Someone unknown takes as long as a wrong password, and a wrong guess waits a second."""
        async with self._guesses:
            known = self.people.get(name, self._nobody)
            fits = await asyncio.to_thread(known.fits, password) and name in self.people
            if not fits:
                await asyncio.sleep(PAUSE)
        return fits


def _read(path: Path) -> dict[str, Hash]:
    people: dict[str, Hash] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"The file of passwords {path} cannot be read.", "Check its path and rights.") from error
    for number, line in enumerate(lines, start=1):
        name, _, text = line.partition(":")
        if not line.strip():
            continue
        try:
            check_name(name)
            if name in people:
                raise ValueError("somebody is there twice")
            people[name] = Hash.read(text)
        except (ValueError, binascii.Error, OptionError) as error:
            raise OptionError(
                f"Line {number} of {path} holds no name and hash, or one that is there already.",
                "Remove the line, and write it anew with --add-user.",
            ) from error
    return people


def check_name(name: str) -> None:
    """Can somebody log in by it? The page takes what stands around it away. Raises OptionError."""
    if not name.strip() or name != name.strip() or set(name) & set(":\r\n") or not name.isprintable():
        raise OptionError(f"{name!r} is no name for a login.", "Use letters, digits and the like, without a colon.")


def add_user(path: Path, name: str, password: str) -> None:
    """Write a person and the hash of their password into the file, which only its owner may read; a person who is
    there gets the new password. Raises OptionError."""
    check_name(name)
    if len(password) < SHORTEST:
        raise OptionError("The password is too short.", f"Use {SHORTEST} characters or more.")
    people = _read(path) if path.exists() else {}
    people[name] = Hash.of(password)
    try:
        with atomically(path) as part:
            part.touch(mode=0o600)
            part.write_text("".join(f"{who}:{known.written()}\n" for who, known in people.items()), encoding="utf-8")
    except OSError as error:
        raise OptionError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from error
