"""A customer's store credit: given or taken back, with the reason; and why a balance is what it is, gift cards' too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.identity import Identity, OfUser
from haat.contracts.payments import CreditEntry, CreditHistoryOf, GrantCredit, Payments, StoreCredit, WithdrawCredit
from haat.kit.message import DomainError
from haat.kit.money import Money
from haat.web.backoffice.desk import Desk, told
from haat.web.backoffice.forms import Faults, Typed, minor, new_key, typed
from haat.web.backoffice.people import names_of
from haat.web.backoffice.templates import segment

A_PAGE = 25
MOST_WORDS = 200
WORDS = {
    "credit_issued": "Issued",
    "credit_hold": "Held for a payment",
    "credit": "Taken: it was held before",
    "credit_void": "Given back",
    "credit_refund": "Refunded to it",
    "credit_withdrawn": "Taken back",
}


class Row(msgspec.Struct, frozen=True):
    """An entry of an account in words, and what could be spent after it where that is known."""

    entry: CreditEntry
    words: str
    after: Money | None


def rows_of(entries: Sequence[CreditEntry], balance: Money | None) -> list[Row]:
    """Entries, the latest first, with what could be spent after each: `balance` after the first, None for not known."""
    rows = []
    for entry in entries:
        rows.append(Row(entry, WORDS.get(entry.kind, entry.kind.replace("_", " ").capitalize()), balance))
        balance = balance - entry.spendable if balance is not None else None
    return rows


def reason_in(fields: Typed) -> tuple[str, Faults]:
    """Why, in the words of whoever does it."""
    reason = fields.get("reason", "").strip()
    return reason, {} if 0 < len(reason) <= MOST_WORDS else {"reason": f"Say why, in at most {MOST_WORDS} characters"}


def worth_in(fields: Typed, currency: str, faults: Faults) -> Money | None:
    """The amount to give or take; a fault among the others when it is none."""
    amount = minor(fields.get("amount", ""), currency)
    if amount is None or amount <= 0:
        faults["amount"] = "An amount above zero, such as 500"
        return None
    return Money(amount, currency)


@get("/customers/{user_id:str}/credit", duty="gift_cards")
async def view_credit(desk: Desk, identity: Identity, payments: Payments, user_id: str) -> Response[Any]:
    """What a customer can spend, every entry of the account in the ledger, and a form to change it."""
    return await _page(desk, identity, payments, user_id)


@post("/customers/{user_id:str}/credit", duty="gift_cards", status_code=200)
async def grant(desk: Desk, identity: Identity, payments: Payments, user_id: str) -> Response[Any]:
    """Give a customer credit."""
    return await _change(desk, identity, payments, user_id, GrantCredit, payments.grant_credit, "given")


@post("/customers/{user_id:str}/credit/withdraw", duty="gift_cards", status_code=200)
async def withdraw(desk: Desk, identity: Identity, payments: Payments, user_id: str) -> Response[Any]:
    """Take back credit that was given by mistake."""
    return await _change(desk, identity, payments, user_id, WithdrawCredit, payments.withdraw_credit, "withdrawn")


async def _change(
    desk: Desk,
    identity: Identity,
    payments: Payments,
    user_id: str,
    change: type[GrantCredit | WithdrawCredit],
    act: Callable[[Any], Awaitable[StoreCredit]],
    said: str,
) -> Response[Any]:
    fields = await typed(desk.request)
    # Credit for nobody would be a debt to nobody.
    await identity.user(OfUser(user_id=user_id))
    reason, faults = reason_in(fields)
    amount = worth_in(fields, desk.settings.currency, faults)
    if faults or amount is None:
        return await _page(desk, identity, payments, user_id, fields, faults, 422)
    ask = change(
        user_id=user_id,
        amount=amount,
        reason=reason,
        actor=desk.actor,
        idempotency=desk.once(fields),
    )
    try:
        await act(ask)
    except DomainError as error:
        return await _page(desk, identity, payments, user_id, fields, told(error), error.status)
    return desk.go(f"/admin/customers/{segment(user_id)}/credit?said={said}")


async def _page(
    desk: Desk,
    identity: Identity,
    payments: Payments,
    user_id: str,
    fields: Typed | None = None,
    faults: Faults | None = None,
    status: int = 200,
) -> Response[Any]:
    cursor = desk.asked("cursor", 1000) or None
    ask = CreditHistoryOf(user_id=user_id, currency=desk.settings.currency, cursor=cursor, limit=A_PAGE)
    user, history = await asyncio.gather(identity.user(OfUser(user_id=user_id)), payments.credit_history(ask))
    return desk.page(
        "credit.html",
        status=status,
        user=user,
        history=history,
        rows=rows_of(history.data, None if cursor else history.credit.balance),
        names=await names_of(identity, (entry.actor for entry in history.data)),
        fields=fields or {},
        faults=faults or {},
        currency=desk.settings.currency,
        key=new_key(),
    )


ROUTES = [view_credit, grant, withdraw]
