"""SQL of the vault. Lock order: the charge, then its card; the audit trail is only appended to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.vault import Card, ProviderAnswer
from haat.kit.database import Connection, Database
from haat.kit.sql import load_queries
from haat.services.vault.model import Place, Sealed
from haat.services.vault.trail import Entry, Noted, Seal

queries = load_queries(Path(__file__).with_name("queries.sql"))
CHECK_VIOLATION, LOCK_NOT_AVAILABLE = "23514", "55P03"
_SEALED = ("kind", "kek_id", "wrapped_key", "nonce", "ciphertext", "aad_version")
_NOTHING = {**dict.fromkeys(_SEALED), "aad_version": 0}


class StoredCard(msgspec.Struct, frozen=True):
    """A card as stored; `sealed` is None when nothing may be kept of it but what everybody may know."""

    card: Card
    merchant: str
    sealed: Sealed | None
    provider_id: str | None

    @property
    def place(self) -> Place:
        return Place(self.card.token, self.card.owner, self.merchant)


class Charge(msgspec.Struct, frozen=True):
    """A charge as stored; `answer` is None while the outcome is unknown."""

    token: str
    request_hash: str
    answer: ProviderAnswer | None


class NewRecord(msgspec.Struct, frozen=True):
    """What comes to the disk of a card that waited in memory."""

    card: Card
    merchant: str
    sealed: Sealed | None
    fingerprint_key_id: str
    purge_after: datetime


class VaultStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def card(self, token: str) -> StoredCard | None:
        async with self.connection() as connection:
            row = await queries.card(connection, token=token)
        return None if row is None else _card(row)

    async def begin_charge(
        self, key: str, token: str, request_hash: str, owner: str | None, waiting: bool
    ) -> tuple[StoredCard | None, Charge | None]:
        """The kept card, if it is one, and the charge under this key that was begun before, if there was one."""
        async with self.connection() as connection:
            if waiting and await queries.begin_waiting(
                connection, idempotency_key=key, token=token, request_hash=request_hash
            ):
                return None, None
            row = await queries.begin_charge(
                connection,
                idempotency_key=key,
                token=token,
                request_hash=request_hash,
                owner=owner,
                waiting=waiting,
            )
        return (None if row["token"] is None else _card(row)), _charge(row["charge"])

    async def end_charge(self, key: str, answer: ProviderAnswer) -> None:
        """Keep the answer, and nothing of the card."""
        async with self.connection() as connection:
            await queries.end_charge(connection, **_ended(key, answer))

    async def end_and_add(self, key: str, answer: ProviderAnswer, record: NewRecord) -> None:
        """Keep the answer, and what may be kept of the card."""
        card = msgspec.structs.asdict(record.card)
        del card["token"]
        async with self.connection() as connection:
            await queries.end_and_add(
                connection,
                **_ended(key, answer),
                **card,
                **_sealed(record.sealed),
                merchant=record.merchant,
                fingerprint_key_id=record.fingerprint_key_id,
                purge_after=record.purge_after,
            )

    async def end_and_use(self, key: str, answer: ProviderAnswer, secret: Sealed | None) -> None:
        """Keep the answer of a kept card; `secret`, if there is one, takes the place of what it held."""
        async with self.connection() as connection:
            await queries.end_and_use(connection, **_ended(key, answer), **_sealed(secret))

    async def keep(self, token: str, owner: str, sealed: Sealed, purge_after: datetime) -> None:
        async with self.connection() as connection:
            await queries.keep(connection, token=token, owner=owner, purge_after=purge_after, **_sealed(sealed))

    async def forget(self, token: str) -> None:
        async with self.connection() as connection:
            await queries.forget(connection, token=token)

    async def purge(self, charges_before: datetime) -> None:
        """Delete what nobody kept in time."""
        async with self.connection() as connection:
            await queries.purge(connection, charges_before=charges_before)

    async def under_key(self, kek_id: str, after: str, most: int) -> list[tuple[Place, Sealed]]:
        """The next records whose data keys this key wraps, by token."""
        async with self.connection() as connection:
            return [
                (Place(row["token"], row["owner"], row["merchant"]), _sealed_of(row))
                async for row in queries.under_key(connection, kek_id=kek_id, after=after, most=most)
            ]

    async def rewrap(self, kek_id: str, changes: Sequence[tuple[Place, Sealed, Sealed]]) -> int:
        """Put the new form of each record in the place of the one that was read; how many were still as read."""
        async with self.connection() as connection:
            return int(
                await queries.rewrap(
                    connection,
                    kek_id=kek_id,
                    tokens=[place.token for place, _, _ in changes],
                    before=[old.wrapped_key for _, old, _ in changes],
                    keks=[new.kek_id for _, _, new in changes],
                    wrapped=[new.wrapped_key for _, _, new in changes],
                    nonces=[new.nonce for _, _, new in changes],
                    ciphertexts=[new.ciphertext for _, _, new in changes],
                    versions=[new.aad_version for _, _, new in changes],
                )
            )

    async def forbid_key(self, kek_id: str) -> bool:
        """Let no record lie under this key from now on. False when one still does, or others are in the way."""
        async with self.connection() as connection:
            try:
                # Two transactions: the first must be over before the second goes through the whole table.
                await queries.forbid_key(connection, kek_id=kek_id)
                await queries.prove_key_gone(connection, kek_id=kek_id)
            except Exception as error:
                if getattr(error, "sqlstate", None) in (CHECK_VIOLATION, LOCK_NOT_AVAILABLE):
                    return False
                raise
        return True

    async def key_counts(self) -> dict[str, int]:
        """How many records lie under each key."""
        async with self.connection() as connection:
            return {row["kek_id"]: row["cards"] async for row in queries.key_counts(connection)}


def _ended(key: str, answer: ProviderAnswer) -> dict[str, Any]:
    return {
        "idempotency_key": key,
        "status": answer.status,
        "answer": answer.body,
        "provider_id": answer.body.get("id"),
        "detail": f"{answer.status} {answer.body.get('state') or answer.body.get('code')}",
    }


def _sealed(sealed: Sealed | None) -> dict[str, Any]:
    return _NOTHING if sealed is None else msgspec.structs.asdict(sealed)


def _sealed_of(row: Mapping[str, Any]) -> Sealed:
    return Sealed(**{name: row[name] for name in _SEALED})


def _card(row: Mapping[str, Any]) -> StoredCard:
    names = ("token", "brand", "last4", "exp_month", "exp_year", "fingerprint", "created_at", "owner")
    card = Card(**{name: row[name] for name in names})
    sealed = None if row["kind"] is None else _sealed_of(row)
    return StoredCard(card, row["merchant"], sealed, row["provider_id"])


def _charge(row: Mapping[str, Any] | None) -> Charge | None:
    if row is None:
        return None
    answer = None if row["answer"] is None else ProviderAnswer(status=row["status"], body=row["answer"])
    return Charge(row["token"], row["request_hash"], answer)


class TrailStore:
    """The audit trail and its seals: both are only ever appended to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, entries: Sequence[Noted]) -> None:
        """Append entries whose transactions were none."""
        async with self._database.connection() as connection:
            await queries.record(
                connection,
                ats=[each.at for each in entries],
                actions=[each.action for each in entries],
                tokens=[each.token for each in entries],
                details=[each.detail for each in entries],
                addresses=[each.address for each in entries],
            )

    async def add_seal(self, sealed: Callable[[Seal | None, int, list[Entry]], Seal]) -> Seal | None:
        """Seal what is not sealed yet, as `sealed` says; None when there is nothing, or somebody else is at it."""
        async with self._database.transaction("vault") as transaction:
            if not await queries.seal_turn(transaction):
                return None
            row = await queries.last_seal(transaction)
            last = None if row is None else Seal(row["number"], row["horizon"], [], b"", row["head"])
            # Asked for before the entries are read: whatever began before it is to be seen by then, or never.
            horizon = await queries.horizon(transaction)
            since = 0 if last is None else last.horizon
            entries = [_entry(row) async for row in queries.unsealed(transaction, since=since, until=horizon)]
            if not entries:
                return None
            made = sealed(last, horizon, entries)
            await queries.add_seal(transaction, **msgspec.structs.asdict(made))
        return made

    async def seals(self, after: int, most: int) -> list[Seal]:
        """The next seals in order."""
        async with self._database.connection() as connection:
            rows = queries.seals_after(connection, number=after, most=most)
            return [Seal(*(row[name] for name in Seal.__struct_fields__)) async for row in rows]

    async def entries(self, positions: Sequence[int]) -> dict[int, Entry]:
        """Those of these entries that are still there."""
        async with self._database.connection() as connection:
            found = [_entry(row) async for row in queries.entries(connection, positions=positions)]
        return {entry.position: entry for entry in found}

    async def outside(self, horizon: int, sealed: int) -> list[int]:
        """Entries (at most 100) older than `horizon` that no seal covers; `sealed` is how many are covered."""
        async with self._database.connection() as connection:
            if await queries.count_before(connection, horizon=horizon) == sealed:
                return []
            return [row["position"] async for row in queries.outside_seals(connection, horizon=horizon)]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(*(row[name] for name in Entry.__struct_fields__))
