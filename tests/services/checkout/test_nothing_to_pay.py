"""A checkout whose total is zero: an order like any other, with nothing charged and nothing to give back."""

from __future__ import annotations

from typing import Any

import pytest

from haat.cli.audit_questions import QUESTIONS
from haat.contracts.cart import Owner
from haat.contracts.checkout import Checkout
from haat.contracts.inventory import OutOfStock
from haat.contracts.orders import CancelOrder, OrderOf, ReceiveReturn, RequestReturn, ReturnItem, ShipOrder
from haat.contracts.payments import CreditMethod, GiftCardOf, IssueGiftCard, PaymentRef, UpiMethod
from haat.kit.money import Money
from tests.services.shopfloor import CASH, DECLINED, PRICE, Floor


async def for_nothing(floor: Floor, stock: int = 10) -> tuple[Owner, Checkout, Any]:
    """A guest's checkout with a coupon for all of it: owner, checkout, variant."""
    lamp, code = await floor.variant(stock=stock), await floor.coupon(percent=100)
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner, coupon_codes=[code])
    assert (checkout.totals.discount, checkout.totals.total, checkout.totals.tax) == (Money(PRICE), Money(0), Money(0))
    return owner, checkout, lamp


async def ordered(floor: Floor) -> Any:
    owner, checkout, _ = await for_nothing(floor)
    done = await floor.complete(owner, checkout.id, CASH)
    await floor.taken(done.order.id)
    return await floor.order(done.order.id)


@pytest.mark.parametrize("method", [CASH, UpiMethod(flow="qr"), CreditMethod()])
async def test_an_order_for_nothing_is_placed_whichever_method_is_named(floor: Floor, method: Any):
    owner, checkout, lamp = await for_nothing(floor)
    done = await floor.complete(owner, checkout.id, method)
    await floor.taken(done.order.id)
    order = await floor.order(done.order.id)
    assert (done.status, await floor.stock(lamp), await floor.books(checkout.id)) == ("completed", (9, 0, 9), [])
    paid = order.payment
    assert (order.status, paid.status, paid.method, paid.captured, paid.summary) == (
        "confirmed",
        "paid",
        "credit",
        Money(0),
        "Nothing to pay",
    )


async def test_a_card_that_is_named_is_not_charged(floor: Floor):
    owner, checkout, _ = await for_nothing(floor)
    card = await floor.card(DECLINED)
    first, again = [await floor.complete(owner, checkout.id, card, "the key of one page") for _ in range(2)]
    assert (first.status, again.order, await floor.books(checkout.id)) == ("completed", first.order, [])


async def test_a_gift_card_that_is_named_is_not_touched(floor: Floor):
    card = await floor.payments.issue_gift_card(IssueGiftCard(amount=Money(500), actor="usr_staff"))
    owner, checkout, _ = await for_nothing(floor)
    await floor.complete(owner, checkout.id, CreditMethod(gift_cards=[card.code or ""]))
    assert (await floor.payments.gift_card(GiftCardOf(code=card.code or ""))).balance == Money(500)


async def test_an_order_for_nothing_is_canceled(floor: Floor):
    order = await ordered(floor)
    await floor.orders.cancel(CancelOrder(order_id=order.id, actor="usr_staff", any_owner=True))
    after = await floor.order(order.id)
    assert (after.status, after.payment.status, after.payment.refunded) == ("canceled", "voided", Money(0))
    await floor.house.service("payments").finish_open()
    waits = "SELECT count(*) FROM payments.due WHERE payment_id = $1"
    assert await floor.value(waits, order.payment.id) == 0


async def test_an_order_for_nothing_is_shipped_with_an_invoice_and_sent_back(floor: Floor):
    order = await ordered(floor)
    await floor.orders.ship(ShipOrder(order_id=order.id, actor="usr_staff"))
    invoice = await floor.orders.invoice(OrderOf(order=order.id, any_owner=True))
    await floor.parcel(order.id, "picked_up", "delivered")
    items = [ReturnItem(item_id=order.items[0].id, quantity=1, reason="too small")]
    asked = await floor.orders.request_return(RequestReturn(order_id=order.id, items=items, any_owner=True))
    back = await floor.orders.receive_return(ReceiveReturn(return_id=asked.id, actor="usr_staff"))
    after = await floor.order(order.id)
    assert (invoice.pdf[:5], asked.refund, back.status) == (b"%PDF-", Money(0), "refunded")
    assert (after.status, after.payment.status, after.payment.refunded) == ("returned", "paid", Money(0))


async def test_the_audit_finds_nothing_wrong_with_an_order_for_nothing(floor: Floor):
    order = await ordered(floor)
    told = await floor.value("SELECT checkout_id FROM orders.orders WHERE id = $1", order.id)
    ours = {order.id, order.payment.id, told}
    questions = [sql for _, _, sql in QUESTIONS if "books" not in sql]
    found = {row[0] for sql in questions for row in await floor.rows(sql)}
    entries = "SELECT count(*) FROM payments.ledger_txns WHERE payment_id = $1"
    assert (ours & found, await floor.value(entries, order.payment.id)) == (set(), 0)
    assert (await floor.payments.payment(PaymentRef(payment_id=order.payment.id))).state == "captured"


async def test_sold_out_meanwhile_leaves_the_checkout_open(floor: Floor):
    owner, checkout, lamp = await for_nothing(floor, stock=1)
    await floor.bought((lamp, 1))
    with pytest.raises(OutOfStock):
        await floor.complete(owner, checkout.id, CASH)
    assert (await floor.seen(owner, checkout.id)).status == "open"
