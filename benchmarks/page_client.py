"""The page used by a program: a server of its own, and visitors who send what the page's components would send."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

REPOSITORY = Path(__file__).resolve().parents[1]
API = "/gradio_api"


class BusyAnswer(Exception):
    """The server said, in words, that it is busy."""


@contextlib.contextmanager
def serving(folder: Path, patience: float = 300.0, more: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """The app in a process of its own with a gallery in ``folder`` → its address and process number. ``more`` are
    flags."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    flags = ["--port", str(port), "--device", "cpu", "--gallery", str(folder / "gallery.db"), *more]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        command = [sys.executable, str(REPOSITORY / "app.py"), *flags]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + patience
        while not (found := re.search(r"SSN Studio is at (http://\S+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.3)
        yield found.group(1), process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


class Visitor:
    """One open page. ``send`` is an event of one of its components."""

    def __init__(self, address: str):
        self.http = httpx.Client(base_url=address, timeout=120.0)
        self.http.get("/").raise_for_status()  # the page itself gives the browser its name
        config = self.http.get("/config").raise_for_status().json()
        parts = config["components"]
        self.ids = {part["props"]["elem_id"]: part["id"] for part in parts if part["props"].get("elem_id")}
        self.names = {number: name for name, number in self.ids.items()}
        self.values = {part["id"]: part["props"].get("value") for part in parts}
        self.values |= {part["id"]: self.values[part["id"]] or "" for part in parts if part["type"] == "textbox"}
        self.events = config["dependencies"]
        self.page = secrets.token_hex(8)
        self.heard = ""
        """Everything the server said to the last event, also on its way to the answer."""

    def send(self, part: str, event: str, data: dict | None = None, **inputs: Any) -> dict[str, Any]:
        """``inputs`` are values by element id, with _ for -; the others as the page begins → the answer by element id.

        Raises BusyAnswer where the server says so, RuntimeError for every other failure.
        """
        outputs = self._event(part, event)["outputs"]
        output = self._result(self.ask(part, event, data, **inputs))
        values = zip(outputs, output, strict=False)
        return {self.names.get(known, str(known)): _value(value) for known, value in values}

    def _event(self, part: str, event: str) -> dict:
        target = [self.ids[part], event]
        return next(one for one in self.events if target in [list(found) for found in one["targets"]])

    def question(self, part: str, event: str, data: dict | None = None, **inputs: Any) -> dict[str, Any]:
        """What is posted for an event, as ``send`` takes it."""
        found = self._event(part, event)
        given = {self.ids[name.replace("_", "-")]: value for name, value in inputs.items()}
        return {
            "data": [given.get(known, self.values.get(known)) for known in found["inputs"]],
            "event_data": data,
            "fn_index": found["id"],
            "trigger_id": self.ids[part],
            "session_hash": self.page,
        }

    def ask(self, part: str, event: str, data: dict | None = None, **inputs: Any) -> str:
        """As ``send``, without waiting for the answer → the event's name."""
        body = self.question(part, event, data, **inputs)
        joined = self.http.post(f"{API}/queue/join", json=body)
        if joined.status_code == 503:
            raise BusyAnswer(joined.text)
        if joined.status_code != 200:
            raise RuntimeError(f"{joined.status_code} {joined.text[:200]}")
        return joined.json()["event_id"]

    def hang_up(self) -> None:
        """Listen for the first word of an answer, and close the connection."""
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.page}) as stream:
            next(stream.iter_raw(1))

    def _result(self, event: str) -> list:
        self.heard = ""
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.page}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                self.heard += line
                if message.get("msg") == "process_completed" and message.get("event_id") == event:
                    if message["success"]:
                        return message["output"].get("data", [])
                    said = str(message["output"].get("error"))
                    raise BusyAnswer(said) if "Try again" in said else RuntimeError(said)
        raise RuntimeError("the answer never came")

    def close(self) -> None:
        self.http.close()


def _value(update: Any) -> Any:
    if isinstance(update, dict) and update.get("__type__") == "update":
        return update.get("value")
    return update
