"""A real provider in its own process, a real vault, a real database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from haat.contracts.payments import Authorize, CardMethod, Method
from haat.contracts.vault import NewCard
from haat.engines.audit_anchors.file import FileAnchors
from haat.engines.database.pool import PostgresDatabase
from haat.engines.key_store.file import FileKeyStore
from haat.engines.payment_provider.cards import SandboxCards
from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from haat.services.vault.audit import AuditTrail
from haat.services.vault.model import Policy
from haat.services.vault.service import VaultService
from haat.services.vault.store import TrailStore, VaultStore
from tests.engines.payment_provider.stripe_server import StripeServer
from tests.engines.payment_provider.worlds import STRIPE_KEY, TIMEOUT, StripeWorld

BOUND_SECONDS = 120
SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="
OLD_SECRET = "whsec_YW4tb2xkZXItc2VjcmV0LXN0aWxsLWxpdmU="


class Shop:
    """Payments with everything under them, and the provider's own truth beside them."""

    def __init__(
        self,
        database: PostgresDatabase,
        vault_database: PostgresDatabase,
        url: str,
        data: Path,
        session: aiohttp.ClientSession,
        seconds: float = TIMEOUT,
    ) -> None:
        self.database, self.vault_database = database, vault_database
        self.url = url
        self.data = data
        self.session = session
        self.provider = SandboxProvider(url, [SECRET, OLD_SECRET], timeout_seconds=seconds)
        self.acquirer = SandboxCards(url, timeout_seconds=seconds)
        keys = FileKeyStore(data)
        trail = AuditTrail(TrailStore(vault_database), keys, FileAnchors(data))
        self.vault = VaultService(VaultStore(vault_database), keys, self.acquirer, trail, Policy(keeps_numbers=False))
        self.payments = PaymentsService(PaymentStore(database), self.provider, self.vault)

    @asynccontextmanager
    async def waiting(self, seconds: float) -> AsyncIterator[Shop]:
        """The same shop, which waits no longer than this for the provider."""
        other = Shop(self.database, self.vault_database, self.url, self.data, self.session, seconds)
        yield other
        # What nobody has met would meet the next test.
        async with self.session.delete(self.url + "/sandbox/faults") as answer:
            assert answer.status < 300, await answer.text()
        await other.provider.close()
        await other.acquirer.close()

    async def card(self, number: str = "4242424242424242", save: bool = False) -> CardMethod:
        card = NewCard(number=number, exp_month=12, exp_year=2040, cvc="123", name="Asha Rao")
        return CardMethod(token=(await self.vault.tokenize(card)).token, save=save)

    def ask(self, method: Method, amount: int = 259900, user_id: str | None = None) -> Authorize:
        return Authorize(
            attempt_id=new_id("att"), checkout_id=new_id("chk"), amount=Money(amount), method=method, user_id=user_id
        )

    async def post(self, path: str, body: Any) -> None:
        async with self.session.post(self.url + path, data=msgspec.json.encode(body)) as answer:
            assert answer.status < 300, await answer.text()

    async def fault(self, op: str, mode: str, times: int = 1) -> None:
        await self.post("/sandbox/faults", {"op": op, "mode": mode, "times": times})

    async def books(self, reference: str) -> list[dict[str, Any]]:
        async with self.session.get(self.url + "/sandbox/books") as answer:
            rows = msgspec.json.decode(await answer.read())["data"]
        return [row for row in rows if row["reference"] == reference]

    async def rows(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(query, *args)]

    async def sweep(self, *payment_ids: str) -> None:
        """Look again at these payments now, whenever their time would be."""
        await self.rows("UPDATE payments.due SET at = 'epoch' WHERE payment_id = ANY($1)", payment_ids)
        await self.payments.finish_open()

    async def told(self, attempt_id: str) -> list[str]:
        """The names of the events about an attempt, in order."""
        found = await self.rows("SELECT name FROM payments.outbox WHERE key = $1 ORDER BY position", attempt_id)
        return [name.removeprefix("payments.") for (name,) in found]

    async def ledger(self, payment_id: str) -> list[tuple[str, str, int]]:
        """Kind, phase and what the provider owes us, of each ledger transaction of a payment."""
        return await self.rows(  # type: ignore[return-value]
            "SELECT t.kind, t.phase, e.amount FROM payments.ledger_txns t JOIN payments.ledger_entries e USING (txn_id)"
            " WHERE t.payment_id = $1 AND e.account LIKE 'psp_clearing:%' ORDER BY t.recorded_at, t.txn_id",
            payment_id,
        )


@pytest.fixture(scope="session")
async def shop(
    database: PostgresDatabase, vault_database: PostgresDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    data = tmp_path_factory.mktemp("provider")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "haat.sandbox.provider", "--data", str(data / "sandbox")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), BOUND_SECONDS)
        async with aiohttp.ClientSession() as session:
            built = Shop(database, vault_database, line.decode().removeprefix("ready ").strip(), data, session)
            yield built
            await built.provider.close()
            await built.acquirer.close()
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def stripe() -> AsyncIterator[StripeWorld]:
    server = StripeServer(STRIPE_KEY)
    await server.begin()
    world = StripeWorld(server.url, server)
    yield world
    await world.close()
    await server.stop()
