"""Orders as shoppers, guests and staff meet them over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from haat.contracts.orders import Order, OrderOf
from haat.kit.ids import new_id
from tests.services.shopfloor import PRICE, Floor

KEY = "Idempotency-Key"


def keyed(headers: dict[str, str], key: str | None = None) -> dict[str, str]:
    return {**headers, KEY: key or new_id("key")}


@pytest.fixture
async def asha(people) -> tuple[str, dict[str, str]]:
    """A shopper with an account."""
    return await people()


@pytest.fixture
async def finance(people) -> dict[str, str]:
    return (await people("finance"))[1]


@pytest.fixture
async def fulfilment(people) -> dict[str, str]:
    return (await people("fulfilment"))[1]


@pytest.fixture
async def order(floor: Floor, asha) -> Order:
    """Two lamps of hers, paid."""
    return await floor.bought((await floor.variant(), 2), user_id=asha[0])


async def test_the_owner_sees_the_order(shopfront, order, asha):
    answer = await shopfront.get(f"/v1/orders/{order.id}", headers=asha[1])
    body = answer.json()
    assert (answer.status_code, body["id"], body["number"], body["status"]) == (
        200,
        order.id,
        order.number,
        "confirmed",
    )
    assert body["payment"]["status"] == "paid"
    assert [entry["type"] for entry in body["timeline"]] == ["placed", "paid"]
    assert [item["quantity"] for item in body["items"]] == [2]


async def test_customers_read_neither_who_of_the_staff_acted_nor_the_reasons_they_typed(
    shopfront, floor, order, asha, finance, fulfilment
):
    await floor.parcel(order.id, "picked_up", "delivered")
    items = [{"item_id": order.items[0].id, "quantity": 1, "reason": "It is damaged"}]
    path = f"/v1/orders/{order.id}"
    back = (await shopfront.post(f"{path}/returns", headers=asha[1], json={"items": items})).json()["id"]
    why = {"reason": "It is worn"}
    await shopfront.post(f"/v1/returns/{back}/reject", headers=keyed(fulfilment), json=why)
    money = {"amount": {"amount": 100, "currency": "INR"}, "reason": "keep her quiet"}
    staff = (await shopfront.post(f"{path}/refunds", headers=keyed(finance), json=money)).json()
    hers = [(await shopfront.get(each, headers=asha[1])).json() for each in (path, "/v1/orders")]
    link = (await floor.orders.link(OrderOf(order=order.id, any_owner=True))).link
    by_link = (await shopfront.get(path, params={"token": link})).json()
    (rejected, paid_back) = staff["timeline"][-2:]
    assert (rejected["detail"], paid_back["detail"]) == ("It is worn", "keep her quiet")
    assert "" not in (rejected["actor"], paid_back["actor"])
    for seen in (hers[0], hers[1]["data"][0], by_link):
        assert [(each["type"], each["detail"], each["actor"]) for each in seen["timeline"][-2:]] == [
            ("return_rejected", "It is worn", ""),
            ("refunded", "Money sent back", ""),
        ]
        assert [(each["detail"], each["actor"]) for each in seen["returns"][0]["timeline"]] == [
            ("Return requested", ""),
            ("It is worn", ""),
        ]


async def test_a_customer_is_not_told_that_money_went_back_when_none_was_left(
    shopfront, floor, order, asha, finance, fulfilment
):
    await floor.parcel(order.id, "picked_up", "delivered")
    items = [{"item_id": order.items[0].id, "quantity": 1, "reason": "It is damaged"}]
    path = f"/v1/orders/{order.id}"
    back = (await shopfront.post(f"{path}/returns", headers=asha[1], json={"items": items})).json()["id"]
    money = {"amount": {"amount": order.totals.total.amount, "currency": "INR"}, "reason": "goodwill"}
    await shopfront.post(f"{path}/refunds", headers=keyed(finance), json=money)
    await shopfront.post(f"/v1/returns/{back}/receive", headers=keyed(fulfilment), json={"restock": True})
    (seen,) = (await shopfront.get(path, headers=asha[1])).json()["returns"]
    assert seen["timeline"][-1]["detail"] == "Parcel received, no money was left to send back"


async def test_a_customer_reads_no_reason_of_the_staff_but_their_own(shopfront, floor, order, asha, people):
    mine = await floor.bought((await floor.variant(), 1), user_id=asha[0])
    _, support = await people("support")
    path, why = f"/v1/orders/{order.id}/cancel", {"reason": "known for returns"}
    theirs = (await shopfront.post(path, headers=support, json=why)).json()["timeline"][-1]
    again = (await shopfront.post(path, headers=asha[1])).json()["timeline"][-1]
    own = (await shopfront.post(f"/v1/orders/{mine.id}/cancel", headers=asha[1], json={"reason": "Too late"})).json()
    assert (theirs["detail"], again["detail"], again["actor"]) == ("known for returns", "Order canceled", "")
    assert (own["timeline"][-1]["detail"], own["timeline"][-1]["actor"]) == ("Too late", asha[0])


async def test_somebody_elses_order_is_404(shopfront, floor, people):
    foreign = await floor.bought((await floor.variant(), 1), user_id=new_id("usr"))
    _, headers = await people()
    calls = [
        shopfront.get(f"/v1/orders/{foreign.id}", headers=headers),
        shopfront.get(f"/v1/orders/{foreign.id}"),
        shopfront.get(f"/v1/orders/{new_id('ord')}", headers=headers),
        shopfront.post(f"/v1/orders/{foreign.id}/cancel", headers=headers),
        shopfront.post(
            f"/v1/orders/{foreign.id}/returns",
            headers=headers,
            json={"items": [{"item_id": foreign.items[0].id, "quantity": 1, "reason": "x"}]},
        ),
    ]
    answers = [await call for call in calls]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}
    assert (await floor.order(foreign.id)).status == "confirmed"


async def test_a_guest_comes_by_the_signed_link(shopfront, floor):
    order = await floor.bought((await floor.variant(), 1))
    link = (await floor.orders.link(OrderOf(order=order.id, any_owner=True))).link
    found = await shopfront.get(f"/v1/orders/{order.number}", params={"token": link})
    guessed = await shopfront.get(f"/v1/orders/{order.number}", params={"token": link[::-1]})
    assert (found.status_code, found.json()["id"], guessed.status_code) == (200, order.id, 404)


async def test_a_guest_comes_by_the_carts_token(shopfront, floor):
    owner = await floor.guest((await floor.variant(), 1))
    done = await floor.complete(owner, (await floor.open(owner)).id, await floor.card())
    path = f"/v1/orders/{done.order.id}"
    seen = await shopfront.get(path, headers={"Cart-Token": owner.token})
    canceled = await shopfront.post(f"{path}/cancel", headers={"Cart-Token": owner.token}, json={"reason": "no"})
    assert (seen.status_code, canceled.status_code, canceled.json()["status"]) == (200, 200, "canceled")


async def test_the_list_holds_ones_own_orders_only(shopfront, floor, asha, order):
    await floor.bought((await floor.variant(), 1), user_id=new_id("usr"))
    page = (await shopfront.get("/v1/orders", headers=asha[1], params={"limit": 100})).json()
    assert order.id in [each["id"] for each in page["data"]]
    assert {each["user_id"] for each in page["data"]} == {asha[0]}


async def test_the_list_of_all_is_for_staff(shopfront, asha, order, people):
    answers = [
        await shopfront.get("/v1/orders", params={"scope": "all"}, headers=headers)
        for headers in ({}, asha[1], (await people("support"))[1])
    ]
    assert [answer.status_code for answer in answers] == [401, 403, 200]
    found = await shopfront.get(
        "/v1/orders", params={"scope": "all", "q": order.number.lower()}, headers=(await people("support"))[1]
    )
    assert [each["id"] for each in found.json()["data"]] == [order.id]


@pytest.mark.parametrize("limit", ["0", "101", "x"])
async def test_a_limit_out_of_range_is_422(shopfront, asha, limit):
    assert (await shopfront.get("/v1/orders", params={"limit": limit}, headers=asha[1])).status_code == 422


async def test_a_cursor_of_other_filters_is_400(shopfront, floor, asha):
    for _ in range(2):
        await floor.bought((await floor.variant(), 1), user_id=asha[0])
    page = (await shopfront.get("/v1/orders", headers=asha[1], params={"limit": 1})).json()
    params = {"limit": 1, "status": "confirmed", "cursor": page["next_cursor"]}
    answer = await shopfront.get("/v1/orders", headers=asha[1], params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("call", "body", "role"),
    [
        ("shipments", {}, "fulfilment"),
        ("captures", {}, "finance"),
        ("refunds", {"reason": "x", "amount": {"amount": 1, "currency": "INR"}}, "finance"),
    ],
)
async def test_what_staff_do_needs_the_role(shopfront, order, asha, people, call: str, body: dict[str, Any], role: str):
    path, other = f"/v1/orders/{order.id}/{call}", {"finance": "fulfilment", "fulfilment": "support"}[role]
    who = [{}, asha[1], (await people(other))[1], (await people(role))[1]]
    answers = [await shopfront.post(path, headers=keyed(headers), json=body) for headers in who]
    assert [answer.status_code for answer in answers] == [401, 403, 403, 201]


async def test_returns_are_received_by_fulfilment_only(shopfront, asha, people):
    path = f"/v1/returns/{new_id('ret')}/receive"
    who = [{}, asha[1], (await people("support"))[1], (await people("fulfilment"))[1]]
    assert [(await shopfront.post(path, headers=headers)).status_code for headers in who] == [401, 403, 403, 404]


@pytest.mark.parametrize("call", ["captures", "refunds"])
async def test_money_needs_an_idempotency_key(shopfront, order, finance, call: str):
    body = {"captures": {}, "refunds": {"reason": "x", "amount": {"amount": 1, "currency": "INR"}}}[call]
    answer = await shopfront.post(f"/v1/orders/{order.id}/{call}", headers=finance, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_the_same_key_refunds_once_and_says_so(shopfront, order, finance):
    body, headers = {"reason": "late", "amount": {"amount": 500, "currency": "INR"}}, keyed(finance)
    first, again = [
        await shopfront.post(f"/v1/orders/{order.id}/refunds", headers=headers, json=body) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["payment"]["refunded"] == {"amount": 500, "currency": "INR"}
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")


async def test_a_refusal_under_a_key_is_told_again(shopfront, order, finance):
    body, headers = {"reason": "late", "amount": {"amount": PRICE * 100, "currency": "INR"}}, keyed(finance)
    answers = [await shopfront.post(f"/v1/orders/{order.id}/refunds", headers=headers, json=body) for _ in range(2)]
    told = [(answer.status_code, answer.json()["code"], answer.json()["available"]) for answer in answers]
    captured = order.payment.captured
    assert told == [(409, "payment_state", {"amount": captured.amount, "currency": captured.currency})] * 2


async def test_another_body_under_the_key_is_a_conflict(shopfront, order, finance):
    headers = keyed(finance)
    bodies = [{"reason": "late", "amount": {"amount": amount, "currency": "INR"}} for amount in (1, 2)]
    answers = [await shopfront.post(f"/v1/orders/{order.id}/refunds", headers=headers, json=body) for body in bodies]
    assert (answers[1].status_code, answers[1].json()["code"]) == (422, "idempotency_conflict")


async def test_a_refund_tells_all_its_faults(shopfront, order, finance):
    body = {"amount": {"amount": 1.5, "currency": "INR"}, "items": [{"item_id": "x", "quantity": 0}], "total": 1}
    answer = await shopfront.post(f"/v1/orders/{order.id}/refunds", headers=keyed(finance), json=body)
    assert answer.status_code == 422
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == [
        "/amount/amount",
        "/items/0/quantity",
        "/reason",
        "/total",
    ]


async def test_staff_ship_without_a_body(shopfront, order, fulfilment):
    answer = await shopfront.post(f"/v1/orders/{order.id}/shipments", headers=fulfilment)
    assert (answer.status_code, answer.json()["status"]) == (201, "packed")
    assert [item["quantity"] for item in answer.json()["shipments"][0]["items"]] == [2]


async def test_a_parcel_on_its_way_is_not_taken_back(shopfront, order, fulfilment):
    sent = (await shopfront.post(f"/v1/orders/{order.id}/shipments", headers=fulfilment)).json()["shipments"][0]["id"]
    answer = await shopfront.post(f"/v1/orders/{order.id}/shipments/{sent}/take-back", headers=fulfilment)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_state")


async def test_a_parcel_is_taken_back_by_fulfilment_only(shopfront, asha, people):
    path = f"/v1/orders/{new_id('ord')}/shipments/shp_1/take-back"
    who = [{}, asha[1], (await people("support"))[1], (await people("fulfilment"))[1]]
    assert [(await shopfront.post(path, headers=headers)).status_code for headers in who] == [401, 403, 403, 404]


async def test_shipping_what_is_not_left_names_the_item(shopfront, order, fulfilment):
    body = {"items": [{"item_id": order.items[0].id, "quantity": 3}]}
    answer = await shopfront.post(f"/v1/orders/{order.id}/shipments", headers=fulfilment, json=body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, ["/items/0"])


async def test_canceling_after_shipping_is_409(shopfront, floor, order, asha):
    await floor.parcel(order.id, "picked_up")
    answer = await shopfront.post(f"/v1/orders/{order.id}/cancel", headers=asha[1])
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"], body["state"]) == (409, "order_state", 409, "shipped")


async def test_a_return_goes_from_the_shopper_to_the_warehouse(shopfront, floor, order, asha, fulfilment):
    await floor.parcel(order.id, "delivered")
    body = {"items": [{"item_id": order.items[0].id, "quantity": 1, "reason": "too bright"}]}
    asked = await shopfront.post(f"/v1/orders/{order.id}/returns", headers=asha[1], json=body)
    made = asked.json()
    received = await shopfront.post(f"/v1/returns/{made['id']}/receive", headers=fulfilment)
    assert (asked.status_code, made["status"], made["refund"]["amount"]) == (201, "requested", PRICE)
    assert (received.status_code, received.json()["status"]) == (200, "refunded")


async def test_a_return_is_approved_or_rejected_with_a_reason(shopfront, floor, order, asha, fulfilment):
    await floor.parcel(order.id, "delivered")
    body = {"items": [{"item_id": order.items[0].id, "quantity": 1, "reason": "too bright"}]}
    made = (await shopfront.post(f"/v1/orders/{order.id}/returns", headers=asha[1], json=body)).json()
    path = f"/v1/returns/{made['id']}"
    approved = await shopfront.post(f"{path}/approve", headers=fulfilment)
    silent = await shopfront.post(f"{path}/reject", headers=fulfilment, json={"reason": ""})
    rejected = await shopfront.post(f"{path}/reject", headers=fulfilment, json={"reason": "Never came"})
    late = await shopfront.post(f"{path}/approve", headers=fulfilment)
    assert [answer.status_code for answer in (approved, silent, rejected, late)] == [200, 422, 200, 409]
    assert (approved.json()["status"], rejected.json()["status"]) == ("approved", "rejected")
    assert (silent.json()["errors"][0]["pointer"], late.json()["code"]) == ("/reason", "order_state")


@pytest.mark.parametrize("act", ["approve", "reject"])
async def test_returns_are_decided_by_fulfilment_only(shopfront, asha, people, act):
    path, body = f"/v1/returns/{new_id('ret')}/{act}", {"reason": "x"}
    _, finance = await people("finance")
    heads = [{}, asha[1], finance]
    assert [(await shopfront.post(path, headers=head, json=body)).status_code for head in heads] == [401, 403, 403]


async def test_returning_what_was_not_delivered_is_409(shopfront, order, asha):
    body = {"items": [{"item_id": order.items[0].id, "quantity": 1, "reason": "x"}]}
    answer = await shopfront.post(f"/v1/orders/{order.id}/returns", headers=asha[1], json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_state")


async def test_a_cancellation_is_repeated_by_the_same_request_only(shopfront, order, asha):
    path, headers = f"/v1/orders/{order.id}/cancel", {**asha[1], "Idempotency-Key": new_id("key")}
    first, again, other = [
        await shopfront.post(path, headers=headers, json={"reason": reason}) for reason in ("a", "a", "b")
    ]
    assert (first.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (200, first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    anew = await shopfront.post(path, headers={**asha[1], "Idempotency-Key": new_id("key")})
    assert (anew.status_code, anew.json(), "Idempotent-Replayed" in anew.headers) == (200, first.json(), False)


async def test_a_return_is_received_again_by_the_same_request_only(shopfront, floor, order, asha, fulfilment):
    await floor.parcel(order.id, "delivered")
    body = {"items": [{"item_id": order.items[0].id, "quantity": 1, "reason": "too bright"}]}
    made = (await shopfront.post(f"/v1/orders/{order.id}/returns", headers=asha[1], json=body)).json()
    path, headers = f"/v1/returns/{made['id']}/receive", {**fulfilment, "Idempotency-Key": new_id("key")}
    first, again, other = [
        await shopfront.post(path, headers=headers, json={"restock": restock}) for restock in (True, True, False)
    ]
    assert (first.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (200, first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert (await shopfront.post(path, headers=fulfilment)).json() == first.json()
