"""A network → a file of another format and its card, checked before either is there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from ssn.errors import ExportError
from ssn.export.check import LEAST_COSINE, MOST_DIFFERENCE, Check, check
from ssn.export.formats import FORMATS, SAID_BY_EXPORT, Format
from ssn.export.portable import MEANINGS, Portable
from ssn.files import atomically, write_json


def card_path(path: Path) -> Path:
    """Where the card of an exported file lies: beside it."""
    return path.with_name(f"{path.name}.json")


def export_network(portable: Portable, kind: str, path: str | Path) -> Check:
    """Write ``portable`` as one of ``FORMATS``, with its card beside it; nothing is there before it has been checked.

    Raises ExportError for an unknown format, another suffix than the format's, a file that cannot be written or that
    answers something else, and MissingPackageError.
    """
    if kind not in FORMATS:
        raise ExportError(f"{kind!r} is no format of an export.", f"Use one of {', '.join(FORMATS)}.")
    form, path = FORMATS[kind], Path(path)
    if path.suffix != "." + form.suffix.rsplit(".", 1)[1]:
        raise ExportError(f"{path.name} would not be known as {kind}.", f"End its name in {form.suffix}.")
    known = {"format": SAID_BY_EXPORT, "model": asdict(portable.card), **portable.facts}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", suffix=".part", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            form.write(portable, draft, known)
            result = check(portable, form.run(portable, draft))
            digest = _take_place(form, draft, path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written.", "Check disk space and permissions.") from error
    write_json(_card(portable, kind, path, digest, known, result), card_path(path))
    return result


def _take_place(form: Format, draft: Path, path: Path) -> str:
    """Move a checked file, and its parts before it, to its name → its sha256."""
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    for suffix in (*form.parts, draft.suffix):
        with atomically(path.with_suffix(suffix)) as part:
            os.replace(draft.with_suffix(suffix), part)
    return digest


def _card(portable: Portable, kind: str, path: Path, digest: str, known: dict, result: Check) -> dict:
    """What a person who gets the file has to know."""

    def described(names: tuple[str, ...]) -> dict[str, str]:
        return {name: MEANINGS[name.split("_")[0]] for name in names}

    return {
        **known,
        "file": path.name,
        "file_format": kind,
        "sha256": digest,
        "inputs": described(portable.inputs),
        "outputs": described(portable.outputs),
        "check": {**asdict(result), "least_cosine": LEAST_COSINE, "most_difference": MOST_DIFFERENCE},
        "torch": torch.__version__,
    }
