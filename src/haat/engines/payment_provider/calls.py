"""One HTTP exchange with a provider: bounded in time, and honest about what is not known afterwards."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec

from haat.engines.transport.bodies import whole
from haat.kit.message import Unavailable

CONNECT_SECONDS = 2.0
# Whose account a payment at the sandbox is in when nobody says.
MERCHANT = "haat"
MAX_ANSWER_BYTES = 4_000_000


class ProviderCalls:
    """Connections to one provider, opened at the first call."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=CONNECT_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, path: str, key: str | None = None, body: Any = None) -> tuple[int, Any]:
        """Status and decoded object. Raises Unavailable when no usable answer came: it may still have happened."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._open().request(
                method, self._url + path, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                content = await whole(answer, MAX_ANSWER_BYTES)
                # A server that fails, or asks to slow down, does not say whether it took the effect.
                if answer.status >= 500 or answer.status in (408, 429):
                    raise Unavailable(f"the provider answered {answer.status}")
                return answer.status, msgspec.json.decode(content)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            # The error's text may repeat what was sent: only its kind is told.
            raise Unavailable(f"the provider did not answer ({type(error).__name__})") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=100, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session
