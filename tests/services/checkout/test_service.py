"""From a quote to an order with everything real beside it; declines, waits and refusals on the way."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from haat.contracts.cart import MergeCarts, Owner, ViewCart
from haat.contracts.checkout import (
    ChangeCheckout,
    CheckoutIncomplete,
    CheckoutRef,
    CheckoutRefused,
    CheckoutStateError,
    EmptyCart,
    PriceChanged,
    SaveTaxRates,
    TaxRate,
)
from haat.contracts.inventory import Adjust, AttemptRef, OutOfStock
from haat.contracts.orders import OrderOf
from haat.contracts.payments import AttemptPayment, PaymentAuthorized, PaymentDeclined, UpiMethod
from haat.contracts.promotions import CouponRefused
from haat.kit.database import Batch
from haat.kit.idempotency import Idempotency, IdempotencyConflict, IdempotencyInFlight
from haat.kit.ids import new_id
from haat.kit.message import DomainError, NotFound, Nothing, Unauthenticated
from haat.services.checkout.model import owner_key
from haat.services.checkout.store import CheckoutStore
from tests.services.shopfloor import ADDRESS, CASH, CHALLENGED, DECLINED, PRICE, Floor, outcomes


async def attempt_of(floor: Floor, checkout_id: str) -> str:
    query = "SELECT attempt_id FROM checkout.attempts WHERE checkout_id = $1 ORDER BY created_at DESC LIMIT 1"
    return str(await floor.value(query, checkout_id))


async def counted(floor: Floor, checkout_id: str) -> tuple[int, int]:
    """How many orders, and how many payments that hold money, a checkout has come to."""
    orders = await floor.value("SELECT count(*) FROM orders.orders WHERE checkout_id = $1", checkout_id)
    states = [row["state"] for row in await floor.books(checkout_id)]
    return orders, sum(state in ("authorized", "captured") for state in states)


async def run_out(floor: Floor, checkout_id: str) -> None:
    await floor.rows(
        "UPDATE checkout.checkouts SET expires_at = now() - interval '1 second' WHERE id = $1", checkout_id
    )


async def sweep(floor: Floor, checkout_id: str) -> None:
    """The wait of an attempt is over, and a worker comes by."""
    await floor.rows(
        "UPDATE checkout.attempts SET next_run_at = now(), lease_until = now() WHERE checkout_id = $1", checkout_id
    )
    await floor.house.service("checkout").resume_due()


async def test_the_catalogue_knows_the_classes_that_have_rates(floor: Floor):
    saved, older = new_id("tax"), new_id("tax")
    rates = [TaxRate(tax_class=saved, from_date=date(2026, 1, 1), price_from_minor=0, rate_basis_points=500)]
    await floor.checkouts.save_tax_rates(SaveTaxRates(rates=rates))
    at_once = (await floor.catalog.tax_classes(Nothing())).classes
    await floor.rows("INSERT INTO checkout.tax_rates VALUES ($1, '2026-01-01', 0, 500)", older)
    await floor.house.service("checkout").tell_tax_classes()
    told = (await floor.catalog.tax_classes(Nothing())).classes
    await floor.rows("DELETE FROM checkout.tax_rates WHERE tax_class = ANY($1)", [saved, older])
    assert (saved in at_once, older in at_once, older in told) == (True, False, True)


async def test_the_quote_is_frozen_against_a_later_price(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 2))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE * 2)
    done = await floor.complete(owner, checkout.id, await floor.card())
    order = await floor.order(done.order.id)
    assert (done.status, order.totals, [row["amount"] for row in await floor.books(checkout.id)]) == (
        "completed",
        checkout.totals,
        [checkout.totals.total.amount],
    )


async def test_a_quote_that_ran_out_tells_the_new_price(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 2))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE * 2)
    await run_out(floor, checkout.id)
    with pytest.raises(PriceChanged) as changed:
        await floor.complete(owner, checkout.id, await floor.card())
    told = changed.value.facts["checkout"]
    assert (told["totals"]["subtotal"]["amount"], told["status"]) == (PRICE * 4, "open")
    assert await counted(floor, checkout.id) == (0, 0)
    done = await floor.complete(owner, checkout.id, await floor.card())
    assert (done.totals.subtotal.amount, await counted(floor, checkout.id)) == (PRICE * 4, (1, 1))


async def test_a_quote_that_ran_out_at_the_same_price_is_simply_renewed(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    await run_out(floor, checkout.id)
    await floor.house.service("checkout").expire_due()
    assert (await floor.seen(owner, checkout.id)).status == "expired"
    assert (await floor.complete(owner, checkout.id, await floor.card())).status == "completed"


async def test_a_change_keeps_items_and_prices_until_the_quote_runs_out(floor: Floor):
    lamp, bulb, code = await floor.variant(), await floor.variant(), await floor.coupon()
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE * 2)
    await floor.put(owner, (bulb, 1))
    ask = ChangeCheckout(owner=owner, checkout_id=checkout.id, coupon_codes=[code], shipping_method="express")
    changed = await floor.checkouts.change(ask)
    (line,), totals, express = changed.items, changed.totals, changed.shipping_options[1]
    assert (line.sku, line.unit_price.amount, line.discount.amount) == (lamp.sku, PRICE, PRICE // 10)
    assert (totals.total.amount, express.id) == (PRICE - PRICE // 10 + express.price.amount, "express")
    assert changed.expires_at == checkout.expires_at
    done = await floor.complete(owner, checkout.id, CASH)
    assert (await floor.order(done.order.id)).totals == totals
    assert [each.variant_id for each in (await floor.cart.contents(ViewCart(owner=owner))).lines] == [bulb.id]


async def test_a_change_of_address_taxes_the_frozen_price(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    found = []
    for address in (msgspec.structs.replace(ADDRESS, region="Maharashtra", postal_code="400001"), ADDRESS):
        ask = ChangeCheckout(owner=owner, checkout_id=checkout.id, shipping_address=address)
        totals = (await floor.checkouts.change(ask)).totals
        found.append((totals.subtotal.amount, [line.title for line in totals.tax_lines]))
    assert found == [(PRICE, ["IGST"]), (PRICE, ["CGST", "SGST"])]


async def test_a_change_after_the_quote_has_run_out_tells_that_prices_have_changed(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE + 100)
    await run_out(floor, checkout.id)
    ask = ChangeCheckout(owner=owner, checkout_id=checkout.id, email="new@example.com")
    first, second = [await floor.checkouts.change(ask) for _ in range(2)]
    assert (first.email, first.status, first.totals.subtotal.amount) == ("new@example.com", "open", PRICE + 100)
    assert [[each.code for each in told.messages] for told in (first, second)] == [["price_changed"], []]
    assert checkout.expires_at < first.expires_at == second.expires_at


async def test_a_change_afresh_quotes_the_cart_and_the_prices_of_today(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant()
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE + 100)
    await floor.put(owner, (bulb, 1))
    changed = await floor.checkouts.change(ChangeCheckout(owner=owner, checkout_id=checkout.id, afresh=True))
    assert (changed.totals.subtotal.amount, changed.messages) == (PRICE * 2 + 100, [])


async def test_a_quote_that_older_code_has_frozen_is_changed_afresh(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    await floor.price(lamp, PRICE + 100)
    old = "UPDATE checkout.checkouts SET quote = (quote::jsonb - 'tax_classes')::json WHERE id = $1"
    await floor.rows(old, checkout.id)
    changed = await floor.checkouts.change(ChangeCheckout(owner=owner, checkout_id=checkout.id))
    assert changed.totals.subtotal.amount == PRICE + 100


async def test_what_is_not_sold_any_more_is_left_out_of_the_quote_and_told(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant(stock=3)
    owner = await floor.guest((lamp, 1), (bulb, 2))
    await floor.withdraw(lamp)
    await floor.inventory.adjust(Adjust(sku=bulb.sku, quantity=-2, reason="found broken", actor="usr_staff"))
    checkout = await floor.open(owner)
    assert [(line.sku, line.quantity) for line in checkout.items] == [(bulb.sku, 2)]
    assert [(each.code, each.pointer) for each in checkout.messages] == [
        ("unavailable", "/items"),
        ("out_of_stock", "/items/0"),
    ]
    changed = await floor.checkouts.change(ChangeCheckout(owner=owner, checkout_id=checkout.id))
    assert (changed.items, changed.messages) == (checkout.items, checkout.messages)


async def test_what_goes_out_of_sale_after_the_quote_is_sold_as_agreed(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant()
    owner = await floor.guest((lamp, 1), (bulb, 1))
    checkout = await floor.open(owner)
    await floor.withdraw(lamp)
    done = await floor.complete(owner, checkout.id, CASH)
    order = await floor.order(done.order.id)
    assert ([line.sku for line in order.items], order.totals) == ([lamp.sku, bulb.sku], checkout.totals)


async def test_what_goes_out_of_sale_before_a_quote_is_renewed_is_told_with_the_new_facts(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant()
    owner = await floor.guest((lamp, 1), (bulb, 1))
    checkout = await floor.open(owner)
    await floor.withdraw(lamp)
    await run_out(floor, checkout.id)
    with pytest.raises(PriceChanged) as changed:
        await floor.complete(owner, checkout.id, CASH)
    told = changed.value.facts["checkout"]
    assert ([line["sku"] for line in told["items"]], told["totals"]["subtotal"]["amount"]) == ([bulb.sku], PRICE)
    assert [each["code"] for each in told["messages"]] == ["unavailable"]


async def test_a_cart_of_nothing_that_is_sold_cannot_be_checked_out(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    await floor.withdraw(lamp)
    with pytest.raises(EmptyCart):
        await floor.open(owner)


async def test_a_declined_card_gives_everything_back_and_the_checkout_is_open(floor: Floor):
    lamp, code = await floor.variant(stock=10), await floor.coupon(limit_total=1)
    owner = await floor.guest((lamp, 2))
    checkout = await floor.open(owner, coupon_codes=[code])
    with pytest.raises(PaymentDeclined):
        await floor.complete(owner, checkout.id, await floor.card(DECLINED))
    seen = await floor.seen(owner, checkout.id)
    assert (seen.status, seen.failure, await floor.stock(lamp)) == ("open", "payment_declined", (10, 0, 10))
    done = await floor.complete(owner, checkout.id, await floor.card())
    assert (done.status, done.totals.discount.amount, await counted(floor, checkout.id)) == (
        "completed",
        PRICE * 2 // 10,
        (1, 1),
    )


async def test_the_last_unit_sold_to_another_is_out_of_stock(floor: Floor):
    lamp = await floor.variant(stock=1)
    owners = [await floor.guest((lamp, 1)) for _ in range(2)]
    checkouts = [await floor.open(owner) for owner in owners]
    await floor.complete(owners[0], checkouts[0].id, CASH)
    with pytest.raises(OutOfStock) as refused:
        await floor.complete(owners[1], checkouts[1].id, await floor.card())
    assert (refused.value.facts["sku"], refused.value.facts["available"]) == (lamp.sku, 0)
    assert ((await floor.seen(owners[1], checkouts[1].id)).status, await floor.books(checkouts[1].id)) == ("open", [])


async def waiting(floor: Floor) -> tuple[Owner, Any, Any]:
    """A guest whose card waits for an answer on the provider's page: owner, checkout, variant."""
    lamp = await floor.variant(stock=10)
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner)
    told = await floor.complete(owner, checkout.id, await floor.card(CHALLENGED))
    assert (told.status, await floor.stock(lamp)) == ("requires_action", (10, 1, 9))
    return owner, told, lamp


