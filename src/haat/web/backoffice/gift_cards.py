"""Gift cards: issued, found again, taken back, and why a balance is what it is."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.identity import Identity
from haat.contracts.payments import (
    GiftCard,
    GiftCardHistoryOf,
    GiftCardOf,
    IssueGiftCard,
    ListGiftCards,
    Payments,
    VoidGiftCard,
    digest,
)
from haat.kit.clock import now
from haat.kit.message import DomainError, NotFound
from haat.web.backoffice.credit import reason_in, rows_of, worth_in
from haat.web.backoffice.desk import Desk, told
from haat.web.backoffice.forms import Faults, Typed, moment_in, new_key, typed
from haat.web.backoffice.people import names_of
from haat.web.backoffice.templates import segment

A_PAGE = 25


@get("/gift-cards", duty="gift_cards")
async def list_gift_cards(desk: Desk, payments: Payments) -> Response[Any]:
    """The newest first, or those whose code ends as asked for; and a form for a new one."""
    return await _page(desk, payments)


@post("/gift-cards", duty="gift_cards", status_code=200)
async def issue(desk: Desk, payments: Payments) -> Response[Any]:
    """A new card. Its code is on this page only, and never again."""
    fields = await typed(desk.request)
    ask, faults = read(fields, desk.settings.currency)
    if ask is None:
        return await _page(desk, payments, fields, faults, 422)
    try:
        card = await payments.issue_gift_card(
            msgspec.structs.replace(ask, actor=desk.actor, idempotency=desk.once(fields))
        )
    except DomainError as error:
        return await _page(desk, payments, fields, told(error), error.status)
    return desk.page("gift_card_issued.html", card=card)


@post("/gift-cards/look-up", duty="gift_cards", status_code=200)
async def look_up(desk: Desk, payments: Payments) -> Response[Any]:
    """A card by its whole code, which is never part of an address, or by its last four characters."""
    text = (await typed(desk.request)).get("code", "")
    plain = re.sub(r"[\s•-]", "", text).upper()
    if len(plain) == 4 and plain.isascii() and plain.isalnum():
        return desk.go(f"/admin/gift-cards?ending={plain}")
    fault = "The whole code of 16 letters and digits, or its last four"
    if len(plain) == 16 and plain.isascii() and plain.isalnum():
        try:
            card = await payments.gift_card(GiftCardOf(code=digest(plain)))
            return desk.go(f"/admin/gift-cards/{segment(card.id)}")
        except NotFound:
            fault = "No gift card has this code"
    return await _page(desk, payments, None, {"code": fault}, 422)


@get("/gift-cards/{gift_card_id:str}", duty="gift_cards")
async def view_gift_card(desk: Desk, payments: Payments, identity: Identity, gift_card_id: str) -> Response[Any]:
    """What is left on it, and every entry of its account in the ledger."""
    return await _card_page(desk, payments, identity, gift_card_id)


@post("/gift-cards/{gift_card_id:str}/void", duty="gift_cards", status_code=200)
async def void(desk: Desk, payments: Payments, identity: Identity, gift_card_id: str) -> Response[Any]:
    """Take back what is left on it."""
    fields = await typed(desk.request)
    reason, faults = reason_in(fields)
    if faults:
        return await _card_page(desk, payments, identity, gift_card_id, fields, faults, 422)
    ask = VoidGiftCard(gift_card_id=gift_card_id, reason=reason, actor=desk.actor, idempotency=desk.once(fields))
    try:
        await payments.void_gift_card(ask)
    except DomainError as error:
        return await _card_page(desk, payments, identity, gift_card_id, fields, told(error), error.status)
    return desk.go(f"/admin/gift-cards/{segment(gift_card_id)}?said=voided")


def read(fields: Typed, currency: str) -> tuple[IssueGiftCard | None, Faults]:
    """A card as typed; the actor is still to be named."""
    faults: Faults = {}
    amount = worth_in(fields, currency, faults)
    expires_at, until = None, fields.get("until", "")
    if until:
        # The last day counts whole.
        expires_at = moment_in(f"{until}T23:59:59") if re.fullmatch(r"\d{4}-\d\d-\d\d", until) else None
        if expires_at is None or expires_at <= now():
            faults["until"] = "A day to come, or empty for no end"
    if faults or amount is None:
        return None, faults
    return IssueGiftCard(amount=amount, actor="", expires_at=expires_at), faults


def state_of(card: GiftCard) -> str:
    """`voided`, `expired`, `spent` or `usable`."""
    if card.voided_at is not None:
        return "voided"
    if card.expires_at is not None and card.expires_at <= now():
        return "expired"
    return "usable" if card.balance.amount else "spent"


async def _card_page(
    desk: Desk,
    payments: Payments,
    identity: Identity,
    gift_card_id: str,
    fields: Typed | None = None,
    faults: Faults | None = None,
    status: int = 200,
) -> Response[Any]:
    cursor = desk.asked("cursor", 1000) or None
    history = await payments.gift_card_history(
        GiftCardHistoryOf(gift_card_id=gift_card_id, cursor=cursor, limit=A_PAGE)
    )
    return desk.page(
        "gift_card.html",
        status=status,
        card=history.card,
        state=state_of(history.card),
        history=history,
        rows=rows_of(history.data, None if cursor else history.card.balance),
        names=await names_of(identity, (entry.actor for entry in history.data)),
        fields=fields or {},
        faults=faults or {},
        key=new_key(),
    )


async def _page(
    desk: Desk, payments: Payments, fields: Typed | None = None, faults: Faults | None = None, status: int = 200
) -> Response[Any]:
    ending = desk.asked("ending", 4).upper()
    ending = ending if len(ending) == 4 else ""
    page = await payments.gift_cards(
        ListGiftCards(ending=ending or None, cursor=desk.asked("cursor", 1000) or None, limit=A_PAGE)
    )
    return desk.page(
        "gift_cards.html",
        status=status,
        page=page,
        states={card.id: state_of(card) for card in page.data},
        ending=ending,
        fields=fields or {},
        faults=faults or {},
        currency=desk.settings.currency,
        key=new_key(),
    )


ROUTES = [list_gift_cards, issue, look_up, view_gift_card, void]
