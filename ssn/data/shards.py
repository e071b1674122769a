"""Rows by key, in shards that never change once they are written: what a store of faces is made of.

A shard is a folder with ``keys.json`` and an .npy file for each array, which appears under its name once all of it is
on disk. A build that is killed has lost no finished shard; of several processes that want the same rows one makes them
while the others wait.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import wait
from pathlib import Path

import cv2
import numpy as np
import torch
from filelock import FileLock
from tqdm import tqdm

from ssn.data.rows import DiskRows
from ssn.errors import DataError
from ssn.files import atomically_folder

SHARD = 256
"""Rows of a shard at most: what a kill can cost each process."""
WORTH_A_PROCESS = 64
"""Rows below which another process takes longer to start than it saves."""
FEWEST = 32
"""Rows of a shard at least, where there are as many."""


class Column:
    """All shards in ``folder``: which keys they hold, and why others ``failed``."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.failed: dict[str, str] = {}
        self._place: dict[str, tuple[str, int]] = {}
        self._read: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Take in what was written since."""
        for file in sorted(self.folder.glob("*/keys.json")):
            name = file.parent.name
            if name in self._read or name.endswith(".part"):
                continue
            try:
                facts = json.loads(file.read_text(encoding="utf-8"))
                self._place |= {key: (name, row) for row, key in enumerate(facts["keys"])}
                self.failed |= facts["failed"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"{file} is damaged.", f"Delete {file.parent}; it will be made again.") from error
            self._read.add(name)

    def __contains__(self, key: str) -> bool:
        return key in self._place

    def place(self, key: str, name: str) -> tuple[Path, int]:
        """The file of array ``name`` that holds a key's row, and which row it is."""
        shard, row = self._place[key]
        return self.folder / shard / f"{name}.npy", row

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Those keys, once each, that neither have a row nor failed."""
        return [key for key in dict.fromkeys(keys) if key not in self._place and key not in self.failed]

    def array(self, keys: Sequence[str], name: str, empty: tuple[int, ...] = (0,)) -> np.ndarray:
        """Array ``name`` of those keys, a row each, in memory; of no keys, zeros of the shape ``empty``."""
        opened: dict[str, np.ndarray] = {}
        rows = []
        for key in keys:
            shard, row = self._place[key]
            if shard not in opened:
                opened[shard] = _load(self.folder / shard / f"{name}.npy")
            rows.append(opened[shard][row])
        return np.stack(rows) if rows else np.zeros(empty)

    def rows(self, keys: Sequence[str], name: str, shape: tuple[int, ...]) -> DiskRows:
        """Array ``name`` of those keys, a row of that shape each, left on disk."""
        shards = list(dict.fromkeys(self._place[key][0] for key in keys))
        number = {shard: i for i, shard in enumerate(shards)}
        files = [self.folder / shard / f"{name}.npy" for shard in shards]
        file = np.array([number[self._place[key][0]] for key in keys], np.int32)
        return DiskRows(files, file, np.array([self._place[key][1] for key in keys], np.int64), shape)

    def fill(self, jobs: dict[str, tuple], work: Callable[[Path, list[tuple]], None], workers: int, what: str) -> None:
        """Make the rows that are missing. ``jobs``: a key → whatever ``work`` needs for it, the key itself first;
        ``work`` (folder, jobs) writes one shard, in this process or another. One process at a time fills a column."""
        if not self.unknown(jobs):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "lock"):
            self.refresh()
            for rest in self.folder.glob("*.part"):  # of a build that was killed
                shutil.rmtree(rest, ignore_errors=True)
            wanted = [jobs[key] for key in self.unknown(jobs)]
            if wanted:
                _share_out(self.folder, wanted, work, workers, what)
            self.refresh()


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged.", f"Delete {path.parent}; it will be made again.") from error


def _share_out(folder: Path, jobs: list[tuple], work: Callable, workers: int, what: str) -> None:
    workers = max(1, min(workers, -(-len(jobs) // WORTH_A_PROCESS)))
    chunks = _pieces(jobs, workers)
    with tqdm(total=len(jobs), desc=what, unit="picture", mininterval=1) as bar:
        if workers == 1:
            for chunk in chunks:
                work(folder, chunk)
                bar.update(len(chunk))
            return
        # A forked copy of a process whose torch threads run can wait for them for ever.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _start_worker) as pool:
            waiting = {pool.submit(work, folder, chunk): len(chunk) for chunk in chunks}
            try:
                for done in as_completed(waiting):
                    done.result()
                    bar.update(waiting[done])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _pieces(jobs: list[tuple], workers: int) -> list[list[tuple]]:
    """Shards that become shorter towards the end, so that no process waits long for the last one, and the bar of a
    short build moves."""
    pieces, start, most = [], 0, min(SHARD, -(-len(jobs) // workers))
    while start < len(jobs):
        share = -(-(len(jobs) - start) // (2 * workers))
        size = min(most, max(FEWEST, share))
        pieces.append(jobs[start : start + size])
        start += size
    return pieces


def _start_worker() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:  # a worker whose parent was killed would wait for its next job for ever
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def write_shard(folder: Path, keys: Sequence[str], failed: dict[str, str], **arrays: np.ndarray) -> None:
    """All or nothing: the shard appears under its name once everything in it is on disk."""
    name = hashlib.sha256("\n".join([*keys, "", *failed]).encode()).hexdigest()[:16]
    try:
        with atomically_folder(folder / name) as part:
            for title, array in arrays.items():
                np.save(part / f"{title}.npy", array)
            (part / "keys.json").write_text(json.dumps({"keys": list(keys), "failed": failed}), encoding="utf-8")
    except OSError as error:
        if (folder / name).is_dir():  # the same rows are there already
            return
        what = f"{folder} cannot be written: {error.strerror or error}."
        raise DataError(what, "Check disk space and permissions.") from error
