"""SSN Studio in the browser: ``python app.py``, then open the address it prints."""

from __future__ import annotations

import sys

from app.launch import main

if __name__ == "__main__":
    sys.exit(main())
