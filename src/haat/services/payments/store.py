"""SQL of payments. Lock order: the payment's row, then its calls and refunds, then the ledger (only appended to)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from haat.contracts.payments import Action, Method, PaymentEvent, PaymentFailed
from haat.kit.clock import now
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import new_id
from haat.kit.message import encode, event_name
from haat.kit.money import Money
from haat.services.payments.credit import CreditStore
from haat.services.payments.ledger import events, postings, to_credit
from haat.services.payments.model import CreditUse, PaymentState, RefundState, next_check
from haat.services.payments.saved_cards import CardStore
from haat.services.payments.spending import refunded_to_credit
from haat.services.payments.sql import queries
from haat.services.payments.statements import (
    CallResult,
    begin,
    capture_key,
    event_columns,
    just_held,
    ledger_columns,
    save_held,
)
from haat.services.payments.views import refunds_of


class ProviderCall(msgspec.Struct, frozen=True):
    """The row of an external call; `state` is SENT, OK, FAILED or UNKNOWN."""

    op: str
    idem_key: str
    amount_minor: int
    state: str
    request_hash: str = ""
    refund_id: str | None = None


class Heard(NamedTuple):
    """A notice by its provider and its id, and the provider's id of the payment that it is about."""

    provider: str
    webhook_id: str
    provider_id: str | None


class KeptNotice(NamedTuple):
    """A notice that has still to be looked up: what its provider is asked for, and the payment here."""

    provider: str
    webhook_id: str
    provider_id: str
    payment_id: str


