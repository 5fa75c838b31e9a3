"""SQL of payments. Lock order: the payment's row, then its calls and refunds, then the ledger (only appended to)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from haat.contracts.payments import Action, Method, PaymentEvent, SavedCard
from haat.contracts.vault import Card
from haat.kit.clock import now
from haat.kit.database import Connection, Database, Transaction, outbox_columns
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.kit.sql import load_queries
from haat.services.payments.ledger import events, postings
from haat.services.payments.model import PaymentState, RefundState, next_check

queries = load_queries(Path(__file__).with_name("queries.sql"))


class ProviderCall(msgspec.Struct, frozen=True):
    """The row of an external call; `state` is SENT, OK, FAILED or UNKNOWN."""

    call_id: str
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

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("payments")

    async def begin(self, payment: PaymentState, request_hash: str) -> bool:
        """Write the payment and the row of its first call; False when the attempt has a payment already."""
        async with self.connection() as connection:
            row = await queries.begin(
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
                call_id=new_id("call"),
                idem_key=authorize_key(payment),
                request_hash=request_hash,
            )
        return row is not None

    async def load(
        self, *, payment_id: str | None = None, attempt_id: str | None = None, provider: tuple[str, str] | None = None
    ) -> PaymentState | None:
        """One payment by its id, its attempt, or (provider, the provider's id)."""
        async with self.connection() as connection:
            return await self._load(connection, payment_id, attempt_id, provider)

    async def save(
        self,
        before: PaymentState,
        after: PaymentState,
        result: CallResult | None,
        hook: str | None,
    ) -> PaymentState | None:
        """Write what changed; None when the payment has moved on, or its call was closed before."""
        async with self.connection() as connection:
            return await self._save(connection, before, after, result, hook)

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
                call_id = await queries.begin_capture(
                    connection,
                    payment_id=payment.payment_id,
                    idem_key=key,
                    amount_minor=amount_minor,
                    call_id=new_id("call"),
                    request_hash=str(amount_minor),
                    next_check_at=until,
                )
            except asyncpg.UniqueViolationError:
                # The same request came twice at once, and the other one was faster.
                return False
        return call_id is not None

    async def begin_refund(
        self, payment: PaymentState, refund_id: str, request_id: str, amount_minor: int, reason: str, until: datetime
    ) -> bool:
        """Count the refund, announce it in the ledger and write the call; False when there is no room for it."""
        async with self.connection() as connection:
            try:
                call_id = await queries.begin_refund(
                    connection,
                    payment_id=payment.payment_id,
                    request_id=request_id,
                    amount_minor=amount_minor,
                    refund_id=refund_id,
                    reason=reason,
                    call_id=new_id("call"),
                    request_hash=str(amount_minor),
                    txn_id=new_id("txn"),
                    accounts=[f"psp_clearing:{payment.provider}", f"customer_due:{payment.checkout_id}"],
                    signs=[-1, 1],
                    next_check_at=until,
                )
            except asyncpg.UniqueViolationError:
                return False
        return call_id is not None

    async def begin_void(self, payment: PaymentState, key: str) -> None:
        async with self.connection() as connection:
            await queries.begin_void(connection, payment_id=payment.payment_id, call_id=new_id("call"), idem_key=key)

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

    async def rest(self, payment: PaymentState) -> None:
        """Nothing more to check, unless the payment has moved on."""
        async with self.connection() as connection:
            await queries.nothing_to_check(connection, payment_id=payment.payment_id, version=payment.version)

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

    async def keep_card(self, payment: PaymentState, card: Card) -> str | None:
        """Put the card among the user's; the token it replaces, if any."""
        async with self.connection() as connection:
            row = await queries.keep_card(
                connection,
                payment_id=payment.payment_id,
                card_id=new_id("pm"),
                user_id=payment.user_id,
                token=card.token,
                fingerprint=card.fingerprint,
                brand=card.brand,
                last4=card.last4,
                exp_month=card.exp_month,
                exp_year=card.exp_year,
            )
        old: str | None = row["old_token"]
        return old if old != card.token else None

    async def give_up_keeping(self, payment: PaymentState) -> None:
        async with self.connection() as connection:
            await queries.give_up_keeping(connection, payment_id=payment.payment_id)

    async def saved_cards(self, user_id: str) -> list[SavedCard]:
        async with self.connection() as connection:
            return [
                SavedCard(
                    id=row["card_id"],
                    token=row["token"],
                    brand=row["brand"],
                    last4=row["last4"],
                    exp_month=row["exp_month"],
                    exp_year=row["exp_year"],
                    created_at=row["created_at"],
                )
                async for row in queries.saved_cards(connection, user_id=user_id)
            ]

    async def saved_card(self, user_id: str, card_id: str) -> str | None:
        """The token of a user's card."""
        async with self.connection() as connection:
            token: str | None = await queries.saved_card(connection, user_id=user_id, card_id=card_id)
        return token

    async def forget_card(self, user_id: str, card_id: str) -> None:
        async with self.connection() as connection:
            await queries.forget_card(connection, user_id=user_id, card_id=card_id)

    async def load_locked(self, transaction: Transaction, payment_id: str) -> PaymentState:
        """The payment, nobody else's to change until the transaction ends."""
        await queries.lock(transaction.connection, payment_id=payment_id)
        payment = await self._load(transaction.connection, payment_id, None, None)
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

    async def _load(
        self, connection: Connection, payment_id: str | None, attempt_id: str | None, provider: tuple[str, str] | None
    ) -> PaymentState | None:
        name, provider_id = provider or (None, None)
        row = await queries.load(
            connection, payment_id=payment_id, attempt_id=attempt_id, provider=name, provider_id=provider_id
        )
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
            history=after.history,
            next_check_at=next_check(after, now()),
            call_key=result.idem_key if result else None,
            call_state=result.state if result else None,
            call_detail=result.detail[:500] if result else None,
            webhook_id=hook,
            **_refund_columns(after),
            **_ledger_columns(before, after),
            **_event_columns(before, after),
        )
        return None if version is None else msgspec.structs.replace(after, version=version)


