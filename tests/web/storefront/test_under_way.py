"""A payment that is under way, or was made meanwhile, is never forgotten by the checkout's page."""

from __future__ import annotations

import msgspec

from haat.contracts.checkout import CheckoutRef, CheckoutStateError, Complete
from tests.web.storefront.conftest import Visitor
from tests.web.storefront.test_pages import FIELDS, buy

SLOW = {"payment": "card", "card_token": "tok_1"}


def bank_thinks(visitor: Visitor) -> None:
    """The provider works on the payment of the first checkout, and nobody has to do anything."""
    stored = visitor.behind.checkout.stored
    stored["chk_0"] = msgspec.structs.replace(stored["chk_0"], status="completing", action=None)


def refuse(visitor: Visitor) -> None:
    """Another checkout of this cart is being paid."""

    async def complete(ask: Complete) -> None:
        raise CheckoutStateError("Another checkout of this cart is being paid")

    visitor.behind.checkout.complete = complete  # type: ignore[method-assign, assignment]


async def test_a_checkout_at_the_bank_is_not_begun_anew(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="upi")
    bank_thinks(visitor)
    back = await visitor.see("/checkout")
    assert (back.status_code, back.headers["Location"]) == (303, "/checkout/chk_0/payment")


async def test_an_old_tab_pays_nothing_while_the_bank_thinks(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="upi")
    bank_thinks(visitor)
    again = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod", "seen_total": "4604800"})
    assert (again.status_code, again.headers["Location"]) == (303, "/checkout/chk_0/payment")
    assert len(visitor.behind.checkout.completed) == 1


async def test_while_the_bank_thinks_no_other_way_to_pay_is_offered(visitor: Visitor):
    await visitor.take_laptop()
    waiting = await visitor.see((await buy(visitor, payment="upi")).headers["Location"])
    bank_thinks(visitor)
    thinking = await visitor.see("/checkout/chk_0/payment")
    assert ("Pay another way" in waiting.text, "Pay another way" in thinking.text) == (True, False)


async def test_who_bought_something_else_meanwhile_is_not_kept_from_it(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="upi")
    bank_thinks(visitor)
    await visitor.send("/cart/items", product="brass-lamp", o__Size="S", quantity="1")
    assert (await visitor.see("/checkout")).status_code == 200


async def test_who_paid_in_another_app_is_thanked_by_the_checkout(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="upi")
    visitor.behind.checkout.act("chk_0")
    back = await visitor.see("/checkout")
    thanks = await visitor.see(back.headers["Location"])
    assert (back.headers["Location"], thanks.headers["Location"]) == (
        "/checkout/chk_0/payment",
        "/orders/ord_0/thanks",
    )


async def test_who_was_thanked_by_the_script_begins_the_next_checkout(visitor: Visitor):
    await visitor.take_laptop()
    paying = (await buy(visitor, payment="upi")).headers["Location"]
    visitor.behind.checkout.act("chk_0")
    await visitor.see(paying, **{"HX-Request": "true"})
    await visitor.take_laptop()
    assert (await visitor.see("/checkout")).status_code == 200


async def test_a_cart_that_is_paid_elsewhere_is_not_said_to_cost_nothing(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="card", card_token="decline-1")
    refuse(visitor)
    sent = await visitor.send("/checkout", **{**FIELDS, **SLOW, "do": "place", "seen_total": "4604800"})
    page = await visitor.see((await visitor.see(sent.headers["Location"])).headers["Location"])
    assert ("in another window or on another device" in page.text, "Nothing was charged" in page.text) == (True, False)


async def test_a_session_that_ended_leads_to_the_door_and_back(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    await visitor.see("/checkout")
    for name in ("haat_access", "haat_refresh"):
        visitor.client.cookies.delete(name)
    sent = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod"})
    seen = await visitor.see("/checkout")
    assert (sent.headers["Location"], seen.headers["Location"]) == ("/sign-in?next=/checkout",) * 2


async def test_a_payment_that_moves_on_while_it_is_withdrawn_is_looked_at(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="upi")

    async def cancel(ask: CheckoutRef) -> None:
        raise CheckoutStateError(state="requires_action")

    visitor.behind.checkout.cancel = cancel  # type: ignore[method-assign, assignment]
    sent = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod"})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/checkout/chk_0/payment")
