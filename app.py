"""SSN Studio in the browser: ``python app.py``, then open the address it prints."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", GRADIO_SHARE="False", DO_NOT_TRACK="1")

ASSETS = Path(__file__).resolve().parent / "assets"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The flags; ``--help`` tells everything."""
    from ssn.models.checkpoint import DEFAULT_CHECKPOINT

    parser = argparse.ArgumentParser(
        prog="app.py",
        description="SSN Studio: probe, occlusion, saliency and ranked matches in the browser. "
        "Needs no network; photos stay in memory and are gone when the page is closed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for every network interface")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on")
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


def main(arguments: list[str] | None = None) -> int:
    """Flags → services → launch. An error of the user's making is one line and status 2."""
    flags = parse_arguments(arguments)
    from app.kit.theme import studio_theme
    from app.page import build_demo
    from app.services import Services
    from ssn.errors import SSNError

    try:
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
            css_paths=ASSETS / "style.css",
            favicon_path=ASSETS / "favicon.png",
        )
        print(f"SSN Studio is at http://{flags.host}:{flags.port} (Ctrl+C stops it)", flush=True)
        demo.block_thread()
    except SSNError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {flags.host}:{flags.port} cannot be used ({error}). Choose another --port.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
