"""The checkout as a client meets it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from haat.kit.ids import new_id
from tests.services.shopfloor import ADDRESS, CHALLENGED, DECLINED, PRICE, Floor

WHERE = msgspec.to_builtins(ADDRESS)
CASH = {"payment": {"method": "cod"}}


@pytest.fixture
async def guest(floor: Floor) -> dict[str, str]:
    """The headers of a guest with a lamp in the cart."""
    return {"Cart-Token": (await floor.guest((await floor.variant(), 1))).token or ""}


async def opened(shopfront, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"email": "asha@example.com", "shipping_address": WHERE, **more}
    answer = await shopfront.post("/v1/checkouts", headers=headers, json=body)
    assert answer.status_code == 201
    return answer.json()


async def complete(shopfront, headers: dict[str, str], checkout: dict[str, Any], body: Any, key: str | None = None):
    keyed = {**headers, "Idempotency-Key": key or new_id("key")}
    return await shopfront.post(f"/v1/checkouts/{checkout['id']}/complete", headers=keyed, json=body)


async def by_card(floor: Floor, number: str = "4242424242424242") -> dict[str, Any]:
    return {"payment": {"method": "card", "token": (await floor.card(number)).token}}


async def test_opening_answers_201_with_the_whole_quote(shopfront, guest):
    body = await opened(shopfront, guest)
    totals = body["totals"]
    assert (body["status"], body["requirements"], totals["subtotal"]) == (
        "open",
        [],
        {"amount": PRICE, "currency": "INR"},
    )
    assert totals["total"]["amount"] == PRICE + totals["shipping"]["amount"]
    assert [line["title"] for line in totals["tax_lines"]] == ["CGST", "SGST"]
    assert {"id", "title", "price", "delivery_date"} <= body["shipping_options"][0].keys()


async def test_what_is_missing_is_told_and_can_follow(shopfront, guest):
    first = (await shopfront.post("/v1/checkouts", headers=guest, json={})).json()
    path = f"/v1/checkouts/{first['id']}"
    body = {"email": "asha@example.com", "shipping_address": WHERE}
    changed = await shopfront.patch(path, headers=guest, json=body)
    assert [each["pointer"] for each in first["requirements"]] == ["/email", "/shipping_address"]
    assert (changed.status_code, changed.json()["requirements"]) == (200, [])


@pytest.mark.parametrize("typed", ["asha@example.com.", "asha@example..com", "asha.@example.com", ".asha@example.com"])
async def test_an_address_that_no_mail_comes_to_is_refused(shopfront, guest, typed: str):
    answer = await shopfront.post("/v1/checkouts", headers=guest, json={"email": typed})
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/email"])


async def test_completing_answers_200_with_the_order(shopfront, floor, guest):
    checkout = await opened(shopfront, guest)
    answer = await complete(shopfront, guest, checkout, await by_card(floor))
    body = answer.json()
    order = await floor.order(body["order"]["id"])
    assert (answer.status_code, body["status"], body["order"]["number"]) == (200, "completed", order.number)


async def test_a_waiting_payment_answers_202_with_the_action(shopfront, floor, guest):
    checkout = await opened(shopfront, guest)
    answer = await complete(shopfront, guest, checkout, await by_card(floor, CHALLENGED))
    action = answer.json()["action"]
    assert (answer.status_code, answer.json()["status"]) == (202, "requires_action")
    await floor.act(action["url"], "approve")
    seen = await shopfront.get(f"/v1/checkouts/{checkout['id']}", headers=guest)
    assert (seen.status_code, seen.json()["status"]) == (200, "completed")


async def test_a_guest_who_signs_in_while_the_payment_waits_follows_it(shopfront, floor, guest, people):
    checkout = await opened(shopfront, guest)
    answer = await complete(shopfront, guest, checkout, await by_card(floor, CHALLENGED))
    await floor.act(answer.json()["action"]["url"], "approve")
    _, signed_in = await people()
    seen = [
        await shopfront.get(f"/v1/checkouts/{checkout['id']}", headers=headers)
        for headers in ({**guest, **signed_in}, signed_in)
    ]
    assert [each.status_code for each in seen] == [200, 404]
    assert seen[0].json()["status"] == "completed"


async def test_a_declined_card_answers_402_and_the_checkout_is_open(shopfront, floor, guest):
    checkout = await opened(shopfront, guest)
    answer = await complete(shopfront, guest, checkout, await by_card(floor, DECLINED))
    seen = await shopfront.get(f"/v1/checkouts/{checkout['id']}", headers=guest)
    assert (answer.status_code, answer.json()["code"]) == (402, "payment_declined")
    assert (seen.json()["status"], seen.json()["failure"]) == ("open", "payment_declined")


async def test_sold_out_answers_409_with_what_is_left(shopfront, floor):
    lamp = await floor.variant(stock=1)
    first, second = [{"Cart-Token": (await floor.guest((lamp, 1))).token or ""} for _ in range(2)]
    checkouts = [await opened(shopfront, headers) for headers in (first, second)]
    await complete(shopfront, first, checkouts[0], CASH)
    answer = await complete(shopfront, second, checkouts[1], CASH)
    body = answer.json()
    assert (answer.status_code, body["code"], body["sku"], body["available"]) == (409, "out_of_stock", lamp.sku, 0)


async def test_a_changed_price_answers_409_with_the_new_facts(shopfront, floor):
    lamp = await floor.variant()
    headers = {"Cart-Token": (await floor.guest((lamp, 1))).token or ""}
    checkout = await opened(shopfront, headers)
    await floor.price(lamp, PRICE * 2)
    await floor.rows("UPDATE checkout.checkouts SET expires_at = now() WHERE id = $1", checkout["id"])
    answer = await complete(shopfront, headers, checkout, CASH)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, "price_changed")
    assert body["checkout"]["totals"]["subtotal"]["amount"] == PRICE * 2


async def test_an_incomplete_checkout_answers_422_with_the_requirements(shopfront, guest):
    checkout = (await shopfront.post("/v1/checkouts", headers=guest, json={})).json()
    answer = await complete(shopfront, guest, checkout, CASH)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "checkout_incomplete")
    assert [each["pointer"] for each in body["requirements"]] == ["/email", "/shipping_address"]


async def test_completing_needs_an_idempotency_key(shopfront, guest):
    checkout = await opened(shopfront, guest)
    answer = await shopfront.post(f"/v1/checkouts/{checkout['id']}/complete", headers=guest, json=CASH)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_the_same_key_answers_the_same_and_says_so(shopfront, floor, guest):
    checkout, body, key = await opened(shopfront, guest), await by_card(floor), new_id("key")
    first, again = [await complete(shopfront, guest, checkout, body, key) for _ in range(2)]
    assert (again.status_code, again.json()["order"]) == (200, first.json()["order"])
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")


async def test_a_refusal_is_answered_again_under_its_key(shopfront, floor, guest):
    checkout, body, key = await opened(shopfront, guest), await by_card(floor, DECLINED), new_id("key")
    answers = [await complete(shopfront, guest, checkout, body, key) for _ in range(2)]
    told = [(answer.status_code, answer.json()["code"], answer.json()["decline_code"]) for answer in answers]
    assert (told[0] == told[1], told[0][:2]) == (True, (402, "payment_declined"))


async def test_another_body_under_the_key_answers_422(shopfront, floor, guest):
    checkout, key = await opened(shopfront, guest), new_id("key")
    await complete(shopfront, guest, checkout, CASH, key)
    answer = await complete(shopfront, guest, checkout, await by_card(floor), key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")


async def test_an_empty_cart_answers_409(shopfront):
    headers = {"Cart-Token": (await shopfront.get("/v1/cart")).headers["Cart-Token"]}
    answer = await shopfront.post("/v1/checkouts", headers=headers, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "empty_cart")


async def test_nobody_answers_401(shopfront, guest):
    checkout = await opened(shopfront, guest)
    path = f"/v1/checkouts/{checkout['id']}"
    answers = [
        await shopfront.post("/v1/checkouts", json={}),
        await shopfront.get(path),
        await shopfront.patch(path, json={}),
        await shopfront.post(f"{path}/cancel"),
        await complete(shopfront, {}, checkout, CASH),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5


async def test_a_strangers_checkout_answers_404(shopfront, floor, guest):
    checkout = await opened(shopfront, guest)
    stranger = {"Cart-Token": (await floor.guest((await floor.variant(), 1))).token or ""}
    path = f"/v1/checkouts/{checkout['id']}"
    answers = [
        await shopfront.get(path, headers=stranger),
        await shopfront.patch(path, headers=stranger, json={"email": "x@example.com"}),
        await shopfront.post(f"{path}/cancel", headers=stranger),
        await complete(shopfront, stranger, checkout, CASH),
        await shopfront.get(f"/v1/checkouts/{new_id('chk')}", headers=guest),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"total": 1}, ["/total"]),
        ({"email": "nobody", "coupon_codes": [""], "price": 1}, ["/coupon_codes/0", "/email", "/price"]),
        (
            {"email": 5, "shipping_address": {**WHERE, "postal_code": "", "country": "india"}},
            ["/email", "/shipping_address/country", "/shipping_address/postal_code"],
        ),
    ],
)
async def test_a_senseless_opening_answers_422_with_every_fault(shopfront, guest, body, pointers):
    answer = await shopfront.post("/v1/checkouts", headers=guest, json=body)
    assert (answer.status_code, sorted(error["pointer"] for error in answer.json()["errors"])) == (422, pointers)


async def test_a_zero_character_in_an_address_answers_422(shopfront, guest):
    body = {"email": "a@example.com", "shipping_address": {**WHERE, "name": "A\0B"}}
    answer = await shopfront.post("/v1/checkouts", headers=guest, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (422, "holds a zero character")


@pytest.mark.parametrize(
    ("payment", "pointers"),
    [
        ({"method": "card"}, ["/payment/token"]),
        ({"method": "bitcoin"}, ["/payment/method"]),
        (
            {"method": "upi", "vpa": "x", "flow": "push", "amount": 1},
            ["/payment/amount", "/payment/flow", "/payment/vpa"],
        ),
    ],
)
async def test_a_senseless_payment_answers_422_with_every_fault(shopfront, guest, payment, pointers):
    checkout = await opened(shopfront, guest)
    answer = await complete(shopfront, guest, checkout, {"payment": payment})
    assert (answer.status_code, sorted(error["pointer"] for error in answer.json()["errors"])) == (422, pointers)


async def test_the_same_key_opens_one_checkout(shopfront, guest):
    headers, body = {**guest, "Idempotency-Key": new_id("key")}, {"email": "asha@example.com"}
    first, again = [await shopfront.post("/v1/checkouts", headers=headers, json=body) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_canceled_checkout_cannot_be_completed(shopfront, guest):
    checkout = await opened(shopfront, guest)
    canceled = await shopfront.post(f"/v1/checkouts/{checkout['id']}/cancel", headers=guest)
    answer = await complete(shopfront, guest, checkout, CASH)
    body = answer.json()
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert (answer.status_code, body["code"], body["status"], body["state"]) == (409, "checkout_state", 409, "canceled")


async def test_parked_checkouts_are_for_staff_only(shopfront, guest):
    asks = [shopfront.get("/v1/parked-checkouts", headers=guest)]
    asks.append(shopfront.get("/v1/parked-checkouts/att_1", headers=guest))
    asks.append(shopfront.post("/v1/parked-checkouts/go-on", headers=guest, json={"attempt_ids": ["att_1"]}))
    assert [(await ask).status_code for ask in asks] == [401, 401, 401]


@pytest.mark.parametrize(
    "back", ["javascript:alert(1)", "//shop.example/back", "https:///back", "https://a b", "https://[", "https://[x]/b"]
)
async def test_a_place_to_return_to_that_is_no_address_of_the_web_is_refused(shopfront, guest, back: str):
    checkout = await opened(shopfront, guest)
    refused = await complete(shopfront, guest, checkout, CASH | {"return_url": back})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/return_url")


async def test_a_way_to_send_it_is_a_short_name(shopfront, guest):
    body = {"shipping_method": "x" * 101}
    checkout = await opened(shopfront, guest)
    answers = [
        await shopfront.post("/v1/checkouts", headers=guest, json=body),
        await shopfront.patch(f"/v1/checkouts/{checkout['id']}", headers=guest, json=body),
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
