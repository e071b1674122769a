"""A start in a process of its own, where the machine is not as one thinks: the page answers nevertheless."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client

from ssn.gallery.sqlite import Gallery

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 240
"""Seconds: the machine may be busy."""
NOBODY_THERE = "http://127.0.0.1:9"


def free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((host, 0))
            return probe.getsockname()[1]
    except OSError:
        pytest.skip(f"this machine has no {host}")


@pytest.fixture
def start(tmp_path, checkpoint) -> Iterator:
    """Call it with flags → a process and its log, once it serves or has ended."""
    running: list[subprocess.Popen] = []

    def begin(*flags: str, host: str = "127.0.0.1", **environment: str) -> tuple[subprocess.Popen, str]:
        log, app = tmp_path / "server.log", str(REPOSITORY / "app.py")
        command = [sys.executable, app, "--host", host, "--port", str(free_port(host)), "--device", "cpu"]
        clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        around = {**clean, "XDG_DATA_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", **environment}
        command += ["--checkpoint", str(checkpoint), *flags]
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=tmp_path, env=around, stdout=out, stderr=subprocess.STDOUT)
        running.append(process)
        end = time.monotonic() + PATIENCE
        while b"SSN Studio is at" not in log.read_bytes() and process.poll() is None:
            assert time.monotonic() < end, log.read_bytes()
            time.sleep(0.1)
        return process, log.read_bytes().decode("utf-8", "backslashreplace")

    yield begin
    for process in running:
        process.terminate()
        process.wait(timeout=60)


def answers(log: str) -> bool:
    address = re.search(r"SSN Studio is at (http://\S+)", log)
    assert address, log
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with straight.open(address[1] + "/livez", timeout=60) as answer:
        return answer.read() == b"alive"


@pytest.mark.parametrize(
    "environment",
    [
        {"HTTP_PROXY": NOBODY_THERE, "http_proxy": NOBODY_THERE, "NO_PROXY": "milvus.lan", "PYTHONIOENCODING": "ascii"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"},
    ],
    ids=["proxy", "socks"],
)
def test_it_starts_whatever_the_environment_says(start, environment):
    process, log = start("--gallery", ":memory:", **environment)
    assert answers(log)
    assert process.poll() is None
    assert "Traceback" not in log


def test_once_it_has_ended_the_gallery_is_one_file_with_everybody_in_it(start, demo, tmp_path):
    """Who copies it then copies all of it."""
    process, log = start("--gallery", str(tmp_path / "g.db"))
    address = re.search(r"SSN Studio is at (http://\S+)", log)[1]
    asking = Client(address, download_files=False, analytics_enabled=False, verbose=False)
    with contextlib.closing(asking) as client:
        photo = base64.b64encode(demo[0].enrolment.read_bytes()).decode()
        model = client.predict(api_name="/people")["model"]
        client.predict(photo=photo, name="Zed Late", api_name="/enrol")
    process.terminate()
    assert process.wait(timeout=60) == 0
    assert sorted(path.name for path in tmp_path.glob("g.db*")) == ["g.db"]
    with Gallery(tmp_path / "g.db", model) as gallery:
        assert gallery.person("Zed Late") is not None


def test_it_listens_to_ipv6(start):
    _, log = start("--gallery", ":memory:", host="::1")
    assert "http://[::1]:" in log
    assert answers(log)
