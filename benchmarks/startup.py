"""How long it takes from ``python app.py`` to a page that can be shown.

``python -m benchmarks.startup`` starts the app several times on a free port, each time in a process of its own, cold
(with an empty data folder: the demo gallery is made) and warm (with the gallery that the start before it left), and
asks for the page until it is answered in full. Beside wall-clock seconds stand the processor seconds of the process and
the time that importing PyTorch and Gradio alone takes in the same minute: on a busy machine only these and the ratio to
it mean anything.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from ssn.files import write_json

ROOT = Path(__file__).resolve().parents[1]
BARE = "import torch, gradio"
LONGEST = 300.0
"""Seconds after which a start has failed."""


def environment(folder: Path) -> dict[str, str]:
    """This process's, with a data folder of its own."""
    return os.environ | {"XDG_DATA_HOME": str(folder), "GRADIO_ANALYTICS_ENABLED": "False"}


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def processor_seconds() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bare_start() -> dict[str, float]:
    """Importing what every such page needs, and nothing of this project."""
    before, begun = processor_seconds(), time.perf_counter()
    subprocess.run([sys.executable, "-c", BARE], check=True, cwd=ROOT)
    return {"wall": time.perf_counter() - begun, "processor": processor_seconds() - before}


def start(folder: Path, words: list[str]) -> dict[str, float]:
    """One start until the page is there, ended at once. Raises TimeoutError, RuntimeError."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), *words]
    before, begun = processor_seconds(), time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.DEVNULL)
    try:
        while not page_there(port):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
            if time.perf_counter() - begun > LONGEST:
                raise TimeoutError(f"no page after {LONGEST:.0f} s")
            time.sleep(0.02)
        wall = time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    return {"wall": wall, "processor": processor_seconds() - before}


def page_there(port: int) -> bool:
    """Is the whole page answered?"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return answer.status == 200 and b"SSN Studio" in answer.read()
    except (urllib.error.URLError, OSError):
        return False


def measured(times: int, words: list[str]) -> dict[str, list[dict[str, float]]]:
    """Bare, cold and warm starts in turn, so that whatever else the machine does meets all three."""
    rows: dict[str, list[dict[str, float]]] = {"bare": [], "cold": [], "warm": []}
    for _ in range(times):
        rows["bare"].append(bare_start())
        with tempfile.TemporaryDirectory() as folder:
            rows["cold"].append(start(Path(folder), words))
            rows["warm"].append(start(Path(folder), words))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=3, help="starts of each kind")
    parser.add_argument("--json", metavar="FILE", help="write the single starts too")
    options, words = parser.parse_known_args()
    rows = measured(options.times, words)
    bare = {kind: statistics.median(row[kind] for row in rows["bare"]) for kind in ("wall", "processor")}
    for name, starts in rows.items():
        walls = " ".join(f"{row['wall']:.1f}" for row in starts)
        processor = statistics.median(row["processor"] for row in starts)
        ratio = statistics.median(row["wall"] for row in starts) / bare["wall"]
        print(
            f"{name:5} wall {walls} s, processor {processor:.1f} s; of the bare imports: {ratio:.2f} in wall-clock, "
            f"{processor / bare['processor']:.2f} in processor time"
        )
    if options.json:
        write_json(rows, options.json)


if __name__ == "__main__":
    main()
