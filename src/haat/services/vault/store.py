"""SQL of the vault. Lock order: the charge, then its card; the audit trail is only appended to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.vault import Card, CardToken, ProviderAnswer
from haat.kit.database import Connection, Database
from haat.kit.sql import load_queries
from haat.services.vault.model import Sealed

queries = load_queries(Path(__file__).with_name("queries.sql"))
_NOTHING = {"kind": None, "kek_id": None, "wrapped_key": None, "nonce": None, "ciphertext": None}


class StoredCard(msgspec.Struct, frozen=True):
    """A card as stored; `sealed` is None once its secret is gone, `used` says that another charge was accepted."""

    card: Card
    sealed: Sealed | None
    used: bool = False


class Charge(msgspec.Struct, frozen=True):
    """A charge as stored; `answer` is None while the outcome is unknown."""

    token: str
    request_hash: str
    answer: ProviderAnswer | None


class VaultStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def add(
        self, card: CardToken, sealed: Sealed, fingerprint: str, fingerprint_key_id: str, purge_after: datetime
    ) -> None:
        async with self.connection() as connection:
            await queries.add(
                connection,
                fingerprint=fingerprint,
                fingerprint_key_id=fingerprint_key_id,
                purge_after=purge_after,
                **msgspec.structs.asdict(card),
                **msgspec.structs.asdict(sealed),
            )

    async def card(self, token: str) -> StoredCard | None:
        async with self.connection() as connection:
            row = await queries.card(connection, token=token)
        return None if row is None else _card(row)

    async def begin_charge(self, key: str, token: str, request_hash: str) -> tuple[StoredCard | None, Charge | None]:
        """The card, if it is there, and the charge under this key that was begun before, if there was one."""
        async with self.connection() as connection:
            row = await queries.begin_charge(connection, idempotency_key=key, token=token, request_hash=request_hash)
        return (None if row["token"] is None else _card(row)), _charge(row["charge"])

    async def end_charge(self, key: str, answer: ProviderAnswer, secret: Sealed | None, replace: bool) -> None:
        """Keep the answer; with `replace` the card's secret becomes `secret`, or nothing."""
        async with self.connection() as connection:
            await queries.end_charge(
                connection,
                idempotency_key=key,
                status=answer.status,
                answer=answer.body,
                provider_id=answer.body.get("id"),
                detail=f"{answer.status} {answer.body.get('state') or answer.body.get('code')}",
                replace=replace,
                **(_NOTHING if secret is None else msgspec.structs.asdict(secret)),
            )

    async def provider_ids(self, token: str) -> list[str]:
        """The provider's payments made with this card, the newest first."""
        async with self.connection() as connection:
            return [row["provider_id"] async for row in queries.provider_ids(connection, token=token)]

    async def keep(self, token: str, owner: str, sealed: Sealed) -> None:
        async with self.connection() as connection:
            await queries.keep(connection, token=token, owner=owner, **msgspec.structs.asdict(sealed))

    async def forget(self, token: str) -> None:
        async with self.connection() as connection:
            await queries.forget(connection, token=token)

    async def purge(self, charges_before: datetime) -> None:
        """Delete what nobody kept in time."""
        async with self.connection() as connection:
            await queries.purge(connection, charges_before=charges_before)


def _card(row: Mapping[str, Any]) -> StoredCard:
    names = ("token", "brand", "last4", "exp_month", "exp_year", "fingerprint", "created_at", "owner")
    card = Card(**{name: row[name] for name in names})
    sealed = None if row["kind"] is None else Sealed(**{name: row[name] for name in _NOTHING})
    return StoredCard(card, sealed, row.get("used", False))


def _charge(row: Mapping[str, Any] | None) -> Charge | None:
    if row is None:
        return None
    answer = None if row["answer"] is None else ProviderAnswer(status=row["status"], body=row["answer"])
    return Charge(row["token"], row["request_hash"], answer)
