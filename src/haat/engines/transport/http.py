"""Contract calls over HTTP by aiohttp, signed with the calling service's identity, behind a circuit breaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from haat.kit.message import Unavailable
from haat.kit.rpc import Answer

CONNECT_SECONDS = 0.5
# Left before the server leaves it, which granian does after 30 s: a call that meets a closing connection is lost, and
# not every call may be made once more.
IDLE_SECONDS = 20.0
BREAKER_FAILURES = 10
BREAKER_SECONDS = 3.0


class HttpTransport:
    """One neighbour. `sign` gives the value of the identity header for this neighbour."""

    def __init__(self, name: str, url: str, sign: Callable[[str], str]) -> None:
        self._name = name
        self._url = url.rstrip("/")
        self._sign = sign
        self._session: aiohttp.ClientSession | None = None
        self._breakers = AsyncCircuitBreakerFactory(default_threshold=BREAKER_FAILURES, default_ttl=BREAKER_SECONDS)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """Raises Unavailable when no answer came: it may still have happened."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=100, keepalive_timeout=IDLE_SECONDS, resolver=aiohttp.ThreadedResolver()
            )
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        signed = {**headers, "Content-Type": "application/json", "Haat-Service": self._sign(self._name)}
        limit = aiohttp.ClientTimeout(total=timeout, connect=CONNECT_SECONDS)
        try:
            async with (
                await self._breakers.get_breaker(self._name),
                self._session.post(
                    self._url + path, data=body, headers=signed, timeout=limit, allow_redirects=False
                ) as response,
            ):
                return Answer(
                    response.status, await response.read(), response.headers.get("Idempotent-Replayed") == "true"
                )
        except (aiohttp.ClientError, TimeoutError, OSError, OpenedState) as error:
            raise Unavailable(f"{self._name} does not answer", neighbour=self._name) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