async def test_a_waiting_payment_goes_on_by_the_event(floor: Floor):
    _owner, checkout, lamp = await waiting(floor)
    await floor.act(checkout.action.url, "approve")
    attempt_id = await attempt_of(floor, checkout.id)
    await floor.payments.of_attempt(AttemptPayment(attempt_id=attempt_id))
    await floor.deliver("checkout", "payments", attempt_id)
    status = await floor.value("SELECT status FROM checkout.checkouts WHERE id = $1", checkout.id)
    assert (status, await counted(floor, checkout.id), await floor.stock(lamp)) == ("completed", (1, 1), (9, 0, 9))


async def test_a_waiting_payment_goes_on_when_the_shopper_looks(floor: Floor):
    owner, checkout, _ = await waiting(floor)
    assert (await floor.seen(owner, checkout.id)).action == checkout.action
    await floor.act(checkout.action.url, "approve")
    seen = await floor.seen(owner, checkout.id)
    assert (seen.status, seen.action, await counted(floor, checkout.id)) == ("completed", None, (1, 1))


async def test_a_completed_checkout_has_emptied_its_cart_and_the_next_holds_the_next_thing_only(floor: Floor):
    lamp, bulb = await floor.variant(), await floor.variant()
    owner = await floor.guest((lamp, 2))
    await floor.complete(owner, (await floor.open(owner)).id, CASH)
    await floor.put(owner, (bulb, 1))
    assert [(line.sku, line.quantity) for line in (await floor.open(owner)).items] == [(bulb.sku, 1)]


