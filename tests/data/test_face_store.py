"""The store of faces: content decides, what failed is said, a kill costs one shard, one process builds for all."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ssn.data import acquire, shards
from ssn.data.content import Fingerprints
from ssn.data.face_store import FaceStore
from ssn.data.protocol import Failure, Sample
from ssn.data.rows import DiskRows
from ssn.data.shards import Column, write_shard
from ssn.data.teachers import DLIB
from ssn.errors import DataError
from ssn.evaluation.face_set import aligned_sample
from ssn.faces.descriptor import describe
from ssn.faces.read import read_image
from tests.drawn import mean_landmarks


def noise(path: Path, seed: int = 0, size: int = 128) -> Path:
    """A picture that is told apart from others, to be used with landmarks that are known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)).save(path)
    return path


def known(path: Path, identity: str = "x", spectrum="vis") -> Sample:
    return Sample(identity, spectrum, path, mean_landmarks())


@pytest.fixture
def calls(monkeypatch) -> list:
    """Which pictures are aligned, in this process."""
    seen, real = [], acquire.aligned_crop
    monkeypatch.setattr(
        acquire, "aligned_crop", lambda picture, landmarks: seen.append(picture) or real(picture, landmarks)
    )
    return seen


# --- rows on disk


@given(st.lists(st.integers(0, 11), max_size=20), st.integers(0, 1000))
def test_rows_of_several_files_are_indexed_like_one_array(wanted, seed):
    rng = np.random.default_rng(seed)
    folder = Path(tempfile.mkdtemp())
    parts = [rng.integers(0, 255, (n, 3, 2), dtype=np.uint8) for n in (5, 4, 3)]
    files = [folder / f"{i}.npy" for i in range(3)]
    for path, part in zip(files, parts, strict=True):
        np.save(path, part)
    whole = np.concatenate(parts)
    order = rng.permutation(12)
    rows = DiskRows(
        files, np.repeat([0, 1, 2], (5, 4, 3))[order], np.concatenate([np.arange(n) for n in (5, 4, 3)])[order], (3, 2)
    )
    expected = whole[order]
    index = np.array(wanted, int)
    assert np.array_equal(rows[index], expected[index])
    assert np.array_equal(np.asarray(rows), expected)
    assert np.array_equal(rows[2:9:2], expected[2:9:2])
    assert np.array_equal(rows[-1], expected[-1])
    mask = rng.random(12) < 0.5
    assert np.array_equal(rows[mask], expected[mask])
    assert np.array_equal(rows.take(mask)[:], expected[mask])
    assert rows.take(index).shape == (len(wanted), 3, 2)
    both = DiskRows.joined([rows.take(index), rows])
    assert np.array_equal(both[:], np.concatenate([expected[index], expected]))
    with pytest.raises(IndexError):
        rows[12]
    shutil.rmtree(folder)


def test_joining_sets_reads_no_picture(tmp_path, monkeypatch):
    """Memory: rows stay where they are until they are asked for."""
    np.save(tmp_path / "a.npy", np.zeros((50, 144, 144, 3), np.uint8))
    rows = DiskRows([tmp_path / "a.npy"], np.zeros(50, int), np.arange(50), (144, 144, 3))
    read = []
    real = DiskRows._read
    monkeypatch.setattr(
        DiskRows, "_read", lambda self, n, at, rows, out: read.append(len(at)) or real(self, n, at, rows, out)
    )
    both = DiskRows.joined([rows.take(np.arange(40)), rows])
    assert (len(both), read) == (90, [])
    assert both[[3, 80]].shape == (2, 144, 144, 3)
    assert sum(read) == 2


def test_a_file_that_was_cut_short_is_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 8), np.uint8))
    rows = DiskRows([tmp_path / "a.npy"], [0] * 4, range(4), (8,))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-3])
    assert rows[2].tolist() == [0] * 8
    with pytest.raises(DataError, match=r"a\.npy is cut short"):
        rows[3]
    with pytest.raises(DataError, match="damaged"):
        DiskRows([tmp_path / "a.npy"], [0], [0], (8,))
    np.save(tmp_path / "b.npy", np.zeros((4, 8)))
    with pytest.raises(DataError, match="other rows"):
        DiskRows([tmp_path / "b.npy"], [0], [0], (8,))


# --- content