def authorize_key(payment: PaymentState) -> str:
    """The key under which the provider is asked to begin, however often it has to be asked."""
    return f"{payment.payment_id}:authorize"


def _refund_columns(after: PaymentState) -> dict[str, list[Any]]:
    return {
        "refund_ids": [refund.refund_id for refund in after.refunds],
        "refund_states": [refund.state for refund in after.refunds],
        "refund_provider_ids": [refund.provider_refund_id for refund in after.refunds],
    }


def _ledger_columns(before: PaymentState, after: PaymentState) -> dict[str, list[Any]]:
    found = [(new_id("txn"), posting) for posting in postings(before, after)]
    entries = [(txn_id, *entry) for txn_id, posting in found for entry in posting.entries]
    return {
        "txn_ids": [txn_id for txn_id, _ in found],
        "txn_kinds": [posting.kind for _, posting in found],
        "txn_refs": [posting.external_ref for _, posting in found],
        "txn_phases": [posting.phase for _, posting in found],
        "txn_pendings": [posting.pending_ref for _, posting in found],
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
        " tombstone checks"
    )
    return PaymentState(
        **{name: row[name] for name in same.split()},
        amount=Money(row["amount_minor"], row["currency"]),
        method=msgspec.convert(row["method"], Method),
        action=msgspec.convert(row["action"], Action | None),
        history=msgspec.convert(row["history"], tuple[PaymentEvent, ...]),
        refunds=msgspec.convert(row["refunds"], tuple[RefundState, ...]),
    )


def _call(row: Mapping[str, Any]) -> ProviderCall:
    return ProviderCall(
        row["call_id"], row["op"], row["idem_key"], row["amount_minor"], row["state"], row["request_hash"],
        row["refund_id"],
    )  # fmt: skip
