"""SQL of checkouts and attempts. Lock order: the checkout, then its attempt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from haat.contracts.cart import Owner
from haat.contracts.checkout import Complete, Contact, OrderRef, ParkedAttempt, ParkedCheckout, TaxRate
from haat.contracts.payments import Action
from haat.kit.clock import now
from haat.kit.database import Connection, Database, Transaction
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Nothing
from haat.kit.sql import load_queries
from haat.kit.telemetry import PARKED
from haat.services.checkout.model import Quote, requirements
from haat.services.checkout.saga import PARKED_SECONDS, Saga, State, Write

log = structlog.get_logger("haat.checkout")
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
    # By the database's clock; only where the row was read for it.
    ran_out: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """One attempt as stored; writes name `version`, so that a driver who lost its lease writes nothing.

    `state` is the saga's, or `parked`. `quote` is the checkout's: it stands still while an attempt lives.
    """

    attempt_id: str
    checkout_id: str
    cart_id: str
    account: str
    key: str
    fingerprint: str
    state: str
    saga: Saga
    # Who asked is `owner`, as the checkout keeps it: a guest's cart token is a key, and keys are not stored.
    complete: Complete
    owner: str
    quote: Quote
    version: int
    tries: int
    lease_until: datetime
    age_seconds: float = 0.0


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

    async def insert(self, connection: Connection, checkout: StoredCheckout, valid_seconds: float) -> StoredCheckout:
        """A new open checkout, with the moment when it runs out."""
        expires_at = await queries.insert_checkout(
            connection,
            id=checkout.id,
            owner=checkout.owner,
            cart_id=checkout.cart_id,
            cart_version=checkout.cart_version,
            quote=checkout.quote,
            ready=not requirements(checkout.quote),
            valid_seconds=valid_seconds,
        )
        return msgspec.structs.replace(checkout, expires_at=expires_at)

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
        if row is None or row["attempt"] is None:
            return _checkout(row), None
        # An answer to this key needs no more of the quote than the checkout has.
        facts = {**row["attempt"], "quote": row["quote"], "owner": row["owner"]}
        return _checkout(row), msgspec.convert(facts, Attempt)

    async def contact(self, checkout_id: str) -> Contact | None:
        """Whom the checkout's shopper named; None when nobody yet."""
        async with self.connection() as connection:
            row = await queries.contact(connection, id=checkout_id)
        known = row is not None and row["email"] is not None
        return Contact(email=row["email"], name=row["name"] or "") if known else None

    async def requote(self, old: StoredCheckout, cart_version: int, quote: Quote, valid_seconds: float | None) -> Any:
        """Put a new quote on an open or expired checkout; None when it moved on."""
        async with self.connection() as connection:
            return _checkout(
                await queries.requote(
                    connection,
                    id=old.id,
                    owner=old.owner,
                    version=old.version,
                    cart_version=cart_version,
                    quote=quote,
                    ready=not requirements(quote),
                    valid_seconds=valid_seconds,
                )
            )

    async def claim(
        self, ask: Complete, owner: str, version: int | None, lease_seconds: float
    ) -> tuple[StoredCheckout, Attempt] | None:
        """Take a checkout for one attempt: at `version`, or, without one, if nothing is missing of it.

        None when it is not open, or somebody else has it, its cart, or the key.
        """
        attempt_id, saga, idempotency = new_id("att"), Saga(State.CLAIMED), ask.idempotency
        kept = msgspec.structs.replace(ask, owner=Owner(user_id=ask.owner.user_id))
        try:
            async with self.connection() as connection:
                row = await queries.claim(
                    connection,
                    attempt_id=attempt_id,
                    checkout_id=ask.checkout_id,
                    owner=owner,
                    version=version,
                    account=idempotency.account,
                    key=idempotency.key,
                    fingerprint=idempotency.fingerprint,
                    complete=kept,
                    saga=saga,
                    lease_seconds=lease_seconds,
                )
        except asyncpg.UniqueViolationError:
            return None
        taken = _checkout(row)
        if taken is None:
            return None
        return taken, Attempt(
            attempt_id=attempt_id,
            checkout_id=taken.id,
            cart_id=taken.cart_id,
            account=idempotency.account,
            key=idempotency.key,
            fingerprint=idempotency.fingerprint,
            state=saga.state,
            saga=saga,
            complete=kept,
            owner=taken.owner,
            quote=taken.quote,
            version=1,
            tries=0,
            lease_until=now(),
        )

    async def attempt_of(self, idempotency: Idempotency) -> Attempt | None:
        """The attempt made under an idempotency key."""
        async with self.connection() as connection:
            row = await queries.attempt_of_key(connection, account=idempotency.account, key=idempotency.key)
        return _attempt(row)

    async def attempt(self, attempt_id: str) -> Attempt | None:
        """One attempt."""
        async with self.connection() as connection:
            return _attempt(await queries.attempt(connection, attempt_id=attempt_id))

    async def not_placed(self, attempt_ids: Sequence[str]) -> dict[str, str]:
        """Of these attempts the states of those without an order."""
        async with self.connection() as connection:
            rows = queries.not_placed(connection, attempt_ids=list(attempt_ids))
            return {row["attempt_id"]: row["state"] async for row in rows}

    async def lease(self, attempt_ids: Sequence[str], lease_seconds: float) -> list[Attempt]:
        """Take attempts over; those that somebody drives, or that are at their end, are left out."""
        async with self.connection() as connection:
            found = queries.lease_these(connection, attempt_ids=list(attempt_ids), lease_seconds=lease_seconds)
            return await self._readable(connection, [row async for row in found])

    async def lease_due(self, lease_seconds: float, how_many: int) -> list[Attempt]:
        """Take over what is due and driven by nobody."""
        async with self.connection() as connection:
            found = queries.lease_due(connection, lease_seconds=lease_seconds, how_many=how_many)
            return await self._readable(connection, [row async for row in found])

    async def _readable(self, connection: Connection, rows: Sequence[Any]) -> list[Attempt]:
        """What this code understands; what another version wrote is parked, never guessed at."""
        found = []
        for row in rows:
            try:
                found.append(msgspec.convert(dict(row), Attempt))
            except msgspec.ValidationError as error:
                PARKED.labels("unknown").inc()
                log.error("attempt cannot be read", attempt_id=row["attempt_id"], error=str(error))
                await queries.park(
                    connection,
                    attempt_id=row["attempt_id"],
                    version=row["version"],
                    seconds=PARKED_SECONDS,
                    error=str(error),
                )
        return found

    async def parked(self, after: str, how_many: int) -> list[ParkedAttempt]:
        """What cannot go on, the oldest first, after the attempt named."""
        async with self.connection() as connection:
            rows = queries.parked(connection, after=after, how_many=how_many)
            return [ParkedAttempt(**dict(row)) async for row in rows]

    async def parked_one(self, attempt_id: str) -> ParkedCheckout | None:
        """An attempt that is parked, or was, with what is at stake."""
        async with self.connection() as connection:
            row = await queries.parked_one(connection, attempt_id=attempt_id)
        if row is None:
            return None
        quote = msgspec.convert(row["quote"], Quote)
        address = quote.choices.shipping_address
        known = ("attempt_id", "checkout_id", "state", "error", "created_at")
        same = ("parked", "tries", "user_id", "payment_id", "payment_summary", "failure", "sold")
        return ParkedCheckout(
            attempt=ParkedAttempt(**{name: row[name] for name in known}),
            next_try_at=row["next_run_at"],
            email=quote.choices.email or "",
            name=address.name if address else "",
            method=row["method"] or "",
            items=quote.items,
            totals=quote.totals,
            order=OrderRef(id=row["order_id"], number=row["order_number"] or "") if row["order_id"] else None,
            **{name: row[name] for name in same},
        )

    async def go_on(self, attempt_ids: Sequence[str], idempotency: Idempotency | None = None) -> None:
        """Let parked attempts be tried again now."""
        async with self.transaction() as transaction:
            if await transaction.replay(idempotency, Nothing) is None:
                await queries.go_on(transaction.connection, attempt_ids=list(attempt_ids))
                transaction.remember(Nothing())

    async def save(self, attempt: Attempt, step: Write, shown: Shown) -> int | None:
        """Write a step behind the version fence; the new version, or None when the lease was lost."""
        async with self.connection() as connection:
            version: int | None = await queries.save(
                connection,
                attempt_id=attempt.attempt_id,
                version=attempt.version,
                state="parked" if step.parked else step.saga.state,
                saga=step.saga,
                lease_seconds=step.lease_seconds,
                run_in_seconds=step.run_in_seconds,
                tries=step.tries,
                last_error=step.error,
                checkout_status=shown.status,
                action=shown.action,
                failure=shown.failure,
                order_id=shown.order_id,
                order_number=shown.order_number,
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
