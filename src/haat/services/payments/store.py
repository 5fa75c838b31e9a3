"""SQL of payments. Lock order: the payment's row, then its calls and refunds, then the ledger (only appended to)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from haat.contracts.payments import Action, Method, PaymentEvent
from haat.kit.clock import now
from haat.kit.database import Connection, Database, Transaction, outbox_columns
from haat.kit.ids import new_id
from haat.kit.message import encode, event_name
from haat.kit.money import Money
from haat.services.payments.ledger import events, postings
from haat.services.payments.model import PaymentState, RefundState, next_check
from haat.services.payments.saved_cards import CardStore
from haat.services.payments.sql import queries


class ProviderCall(msgspec.Struct, frozen=True):
    """The row of an external call; `state` is SENT, OK, FAILED or UNKNOWN."""

    op: str
    idem_key: str
    amount_minor: int
    state: str
    request_hash: str = ""
    refund_id: str | None = None


class CallResult(msgspec.Struct, frozen=True):
    """How a call ended, written with what it taught us."""

    idem_key: str
    state: str
    detail: str = ""


class PaymentStore:
    """Every change names the version it was decided on and is written in one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cards = CardStore(database)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("payments")

    async def begin(self, payment: PaymentState, request_hash: str) -> bool:
        """Write the payment and the row of its first call; False when the attempt has a payment already."""
        async with self.connection() as connection:
            begun = await queries.begin(
                connection,
                payment_id=payment.payment_id,
                attempt_id=payment.attempt_id,
                checkout_id=payment.checkout_id,
                provider=payment.provider,
                amount_minor=payment.amount.amount,
                currency=payment.amount.currency,
                method=payment.method,
                user_id=payment.user_id,
                return_url=payment.return_url,
                state=payment.state,
                save_wanted=payment.save_wanted,
                history=payment.history,
                next_check_at=next_check(payment, now()),
                created_at=payment.created_at,
                idem_key=authorize_key(payment),
                request_hash=request_hash,
            )
        return begun is not None

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
                return await _save_held(connection, before, after, result)
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
                return False
        return begun is not None

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

    async def heard(self, provider: str, webhook_id: str, provider_id: str | None) -> tuple[bool, PaymentState | None]:
        """Whether a notice was acted on before, and the payment of this provider's id."""
        async with self.connection() as connection:
            row = await queries.heard(connection, provider=provider, webhook_id=webhook_id, provider_id=provider_id)
        return row["known"], None if row["payment_id"] is None else _payment(row)

    async def take_webhook(self, provider: str, webhook_id: str) -> None:
        async with self.connection() as connection:
            await queries.take_webhook(connection, provider=provider, webhook_id=webhook_id)

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
            **_ledger_columns(before, after),
            **_event_columns(before, after),
        )
        return None if version is None else msgspec.structs.replace(after, version=version)


def authorize_key(payment: PaymentState) -> str:
    """The key under which the provider is asked to begin, however often it has to be asked."""
    return f"{payment.payment_id}:authorize"


def capture_key(payment: PaymentState, request_id: str) -> str:
    return f"{payment.payment_id}:capture:{request_id}"


def just_held(before: PaymentState, after: PaymentState) -> bool:
    """Whether this is the step that nearly every payment by card takes: nothing known, then held by the provider."""
    fresh = before.state == "authorizing" and before.provider_id is None and before.void_reason is None
    return fresh and after.state == "authorized" and after.provider_id is not None and not after.save_wanted


async def _save_held(
    connection: Connection, before: PaymentState, after: PaymentState, result: CallResult
) -> PaymentState | None:
    (told,) = events(before, after)
    key = await queries.save_held(
        connection,
        payment_id=before.payment_id,
        version=before.version,
        provider_id=after.provider_id,
        brand=after.brand,
        last4=after.last4,
        capture_before=after.capture_before,
        history=after.history,
        call_key=result.idem_key,
        event_id=told.id,
        event_name=event_name(type(told)),
        event_at=told.at,
        event_body=encode(told),
    )
    return None if key is None else msgspec.structs.replace(after, version=before.version + 1)


def _ledger_columns(before: PaymentState, after: PaymentState) -> dict[str, list[Any]]:
    found = postings(before, after)
    entries = [(posting.txn_id, *entry) for posting in found for entry in posting.entries]
    return {
        "txn_ids": [posting.txn_id for posting in found],
        "txn_kinds": [posting.kind for posting in found],
        "txn_phases": [posting.phase for posting in found],
        "txn_pendings": [posting.pending_ref for posting in found],
        "entry_txns": [entry[0] for entry in entries],
        "entry_accounts": [entry[1] for entry in entries],
        "entry_amounts": [entry[2] for entry in entries],
    }


def _event_columns(before: PaymentState, after: PaymentState) -> dict[str, list[Any]]:
    ids, names, keys, ats, bodies = outbox_columns(events(before, after))
    return {"event_ids": ids, "event_names": names, "event_keys": keys, "event_ats": ats, "event_bodies": bodies}


def _payment(row: Mapping[str, Any]) -> PaymentState:
    same = (
        "payment_id attempt_id checkout_id provider state created_at version provider_id user_id return_url"
        " captured_minor capturing_minor disputed_minor dispute decline_code brand last4 void_reason save_wanted"
        " tombstone capture_before ordered"
    )
    return PaymentState(
        **{name: row[name] for name in same.split()},
        amount=Money(row["amount_minor"], row["currency"]),
        method=msgspec.convert(row["method"], Method),
        action=msgspec.convert(row["action"], Action | None),
        history=msgspec.convert(row["history"], tuple[PaymentEvent, ...]),
        refunds=msgspec.convert(row["refunds"] or (), tuple[RefundState, ...]),
    )


def _call(row: Mapping[str, Any]) -> ProviderCall:
    return ProviderCall(
        row["op"], row["idem_key"], row["amount_minor"], row["state"], row["request_hash"], row["refund_id"]
    )
