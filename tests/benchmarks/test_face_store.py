"""The benchmark of the store: it measures what its bounds are about, says whether they are kept, and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from benchmarks import face_store, resident
from benchmarks.face_store import BOUNDS, Bench, as_text
from ssn.faces.occlude import OCCLUSIONS

HOLD = "import sys, time; held = bytearray(b'x') * (60 << 20); print('there', flush=True); time.sleep(600)"


def test_memory_counts_everything_a_process_has_started():
    with resident.Watch(every=0.02) as before:
        time.sleep(0.05)
    with resident.Watch(every=0.02) as seen:
        child = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE)
        try:
            assert child.stdout.readline() == b"there\n"
            assert child.pid in resident.tree(os.getpid())
            held = resident.megabytes(child.pid)
            while seen.peak < before.peak + 50:
                assert child.poll() is None
        finally:
            child.kill()
            child.wait()
    assert held > 60
    assert resident.megabytes(child.pid) == 0


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    """Its parts are made up, and note that they ran."""
    made = Bench(tmp_path, 8, 8, 8, 2, tmp_path)
    made.ran = []

    def build(self) -> dict:
        made.ran.append("build")
        shares = {"share of plain detection and alignment": 0.95, "peak megabytes of the build": 1500.0}
        return {"pictures": 16} | shares

    def evaluated(self, occlusion: str) -> dict:
        made.ran.append(occlusion)
        return {"embeddings": 20, "pure": 40.0, "seconds": 1.0, "peak": 900.0, "rank-1": 0.5}

    def training(_folder, count: int) -> dict:
        made.ran.append("training")
        return {"megabytes of training beside the network's own": 100.0 * count}

    monkeypatch.setattr(Bench, "_build", build)
    monkeypatch.setattr(Bench, "_evaluate", evaluated)
    monkeypatch.setattr(face_store, "training_memory", training)
    monkeypatch.setattr(face_store, "write_pictures", lambda *_: None)
    return made


def test_every_bound_is_measured_and_judged(bench):
    found = bench.run()
    assert bench.ran == ["build", *OCCLUSIONS, "training"]
    assert set(found["kept"]) == set(BOUNDS)
    assert found["share of pure embedding"] == pytest.approx(0.5)
    assert found["pure embeddings per second"] == pytest.approx(40)
    assert found["kept"] == dict.fromkeys(BOUNDS, True) | {"share of pure embedding": False}
    text = as_text(found)
    assert "share of pure embedding: 0.5 (at least 0.8: NOT KEPT)" in text
    assert "share of plain detection and alignment: 0.95 (at least 0.9: kept)" in text


def test_what_is_done_is_not_done_again_unless_the_size_is_another(bench):
    first = bench.run()
    bench.ran.clear()
    assert bench.run() == first
    assert bench.ran == []
    bench.probes = 9
    bench.run()
    assert len(bench.ran) == 5
