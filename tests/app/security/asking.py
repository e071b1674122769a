"""A small application behind the gate, and requests to it."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.security.gate import Gate
from app.security.rules import Rules
from tests.asynchronous import run_async

HERE = "http://localhost:7860"
JOIN = "/gradio_api/queue/join"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def application(rules: Rules) -> Starlette:
    routes = [Route("/{path:path}", echo, methods=["GET", "POST"])]
    return Starlette(routes=routes, middleware=[Middleware(Gate, rules=rules)])


def ask(path: str = "/", rules: Rules | None = None, method: str = "GET", **more) -> httpx.Response:
    """One request to a server of its own."""
    return ask_all([(method, path, more)], rules)[0]


def ask_all(requests: list[tuple[str, str, dict]], rules: Rules | None = None) -> list[httpx.Response]:
    """Several to one server. Cookies are not remembered."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application(rules or Rules()))
        answers = []
        for method, path, more in requests:
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                answers.append(await client.request(method, path, **more))
        return answers

    return run_async(run())
