"""Statements of payments on a connection, for the store and for transactions that do more than one thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from haat.kit.clock import now
from haat.kit.database import Connection, outbox_columns
from haat.kit.message import encode, event_name
from haat.services.payments.ledger import Posting, events
from haat.services.payments.model import PaymentState, next_check
from haat.services.payments.sql import queries

AUTHORIZE = ":authorize"


class CallResult(msgspec.Struct, frozen=True):
    """How a call ended, written with what it taught us."""

    idem_key: str
    state: str
    detail: str = ""


def authorize_key(payment: PaymentState) -> str:
    """The key under which the provider is asked to begin, however often it has to be asked."""
    return f"{payment.payment_id}{AUTHORIZE}"


def asked_under(key: str) -> str:
    """The payment that a provider was asked for under this key."""
    return key.removesuffix(AUTHORIZE)


def capture_key(payment: PaymentState, request_id: str) -> str:
    return f"{payment.payment_id}:capture:{request_id}"


def just_held(before: PaymentState, after: PaymentState) -> bool:
    """Whether this is the step that nearly every payment by card takes: nothing known, then held by the provider."""
    fresh = before.state == "authorizing" and before.provider_id is None and before.void_reason is None
    return fresh and after.state == "authorized" and after.provider_id is not None and not after.save_wanted


async def save_held(
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


async def begin(connection: Connection, payment: PaymentState, request_hash: str) -> bool:
    """Write the payment and the row of its first call; False when the attempt has a payment already."""
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


def ledger_columns(found: Sequence[Posting]) -> dict[str, list[Any]]:
    """Ledger transactions as the arrays that the statements take."""
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


def event_columns(before: PaymentState, after: PaymentState) -> dict[str, list[Any]]:
    ids, names, keys, ats, bodies = outbox_columns(events(before, after))
    return {"event_ids": ids, "event_names": names, "event_keys": keys, "event_ats": ats, "event_bodies": bodies}
