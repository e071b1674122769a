"""Encryption of what a gallery's file holds of faces: their pictures and templates, each with AES-256-GCM (NIST SP
800-38D) under one key. Names, notes and origins are not encrypted.

The key is 64 hexadecimal digits, in a file or in the environment. SQL does the work by functions of its own, which
change nothing in a gallery that is not encrypted: ``sealed(value, what)``, ``opened(value, what)`` and
``fingerprint_of(vector)``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any

from ssn.errors import GalleryError, GalleryKeyError
from ssn.gallery.fingerprint import BITS, fingerprint

KEY, KEY_FILE = "SSN_GALLERY_KEY", "SSN_GALLERY_KEY_FILE"
"""Environment variables: the key itself, or the file that holds it."""
KEY_BYTES, NONCE_BYTES = 32, 12
KNOWN = b"SSN Studio: a gallery of this key"
"""What is stored encrypted, so that a wrong key is noticed."""
HOW = f"Set {KEY_FILE} to the file with its key, or {KEY} to the key."


class Seal:
    """One key. Every sealed value has a nonce of its own, and is bound to ``what`` it is."""

    def __init__(self, key: bytes):
        """Raises GalleryError where cryptography is not installed."""
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise GalleryError(
                "cryptography is not installed.", "Install it with: pip install 'ssn-studio[encryption]'"
            ) from error
        self._cipher = AESGCM(key)
        self._prints = hmac.digest(key, b"fingerprints", "sha256")

    def sealed(self, value: bytes, what: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, what.encode())

    def opened(self, value: bytes, what: str) -> bytes:
        """Raises ValueError for what this key has not sealed, or not as this."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(value[:NONCE_BYTES], value[NONCE_BYTES:], what.encode())
        except InvalidTag as error:
            raise ValueError("sealed with another key, or damaged") from error

    def fingerprint(self, vector: bytes) -> int:
        """In [0, 2³¹), and nothing to who has no key."""
        return int.from_bytes(hmac.digest(self._prints, vector, hashlib.sha256)[:4]) >> (32 - BITS)


def read_key() -> bytes | None:
    """The key that is given, if one is. Raises GalleryKeyError for one that cannot be read, or is none."""
    text, file = os.environ.get(KEY, ""), os.environ.get(KEY_FILE, "")
    if not text and not file:
        return None
    try:
        key = bytes.fromhex((text or Path(file).read_text("ascii")).strip())
    except (OSError, ValueError) as error:
        raise GalleryKeyError(f"The key in {KEY if text else file} cannot be read.", HOW) from error
    if len(key) != KEY_BYTES:
        raise GalleryKeyError(f"The key in {KEY if text else file} is none.", f"A key has {2 * KEY_BYTES} hex digits.")
    return key


def write_key(path: Path) -> None:
    """A new key in a new file that only its owner can read. Raises GalleryError."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        raise GalleryError(f"{path} cannot be made: {error.strerror}.", "Name a new file.") from error


def is_sealed(db: sqlite3.Connection) -> bool:
    """Is this gallery encrypted?"""
    return db.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name='sealing'").fetchone() is not None


def seal_of(db: sqlite3.Connection, path: str) -> Seal | None:
    """What the gallery is encrypted with; None where it is not. A new one is, where a key is given. Raises
    GalleryKeyError where the key is missing or another."""
    if is_sealed(db):
        if (key := read_key()) is None:
            raise GalleryKeyError(f"The gallery {path} is encrypted.", HOW)
        seal = Seal(key)
        try:
            seal.opened(db.execute("SELECT known FROM sealing").fetchone()[0], "known")
        except (ValueError, TypeError) as error:
            raise GalleryKeyError(f"The gallery {path} is encrypted with another key.", HOW) from error
        return seal
    if path == ":memory:" or (key := read_key()) is None:
        return None
    if db.execute("SELECT 1 FROM people LIMIT 1").fetchone():
        return None
    seal = Seal(key)
    db.execute("BEGIN IMMEDIATE")
    if is_sealed(db) or db.execute("SELECT 1 FROM people LIMIT 1").fetchone():
        db.execute("ROLLBACK")  # another process was first
        return seal_of(db, path)
    mark(db, seal)
    db.execute("COMMIT")
    return seal


def mark(db: sqlite3.Connection, seal: Seal) -> None:
    """From now on the gallery is encrypted."""
    db.execute("CREATE TABLE sealing (known BLOB NOT NULL)")
    db.execute("INSERT INTO sealing(known) VALUES (?)", (seal.sealed(KNOWN, "known"),))


def install(db: sqlite3.Connection, seal: Seal | None) -> None:
    """Give a connection the functions, for this key or none."""

    def sealed(value: Any, what: str) -> Any:
        return value if seal is None or value is None else seal.sealed(value, what)

    def opened(value: Any, what: str) -> Any:
        return value if seal is None or value is None else seal.opened(value, what)

    db.create_function("sealed", 2, sealed)
    db.create_function("opened", 2, opened)
    db.create_function("fingerprint_of", 1, fingerprint if seal is None else seal.fingerprint)