class PaymentStore:
    """Every change names the version it was decided on and is written in one statement."""

    def __init__(self, database: Database) -> None:
        self._database = self.database = database
        self.cards = CardStore(database)
        self.credit = CreditStore(database)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("payments")

    async def begin(self, payment: PaymentState, request_hash: str) -> bool:
        """Write the payment and the row of its first call; False when the attempt has a payment already."""
        async with self.connection() as connection:
            return await begin(connection, payment, request_hash)

    async def load(self, *, payment_id: str | None = None, attempt_id: str | None = None) -> PaymentState | None:
        """One payment by its id or its attempt."""
        async with self.connection() as connection:
            if payment_id is not None:
                return await self._load(connection, payment_id)
            row = await queries.load_attempt(connection, attempt_id=attempt_id)
        return None if row is None else _payment(row)

    async def save(
        self,
        before: PaymentState,
        after: PaymentState,
        result: CallResult | None,
        hook: str | None,
    ) -> PaymentState | None:
        """Write what changed; None when the payment has moved on, or its call was closed before."""
        async with self.connection() as connection:
            if result is not None and hook is None and just_held(before, after):
                return await save_held(connection, before, after, result)
            return await self._save(connection, before, after, result, hook)

    async def begin_captures(
        self, payment_ids: Sequence[str], request_id: str, until: datetime
    ) -> list[tuple[PaymentState, str]]:
        """Take the room for the rest of each payment that is held, and write the calls: payments with their keys."""
        async with self.connection() as connection:
            found = queries.begin_captures(
                connection, payment_ids=sorted(payment_ids), request_id=request_id, next_check_at=until
            )
            begun = [_payment(row) async for row in found]
        return [(payment, capture_key(payment, request_id)) for payment in begun]

    async def save_taken(self, taken: Sequence[tuple[PaymentState, PaymentState, str]]) -> set[str]:
        """Write captures that took all there was: before, after, key. The ids of those that had not moved on."""
        told = [events(before, after)[0] for before, after, _ in taken]
        async with self.connection() as connection:
            found = queries.save_taken(
                connection,
                payment_ids=[before.payment_id for before, _, _ in taken],
                versions=[before.version for before, _, _ in taken],
                histories=[after.history for _, after, _ in taken],
                call_keys=[key for _, _, key in taken],
                event_ids=[event.id for event in told],
                event_name=event_name(type(told[0])),
                event_ats=[event.at for event in told],
                event_bodies=[encode(event) for event in told],
            )
            return {row["payment_id"] async for row in found}

    async def mark_ordered(self, payment_ids: Sequence[str]) -> None:
        """The orders of these payments stand."""
        async with self.connection() as connection:
            await queries.mark_ordered(connection, payment_ids=list(payment_ids))

    async def tell_gone(self, payment_ids: Sequence[str]) -> None:
        """Tell of those payments that will never be taken that they failed, as if it had happened now."""
        async with self.transaction() as transaction:
            async for row in queries.gone(transaction.connection, payment_ids=list(payment_ids)):
                transaction.publish(PaymentFailed(**row))

    async def call_of(self, idem_key: str) -> ProviderCall | None:
        async with self.connection() as connection:
            row = await queries.call_of(connection, idem_key=idem_key)
        return None if row is None else _call(row)

    async def open_calls(self, payment_id: str) -> list[ProviderCall]:
        """Calls without a known end, the oldest first."""
        async with self.connection() as connection:
            return [_call(row) async for row in queries.open_calls(connection, payment_id=payment_id)]

    async def mark_call(self, result: CallResult) -> None:
        """Note what is known of a call that changed nothing here."""
        async with self.connection() as connection:
            await queries.mark_call(
                connection, idem_key=result.idem_key, state=result.state, detail=result.detail[:500]
            )

    async def begin_capture(self, payment: PaymentState, key: str, amount_minor: int, until: datetime) -> bool:
        """Take the room and write the call; False when there is no room or the key was used before."""
        async with self.connection() as connection:
            try:
                begun = await queries.begin_capture(
                    connection,
                    payment_id=payment.payment_id,
                    idem_key=key,
                    amount_minor=amount_minor,
                    request_hash=str(amount_minor),
                    next_check_at=until,
                )
            except asyncpg.UniqueViolationError:
                # The same request came twice at once, and the other one was faster.
                return False
        return begun is not None

    async def begin_refund(
        self, payment: PaymentState, refund_id: str, request_id: str, amount_minor: int, reason: str, until: datetime
    ) -> bool:
        """Count the refund, announce it in the ledger and write the call; False when there is no room for it."""
        async with self.connection() as connection:
            return await _begin_refund(connection, payment, refund_id, request_id, amount_minor, reason, until)

    async def begin_split_refund(
        self, payment_id: str, request_id: str, amount_minor: int, reason: str, until: datetime
    ) -> None:
        """As much as can by the method, the rest to credit, all or nothing; again, or without room, nothing happens."""
        async with self.transaction() as transaction:
            payment = await self.load_locked(transaction, payment_id)
            by_method = min(amount_minor, payment.refundable_minor)
            to_back = amount_minor - by_method
            if refunds_of(payment, request_id) or to_back > payment.credit_refundable_minor:
                return
            if by_method:
                connection, refund_id = transaction.connection, new_id("ref")
                await _begin_refund(connection, payment, refund_id, request_id, by_method, reason, until)
                payment = await self.load_locked(transaction, payment_id)
            if to_back:
                after = refunded_to_credit(payment, request_id, to_back, reason, now())
                await self.save_locked(transaction, payment, after, None, None)

    async def begin_void(self, payment: PaymentState, key: str) -> None:
        async with self.connection() as connection:
            await queries.begin_void(connection, payment_id=payment.payment_id, idem_key=key)

    async def want_void(self, attempt_id: str, reason: str) -> str:
        """Mark the attempt's payment to be let go of, or leave a tombstone; the payment's id."""
        async with self.connection() as connection:
            payment_id: str = await queries.want_void(
                connection, payment_id=new_id("pay"), attempt_id=attempt_id, reason=reason
            )
        return payment_id

    async def due(self, limit: int) -> list[str]:
        """Payments to look at now; each is leased to the caller until its next turn."""
        async with self.connection() as connection:
            return [row["payment_id"] async for row in queries.due(connection, limit=limit)]

    async def look_again(self, payment: PaymentState, at: datetime | None) -> None:
        """Nothing can be done before then (never, when None), unless the payment has moved on."""
        async with self.connection() as connection:
            await queries.look_again(
                connection, payment_id=payment.payment_id, version=payment.version, next_check_at=at
            )

    async def claimed(self, provider: str, provider_ids: Sequence[str]) -> set[str]:
        """Those of the provider's payments that are known here."""
        async with self.connection() as connection:
            found = queries.claimed(connection, provider=provider, provider_ids=list(provider_ids))
            return {row["provider_id"] async for row in found}

    async def awaiting(self, provider: str, checkout_id: str) -> list[str]:
        """Payments of a checkout that the provider has not answered for yet."""
        async with self.connection() as connection:
            found = queries.awaiting(connection, provider=provider, checkout_id=checkout_id)
            return [row["payment_id"] async for row in found]

    async def heard(self, notices: Sequence[Heard]) -> list[tuple[bool, PaymentState | None]]:
        """Of each notice: whether it was acted on before, and the payment that it is about."""
        providers, webhook_ids, provider_ids = zip(*notices, strict=True)
        async with self.connection() as connection:
            found = queries.heard(connection, providers=providers, webhook_ids=webhook_ids, provider_ids=provider_ids)
            return [(row["known"], None if row["payment_id"] is None else _payment(row)) async for row in found]

    async def take_webhook(self, provider: str, webhook_id: str) -> None:
        async with self.connection() as connection:
            await queries.take_webhook(connection, provider=provider, webhook_id=webhook_id)

    async def keep_notice(self, notice: KeptNotice) -> None:
        """Note that the notice was heard and has still to be looked up, both at once."""
        async with self.connection() as connection:
            await queries.keep_notice(connection, **notice._asdict())

    async def notices_due(self, limit: int) -> list[KeptNotice]:
        """Kept notices to look up now; each is leased to the caller until its next turn."""
        async with self.connection() as connection:
            return [KeptNotice(**row) async for row in queries.notices_due(connection, limit=limit)]

    async def drop_notice(self, notice: KeptNotice) -> None:
        """What the notice was about is written."""
        async with self.connection() as connection:
            await queries.drop_notice(connection, provider=notice.provider, webhook_id=notice.webhook_id)

    async def forget_webhooks(self, before: datetime) -> None:
        async with self.connection() as connection:
            await queries.forget_webhooks(connection, before=before)

    async def put_aside(self, provider: str, provider_id: str, reason: str, fact: object) -> None:
        """Keep a fact that does not fit, for a person to look at."""
        async with self.connection() as connection:
            await queries.put_aside(connection, provider=provider, provider_id=provider_id, reason=reason, fact=fact)

    async def load_locked(self, transaction: Transaction, payment_id: str) -> PaymentState:
        """The payment, nobody else's to change until the transaction ends."""
        await queries.lock(transaction.connection, payment_id=payment_id)
        payment = await self._load(transaction.connection, payment_id)
        assert payment is not None
        return payment

    async def save_locked(
        self,
        transaction: Transaction,
        before: PaymentState,
        after: PaymentState,
        result: CallResult | None,
        hook: str | None,
    ) -> PaymentState | None:
        return await self._save(transaction.connection, before, after, result, hook)

    async def _load(self, connection: Connection, payment_id: str) -> PaymentState | None:
        row = await queries.load(connection, payment_id=payment_id)
        return None if row is None else _payment(row)

    async def _save(
        self,
        connection: Connection,
        before: PaymentState,
        after: PaymentState,
        result: CallResult | None,
        hook: str | None,
    ) -> PaymentState | None:
        version: int | None = await queries.save(
            connection,
            payment_id=before.payment_id,
            version=before.version,
            state=after.state,
            provider_id=after.provider_id,
            claimed_id=after.provider_id if before.provider_id is None else None,
            captured_minor=after.captured_minor,
            refunded_minor=after.refunded_minor,
            capturing_minor=after.capturing_minor,
            disputed_minor=after.disputed_minor,
            dispute=after.dispute,
            action=after.action,
            decline_code=after.decline_code,
            brand=after.brand,
            last4=after.last4,
            save_wanted=after.save_wanted,
            capture_before=after.capture_before,
            history=after.history,
            next_check_at=next_check(after, now()),
            call_key=result.idem_key if result else None,
            call_state=result.state if result else None,
            call_detail=result.detail[:500] if result else None,
            webhook_id=hook,
            refunds=after.refunds,
            credit_state=after.credit_state,
            void_reason=after.void_reason,
            credit_accounts=[use.account for use in to_credit(before, after)],
            credit_amounts=[use.amount_minor for use in to_credit(before, after)],
            **ledger_columns(postings(before, after)),
            **event_columns(before, after),
        )
        return None if version is None else msgspec.structs.replace(after, version=version)


