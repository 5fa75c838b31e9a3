"""What people and programs send by mistake or on purpose: refused with reasons, and nothing happens."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.journeys.client import ADDRESS, DECLINED, SLOW, Client
from tests.journeys.conftest import Shelve
from tests.journeys.shops import Shop, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
Execute = Callable[..., Awaitable[None]]
NOBODYS = "01jd00000000000000000000zz"
JSON = "application/json"
RESTFUL = {"method": "cod"}


def pointers(problem: dict[str, Any]) -> set[str]:
    return {fault["pointer"] for fault in problem["errors"]}


@pytest.mark.parametrize(
    "quantity", ["0", "-1", "1.5", "1000000", "9" * 30, "1e3", "true", '"2"', "null", "[]", "{}"]
)  # fmt: skip
async def test_a_quantity_is_a_whole_number_of_units(guest: Client, shelve: Shelve, quantity: str):
    variant = (await shelve())["id"]
    body = f'{{"variant_id": "{variant}", "quantity": {quantity}}}'.encode()
    status, problem = await guest.send("POST", "/v1/cart/items", body)
    assert (status, problem["code"], pointers(problem)) == (422, "invalid", {"/quantity"})
    assert (await guest.call("GET", "/v1/cart"))[1]["items"] == []


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 1_000_000, 10**30, True, "2", None])
async def test_a_changed_quantity_is_one_too(guest: Client, shelve: Shelve, quantity: object):
    _, cart = await guest.add((await shelve())["id"], 2)
    status, problem = await guest.call("PATCH", f"/v1/cart/items/{cart['items'][0]['id']}", {"quantity": quantity})
    assert (status, pointers(problem)) == (422, {"/quantity"})
    assert (await guest.call("GET", "/v1/cart"))[1]["items"][0]["quantity"] == 2


@pytest.mark.parametrize("variant", [f"var_{NOBODYS}", "var_1", "prd_" + NOBODYS, "", "' OR 1=1 --", "₹"])
async def test_what_is_not_sold_cannot_be_put_into_the_cart(guest: Client, variant: str):
    status, problem = await guest.add(variant)
    assert (status, problem["code"]) == (404, "not_for_sale")


async def _owned(client: Client, shelve: Shelve) -> dict[str, str]:
    """One of everything that belongs to somebody, by the path it is read, changed or ended with."""
    shelf = await shelve(20)
    _, address = await client.call("POST", "/v1/users/me/addresses", ADDRESS)
    _, sessions = await client.call("GET", "/v1/sessions")
    card = {"method": "card", "token": await client.card(), "save": True}
    bought = await client.buy(shelf["id"], payment=card)
    _, order = await client.call("GET", f"/v1/orders/{bought['order']['id']}")

    async def saved() -> Any:
        return (await client.call("GET", "/v1/payment-methods"))[1]["data"]

    cards = await eventually(saved)
    _, cart = await client.add(shelf["id"], 1)
    checkout = await client.checkout()
    return {
        "item": cart["items"][-1]["id"],
        "checkout": checkout["id"],
        "order": order["id"],
        "line": order["items"][0]["id"],
        "payment": order["payment"]["id"],
        "address": address["id"],
        "session": sessions["data"][0]["id"],
        "saved": cards[0]["id"],
    }


REACHED: list[tuple[str, str, str, Any]] = [
    ("PATCH", "item", "/v1/cart/items/{}", {"quantity": 1}),
    ("DELETE", "item", "/v1/cart/items/{}", None),
    ("GET", "checkout", "/v1/checkouts/{}", None),
    ("PATCH", "checkout", "/v1/checkouts/{}", {"email": "thief@example.com"}),
    ("POST", "checkout", "/v1/checkouts/{}/complete", {"payment": RESTFUL}),
    ("POST", "checkout", "/v1/checkouts/{}/cancel", None),
    ("GET", "order", "/v1/orders/{}", None),
    ("POST", "order", "/v1/orders/{}/cancel", {}),
    ("POST", "order", "/v1/orders/{}/returns", {"items": [{"item_id": "itm_1", "quantity": 1, "reason": "x"}]}),
    ("GET", "payment", "/v1/payments/{}", None),
    ("GET", "address", "/v1/users/me/addresses/{}", None),
    ("PATCH", "address", "/v1/users/me/addresses/{}", {"name": "Thief"}),
    ("DELETE", "address", "/v1/users/me/addresses/{}", None),
    ("DELETE", "session", "/v1/sessions/{}", None),
    ("DELETE", "saved", "/v1/payment-methods/{}", None),
]


async def test_what_belongs_to_another_is_answered_like_what_does_not_exist(
    member: Client, stranger: Client, shelve: Shelve
):
    owned = await _owned(member, shelve)
    await stranger.add((await shelve())["id"])
    told = []
    for method, kind, path, body in REACHED:
        prefix = owned[kind].partition("_")[0]
        answers = []
        for id_ in (owned[kind], f"{prefix}_{NOBODYS}"):
            status, problem = await stranger.call(method, path.format(id_), body, Idempotency_Key=str(uuid.uuid4()))
            answers.append((status, {**problem, "request_id": ""}))
        told.append((method, path, answers[0][0], answers[0] == answers[1]))
    assert told == [(method, path, 404, True) for method, _, path, _ in REACHED]
    assert (await member.call("GET", f"/v1/checkouts/{owned['checkout']}"))[1]["status"] == "open"


async def test_another_shoppers_order_is_not_shown_to_a_guest(member: Client, guest: Client, shelve: Shelve):
    order = (await member.buy((await shelve())["id"]))["order"]
    answers = [(await guest.call("GET", f"/v1/orders/{ref}"))[0] for ref in (order["id"], order["number"])]
    linked = await guest.call("GET", f"/v1/orders/{order['id']}?token=" + "x" * 40)
    assert (answers, linked[0]) == ([404, 404], 404)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/cart/items", {"variant_id": "var_1", "quantity": 1, "unit_price": {"amount": 1}}, "/unit_price"),
        ("/v1/checkouts", {"shipping_address": ADDRESS, "totals": {"total": {"amount": 1}}}, "/totals"),
        ("/v1/checkouts", {"shipping_address": {**ADDRESS, "planet": "Mars"}}, "/shipping_address/planet"),
        ("/v1/checkouts/chk_1/complete", {"payment": RESTFUL, "amount": 1}, "/amount"),
        ("/v1/checkouts/chk_1/complete", {"payment": {**RESTFUL, "amount": 1}}, "/payment/amount"),
        ("/v1/users", {"email": "a@b.example", "password": "p" * 12, "name": "A", "roles": ["owner"]}, "/roles"),
    ],
)
async def test_nobody_names_a_price_or_anything_else_unasked(guest: Client, path: str, body: Any, pointer: str):
    status, problem = await guest.post(path, body)
    assert (status, problem["code"], pointers(problem)) == (422, "invalid", {pointer})


async def test_several_faults_are_told_at_once(guest: Client):
    address = {**ADDRESS, "country": "India", "postal_code": ""}
    body = {"email": "nobody", "shipping_address": address, "coupon_codes": [""], "total": 1}
    status, problem = await guest.call("POST", "/v1/checkouts", body)
    assert (status, pointers(problem)) == (
        422,
        {"/email", "/shipping_address/country", "/shipping_address/postal_code", "/coupon_codes/0", "/total"},
    )


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{", JSON, 400),
        (b"", JSON, 400),
        (b"\xff\xfe{}", JSON, 400),
        (b'{"quantity": NaN}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"[]", JSON, 422),
        (b'"text"', JSON, 422),
        (b"null", JSON, 422),
        (b"quantity=1", "application/x-www-form-urlencoded", 400),
        (b"<a/>", "application/xml", 400),
        (b" " * 10_000_000, JSON, 413),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(guest: Client, body: bytes, kind: str, expected: int):
    status, problem = await guest.send("POST", "/v1/cart/items", body, kind)
    assert (status, problem["status"]) == (expected, expected)


async def test_a_quote_that_ran_out_at_the_same_price_is_renewed(guest: Client, shelve: Shelve, execute: Execute):
    await guest.add((await shelve())["id"])
    checkout = await guest.checkout()
    await execute("UPDATE checkout.checkouts SET expires_at = now() WHERE id = $1", checkout["id"])
    assert (await guest.call("GET", f"/v1/checkouts/{checkout['id']}"))[1]["status"] == "expired"
    assert (await guest.complete(checkout["id"], RESTFUL))[0] == 200


async def test_a_quote_that_ran_out_at_another_price_is_shown_anew(
    guest: Client, staff: Client, shelve: Shelve, execute: Execute
):
    shelf = await shelve(5, 1_000_000)
    await guest.add(shelf["id"])
    checkout = await guest.checkout()
    price = {"amount": 1_100_000, "currency": "INR"}
    variants = [{"id": shelf["id"], "sku": shelf["sku"], "price": price, "weight_grams": 1400}]
    path = f"/v1/products/{shelf['product_id']}"
    assert (await staff.call("PATCH", path, {"variants": variants}, If_Match='"1"'))[0] == 200
    await execute("UPDATE checkout.checkouts SET expires_at = now() WHERE id = $1", checkout["id"])
    key = str(uuid.uuid4())
    status, refused = await guest.complete(checkout["id"], RESTFUL, key)
    assert (status, refused["code"]) == (409, "price_changed")
    assert refused["checkout"]["totals"]["subtotal"] == {"amount": 1_100_000, "currency": "INR"}
    status, done = await guest.complete(checkout["id"], RESTFUL, key)
    assert (status, done["totals"]["subtotal"]["amount"]) == (200, 1_100_000)


async def test_the_last_unit_goes_to_one(guest: Client, member: Client, shelve: Shelve):
    shelf = await shelve(1)
    await guest.add(shelf["id"])
    checkout = await guest.checkout()
    await member.buy(shelf["id"])
    status, refused = await guest.complete(checkout["id"], RESTFUL)
    facts = {"sku": shelf["sku"], "requested": 1, "available": 0}
    assert (status, refused["code"], refused["lines"]) == (409, "out_of_stock", [facts])
    status, refused = await guest.add(shelf["id"])
    assert (status, refused["code"], refused["available"]) == (409, "out_of_stock", 0)


async def test_a_declined_card_charges_nothing_and_gives_the_units_back(
    guest: Client, shelve: Shelve, left: Callable[[str, int], Awaitable[int]]
):
    shelf = await shelve(2)
    await guest.add(shelf["id"])
    checkout = await guest.checkout()
    refused = await guest.complete(checkout["id"], {"method": "card", "token": await guest.card(DECLINED)})
    assert (refused[0], refused[1]["code"]) == (402, "payment_declined")
    assert await left(shelf["sku"], 2) == 2
    assert (await guest.call("GET", f"/v1/checkouts/{checkout['id']}"))[1]["status"] == "open"
    assert (await guest.complete(checkout["id"], RESTFUL))[0] == 200


async def test_the_same_key_with_another_body_is_a_conflict(guest: Client, shelve: Shelve):
    await guest.add((await shelve())["id"])
    checkout, key = await guest.checkout(), str(uuid.uuid4())
    assert (await guest.complete(checkout["id"], RESTFUL, key))[0] == 200
    status, refused = await guest.complete(checkout["id"], {"method": "upi", "flow": "qr"}, key)
    assert (status, refused["code"]) == (422, "idempotency_conflict")


async def test_a_request_under_way_is_not_begun_again(guest: Client, shelve: Shelve, desk: Shop):
    await guest.add((await shelve())["id"])
    checkout, key = await guest.checkout(), str(uuid.uuid4())
    payment = {"method": "card", "token": await guest.card(SLOW)}
    first = asyncio.create_task(guest.complete(checkout["id"], payment, key))
    assert await eventually(lambda: guest.booked(checkout["id"]))
    status, refused = await guest.complete(checkout["id"], payment, key)
    assert (status, refused["code"]) == (409, "idempotency_in_flight")
    assert (await guest.call("POST", "/sandbox/clock", {"advance_seconds": 31}))[0] == 200
    await first
    status, done = await guest.complete_surely(checkout["id"], payment)
    assert (status, done["status"]) == (200, "completed")
    row = await guest.booked(checkout["id"])
    assert row is not None
    assert row["amount"] == done["totals"]["total"]["amount"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/checkouts/chk_1/complete", {"payment": RESTFUL}),
        ("/v1/orders/ord_1/captures", {}),
        ("/v1/orders/ord_1/refunds", {"reason": "x"}),
    ],
)
async def test_money_moves_only_under_a_key(staff: Client, path: str, body: Any):
    status, problem = await staff.call("POST", path, body)
    assert (status, problem["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(guest: Client, key: str):
    status, problem = await guest.call(
        "POST", "/v1/cart/items", {"variant_id": "x", "quantity": 1}, Idempotency_Key=key
    )
    assert (status, pointers(problem)) == (422, {"/Idempotency-Key"})


async def test_coupons_that_do_not_hold_are_told_and_change_nothing(guest: Client, staff: Client, shelve: Shelve):
    code = uuid.uuid4().hex[:12].upper()
    over = {"code": f"{code}-OVER", "title": "Over", "percent_basis_points": 5000, "ends_at": "2020-01-01T00:00:00Z"}
    high = {"code": f"{code}-HIGH", "title": "High", "amount_minor": 100, "minimum_minor": 10**12}
    for coupon in (over, high):
        assert (await staff.call("POST", "/v1/coupons", coupon))[0] == 201
    await guest.add((await shelve())["id"])
    checkout = await guest.checkout(coupon_codes=["NO-SUCH", over["code"], high["code"]])
    assert checkout["totals"]["discount"]["amount"] == 0
    assert [each["pointer"] for each in checkout["messages"]] == ["/coupon_codes"] * 3


@pytest.mark.parametrize(
    "coupon",
    [
        {"percent_basis_points": 10_001},
        {"percent_basis_points": 0},
        {"amount_minor": -5},
        {"amount_minor": 5, "percent_basis_points": 5},
        {},
    ],
)
async def test_a_coupon_takes_off_something_sensible(staff: Client, coupon: dict[str, Any]):
    status, problem = await staff.call("POST", "/v1/coupons", {"code": "ODD", "title": "Odd", **coupon})
    assert (status, problem["code"]) == (422, "invalid")


STAFF_ONLY: list[tuple[str, str, Any]] = [
    ("POST", "/v1/products", {}),
    ("PATCH", "/v1/products/prd_1", {}),
    ("DELETE", "/v1/products/prd_1", None),
    ("POST", "/v1/categories", {}),
    ("POST", "/v1/imports", {}),
    ("GET", "/v1/exports/products", None),
    ("GET", "/v1/coupons", None),
    ("POST", "/v1/coupons", {}),
    ("GET", "/v1/orders?scope=all", None),
    ("POST", "/v1/orders/ord_1/shipments", {}),
    ("POST", "/v1/orders/ord_1/captures", {}),
    ("POST", "/v1/orders/ord_1/refunds", {}),
    ("POST", "/v1/returns/ret_1/receive", {}),
    ("POST", "/v1/returns/ret_1/approve", {}),
    ("POST", "/v1/returns/ret_1/reject", {"reason": "x"}),
    ("GET", "/v1/inventory/x", None),
    ("GET", "/v1/inventory/x/events", None),
    ("GET", "/v1/inventory/alerts", None),
    ("POST", "/v1/inventory/x/adjustments", {}),
    ("GET", "/v1/fraud/reviews", None),
    ("POST", "/v1/fraud/reviews/rev_1/decision", {}),
    ("GET", "/v1/users", None),
]


@pytest.mark.parametrize(("method", "path", "body"), STAFF_ONLY)
async def test_staff_only(guest: Client, stranger: Client, method: str, path: str, body: Any):
    anonymous, _ = await guest.call(method, path, body)
    shopper, problem = await stranger.call(method, path, body)
    assert (anonymous, shopper, problem["code"]) == (401, 403, "forbidden")


def _forged(token: str, change: str) -> str:
    head, body, signature = token.split(".")

    def packed(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def unpacked(part: str) -> dict[str, Any]:
        return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))

    return {
        "another role": f"{head}.{packed({**unpacked(body), 'roles': ['owner']})}.{signature}",
        "another time": f"{head}.{packed({**unpacked(body), 'exp': 4_000_000_000})}.{signature}",
        "no signature": f"{packed({**unpacked(head), 'alg': 'none'})}.{body}.",
        "another key": f"{packed({**unpacked(head), 'kid': 'mine'})}.{body}.{signature}",
        "half": f"{head}.{body}",
        "nothing": "",
        "noise": "₹".encode().decode("latin-1"),
    }[change]


@pytest.mark.parametrize(
    "change", ["another role", "another time", "no signature", "another key", "half", "nothing", "noise"]
)
async def test_a_forged_token_is_refused(stranger: Client, change: str):
    token = stranger.headers["Authorization"].partition(" ")[2]
    stranger.headers["Authorization"] = f"Bearer {_forged(token, change)}"
    status, problem = await stranger.call("GET", "/v1/users/me")
    assert (status, problem["status"]) == (401, 401)


async def test_a_session_that_was_ended_speaks_for_nobody(stranger: Client):
    assert (await stranger.call("GET", "/v1/users/me"))[0] == 200
    assert (await stranger.call("DELETE", "/v1/sessions/current"))[0] == 204
    assert (await stranger.call("GET", "/v1/users/me"))[0] == 401


@pytest.mark.parametrize("path", ["/v1/webhooks/payments/sandbox", "/v1/webhooks/carriers/sandbox"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook_id": "msg_1", "webhook_timestamp": "1700000000", "webhook_signature": "v1,bm90IHRoZSBzaWduYXR1cmU="},
        {"webhook_id": "msg_1", "webhook_timestamp": "soon", "webhook_signature": "v1,"},
    ],
)
async def test_a_notice_that_nobody_signed_is_refused(guest: Client, path: str, headers: dict[str, str]):
    status, problem = await guest.call("POST", path, {"type": "payment.captured", "data": {}}, **headers)
    assert (status, problem["status"]) == (401, 401)
