"""A vault on a real database, with an acquirer of our own writing (the neighbour that tests can script)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from haat.contracts.vault import CardCharge, NewCard
from haat.engines.audit_anchors.file import FileAnchors
from haat.engines.database.pool import PostgresDatabase
from haat.engines.key_store.file import FileKeyStore
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.services.vault.audit import AuditTrail
from haat.services.vault.model import Policy
from haat.services.vault.service import VaultService
from haat.services.vault.store import TrailStore, VaultStore


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
        return 201, {**body, "network_token": "ntk_abc" if self.state == "authorized" else None}

    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]:
        return 200, dict(self.payments[payment_id])

    async def close(self) -> None: ...


class Vaulted:
    def __init__(self, database: PostgresDatabase, data: Path, policy: Policy) -> None:
        self.database, self.data, self.policy = database, data, policy
        self.acquirer = Acquirer()
        self.store = VaultStore(database)
        self.keys = FileKeyStore(data)
        self.trail = AuditTrail(TrailStore(database), self.keys, FileAnchors(data))
        self.vault = self.restarted()

    def restarted(self) -> VaultService:
        """The vault as a new process has it: with an empty memory."""
        return VaultService(self.store, self.keys, self.acquirer, self.trail, self.policy)

    async def token(self, number: str = "4242424242424242", address: str = "", cvc: str = "987") -> str:
        card = NewCard(number=number, exp_month=12, exp_year=2040, cvc=cvc, name="Asha Rao", network_address=address)
        return (await self.vault.tokenize(card)).token

    async def paid(self, **charge: Any) -> str:
        """The token of a card that has paid once."""
        token = await self.token()
        await self.vault.charge(self.charge(token, **charge))
        return token

    async def row(self, query: str, *args: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchrow(query, *args)

    def charge(
        self, token: str, key: str | None = None, owner: str | None = None, may_be_kept: bool = True
    ) -> CardCharge:
        return CardCharge(
            token=token,
            reference="chk_1",
            amount=Money(1000),
            idempotency_key=key or new_id("key"),
            owner=owner,
            may_be_kept=may_be_kept,
        )


@pytest.fixture
def vaulted(vault_database: PostgresDatabase, tmp_path: Path) -> Vaulted:
    return Vaulted(vault_database, tmp_path, Policy(keeps_numbers=False))


@pytest.fixture
def abroad(vault_database: PostgresDatabase, tmp_path: Path) -> Vaulted:
    """Where the shop may and wants to keep numbers."""
    return Vaulted(vault_database, tmp_path, Policy(keeps_numbers=True))
