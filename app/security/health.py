"""Two addresses for whoever watches the server: is it alive, and can it answer."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ssn.errors import SSNError


def health_routes(ready: Callable[[], object]) -> list[Route]:
    """``/livez``: the process answers. ``/healthz``: so do model and gallery, as ``ready`` finds out; it raises
    SSNError where they do not, whose words stay here: anybody may ask."""

    async def alive(request: Request) -> PlainTextResponse:
        return PlainTextResponse("alive")

    def healthy(request: Request) -> PlainTextResponse:
        try:
            ready()
        except SSNError:
            return PlainTextResponse("not ready", 503)
        return PlainTextResponse("ready")

    return [Route("/livez", alive), Route("/healthz", healthy)]
