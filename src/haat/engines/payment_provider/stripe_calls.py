"""Exchanges with Stripe by its official client: bounded in time, and honest about what is not known afterwards."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

CONNECT_SECONDS = 2.0
CONNECTIONS = 50
# Answers are read as this version writes them, whatever version a later client would ask for by itself.
API_VERSION = "2026-10-28.endive"
# Not about our request: a wrong or revoked key, a concurrent call under the same key, too many calls.
SAYS_NOTHING = frozenset({401, 403, 408, 409, 424, 425, 429})


class Unanswered(Exception):
    """No answer to rely on: it may have happened. `kept`: Stripe gives this same answer whenever the key is used."""

    def __init__(self, why: str, kept: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.kept = kept


class StripeCalls:
    """Connections of one key, opened at the first call. `url` is another place than Stripe's own, for tests."""

    def __init__(self, key: str, timeout_seconds: float, url: str | None = None) -> None:
        self._key = key
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=CONNECT_SECONDS)
        self._session: aiohttp.ClientSession | None = None
        self._client: Any = None
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Load the client, half a second of imports, off the loop."""
        await self._open()

    async def ask(self, call: Callable[[Any], Awaitable[Any]]) -> tuple[int, dict[str, Any]]:
        """Status and object of one request of the official client. Raises Unanswered."""
        client = await self._open()
        from stripe import IdempotencyError, StripeError  # noqa: PLC0415 - loaded by now

        try:
            answer = await call(client)
        except StripeError as error:
            status, body = error.http_status, error.json_body
            kept = (error.headers or {}).get("idempotent-replayed") == "true"
            if status is None:
                raise Unanswered("Stripe did not answer") from None
            if status >= 500 or status in SAYS_NOTHING or isinstance(error, IdempotencyError):
                raise Unanswered(f"Stripe answered {status}", kept) from None
            if not isinstance(body, dict):
                raise Unanswered(f"Stripe answered {status} without saying why", kept) from None
            return status, body
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # The error's text may repeat what was sent: only its kind is told.
            raise Unanswered(f"Stripe did not answer ({type(error).__name__})") from None
        return 200, answer.last_response.data

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                stripe, trust = await asyncio.to_thread(_load)
                connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=30, ssl=trust)
                self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
                self._client = stripe.StripeClient(
                    self._key,
                    stripe_version=API_VERSION,
                    base_addresses=None if self._url is None else {"api": self._url.rstrip("/")},
                    # Repeating is decided where the key and the row are.
                    max_network_retries=0,
                    http_client=stripe.AIOHTTPClient(timeout=self._timeout, session=self._session),
                )
        return self._client


def _load() -> tuple[Any, ssl.SSLContext]:
    import stripe  # noqa: PLC0415 - half a second that only those who choose Stripe pay

    stripe.enable_telemetry = False
    # At its debug level the client writes whole requests, card numbers included.
    stripe.log = None
    stripe._util.STRIPE_LOG = None
    logging.getLogger("stripe").setLevel(logging.WARNING)
    return stripe, ssl.create_default_context(cafile=stripe.ca_bundle_path)
