"""Pillow's own test pictures, whole and damaged, through the doors pictures come in by: each is accepted or refused
with a typed error, in at most 5 s of processor time and 1.5 GB, and no process dies.

The pictures come with the source archive of Pillow, which pip fetches; they are never kept. Run
``python -m benchmarks.corpus`` (``--doors reader,commands,page``; ``--archive FILE`` where it is at hand; ``--every 8``
takes only so many of them; ``--json FILE`` writes what came of it).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.page_client import BusyAnswer, Visitor, serving
from ssn.errors import SSNError
from ssn.faces.read import MAX_BYTES, read_image

SECONDS, MEGABYTES = 5.0, 1536.0
DAMAGED = 1000
SMALL = 2**20
"""Bytes of a picture that is damaged: in a small one more bits are of the header."""
AT_ONCE = 60
"""Photos of one call of the command line."""


@dataclass(frozen=True)
class Outcome:
    """``said``: accepted, refused, or what should not be: an untyped error, a death. ``seconds`` are those of the
    processor, and ``waited`` those of the clock: more where the machine has other work, fewer on several processors."""

    path: Path
    said: str
    seconds: float = 0.0
    megabytes: float = 0.0
    waited: float = 0.0

    @property
    def good(self) -> bool:
        return self.said in ("accepted", "refused") and self.seconds <= SECONDS and self.megabytes <= MEGABYTES


def fetch(folder: Path) -> Path:
    """Pillow's source archive, by pip."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", "pillow"]
    subprocess.run([*command, "-d", str(folder)], check=True)
    return next(folder.glob("[Pp]illow-*.tar.gz"))


def unpack(archive: Path, folder: Path) -> list[Path]:
    """The regular files below Tests/images, under numbers of their own."""
    paths = []
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() and "/Tests/images/" in member.name else None
            if content is not None:
                path = folder / f"{len(paths):04}-{Path(member.name).name}"
                path.write_bytes(content.read())
                paths.append(path)
    return paths


def damage(paths: Sequence[Path], folder: Path, count: int, seed: int = 0) -> list[Path]:
    """``count`` copies of the smaller ones, in turn cut off and with one to eight bits turned."""
    draw, made = random.Random(seed), []
    small = [path for path in paths if 0 < path.stat().st_size <= SMALL]
    for number in range(count):
        source = draw.choice(small)
        data = bytearray(source.read_bytes())
        if number % 2:
            del data[draw.randrange(len(data)) :]
        else:
            for _ in range(draw.randint(1, 8)):
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        made.append(folder / f"damaged-{number:04}-{source.name}")
        made[-1].write_bytes(data)
    return made


def answer_paths() -> None:
    """A process of its own: paths in, outcomes out, a line each. Its death is seen by who asks."""
    for line in sys.stdin:
        start, worked, said = time.perf_counter(), time.process_time(), "accepted"
        try:
            read_image(Path(json.loads(line)))
        except SSNError:
            said = "refused"
        except BaseException as error:
            said = f"untyped {type(error).__name__}: {error}"
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds, waited = time.process_time() - worked, time.perf_counter() - start
        print(json.dumps([said, seconds, megabytes, waited]), flush=True)


def through_reader(paths: Sequence[Path]) -> Iterator[Outcome]:
    command = [sys.executable, "-m", "benchmarks.corpus", "--worker"]
    worker: subprocess.Popen[str] | None = None
    for path in paths:
        if worker is None:
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(str(path)) + "\n")
        worker.stdin.flush()
        if line := worker.stdout.readline():
            yield Outcome(path, *json.loads(line))
        else:
            yield Outcome(path, f"the process died with {worker.wait()}")
            worker = None
    if worker is not None:
        worker.communicate()


def through_commands(paths: Sequence[Path]) -> Iterator[Outcome]:
    """``embed`` of many; the seconds are the mean of a call, with its start."""
    for first in range(0, len(paths), AT_ONCE):
        part = list(paths[first : first + AT_ONCE])
        start, worked = time.perf_counter(), _worked_by_children()
        command = [sys.executable, "-m", "ssn", "embed", *map(str, part), "--json", "-"]
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = (_worked_by_children() - worked) / len(part)
        waited = (time.perf_counter() - start) / len(part)
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        said = (
            json.loads(done.stdout) if done.returncode in (0, 2) and done.stdout else {"templates": [], "refused": []}
        )
        known = {row["photo"]: "accepted" for row in said["templates"]}
        known |= {row["photo"]: "refused" for row in said["refused"]}
        for path in part:
            what = known.get(str(path), f"no word; status {done.returncode}")
            yield Outcome(path, what, seconds, megabytes, waited)


def _worked_by_children() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def through_page(paths: Sequence[Path]) -> Iterator[Outcome]:
    """As the page's photo input sends them; memory is the server's greatest."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (address, process):
        visitor = Visitor(address)
        for path in paths:
            size = path.stat().st_size
            data = "" if size > MAX_BYTES else base64.b64encode(path.read_bytes()).decode()
            start, worked = time.perf_counter(), worked_by(process)
            try:
                answer = visitor.send("probe-input", "input", {"data": data, "size": size})
                said = "refused" if 'role="alert"' in str(answer["probe-problem"]) else "accepted"
            except (RuntimeError, BusyAnswer, OSError) as error:
                said = f"untyped {error}"
            yield Outcome(path, said, worked_by(process) - worked, peak(process), time.perf_counter() - start)


def worked_by(process: int) -> float:
    """Processor seconds of a process so far (Linux)."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def peak(process: int) -> float:
    """Greatest resident memory of a process so far, in MB (Linux)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


DOORS: dict[str, Callable[[Sequence[Path]], Iterator[Outcome]]] = {
    "reader": through_reader,
    "commands": through_commands,
    "page": through_page,
}


def report(door: str, outcomes: Sequence[Outcome]) -> bool:
    """Print what came of it → was all of it good?"""
    bad = [one for one in outcomes if not one.good]
    counts = Counter("other" if one.said not in ("accepted", "refused") else one.said for one in outcomes)
    slowest, waited = max(outcomes, key=lambda one: one.seconds), max(one.waited for one in outcomes)
    print(
        f"{door}: {len(outcomes)} files, {counts['accepted']} accepted, {counts['refused']} refused, {counts['other']} "
        f"other; slowest {slowest.seconds:.2f} s ({slowest.path.name}), longest wait {waited:.2f} s, most memory "
        f"{max(one.megabytes for one in outcomes):.0f} MB; {len(bad)} beyond the limits"
    )
    for one in bad[:20]:
        print(f"  {one.path.name}: {one.said}, {one.seconds:.1f} s, {one.megabytes:.0f} MB")
    return not bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--doors", default="reader,commands,page")
    parser.add_argument("--archive", type=Path, help="Pillow's source archive; by default pip fetches it")
    parser.add_argument("--damaged", type=int, default=DAMAGED)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th picture, whole or damaged")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what came of every picture")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        answer_paths()
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = unpack(asked.archive or fetch(folder), folder)
        paths += damage(paths, folder, asked.damaged)
        found = {door: list(DOORS[door](paths[:: asked.every])) for door in asked.doors.split(",")}
    good = [report(door, outcomes) for door, outcomes in found.items()]
    if asked.json is not None:
        rows = {door: [asdict(one) | {"path": one.path.name} for one in all_of] for door, all_of in found.items()}
        asked.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
