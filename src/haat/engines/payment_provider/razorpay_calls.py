"""Exchanges with Razorpay by its official client, in threads of their own: bounded, and honest about lost answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from typing import Any

CONNECT_SECONDS = 2.0
CONNECTIONS = 20
# Not about our request: a wrong key, the same refund under way, too many calls.
SAYS_NOTHING = frozenset({401, 403, 408, 409, 425, 429})
UNSURE_CODES = frozenset({"SERVER_ERROR", "GATEWAY_ERROR"})


class Unanswered(Exception):
    """No answer that can be relied on: it may have happened."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Refusal(Exception):
    """An answer that is none of the official client's business: it would drop all but its text."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class RazorpayCalls:
    """Connections of one key, opened at the first call. `url` is another place than Razorpay's own, for tests."""

    def __init__(self, key_id: str, key_secret: str, timeout_seconds: float, url: str | None = None) -> None:
        self._auth = (key_id, key_secret)
        self._url = url
        self._timeout = timeout_seconds
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="razorpay")
        self._opening = threading.Lock()
        self._client: Any = None

    async def start(self) -> None:
        """Load the client off the loop."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._open)

    async def ask(self, call: Callable[[Any], Any]) -> tuple[int, dict[str, Any]]:
        """Status and object of one request of the official client. Raises Unanswered."""
        if self._client is None:
            await self.start()
        running = asyncio.get_running_loop().run_in_executor(self._threads, self._run, call)
        try:
            # The client's own limit is between two bytes; this one is for the whole exchange.
            return await asyncio.wait_for(running, self._timeout)
        except TimeoutError:
            raise Unanswered("Razorpay did not answer in time") from None

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.session.close()

    def _run(self, call: Callable[[Any], Any]) -> tuple[int, dict[str, Any]]:
        try:
            told = call(self._open())
        except _Refusal as refusal:
            return refusal.status, refusal.body
        return 200, told

    def _open(self) -> Any:
        with self._opening:
            if self._client is None:
                import razorpay  # noqa: PLC0415 - only those who choose Razorpay pay for it

                at = {} if self._url is None else {"base_url": self._url.rstrip("/")}
                # Its own repeating is off unless asked for; ours is where the key and the row are.
                self._client = razorpay.Client(session=_session(self._timeout), auth=self._auth, **at)
        return self._client


def _session(timeout_seconds: float) -> Any:
    import requests  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class Session(requests.Session):  # type: ignore[misc]
        """One exchange: limited in time, never redirected, and told apart by its status."""

        def request(self, method: str, url: str, **options: Any) -> Any:
            try:
                limits = (min(CONNECT_SECONDS, timeout_seconds), timeout_seconds)
                ours = {"timeout": limits, "allow_redirects": False}
                answer = super().request(method, url, **(options | ours))
                body = answer.json()
            except (requests.RequestException, ValueError) as error:
                # The error's text may repeat what was sent: only its kind is told.
                raise Unanswered(f"Razorpay did not answer ({type(error).__name__})") from None
            if answer.status_code in (200, 201) and isinstance(body, dict):
                return answer
            raise _judged(answer.status_code, body)

    session = Session()
    # What the environment says about proxies and passwords is not for requests that carry money.
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0, pool_block=True))
    session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0, pool_block=True))
    return session


def _judged(status: int, body: Any) -> Exception:
    error = body.get("error") if isinstance(body, dict) else None
    if not 400 <= status < 500 or status in SAYS_NOTHING or not isinstance(error, dict):
        return Unanswered(f"Razorpay answered {status}")
    # A key that was used before, for something else, proves an effect, not a refusal.
    if error.get("code") in UNSURE_CODES or "idempotency" in str(error.get("description", "")).lower():
        return Unanswered(f"Razorpay answered {status}")
    return _Refusal(status, body)
