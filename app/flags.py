"""The flags of ``python app.py`` and ``ssn-studio``."""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import urlsplit


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags; ``--help`` tells everything."""
    from ssn.export.engine import ENGINES
    from ssn.gallery.registry import DEFAULT_INDEX, INDICES
    from ssn.machine import PRECISIONS
    from ssn.models.checkpoint import DEFAULT_CHECKPOINT

    parser = argparse.ArgumentParser(
        prog="ssn-studio",
        description="SSN Studio: probe, occlusion, saliency and ranked matches in the browser. "
        "Needs no network; photos stay in memory and are gone when the page is closed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _door_options(parser)
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
        help="gallery file, :memory:, or http://host:19530 for one on Milvus. A new file starts with the demo people. "
        "By default one file for each model, in the user's data folder (ssn-studio/MODEL_ID.db)",
    )
    parser.add_argument("--index", default=DEFAULT_INDEX, choices=list(INDICES), help="how the gallery is searched")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="where the network runs")
    engines = "; ".join(f"{name}: {what}" for name, what in ENGINES.items())
    parser.add_argument("--engine", default="torch", choices=list(ENGINES), help=f"what computes. {engines}")
    probes = "what probes are looked at in; auto: bfloat16 where that has units of its own (scores move by thousandths)"
    parser.add_argument("--precision", default="auto", choices=PRECISIONS, help=probes)
    return parser.parse_args(arguments)


def _door_options(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and who may come in."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 for every network interface. Any but this machine's own asks for --auth "
        "or --open",
    )
    parser.add_argument("--port", type=port_number, default=7860, help="port to listen on")
    parser.add_argument("--auth", type=Path, metavar="FILE", help="ask for a name and password of this file")
    parser.add_argument(
        "--add-user",
        metavar="NAME",
        help="write this person and the hash of a password, which is asked for, into the file of --auth, and end",
    )
    parser.add_argument("--open", action="store_true", help="let everybody in who reaches the address, without a login")
    parser.add_argument(
        "--root-path",
        type=sub_path,
        default="",
        metavar="PATH",
        help="where a proxy shows the page: /studio, or the full address https://example.org/studio",
    )
    parser.add_argument(
        "--origin",
        type=page_origin,
        action="append",
        default=[],
        metavar="URL",
        help="address of a proxy, as https://example.org, whose browsers may ask this server; may be repeated",
    )


def page_origin(text: str) -> str:
    """``https://Example.org:8443`` → what a browser sends as Origin; argparse tells what was wrong."""
    parts = urlsplit(text.rstrip("/").lower())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise argparse.ArgumentTypeError(f"{text!r} is no address like https://example.org")
    return f"{parts.scheme}://{parts.netloc}"


def sub_path(text: str) -> str:
    """``/studio`` or ``https://example.org/studio``, without a slash at the end; argparse tells what was wrong."""
    path = text.rstrip("/")
    if path.startswith(("http://", "https://")):
        page_origin("://".join(urlsplit(path)[:2]))
    elif path and (not path.startswith("/") or "//" in path):
        raise argparse.ArgumentTypeError(f"{text!r} is no path like /studio")
    return path


def port_number(text: str) -> int:
    """1 to 65535; argparse tells what was wrong."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{number} is no port; use 1 to 65535")
    return number