def test_a_fingerprint_is_of_the_content_and_remembered(tmp_path, monkeypatch):
    first, copy, other = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    first.write_bytes(b"same")
    copy.write_bytes(b"same")
    other.write_bytes(b"else")
    marks = Fingerprints(tmp_path / "memory.json")
    assert marks.of(first) == marks.of(copy) != marks.of(other)
    assert marks.of(tmp_path / "none") is None
    marks.save()
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
    assert Fingerprints(tmp_path / "memory.json").of(first) == marks.of(first)
    monkeypatch.undo()
    first.write_bytes(b"more than before")
    assert marks.of(first) != marks.of(copy)
    (tmp_path / "memory.json").write_text("[1")
    assert Fingerprints(tmp_path / "memory.json").of(copy) == marks.of(copy)


def test_a_picture_is_aligned_once_whatever_it_is_called_and_anew_where_it_changed(tmp_path, calls):
    """A cached crop set was never checked against its source: a new set of the same name trained on the old one."""
    path = noise(tmp_path / "a.png", 1)
    first = FaceStore(tmp_path / "cache").stored([known(path)], "s")[0].pixels[0]
    path.rename(tmp_path / "b.png")
    again, _ = FaceStore(tmp_path / "cache").stored([known(tmp_path / "b.png", "other", "nir")], "t")
    assert len(calls) == 1
    assert np.array_equal(again.pixels[0], first)
    assert (again.nir.tolist(), again.sources.tolist()) == ([True], ["t"])
    noise(tmp_path / "b.png", 2)
    changed, _ = FaceStore(tmp_path / "cache").stored([known(tmp_path / "b.png")], "s")
    assert len(calls) == 2
    assert not np.array_equal(changed.pixels[0], first)


def test_other_landmarks_or_another_alignment_are_another_face(tmp_path, calls, monkeypatch):
    path = noise(tmp_path / "a.png")
    FaceStore(tmp_path / "cache").add([known(path)])
    FaceStore(tmp_path / "cache").add([Sample("x", "vis", path, mean_landmarks() + 1)])
    assert len(calls) == 2
    monkeypatch.setattr("ssn.data.face_store.ALIGNMENT", "faces-144-next")
    FaceStore(tmp_path / "cache").add([known(path)])
    assert len(calls) == 3


def test_a_stored_face_is_the_face_of_its_picture(demo, tmp_path):
    samples = [Sample(p.name, "vis", p.enrolment) for p in demo[:2]] + [
        Sample(demo[0].name, "nir", demo[0].probes[0].file)
    ]
    store = FaceStore(tmp_path)
    good, keys, failures = store.add(samples)
    assert (good, failures) == (samples, [])
    for face, sample in zip(store.aligned(keys, [s.spectrum for s in good]), samples, strict=True):
        direct = aligned_sample(sample)
        assert np.array_equal(face.pixels, direct.pixels)
        assert np.array_equal(face.landmarks, direct.landmarks), "to the last bit: where a mask ends depends on it"
        assert face.spectrum == direct.spectrum
    described = store.descriptors(DLIB, good, keys, "x")
    image = read_image(demo[1].enrolment)
    transform = store.faces.array(keys, "transforms")[1]
    points = (store.landmarks(keys)[1] - transform[:, 2]) @ np.linalg.inv(transform[:, :2]).T
    assert np.allclose(described[1], describe(image, np.round(points)), atol=1e-6)


