"""Hands a request on to another server as it is: the gateway's door to the sandboxes."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from haat.kit.message import Unavailable

_PASSED_ON = {"content-type", "accept", "idempotency-key", "accept-language"}
_PASSED_BACK = {"content-type", "location", "cache-control", "content-security-policy"}


class Proxy:
    """One server behind us."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of its answer. Raises Unavailable."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40))
        passed = {name: value for name, value in headers.items() if name.lower() in _PASSED_ON}
        try:
            async with self._session.request(
                method, self._url + path, data=body or None, headers=passed, allow_redirects=False
            ) as answer:
                back = {name: value for name, value in answer.headers.items() if name.lower() in _PASSED_BACK}
                return answer.status, back, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("What is behind this address does not answer at the moment") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
