"""SQL of checkouts and attempts. Lock order: the checkout, then its attempt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from haat.contracts.checkout import Complete, TaxRate
from haat.contracts.payments import Action
from haat.kit.database import Connection, Database, Transaction, outbox_columns
from haat.kit.idempotency import Idempotency
from haat.kit.message import Event
from haat.kit.sql import load_queries
from haat.services.checkout.model import Quote
from haat.services.checkout.saga import Saga

queries = load_queries(Path(__file__).with_name("queries.sql"))


class StoredCheckout(msgspec.Struct, frozen=True):
    """One checkout as stored; `quote` is decoded when it is looked at."""

    id: str
    owner: str
    cart_id: str
    cart_version: int
    status: str
    quote: Quote
    expires_at: datetime
    version: int
    attempt_id: str | None = None
    order_id: str | None = None
    order_number: str | None = None
    action: Action | None = None
    failure: str | None = None
    created_at: datetime | None = None


class Work(msgspec.Struct, frozen=True):
    """Everything the saga needs to go on without asking the checkout again."""

    saga: Saga
    quote: Quote
    complete: Complete
    checkout_id: str
    cart_id: str


class Attempt(msgspec.Struct, frozen=True):
    """One attempt as stored; writes name `version`, so that a driver who lost its lease writes nothing."""

    attempt_id: str
    checkout_id: str
    account: str
    key: str
    fingerprint: str
    state: str
    data: Work
    version: int
    tries: int
    lease_until: datetime


class Shown(msgspec.Struct, frozen=True):
    """What an attempt's step changes on its checkout; `status` None changes nothing."""

    status: str | None = None
    action: Action | None = None
    failure: str | None = None
    order_id: str | None = None
    order_number: str | None = None


class CheckoutStore:
    """Checkouts by owner, attempts by id and by idempotency key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("checkout")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def insert(self, connection: Connection, checkout: StoredCheckout) -> None:
        """A new open checkout."""
        await queries.insert_checkout(
            connection,
            id=checkout.id,
            owner=checkout.owner,
            cart_id=checkout.cart_id,
            cart_version=checkout.cart_version,
            quote=checkout.quote,
            expires_at=checkout.expires_at,
        )

    async def load(self, checkout_id: str, owner: str) -> StoredCheckout | None:
        """The owner's checkout; None when there is none, or it is somebody else's."""
        async with self.connection() as connection:
            return _checkout(await queries.load(connection, id=checkout_id, owner=owner))

    async def load_with_attempt(
        self, checkout_id: str, owner: str, idempotency: Idempotency
    ) -> tuple[StoredCheckout | None, Attempt | None]:
        """The owner's checkout, and the attempt made under an idempotency key, if there is one."""
        async with self.connection() as connection:
            row = await queries.load_with_attempt(
                connection, id=checkout_id, owner=owner, account=idempotency.account, key=idempotency.key
            )
        return (None, None) if row is None else (_checkout(row), _attempt(row["attempt"]))

    async def requote(self, old: StoredCheckout, cart_version: int, quote: Quote, until: datetime) -> Any:
        """Put a new quote on an open or expired checkout; None when it has moved on."""
        async with self.connection() as connection:
            return _checkout(
                await queries.requote(
                    connection,
                    id=old.id,
                    owner=old.owner,
                    version=old.version,
                    cart_version=cart_version,
                    quote=quote,
                    expires_at=until,
                )
            )

    async def claim(self, checkout: StoredCheckout, attempt_id: str, work: Work, lease_seconds: float) -> bool:
        """Take the checkout for one attempt. False when somebody else has it, the cart, or the key."""
        idempotency = work.complete.idempotency
        try:
            async with self.connection() as connection:
                taken = await queries.claim(
                    connection,
                    attempt_id=attempt_id,
                    checkout_id=checkout.id,
                    owner=checkout.owner,
                    version=checkout.version,
                    account=idempotency.account,
                    key=idempotency.key,
                    fingerprint=idempotency.fingerprint,
                    data=work,
                    lease_seconds=lease_seconds,
                )
        except asyncpg.UniqueViolationError:
            return False
        return taken is not None

    async def attempt_of(self, idempotency: Idempotency) -> Attempt | None:
        """The attempt made under an idempotency key."""
        async with self.connection() as connection:
            row = await queries.attempt_of_key(connection, account=idempotency.account, key=idempotency.key)
        return _attempt(row)

    async def attempt(self, attempt_id: str) -> Attempt | None:
        """One attempt."""
        async with self.connection() as connection:
            return _attempt(await queries.attempt(connection, attempt_id=attempt_id))

    async def lease(self, attempt_ids: Sequence[str], lease_seconds: float) -> list[Attempt]:
        """Take attempts over; those that somebody drives, or that are at their end, are left out."""
        async with self.connection() as connection:
            rows = queries.lease_these(connection, attempt_ids=list(attempt_ids), lease_seconds=lease_seconds)
            return [attempt async for row in rows if (attempt := _attempt(row)) is not None]

    async def lease_due(self, lease_seconds: float, how_many: int) -> list[Attempt]:
        """Take over what is due and driven by nobody."""
        async with self.connection() as connection:
            rows = [row async for row in queries.lease_due(connection, lease_seconds=lease_seconds, how_many=how_many)]
        return [attempt for row in rows if (attempt := _attempt(row)) is not None]

    async def save(
        self, attempt: Attempt, shown: Shown, events: Sequence[Event], *, lease_seconds: float, run_in_seconds: float,
        error: str | None = None,
    ) -> int | None:  # fmt: skip
        """Write a step behind the version fence; the new version, or None when the lease was lost."""
        ids, names, keys, ats, bodies = outbox_columns(events)
        async with self.connection() as connection:
            version: int | None = await queries.save(
                connection,
                attempt_id=attempt.attempt_id,
                version=attempt.version,
                state=attempt.data.saga.state,
                data=attempt.data,
                lease_seconds=lease_seconds,
                run_in_seconds=run_in_seconds,
                tries=attempt.tries,
                last_error=error,
                checkout_status=shown.status,
                action=shown.action,
                failure=shown.failure,
                order_id=shown.order_id,
                order_number=shown.order_number,
                event_ids=ids,
                event_names=names,
                event_keys=keys,
                event_ats=ats,
                event_bodies=bodies,
            )
        return version

    async def cancel(self, connection: Connection, checkout_id: str, owner: str) -> StoredCheckout | None:
        """Cancel an open checkout."""
        return _checkout(await queries.cancel(connection, id=checkout_id, owner=owner))

    async def expire(self, connection: Connection, how_many: int) -> list[str]:
        """Close quotes that have run out; their ids."""
        return [row["id"] async for row in queries.expire(connection, how_many=how_many)]

    async def tax_rates(self) -> list[TaxRate]:
        """Every rate with its date."""
        async with self.connection() as connection:
            return [msgspec.convert(dict(row), TaxRate) async for row in queries.tax_rates(connection)]

    async def save_tax_rates(self, rates: Sequence[TaxRate]) -> None:
        """Add or correct rates."""
        async with self.connection() as connection:
            await queries.save_tax_rates(
                connection,
                classes=[rate.tax_class for rate in rates],
                dates=[rate.from_date for rate in rates],
                prices=[rate.price_from_minor for rate in rates],
                rates=[rate.rate_basis_points for rate in rates],
            )


def _checkout(row: Any) -> StoredCheckout | None:
    return None if row is None else msgspec.convert(dict(row), StoredCheckout)


def _attempt(row: Any) -> Attempt | None:
    return None if row is None else msgspec.convert(dict(row), Attempt)
