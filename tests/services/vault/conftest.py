"""A vault on a real database, with an acquirer of our own writing (the neighbour that tests can script)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from haat.contracts.vault import CardCharge, NewCard
from haat.engines.database.pool import PostgresDatabase
from haat.engines.key_store.file import FileKeyStore
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.services.vault.service import VaultService
from haat.services.vault.store import VaultStore


class Acquirer:
    """Answers from memory by key, as a provider does; `down` loses what it is asked, `state` is what it says."""

    def __init__(self) -> None:
        self.state = "authorized"
        self.down = False
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.payments: dict[str, dict[str, Any]] = {}

    async def charge(self, key: str, payment: CardPayment, method: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append((key, method))
        if self.down:
            raise Unavailable("lost")
        body = {"id": new_id("psp"), "reference": payment.reference, "state": self.state, "network_token": "ntk_abc"}
        self.payments[body["id"]] = body
        return 201, dict(body)

    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]:
        return 200, dict(self.payments[payment_id])

    async def close(self) -> None: ...


class Vaulted:
    def __init__(self, database: PostgresDatabase, data: Path, country: str = "IN") -> None:
        self.database = database
        self.acquirer = Acquirer()
        self.keys = FileKeyStore(data)
        self.vault = VaultService(VaultStore(database), self.keys, self.acquirer, country)

    async def token(self, number: str = "4242424242424242") -> str:
        card = NewCard(number=number, exp_month=12, exp_year=2040, cvc="987", name="Asha Rao")
        return (await self.vault.tokenize(card)).token

    async def row(self, query: str, *args: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchrow(query, *args)

    def charge(self, token: str, key: str | None = None, owner: str | None = None) -> CardCharge:
        return CardCharge(
            token=token, reference="chk_1", amount=Money(1000), idempotency_key=key or new_id("key"), owner=owner
        )


@pytest.fixture
def vaulted(database: PostgresDatabase, tmp_path: Path) -> Vaulted:
    return Vaulted(database, tmp_path)


@pytest.fixture
def abroad(database: PostgresDatabase, tmp_path: Path) -> Vaulted:
    return Vaulted(database, tmp_path, "US")