async def test_units_added_while_the_shopper_pays_stay_in_the_cart(floor: Floor):
    owner, checkout, lamp = await waiting(floor)
    await floor.put(owner, (lamp, 3))
    await floor.act(checkout.action.url, "approve")
    seen, cart = await floor.seen(owner, checkout.id), await floor.cart.contents(ViewCart(owner=owner))
    assert (seen.status, [line.quantity for line in cart.lines]) == ("completed", [3])


async def test_a_payment_that_is_declined_or_given_up_leaves_the_cart_as_it_is(floor: Floor):
    owner, checkout, _ = await waiting(floor)
    await floor.checkouts.cancel(CheckoutRef(owner=owner, checkout_id=checkout.id))
    with pytest.raises(PaymentDeclined):
        await floor.complete(owner, (await floor.open(owner)).id, await floor.card(DECLINED))
    assert [line.quantity for line in (await floor.cart.contents(ViewCart(owner=owner))).lines] == [1]


async def test_a_waiting_payment_goes_on_by_the_sweep(floor: Floor):
    _owner, checkout, _ = await waiting(floor)
    await floor.act(checkout.action.url, "approve")
    await sweep(floor, checkout.id)
    assert await counted(floor, checkout.id) == (1, 1)


async def test_many_lookers_at_once_make_one_order(floor: Floor):
    owner, checkout, _ = await waiting(floor)
    await floor.act(checkout.action.url, "approve")
    await outcomes([floor.seen(owner, checkout.id) for _ in range(10)])
    assert ((await floor.seen(owner, checkout.id)).status, await counted(floor, checkout.id)) == ("completed", (1, 1))


