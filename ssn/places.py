"""Where the files that come with the project lie: assets and checkpoints."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
INSTALLED = Path(sys.prefix) / "share" / "ssn-studio"
"""Where ``pip install .`` puts them; with ``pip install -e .`` they stay in the checkout."""
ROOT = CHECKOUT if (CHECKOUT / "assets").is_dir() else INSTALLED
ASSETS = ROOT / "assets"
CHECKPOINTS = ROOT / "checkpoints"
