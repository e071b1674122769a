"""A gallery file with a flipped bit, or cut: whatever it then says is what was written, or it is told to be damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest

from ssn.errors import GalleryError
from ssn.gallery import in_step
from ssn.gallery.health import verify
from ssn.gallery.sqlite import Gallery
from tests.gallery.templates import MODEL, template

COUNT = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A gallery of some people, with its vector file; all of it in the file itself."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_step, "WORTHWHILE", 3)
        with Gallery(folder / "g.db", MODEL) as gallery:
            for seed in range(COUNT):
                gallery.enrol(f"Person {seed}", template(seed))
            gallery.search(template(0))
            gallery._rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


def told(gallery: Gallery) -> list[tuple[str, float]]:
    """Who is found for everybody's own template."""
    best = [gallery.search(template(seed), 1)[0] for seed in range(COUNT)]
    return [(match.person, round(match.score, 6)) for match in best]


@pytest.fixture
def check_never_believed(whole, tmp_path, monkeypatch):
    """Call it with what becomes of the file's bytes: what is then told is right, or an error, or found by verifying."""
    monkeypatch.setattr(in_step, "WORTHWHILE", 3)
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)

    def check(damage: Callable[[bytes], bytes]) -> None:
        (tmp_path / "g.db").write_bytes(damage((whole / "g.db").read_bytes()))
        try:
            with Gallery(tmp_path / "g.db", MODEL) as gallery:
                right = told(gallery) == [(f"Person {seed}", 1.0) for seed in range(COUNT)]
                assert right or not verify(gallery).sound
        except GalleryError:
            return

    return check


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_anywhere_is_harmless_or_told(check_never_believed, seed):
    chance = np.random.default_rng(seed)

    def flipped(data: bytes) -> bytes:
        damaged = bytearray(data)
        damaged[chance.integers(len(data))] ^= 1 << int(chance.integers(8))
        return bytes(damaged)

    check_never_believed(flipped)


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_of_a_vector_a_name_or_a_change_is_always_told(whole, tmp_path, monkeypatch, seed):
    """Not by chance: in the bytes of one template, and of one name: in the table, its index and what can be undone."""
    monkeypatch.setattr(in_step, "WORTHWHILE", 10_000)
    chance = np.random.default_rng(seed)
    right = (whole / "g.db").read_bytes()
    who = int(chance.integers(COUNT))
    for content in (template(who).vector.astype("<f4").tobytes(), f"Person {who}".encode()):
        data = bytearray(right)
        places = [start for start in range(len(data)) if data.startswith(content, start)]
        data[chance.choice(places) + int(chance.integers(len(content)))] ^= 1 << int(chance.integers(7))
        (tmp_path / "g.db").write_bytes(data)
        try:
            with Gallery(tmp_path / "g.db", MODEL) as gallery:
                told(gallery)
                found = verify(gallery)
                assert not found.sound
                damaged = [line for line in found.problems if line.startswith("change ")]
                assert (len(gallery.changes()) < COUNT) == bool(damaged)
        except GalleryError:
            pass


@pytest.mark.parametrize("seed", range(10))
def test_a_cut_file_is_refused_or_told(check_never_believed, seed):
    check_never_believed(lambda data: data[: int(np.random.default_rng(seed).integers(1, len(data)))])
