"""Starts a sandbox as a process of its own: arguments, socket, signals."""

import argparse
import asyncio
import gc
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web
from standardwebhooks import Webhook

# Signed with when no webhook is configured: it protects nothing then.
UNUSED_SECRET = "whsec_" + "dW51c2Vk" * 4


class Options(msgspec.Struct, frozen=True):
    """`public_url` is where browsers reach this sandbox; `step_seconds` only means something to a carrier."""

    data: Path
    port: int = 0
    host: str = "127.0.0.1"
    public_url: str = ""
    webhook_url: str | None = None
    webhook_secret: str = UNUSED_SECRET
    step_seconds: float = 10.0


Build = Callable[[Options], AbstractAsyncContextManager[web.Application]]


def read_arguments(name: str, arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog=f"python -m haat.sandbox.{name}", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sandbox's own database")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--public-url", default="", help="where browsers reach this sandbox")
    parser.add_argument("--webhook-url", help="where events are posted; without it none are")
    parser.add_argument("--webhook-secret", default=UNUSED_SECRET, help="whsec_…")
    if name == "carrier":
        parser.add_argument("--step-seconds", type=float, default=10.0, help="between two of a parcel's steps")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.step_seconds <= 0:
        parser.error("--step-seconds must be above zero")
    try:
        Webhook(options.webhook_secret)
    except ValueError:
        parser.error("--webhook-secret must be whsec_ and base64")
    return options


def run(name: str, build: Build, options: Options) -> int:
    """Serve until SIGTERM or SIGINT; prints `ready URL` once it answers. Returns the exit status."""
    try:
        uvloop.run(_serve(build, options))
    except (OSError, sqlite3.OperationalError) as error:
        print(f"haat sandbox {name}: {error} (port {options.port}, data {options.data})", file=sys.stderr)
        return 2
    return 0


async def _serve(build: Build, options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(build, options) as url:
        # What is loaded by now stays: no collection needs to walk it.
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        print(f"ready {url}", flush=True)
        await stop.wait()


@asynccontextmanager
async def serving(build: Build, options: Options) -> AsyncIterator[str]:
    """The application answers at this URL while the context is open. Raises OSError when the port is taken."""
    with _listen(options.host, options.port) as listener:
        url = f"http://{options.host}:{listener.getsockname()[1]}"
        options = msgspec.structs.replace(options, public_url=(options.public_url or url).rstrip("/"))
        async with build(options) as application:
            runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.2)
            await runner.setup()
            try:
                await web.SockSite(runner, listener, backlog=1024).start()
                yield url
            finally:
                await runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    # Without the protocol named, asyncio leaves Nagle's algorithm on: some 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