def test_pictures_without_a_face_are_listed_with_the_reason_and_not_tried_again(tmp_path, calls):
    Image.new("RGB", (200, 200), "gray").save(tmp_path / "gray.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    flat = np.zeros((68, 2))
    fine = noise(tmp_path / "fine.png")
    samples = [
        Sample("a", "vis", tmp_path / "gray.png"),
        Sample("b", "vis", tmp_path / "none.png"),
        Sample("c", "vis", tmp_path / "broken.png"),
        Sample("d", "vis", fine, flat),
        known(fine),
    ]
    for _ in range(2):
        faces, failures = FaceStore(tmp_path / "cache").stored(samples, "s")
        assert len(faces) == 1
        assert [(Path(f.picture).name, f.why) for f in failures] == [
            ("gray.png", "no face detected"),
            ("none.png", "missing"),
            ("broken.png", "unreadable"),
            ("fine.png", "face too small or turned too far"),
        ]
        assert all(isinstance(failure, Failure) for failure in failures)
    assert len(calls) == 4


def test_drawn_pictures_need_a_key_to_be_stored(tmp_path):
    drawn = Sample("x", "vis", lambda: np.zeros((128, 128, 3), np.uint8), mean_landmarks())
    with pytest.raises(ValueError, match="key"):
        FaceStore(tmp_path).add([drawn])
    named = Sample("x", "vis", drawn.image, drawn.landmarks, "drawn-1")
    assert FaceStore(tmp_path).add([named])[1] == ["drawn-1"]


# --- shards


def squares(folder: Path, jobs: list[tuple]) -> None:
    """Stands in for alignment: slow, slower still where it will fail, and it says who did it."""
    time.sleep(0.05 if all(isinstance(number, int) for _, number in jobs) else 4.0)
    write_shard(folder, [job[0] for job in jobs], {}, values=np.array([[job[1] ** 2, os.getpid()] for job in jobs]))


def jobs_of(count: int) -> dict[str, tuple]:
    return {f"k{i}": (f"k{i}", i) for i in range(count)}


def test_two_processes_that_want_the_same_rows_make_them_once(tmp_path):
    """A cold cache under several processes: everybody built, and the second rename failed."""
    folder = tmp_path / "column"
    started = [multiprocessing.get_context("fork").Process(target=fill_some, args=(folder,)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0, 0, 0]
    column = Column(folder)
    values = column.array(list(jobs_of(8)), "values")
    assert values[:, 0].tolist() == [i**2 for i in range(8)]
    assert len(set(values[:, 1].tolist())) == 1, "one process made all of it"


def fill_some(folder: Path) -> None:
    shards.SHARD = 2
    Column(folder).fill(jobs_of(8), squares, 1, "squares")


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from ssn.data import shards
from tests.data.test_face_store import jobs_of, squares

def die(folder, jobs):
    if jobs[0][1] >= 4:
        (folder / "rest.1.part").mkdir()
        os.kill(os.getpid(), 9)
    squares(folder, jobs)

shards.SHARD = 2
shards.Column(Path({folder!r})).fill(jobs_of(8), die, 1, "squares")
"""


def test_a_build_that_was_killed_goes_on_where_it_was(tmp_path, monkeypatch):
    root = str(Path(__file__).resolve().parents[2])
    code = KILLED.format(root=root, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=root)
    assert done.returncode == -signal.SIGKILL
    assert Column(tmp_path).unknown(jobs_of(8)) == ["k4", "k5", "k6", "k7"]
    made = []
    monkeypatch.setattr(shards, "SHARD", 2)
    Column(tmp_path).fill(jobs_of(8), lambda folder, jobs: made.extend(jobs) or squares(folder, jobs), 1, "squares")
    assert [job[0] for job in made] == ["k4", "k5", "k6", "k7"]
    assert not list(tmp_path.glob("*.part"))


def test_workers_fill_a_column_and_an_error_in_one_reaches_the_caller(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "WORTH_A_PROCESS", 3)
    jobs = jobs_of(6) | {"k5": ("k5", "no number")}
    with pytest.raises(TypeError):
        Column(tmp_path).fill(jobs, squares, 2, "squares")
    column = Column(tmp_path)
    assert column.unknown(jobs) == ["k3", "k4", "k5"], "what another worker finished stays"
    values = column.array(["k0", "k1", "k2"], "values")
    assert values[:, 0].tolist() == [0, 1, 4]
    assert os.getpid() not in values[:, 1]


def test_a_shard_that_cannot_be_written_or_read_is_a_typed_error(tmp_path):
    write_shard(tmp_path, ["a"], {}, values=np.ones((1, 2)))
    shard = next(path for path in tmp_path.iterdir() if path.is_dir())
    (shard / "values.npy").write_bytes(b"cut")
    with pytest.raises(DataError, match="damaged"):
        Column(tmp_path).array(["a"], "values")
    (shard / "keys.json").write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        Column(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_shard(tmp_path / "file", ["a"], {}, values=np.ones((1, 2)))


def test_threads_of_one_process_wait_for_each_other_too(tmp_path):
    made = []

    def work(folder, jobs):
        made.extend(jobs)
        squares(folder, jobs)

    threads = [threading.Thread(target=lambda: Column(tmp_path).fill(jobs_of(3), work, 1, "x")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 3


@given(st.integers(1, 2000), st.integers(1, 8))
def test_shards_hold_every_row_once_and_become_shorter(count, workers):
    jobs = [(str(number),) for number in range(count)]
    pieces = shards._pieces(jobs, workers)
    assert [job for piece in pieces for job in piece] == jobs
    sizes = [len(piece) for piece in pieces]
    assert max(sizes) <= shards.SHARD
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= -(-count // workers), "nobody is left without any while another has several"
    assert sizes[-1] <= max(shards.FEWEST, -(-count // (2 * workers)))