async def test_a_payment_turned_down_by_the_shopper_opens_the_checkout(floor: Floor):
    owner, checkout, lamp = await waiting(floor)
    await floor.act(checkout.action.url, "decline")
    seen = await floor.seen(owner, checkout.id)
    assert (seen.status, seen.failure, await floor.stock(lamp)) == ("open", "payment_declined", (10, 0, 10))


async def test_a_new_key_gives_the_waiting_payment_up(floor: Floor):
    owner, checkout, lamp = await waiting(floor)
    done = await floor.complete(owner, checkout.id, await floor.card())
    states = sorted(row["state"] for row in await floor.books(checkout.id))
    assert (done.status, states, await floor.stock(lamp)) == ("completed", ["authorized", "voided"], (9, 0, 9))


async def test_another_way_to_pay_waits_for_who_just_looks_after_the_first(floor: Floor):
    owner, checkout, lamp = await waiting(floor)
    store = CheckoutStore(floor.database)
    (looked_after,) = await store.lease([await attempt_of(floor, checkout.id)], 0.2)
    done = await floor.complete(owner, checkout.id, await floor.card())
    states = sorted(row["state"] for row in await floor.books(checkout.id))
    assert (done.status, states, await floor.stock(lamp)) == ("completed", ["authorized", "voided"], (9, 0, 9))
    assert (await store.attempt(looked_after.attempt_id)).state == "failed"


async def sold_already(floor: Floor) -> tuple[Owner, Any, Any]:
    """A waiting payment that was made; its driver died when the units were sold, and before anybody heard of it."""
    owner, checkout, lamp = await waiting(floor)
    await floor.act(checkout.action.url, "approve")
    await floor.inventory.commit(AttemptRef(attempt_id=await attempt_of(floor, checkout.id)))
    return owner, checkout, lamp


