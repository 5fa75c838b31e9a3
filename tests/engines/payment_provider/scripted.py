"""What both scripted providers share: a port of their own, faults ordered for the next calls, broken connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable

from aiohttp import web

STALL_SECONDS = 30.0
Told = tuple[int, dict[str, object], dict[str, str]]


class Scripted:
    """An HTTP server on a free port whose next answers can be made to go wrong."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str]] = []
        self.faults: dict[str, deque[str]] = defaultdict(deque)
        # What the answers of an operation say in place of the truth.
        self.garbled: dict[str, dict[str, object]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, routes: list[web.RouteDef]) -> None:
        application = web.Application()
        application.add_routes(routes)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def order(self, op: str, mode: str) -> None:
        self.faults[op].append(mode)

    async def disturbed(
        self, op: str, request: web.Request, act: Callable[[str], Awaitable[web.Response]]
    ) -> web.Response:
        """`act` is told the ordered mode, because a provider may keep the error that it answers with."""
        mode = self.faults[op].popleft() if self.faults[op] else ""
        if mode.endswith("_before") and not mode.startswith("500"):
            return hang_up(request, mode.startswith("reset"))
        answer = await act(mode)
        if mode.endswith("_after") and not mode.startswith("500"):
            return hang_up(request, mode.startswith("reset"))
        if mode == "stall":
            await asyncio.sleep(STALL_SECONDS)
        return answer


def hang_up(request: web.Request, with_reset: bool) -> web.Response:
    if request.transport is not None:
        if with_reset:
            request.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        request.transport.abort()
    return web.Response(status=500)
