"""The gateway around a few routes of nobody's, with people known by their tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import get, post

from haat.contracts.identity import AccessToken, Identity, Principal, TokenRefused
from haat.kit.access import Caller, needs_role, needs_user
from haat.kit.idempotency import Idempotency
from haat.kit.message import Message
from haat.kit.problem import problems
from haat.ports.cache import Cache
from haat.web.gateway.app import gateway


class Wish(Message, frozen=True):
    """What is wished for."""

    name: str
    quantity: int = 1


class Wished(Message, frozen=True):
    """By whom, and under which key."""

    account: str
    key: str | None = None


class People(Identity):
    """`staff` and `asha` are known, and how often they were asked about is counted."""

    def __init__(self) -> None:
        self.asked = 0

    async def authenticate(self, ask: AccessToken) -> Principal:
        self.asked += 1
        if ask.token not in ("staff", "asha"):
            raise TokenRefused()
        return Principal(
            user_id=f"usr_{ask.token}",
            session_id="ses_1",
            roles=["support"] if ask.token == "staff" else [],
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )


@get("/v1/who", tags=["operations"], responses=problems(401))
async def who(caller: Caller) -> Wished:
    """Tell who is calling."""
    return Wished(account=caller.account)


@get("/v1/mine", tags=["operations"], guards=[needs_user], responses=problems(401))
async def mine(caller: Caller) -> Wished:
    """Tell a user who they are."""
    return Wished(account=caller.account)


@get("/v1/theirs", tags=["operations"], guards=[needs_role("support")], responses=problems(401, 403))
async def theirs(caller: Caller) -> Wished:
    """Tell staff who they are."""
    return Wished(account=caller.account)


@post("/v1/wishes", tags=["operations"], responses=problems(409))
async def wish(data: Wish, caller: Caller, idempotency: Idempotency | None) -> Wished:
    """Wish for something."""
    return Wished(account=caller.account, key=idempotency and idempotency.fingerprint)


@get("/v1/wishes", tags=["operations"])
async def wishes() -> list[Wish]:
    """What is wished for."""
    return []


@get("/v1/words", tags=["operations"])
async def words(limit: int = 20, word: str = "any", cursor: str | None = None) -> dict[str, Any]:
    """What was asked."""
    return {"limit": limit, "word": word, "cursor": cursor}


@get("/v1/broken", tags=["operations"])
async def broken() -> Wished:
    """Break."""
    raise RuntimeError("the secret cause")


@get("/page", include_in_schema=False)
async def page(caller: Caller) -> Wished:
    """A page."""
    return Wished(account=caller.account)


ROUTES = [who, mine, theirs, wish, wishes, words, broken, page]
Open = Callable[..., httpx.AsyncClient]


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
async def opened(people: People) -> AsyncIterator[Open]:
    """Opens a client of a gateway with a limit and a cache of one's choice."""
    clients: list[httpx.AsyncClient] = []

    def open_(limit_per_minute: int = 0, cache: Cache | None = None, trusted_proxies: int = 0) -> httpx.AsyncClient:
        app: Any = gateway(
            ROUTES,
            {"identity": people},
            {},
            cache=cache,
            limit_per_minute=limit_per_minute,
            trusted_proxies=trusted_proxies,
        )
        transport = httpx.ASGITransport(app, client=("203.0.113.9", 5000), raise_app_exceptions=False)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://shop"))
        return clients[-1]

    yield open_
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(opened: Open) -> httpx.AsyncClient:
    return opened()
