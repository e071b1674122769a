"""A real Milvus server in a process of its own, for benchmarks and tests: it can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen


@contextlib.contextmanager
def _starting_alone() -> Iterator[None]:
    """Servers that start at once would choose the same free ports: one after the other, in whatever process."""
    import fcntl  # not on Windows, for which there is no server either

    with open(Path(tempfile.gettempdir()) / f"milvus-starting-{os.getuid()}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class MilvusProcess:
    """The server of the package ``milvus``, with its data in a folder of its own."""

    def __init__(self, folder: Path):
        from milvus import MilvusServer, MilvusServerConfig

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._make = lambda: MilvusServer(MilvusServerConfig(), data_dir=str(folder), proxy_port=self.port)
        self.folder = folder
        self._server = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, seconds: float = 90.0) -> None:
        """Until it says that it is well. Raises RuntimeError with its last words where it never does."""
        with _starting_alone():
            self._start(seconds)

    def _start(self, seconds: float) -> None:
        self._server = self._make()
        self._server.wait_for_started = False
        self._server.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._server.server_proc.poll() is None:
            with contextlib.suppress(OSError), urlopen(self._health, timeout=5) as answer:
                if b"OK" in answer.read():
                    return
            time.sleep(0.2)
        self.kill()
        raise RuntimeError((self.folder / "logs" / "milvus-stderr.log").read_text(errors="replace")[-2000:])

    @property
    def _health(self) -> str:
        return f"http://127.0.0.1:{self._server.webservice_port}/healthz"

    def kill(self) -> None:
        """As a crash would."""
        process = self._server.server_proc
        process.kill()
        process.wait()
        self._server.stop()

    def pause(self) -> None:
        """It is there and says nothing."""
        os.kill(self._server.server_proc.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._server.server_proc.pid, signal.SIGCONT)

    def stop(self) -> None:
        """With all that it held."""
        if self._server is not None and self._server.server_proc is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
