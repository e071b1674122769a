"""Flags → services → launch: what ``python app.py`` and ``ssn-studio`` do."""

from __future__ import annotations

import argparse
import contextlib
import errno
import getpass
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.flags import page_origin, parse_arguments
from app.kit.background import let_end
from ssn.console import print_anything
from ssn.errors import OptionError, SSNError
from ssn.places import ASSETS

ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_SHARE": "False", "DO_NOT_TRACK": "1"}
ENVIRONMENT |= {"GRADIO_ANALYTICS_MAX_EVENTS": "1", "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize)}
"""Set before Gradio is imported: it asks no other host for anything, and makes no table of events after each one."""
ENVIRONMENT |= {"PILLOW_BLOCK_SIZE": "64m"}
"""Set before Pillow is imported: a large picture lies in few large blocks, which go back to the system as soon as it is
closed. Of the small ones by default the pool of freed memory keeps all."""
STYLES = ("style.css", "screens.css")
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
OPEN_TO_ALL = (
    "Note: everybody who reaches {host}:{port} can see, enrol and delete the people of the gallery; there is no login."
)
NOT_OPEN = (
    "At {host} everybody who reaches this machine could see, enrol and delete the people of the gallery.",
    "Ask for a password with --auth FILE (made with --auth FILE --add-user NAME), or say --open.",
)
NO_MEMORY = "There is not enough memory to start. Close other programs, or let this one have more."
EVENTS_WAITING = 256
"""Events of all visitors that wait to be begun; the next one is told that the server is busy."""
THREADS = 100
"""Events under way: most wait for a slot of the network, which bounds the work itself."""
LOADING = 20.0
"""Seconds in which whatever is being loaded may end before the process does."""
VISITORS = 200
"""Whose last shown pictures Gradio remembers; the one idle longest makes room."""


def main(arguments: list[str] | None = None) -> int:
    """Run the app until it is stopped → exit status. An error of the user's making is one line and status 2."""
    print_anything()
    try:
        return _run(arguments)
    except MemoryError:
        return refuse(NO_MEMORY)


def _run(arguments: list[str] | None) -> int:
    flags = parse_arguments(arguments)
    os.environ.update(ENVIRONMENT)
    _ask_nobody_for_the_way()
    try:
        if flags.add_user is not None:
            return _add_user(flags)
        check_door(flags)
        if problem := cannot_listen(flags.host, flags.port):
            return refuse(problem)
        serve(flags)
    except SSNError as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(in_words(error))
    return 0


def _ask_nobody_for_the_way() -> None:
    """Gradio asks this very server, before anybody else does, whether it answers; through the proxy that an environment
    names it does not. What is named already, such as a gallery's server, stays."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = f"{named},*" if named else "*"


def check_door(flags: argparse.Namespace) -> None:
    """Other machines come in with a password, or because somebody said that all may. Raises OptionError."""
    if flags.auth is not None and flags.open:
        raise OptionError("--auth asks for a password and --open for none.", "Choose one.")
    if flags.host not in THIS_MACHINE and flags.auth is None and not flags.open:
        what, hint = NOT_OPEN
        raise OptionError(what.format(host=flags.host), hint)


def _add_user(flags: argparse.Namespace) -> int:
    from app.security.passwords import add_user

    if flags.auth is None:
        raise OptionError("--add-user needs the file to write to.", "Give it with --auth FILE.")
    asked = f"Password for {flags.add_user}: "
    password = getpass.getpass(asked) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    add_user(flags.auth, flags.add_user, password)
    print(f"{flags.add_user} may come in with {flags.auth}.", flush=True)
    return 0


def serve(flags: argparse.Namespace) -> None:
    """Open everything, launch, and wait for Ctrl+C or the signal to end. Raises SSNError and OSError."""
    from app.security.passwords import Accounts
    from app.security.temporary import folder_of, private_folder

    for asset in (*STYLES, "favicon.png"):
        (ASSETS / asset).open("rb").close()  # a missing one is told before anything slow begins
    login: Any = None if flags.auth is None else Accounts.read(flags.auth).allow
    with _ended_politely(), private_folder(folder_of(flags.host, flags.port)) as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(folder)  # Gradio reads it when it is imported
        tell("Starting SSN Studio …")
        from app.page import build_demo
        from app.services import Services
        from ssn.machine import settle_garbage, share_freed_memory
        from ssn.memory import memory_in_words

        share_freed_memory()
        how = {"index": flags.index, "engine": flags.engine, "precision": flags.precision}
        with memory_in_words():
            services = Services.open(
                flags.checkpoint, flags.gallery, flags.device, beside=flags.beside, tell=tell, **how
            )
        with services.gallery:  # closed at the end: what was enrolled is in its one file, which may be copied
            demo = build_demo(services)
            demo.queue(max_size=EVENTS_WAITING, api_open=False)
            _launch(demo, flags, login, page_options(flags, services.check, frozenset(demo.fns)))
            if flags.open and flags.host not in THIS_MACHINE:
                tell(OPEN_TO_ALL.format(host=in_address(flags.host), port=flags.port))
            tell(f"SSN Studio is at http://{in_address(flags.host)}:{flags.port} (Ctrl+C stops it)")
            services.make_ready().join()
            settle_garbage()
            demo.block_thread()


def _launch(demo: Any, flags: argparse.Namespace, login: Any, options: dict[str, Any]) -> None:
    """Serve the page and go on. Gradio asks it once whether it answers. Raises OptionError where it does not."""
    import httpx

    address = in_address(flags.host)
    try:
        demo.launch(server_name=address, server_port=flags.port, root_path=root_of(flags), auth=login, **options)
    except httpx.HTTPError as error:
        what = f"The page at {address}:{flags.port} does not answer this machine itself ({error})."
        raise OptionError(what, "Is its loopback network up, and does a firewall let it through?") from error


def root_of(flags: argparse.Namespace) -> str:
    """Where browsers find the page. A path alone is completed by the one address a proxy has: many proxies do not pass
    on the name they were asked by, and the page would send its browser past them."""
    whole = flags.root_path.startswith("/") and len(set(flags.origin)) == 1
    return f"{flags.origin[0]}{flags.root_path}" if whole else flags.root_path


def page_options(flags: argparse.Namespace, ready: Any, events: frozenset[int] | None = None) -> dict[str, Any]:
    """How Gradio serves the page: behind the gate, with nothing that asks other hosts. ``ready`` raises SSNError where
    model or gallery do not answer; ``events`` are the numbers of the page's own, where they are known."""
    from starlette.middleware import Middleware

    from app.event_stream import EventStreams
    from app.kit.theme import studio_theme
    from app.security.gate import Gate
    from app.security.health import health_routes
    from app.security.rules import LOOPBACK, Rules, names_of_this_machine

    origins, path = set(flags.origin), flags.root_path
    if path and not path.startswith("/"):
        origins.add(page_origin("://".join(urlsplit(path)[:2])))
        path = urlsplit(path).path
    here, asked = flags.host in THIS_MACHINE, flags.auth is not None
    names = LOOPBACK if here else None if asked else LOOPBACK | names_of_this_machine()
    rules = Rules(names, frozenset(origins), path, events, login=asked, numbers=not here)
    return {
        "app_kwargs": {
            "middleware": [Middleware(Gate, rules=rules), Middleware(EventStreams)],
            "routes": health_routes(ready),
        },
        "max_threads": THREADS,
        "share": False,
        "quiet": True,
        "prevent_thread_lock": True,
        "run_history": False,
        "footer_links": [],
        "enable_monitoring": False,
        "ssr_mode": False,
        "state_session_capacity": VISITORS,
        "theme": studio_theme(),
        "css_paths": [ASSETS / name for name in STYLES],
        "favicon_path": ASSETS / "favicon.png",
    }


@contextlib.contextmanager
def _ended_politely() -> Iterator[None]:
    """The signal to end works as Ctrl+C does, so that what is temporary is removed."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        tell("Stopped.")
    finally:
        signal.signal(signal.SIGTERM, before)
        let_end(LOADING)


def in_address(host: str) -> str:
    """As it stands in an address: one of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def tell(text: str) -> None:
    """On the screen at once, also where that is a file."""
    print(text, flush=True)


def cannot_listen(host: str, port: int) -> str | None:
    """Why nothing can be served at this address, or None where it is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return f"{host} is no address of this machine ({error.strerror}). Choose another --host."
    try:
        with socket.socket(family, kind, protocol) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine ({error.strerror}). Choose another --host."
        return f"{in_address(host)}:{port} cannot be used ({error.strerror}). Choose another --port."
    return None


def in_words(error: OSError) -> str:
    """An error of the system, by what it is about."""
    if error.errno == errno.ENOSPC:
        return "The disk is full. Free some space."
    if error.filename is None:
        return f"The app could not be started ({error})."
    if isinstance(error, FileNotFoundError):
        hint = "Restore it from the release." if Path(error.filename).is_relative_to(ASSETS) else "Check the path."
        return f"{error.filename} is missing. {hint}"
    return f"{error.filename} cannot be used ({error.strerror}). Check its permissions."


def refuse(problem: str) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return 2