async def test_who_pays_anew_what_was_paid_and_sold_is_told_the_order(floor: Floor):
    owner, checkout, lamp = await sold_already(floor)
    done = await floor.complete(owner, checkout.id, await floor.card())
    assert (done.status, await counted(floor, checkout.id), await floor.stock(lamp)) == ("completed", (1, 1), (9, 0, 9))


async def test_who_cancels_what_was_paid_and_sold_is_told_that_it_is_completed(floor: Floor):
    owner, checkout, _ = await sold_already(floor)
    with pytest.raises(CheckoutStateError) as refused:
        await floor.checkouts.cancel(CheckoutRef(owner=owner, checkout_id=checkout.id))
    assert (refused.value.facts, await counted(floor, checkout.id)) == ({"state": "completed"}, (1, 1))


async def test_canceling_gives_the_waiting_payment_up(floor: Floor):
    owner, checkout, lamp = await waiting(floor)
    canceled = await floor.checkouts.cancel(CheckoutRef(owner=owner, checkout_id=checkout.id))
    assert (canceled.status, [row["state"] for row in await floor.books(checkout.id)]) == ("canceled", ["voided"])
    assert await floor.stock(lamp) == (10, 0, 10)


async def test_upi_waits_for_the_shopper_too(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    told = await floor.complete(owner, checkout.id, UpiMethod(flow="qr"))
    await floor.act(told.action.url, "approve")
    assert (told.action.type, (await floor.seen(owner, checkout.id)).status) == ("upi_qr", "completed")


async def test_the_same_key_tells_the_same_order(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, card, key = await floor.open(owner), await floor.card(), new_id("key")
    first, again = [await floor.complete(owner, checkout.id, card, key) for _ in range(2)]
    assert (again.order, again.status, await counted(floor, checkout.id)) == (first.order, "completed", (1, 1))


async def test_another_key_on_a_completed_checkout_tells_the_order_too(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    first, again = [await floor.complete(owner, checkout.id, await floor.card()) for _ in range(2)]
    assert (again.order, await counted(floor, checkout.id)) == (first.order, (1, 1))


async def test_the_same_key_opens_the_same_checkout_though_its_order_has_emptied_the_cart(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    key = Idempotency(account="guest", key=new_id("key"), fingerprint="open")
    opened = await floor.open(owner, email="asha@example.com", idempotency=key)
    await floor.complete(owner, opened.id, CASH)
    assert await floor.open(owner, email="asha@example.com", idempotency=key) == opened
    with pytest.raises(EmptyCart):
        await floor.open(owner, idempotency=Idempotency(account="guest", key=new_id("key"), fingerprint="open"))


async def test_the_same_key_is_refused_again(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, card, key = await floor.open(owner), await floor.card(DECLINED), new_id("key")
    facts = []
    for _ in range(2):
        with pytest.raises(PaymentDeclined) as refused:
            await floor.complete(owner, checkout.id, card, key)
        facts.append((refused.value.detail, refused.value.facts))
    assert (facts[0] == facts[1], len(await floor.books(checkout.id))) == (True, 1)


async def test_the_same_key_tells_the_same_action(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, card, key = await floor.open(owner), await floor.card(CHALLENGED), new_id("key")
    first, again = [await floor.complete(owner, checkout.id, card, key) for _ in range(2)]
    assert (again.status, again.action, len(await floor.books(checkout.id))) == ("requires_action", first.action, 1)


async def test_the_same_key_tells_that_its_payment_was_given_up_for_another(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, card, key = await floor.open(owner), await floor.card(CHALLENGED), new_id("key")
    await floor.complete(owner, checkout.id, card, key)
    await floor.complete(owner, checkout.id, CASH)
    with pytest.raises(DomainError) as refused:
        await floor.complete(owner, checkout.id, card, key)
    assert (refused.value.status, refused.value.code) == (402, "payment_abandoned")


async def test_another_body_under_the_key_is_a_conflict(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, key = await floor.open(owner), new_id("key")
    await floor.complete(owner, checkout.id, CASH, key)
    with pytest.raises(IdempotencyConflict):
        await floor.complete(owner, checkout.id, await floor.card(), key)


async def test_another_checkout_under_the_key_is_a_conflict(floor: Floor):
    owner, key = await floor.guest((await floor.variant(), 1)), new_id("key")
    first, second = await floor.open(owner), await floor.open(owner)
    found = await outcomes([floor.complete(owner, each.id, CASH, key) for each in (first, second)])
    assert sorted(str(each) for each in found if isinstance(each, str)) == ["idempotency_conflict"]


async def test_the_same_key_while_it_runs_is_in_flight(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    ask = floor.asked(owner, checkout.id, CASH)
    assert await CheckoutStore(floor.database).claim(ask, owner_key(owner), None, 60)
    with pytest.raises(IdempotencyInFlight):
        await floor.checkouts.complete(ask)
    with pytest.raises(CheckoutStateError):
        await floor.complete(owner, checkout.id, CASH)


async def test_completing_twenty_times_at_once_is_one_order(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout, card = await floor.open(owner), await floor.card()
    found = await outcomes([floor.complete(owner, checkout.id, card) for _ in range(20)])
    assert {each for each in found if isinstance(each, str)} <= {"checkout_state"}
    assert len({each.order.id for each in found if not isinstance(each, str)}) == 1
    assert await counted(floor, checkout.id) == (1, 1)


async def test_a_coupon_for_one_is_used_once(floor: Floor):
    lamp, code = await floor.variant(stock=10), await floor.coupon(limit_total=1)
    owners = [await floor.guest((lamp, 1)) for _ in range(6)]
    checkouts = [await floor.open(owner, coupon_codes=[code]) for owner in owners]
    asks = [floor.complete(owner, checkout.id, CASH) for owner, checkout in zip(owners, checkouts, strict=True)]
    found = await outcomes(asks)
    assert sorted(str(getattr(each, "status", each)) for each in found) == ["completed"] + [CouponRefused.code] * 5
    assert await floor.stock(lamp) == (9, 0, 9)


async def test_only_coupons_that_took_something_off_are_used_up(floor: Floor):
    lamp = await floor.variant()
    limits: list[dict[str, Any]] = [
        {"combinable": True},
        {"combinable": True, "minimum_minor": PRICE * 9},
        {"combinable": False},
        {"combinable": True, "category": "elsewhere"},
        {"combinable": True, "limit_per_user": 1},
    ]
    codes = [await floor.coupon(limit_total=1, **each) for each in limits]
    owner = await floor.guest((lamp, 1))
    checkout = await floor.open(owner, coupon_codes=[*codes, "NO-SUCH"])
    assert [each.code for each in checkout.messages] == [
        "coupon_minimum",
        "coupon_not_combinable",
        "coupon_no_matching_items",
        "coupon_sign_in",
        "coupon_unknown",
    ]
    done = await floor.complete(owner, checkout.id, CASH)
    used = [await floor.value("SELECT used FROM promotions.coupons WHERE code = $1", code) for code in codes]
    assert (done.totals.discount.amount, used) == (PRICE // 10, [1, 0, 0, 0, 0])
    kept = "SELECT body -> 'coupon_codes' FROM orders.orders WHERE id = $1"
    assert await floor.value(kept, done.order.id) == codes[:1]


async def test_a_quote_that_older_code_has_frozen_uses_all_its_coupons_up(floor: Floor):
    code = await floor.coupon(limit_total=1)
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner, coupon_codes=[code])
    await floor.rows(
        "UPDATE checkout.checkouts SET quote = (quote::jsonb - 'applied')::json WHERE id = $1", checkout.id
    )
    await floor.complete(owner, checkout.id, CASH)
    assert await floor.value("SELECT used FROM promotions.coupons WHERE code = $1", code) == 1


async def test_a_denied_order_takes_nothing(floor: Floor):
    lamp = await floor.variant(stock=200, amount=PRICE * 10)
    owner = await floor.guest((lamp, 120))
    elsewhere = msgspec.structs.replace(ADDRESS, postal_code="110001")
    checkout = await floor.open(owner, email=f"{new_id('x')}@mailinator.com", billing_address=elsewhere)
    with pytest.raises(CheckoutRefused) as refused:
        await floor.complete(owner, checkout.id, CASH)
    assert (refused.value.facts, await floor.stock(lamp)) == ({}, (200, 0, 200))
    assert await counted(floor, checkout.id) == (0, 0)


async def test_what_is_missing_is_told_all_at_once(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner, email=None, shipping_address=None)
    with pytest.raises(CheckoutIncomplete) as refused:
        await floor.complete(owner, checkout.id, CASH)
    assert [each["pointer"] for each in refused.value.facts["requirements"]] == ["/email", "/shipping_address"]


async def test_an_empty_cart_cannot_be_checked_out(floor: Floor):
    with pytest.raises(EmptyCart):
        await floor.open(Owner(user_id=new_id("usr")))


async def test_nobody_cannot_check_out(floor: Floor):
    with pytest.raises(Unauthenticated):
        await floor.open(Owner())


async def test_a_strangers_checkout_is_not_found(floor: Floor):
    checkout = await floor.open(await floor.guest((await floor.variant(), 1)))
    stranger = Owner(user_id=new_id("usr"))
    ref = CheckoutRef(owner=stranger, checkout_id=checkout.id)
    asks = [floor.checkouts.checkout(ref), floor.checkouts.cancel(ref), floor.complete(stranger, checkout.id, CASH)]
    asks.append(floor.checkouts.change(ChangeCheckout(owner=stranger, checkout_id=checkout.id, email="x@example.com")))
    assert await outcomes(asks) == [NotFound.code] * 4


async def test_canceling_twice_is_once(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    ref = CheckoutRef(owner=owner, checkout_id=(await floor.open(owner)).id)
    assert [(await floor.checkouts.cancel(ref)).status for _ in range(2)] == ["canceled"] * 2
    told = await floor.rows("SELECT name FROM checkout.outbox WHERE key = $1", ref.checkout_id)
    assert told == [("checkout.CheckoutAbandoned",)]
    with pytest.raises(CheckoutStateError):
        await floor.complete(owner, ref.checkout_id, CASH)


async def test_canceling_five_times_at_once_is_once(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    ref = CheckoutRef(owner=owner, checkout_id=(await floor.open(owner)).id)
    canceled = await outcomes([floor.checkouts.cancel(ref) for _ in range(5)])
    assert [getattr(each, "status", each) for each in canceled] == ["canceled"] * 5
    told = "SELECT count(*) FROM checkout.outbox WHERE key = $1"
    assert await floor.value(told, ref.checkout_id) == 1


async def test_a_cart_that_begins_anew_under_its_old_token_can_be_ordered_again(floor: Floor):
    lamp = await floor.variant()
    owner = await floor.guest((lamp, 1))
    await floor.complete(owner, (await floor.open(owner)).id, CASH)
    await floor.cart.merge(MergeCarts(user_id=new_id("usr"), token=owner.token or ""))
    again = await floor.put(owner, (lamp, 1))
    done = await floor.complete(again, (await floor.open(again)).id, CASH)
    assert (again, done.status) == (owner, "completed")


async def test_the_guest_finds_the_order_by_the_carts_token(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    done = await floor.complete(owner, (await floor.open(owner)).id, CASH)
    assert (await floor.orders.order(OrderOf(order=done.order.id, cart_token=owner.token))).number == done.order.number


async def test_money_that_comes_after_the_end_goes_back(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner)
    with pytest.raises(PaymentDeclined):
        await floor.complete(owner, checkout.id, await floor.card(DECLINED))
    attempt_id = await attempt_of(floor, checkout.id)
    query = "SELECT void_reason FROM payments.payments WHERE attempt_id = $1"
    await floor.rows("UPDATE payments.payments SET void_reason = NULL WHERE attempt_id = $1", attempt_id)
    late = PaymentAuthorized(
        payment_id="pay_1", attempt_id=attempt_id, checkout_id=checkout.id, amount=checkout.totals.total
    )
    await floor.house.service("checkout").payments_moved(Batch([late]))
    assert (await floor.value(query, attempt_id), await counted(floor, checkout.id)) == ("late authorisation", (0, 0))
