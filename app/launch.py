"""Flags → services → launch: what ``python app.py`` and ``ssn-studio`` do."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
from pathlib import Path

from ssn.places import ASSETS

ENVIRONMENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_SHARE": "False", "DO_NOT_TRACK": "1"}
"""Set before Gradio is imported: it asks no other host for anything."""
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
OPEN_TO_ALL = (
    "Note: everybody who reaches {host}:{port} can see, enrol and delete the people of the gallery; there is no login."
)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags; ``--help`` tells everything."""
    from ssn.models.checkpoint import DEFAULT_CHECKPOINT

    parser = argparse.ArgumentParser(
        prog="ssn-studio",
        description="SSN Studio: probe, occlusion, saliency and ranked matches in the browser. "
        "Needs no network; photos stay in memory and are gone when the page is closed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for every network interface, where anybody can enrol and delete",
    )
    parser.add_argument("--port", type=port_number, default=7860, help="port to listen on")
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="weights: .safetensors, or the official .pth.tar"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="FILE",
        default=None,
        help="a second checkpoint, whose ranking of the same people is shown beside the first one's",
    )
    parser.add_argument(
        "--gallery",
        default=None,
        help="gallery file, or :memory:. A new one starts with the demo people. "
        "By default one file for each model, in the user's data folder (ssn-studio/MODEL_ID.db)",
    )
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="where the network runs")
    return parser.parse_args(arguments)


def port_number(text: str) -> int:
    """1 to 65535; argparse tells what was wrong."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is no port; use 1 to 65535")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Run the app until it is stopped → exit status. An error of the user's making is one line and status 2."""
    flags = parse_arguments(arguments)
    os.environ.update(ENVIRONMENT)
    from ssn.errors import SSNError

    try:
        if problem := cannot_listen(flags.host, flags.port):
            return refuse(problem)
        serve(flags)
    except SSNError as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(in_words(error))
    return 0


def serve(flags: argparse.Namespace) -> None:
    """Open everything, launch, and wait for Ctrl+C. Raises SSNError and OSError."""
    from app.kit.theme import studio_theme
    from app.page import build_demo
    from app.services import Services

    style, icon = ASSETS / "style.css", ASSETS / "favicon.png"
    for asset in (style, icon):
        asset.open("rb").close()  # a missing one is told before anything slow begins
    demo = build_demo(Services.open(flags.checkpoint, flags.gallery, flags.device, beside=flags.beside))
    demo.launch(
        server_name=flags.host,
        server_port=flags.port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        run_history=False,
        footer_links=[],
        enable_monitoring=False,
        state_session_capacity=200,
        theme=studio_theme(),
        css_paths=style,
        favicon_path=icon,
    )
    if flags.host not in THIS_MACHINE:
        print(OPEN_TO_ALL.format(host=flags.host, port=flags.port), flush=True)
    print(f"SSN Studio is at http://{flags.host}:{flags.port} (Ctrl+C stops it)", flush=True)
    demo.block_thread()


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
        return f"{host}:{port} cannot be used ({error.strerror}). Choose another --port."
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
