"""Pictures as files, to be read again."""

from __future__ import annotations

import io

from PIL import Image


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
