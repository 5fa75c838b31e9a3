"""Checkouts that cannot go on by themselves: why, what is at stake, and once more when the cause is mended."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from haat.contracts.checkout import Checkouts, GoOn, ParkedAttempt, ParkedCheckout, ParkedOf, ParkedRef
from haat.contracts.payments import Payment, PaymentRef, Payments
from haat.kit.message import NotFound
from haat.web.backoffice.desk import Desk, gently
from haat.web.backoffice.forms import typed
from haat.web.backoffice.templates import segment

SHOWN = 100
# Where an attempt stands, and what it waits for, as whoever has to act reads it.
STANDS = {
    "claimed": "before any unit is held",
    "reserved": "units are held",
    "redeemed": "units are held, coupons are used",
    "assessed": "units are held, the risk is known",
    "paying": "the bank has not decided",
    "waiting": "the shopper has to confirm the payment",
    "authorized": "paid, the units are still to be sold",
    "committed": "paid and sold, the order is still to be placed",
    "undo_stock": "turning back: the units first",
    "undo_payment": "turning back: the payment is let go",
    "undo_coupons": "turning back: the coupons are given back",
}


class Stake(msgspec.Struct, frozen=True):
    """One thing that hangs on an attempt, and how it is."""

    what: str
    how: str
    tone: str


@get("/parked", duty="parked")
async def list_parked(desk: Desk, checkout: Checkouts) -> Response[Any]:
    """The oldest first: shoppers wait."""
    page = await checkout.parked(ParkedOf(limit=SHOWN, cursor=desk.asked("cursor", 1000) or None))
    return desk.page("parked.html", page=page, stands=STANDS)


@get("/parked/{attempt_id:str}", duty="parked")
async def view_parked(desk: Desk, checkout: Checkouts, payments: Payments, attempt_id: str) -> Response[Any]:
    """One attempt with what is at stake, also after it has gone on."""
    one = await checkout.parked_one(ParkedRef(attempt_id=attempt_id))
    payment = None
    if one.payment_id:
        payment = await gently(payments.payment(PaymentRef(payment_id=one.payment_id)), None)
    return desk.page(
        "parked_one.html",
        one=one,
        stands=stands(one.attempt),
        stakes=stakes(one, payment),
        payment=payment,
    )


@post("/parked", duty="parked", status_code=200)
async def try_again(desk: Desk, checkout: Checkouts) -> Response[Any]:
    """One attempt, or all that are parked; a worker goes on with them within seconds."""
    attempt_id = (await typed(desk.request)).get("attempt", "")[:100]
    if attempt_id:
        one = await checkout.parked_one(ParkedRef(attempt_id=attempt_id))
        if not one.parked:
            return desk.go(f"/admin/parked/{segment(attempt_id)}?said=moved-on")
        await checkout.go_on(GoOn(attempt_ids=[attempt_id]))
        return desk.go(f"/admin/parked/{segment(attempt_id)}?said=trying")
    page = await checkout.parked(ParkedOf(limit=SHOWN))
    if not page.data:
        raise NotFound()
    await checkout.go_on(GoOn(attempt_ids=[each.attempt_id for each in page.data]))
    while page.has_more:
        page = await checkout.parked(ParkedOf(limit=SHOWN, cursor=page.next_cursor))
        await checkout.go_on(GoOn(attempt_ids=[each.attempt_id for each in page.data]))
    return desk.go("/admin/parked?said=trying")


def stands(attempt: ParkedAttempt) -> str:
    return STANDS.get(attempt.state, f"in a state that this version does not know: {attempt.state}")


def stakes(one: ParkedCheckout, payment: Payment | None) -> list[Stake]:
    """Stock, money and order of an attempt as far as they are known."""
    if one.order:
        return [Stake("Order", f"placed as {one.order.number}", "good")]
    turning = one.attempt.state.startswith("undo_")
    if one.attempt.state not in STANDS:
        stock = Stake("Units", "not known: the hold, if there is one, runs out by itself", "calm")
    elif one.sold:
        stock = Stake("Units", "sold: they have left the stock, so the order must be placed", "bad")
    elif one.attempt.state == "claimed":
        stock = Stake("Units", "perhaps held; the hold runs out by itself", "calm")
    else:
        stock = Stake("Units", "being given back" if turning else "held until the hold runs out", "wait")
    if payment is None:
        unknown = "not known: it is asked for again under the same key" if one.payment_id else "none is known of yet"
        return [stock, Stake("Money", unknown, "wait" if one.payment_id else "calm")]
    tone = "bad" if payment.captured.amount else "wait" if payment.state in ("authorized", "unknown") else "calm"
    return [stock, Stake("Money", f"{payment.state.replace('_', ' ')}, {one.payment_summary or payment.summary}", tone)]


ROUTES = [list_parked, view_parked, try_again]