async def _begin_refund(
    connection: Connection,
    payment: PaymentState,
    refund_id: str,
    request_id: str,
    amount_minor: int,
    reason: str,
    until: datetime,
) -> bool:
    """On a connection, for refunds that go back in two ways at once; False when there is no room for it."""
    try:
        begun = await queries.begin_refund(
            connection,
            payment_id=payment.payment_id,
            request_id=request_id,
            amount_minor=amount_minor,
            refund_id=refund_id,
            reason=reason,
            request_hash=str(amount_minor),
            accounts=[f"psp_clearing:{payment.provider}", f"customer_due:{payment.checkout_id}"],
            signs=[-1, 1],
            next_check_at=until,
        )
    except asyncpg.UniqueViolationError:
        # The same request came twice at once, and the other one was faster.
        return False
    return begun is not None


def _payment(row: Mapping[str, Any]) -> PaymentState:
    same = (
        "payment_id attempt_id checkout_id provider state created_at version provider_id user_id return_url"
        " captured_minor capturing_minor disputed_minor dispute decline_code brand last4 void_reason save_wanted"
        " tombstone capture_before ordered credit_state"
    )
    return PaymentState(
        **{name: row[name] for name in same.split()},
        amount=Money(row["amount_minor"], row["currency"]),
        method=msgspec.convert(row["method"], Method),
        action=msgspec.convert(row["action"], Action | None),
        history=msgspec.convert(row["history"], tuple[PaymentEvent, ...]),
        refunds=msgspec.convert(row["refunds"] or (), tuple[RefundState, ...]),
        credits=msgspec.convert(row["credits"] or (), tuple[CreditUse, ...]),
    )


def _call(row: Mapping[str, Any]) -> ProviderCall:
    return ProviderCall(
        row["op"], row["idem_key"], row["amount_minor"], row["state"], row["request_hash"], row["refund_id"]
    )
