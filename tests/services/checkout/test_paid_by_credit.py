"""A checkout paid by gift cards: alone or before another method, and never stored with its code."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from haat.contracts.checkout import ContactOf
from haat.contracts.payments import GiftCardOf, IssueGiftCard, digest
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from tests.services.shopfloor import ADDRESS, Floor


async def gift(floor: Floor, amount: int) -> Any:
    return await floor.payments.issue_gift_card(IssueGiftCard(amount=Money(amount), actor="usr_staff"))


async def left(floor: Floor, card: Any) -> int:
    return (await floor.payments.gift_card(GiftCardOf(code=card.code))).balance.amount


async def bought(shopfront, floor: Floor, payment: dict[str, Any]) -> tuple[int, dict[str, Any], int]:
    """Status, answer and total of a guest's checkout of one lamp."""
    guest = {"Cart-Token": (await floor.guest((await floor.variant(), 1))).token or ""}
    body = {"email": "asha@example.com", "shipping_address": msgspec.to_builtins(ADDRESS)}
    checkout = (await shopfront.post("/v1/checkouts", headers=guest, json=body)).json()
    keyed = {**guest, "Idempotency-Key": new_id("key")}
    path = f"/v1/checkouts/{checkout['id']}/complete"
    answers = [await shopfront.post(path, headers=keyed, json={"payment": payment}) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code
    return answers[0].status_code, answers[0].json(), checkout["totals"]["total"]["amount"]


async def test_gift_card_first_and_the_rest_by_card(shopfront, floor: Floor):
    card = await gift(floor, 100_000)
    payment = {"method": "card", "token": (await floor.card()).token, "gift_cards": [card.code]}
    status, body, total = await bought(shopfront, floor, payment)
    assert (status, body["status"], await left(floor, card)) == (200, "completed", 0)
    assert [row["amount"] for row in await floor.books(body["id"])] == [total - 100_000]
    await floor.taken(body["order"]["id"])
    order = await floor.order(body["order"]["id"])
    assert (order.payment.status, order.payment.captured) == ("paid", Money(total))
    kept = await floor.value(
        "SELECT string_agg(a::text, ' ') FROM checkout.attempts a WHERE checkout_id = $1", body["id"]
    )
    assert ("sha256:" in kept, card.code in kept, card.code.replace("-", "") in kept) == (True, False, False)


async def test_what_is_kept_of_a_code_does_not_pay(shopfront, floor: Floor):
    card = await gift(floor, 1_000_000)
    status, body, _ = await bought(shopfront, floor, {"method": "credit", "gift_cards": [digest(card.code)]})
    assert (status, body["decline_code"], await left(floor, card)) == (402, "gift_card_unknown", 1_000_000)


async def test_a_gift_card_alone_buys(shopfront, floor: Floor):
    card = await gift(floor, 1_000_000)
    status, body, total = await bought(shopfront, floor, {"method": "credit", "gift_cards": [card.code]})
    assert (status, await left(floor, card), await floor.books(body["id"])) == (200, 1_000_000 - total, [])
    await floor.taken(body["order"]["id"])
    assert (await floor.order(body["order"]["id"])).payment.status == "paid"


async def test_a_gift_card_for_all_of_it_leaves_no_cash_to_be_collected(shopfront, floor: Floor):
    card = await gift(floor, 1_000_000)
    status, body, total = await bought(shopfront, floor, {"method": "cod", "gift_cards": [card.code]})
    await floor.taken(body["order"]["id"])
    paid = (await floor.order(body["order"]["id"])).payment
    assert (status, paid.status, paid.captured, paid.summary) == (200, "paid", Money(total), "Gift card")


@pytest.mark.parametrize("code", ["insufficient_credit", "gift_card_unknown"])
async def test_a_gift_card_that_does_not_do_is_declined(shopfront, floor: Floor, code: str):
    card = await gift(floor, 100)
    shown = card.code if code == "insufficient_credit" else "0000-0000-0000-0000"
    status, body, _ = await bought(shopfront, floor, {"method": "credit", "gift_cards": [shown]})
    assert (status, body["code"], body["decline_code"]) == (402, "payment_declined", code)
    assert await left(floor, card) == 100


async def test_whom_to_tell_about_a_checkout_without_an_order(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    checkout = await floor.open(owner, email="late@example.com")
    contact = await floor.checkouts.contact(ContactOf(checkout_id=checkout.id))
    assert (contact.email, contact.name) == ("late@example.com", ADDRESS.name)
    with pytest.raises(NotFound):
        await floor.checkouts.contact(ContactOf(checkout_id="chk_none"))
