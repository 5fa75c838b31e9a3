"""What happens after the order: cancel, return, refund, pay at the door, review, and who may look."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.journeys.client import ADDRESS, PRICE, Client, visiting
from tests.journeys.conftest import Shelve
from tests.journeys.shops import Shop, audited, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
Left = Callable[[str, int], Awaitable[int]]
CASH = {"method": "cod"}


async def until(client: Client, order: str, **wanted: str) -> dict[str, Any]:
    """The order once its `status` or payment (`paid`) is as wanted, or as it is after a while."""

    async def there() -> bool:
        _, seen = await client.call("GET", f"/v1/orders/{order}")
        found = {"status": seen["status"], "paid": seen["payment"]["status"]}
        return wanted.items() <= found.items()

    await eventually(there)
    return dict((await client.call("GET", f"/v1/orders/{order}"))[1])


async def delivered(client: Client, staff: Client, order: str) -> dict[str, Any]:
    """Hand everything to the carrier, and wait for the door."""
    await until(client, order, status="confirmed")
    assert (await staff.post(f"/v1/orders/{order}/shipments", {}))[0] == 201
    seen = await until(client, order, status="delivered")
    assert seen["status"] == "delivered"
    return seen


async def test_a_canceled_order_gives_back_money_and_units(guest: Client, shelve: Shelve, left: Left):
    shelf = await shelve(3)
    done = await guest.buy(shelf["id"], 2)
    order = done["order"]["id"]
    await until(guest, order, paid="paid")
    status, canceled = await guest.call("POST", f"/v1/orders/{order}/cancel", {"reason": "Too many"})
    assert (status, canceled["status"], canceled["payment"]["status"]) == (200, "canceled", "refunded")
    assert await left(shelf["sku"], 3) == 3
    row = await guest.booked(done["id"])
    assert row is not None
    assert (row["captured"], row["refunded"]) == (2 * PRICE, 2 * PRICE)


async def test_a_canceled_order_that_was_not_taken_yet_is_voided(
    guest: Client, staff: Client, shelve: Shelve, left: Left
):
    done, shelf = await _held(guest, shelve)
    status, canceled = await guest.call("POST", f"/v1/orders/{done['order']['id']}/cancel", {})
    assert (status, canceled["status"], canceled["payment"]["status"]) == (200, "canceled", "voided")
    assert await left(shelf["sku"], 50) == 50
    row = await guest.booked(done["id"])
    assert row is not None
    assert (row["state"], row["captured"]) == ("voided", 0)


async def test_what_was_delivered_comes_back_for_money(guest: Client, staff: Client, shelve: Shelve, left: Left):
    shelf = await shelve(5)
    done = await guest.buy(shelf["id"], 2)
    order = done["order"]["id"]
    early = {"items": [{"item_id": done["items"][0]["id"], "quantity": 1, "reason": "Too small"}]}
    assert (await guest.post(f"/v1/orders/{order}/returns", early))[1]["code"] == "order_state"
    seen = await delivered(guest, staff, order)
    assert (await guest.call("POST", f"/v1/orders/{order}/cancel", {}))[1]["code"] == "order_state"
    wanted = {"items": [{"item_id": seen["items"][0]["id"], "quantity": 1, "reason": "Too small"}]}
    status, asked = await guest.post(f"/v1/orders/{order}/returns", wanted)
    assert (status, asked["status"], asked["refund"]["amount"]) == (201, "requested", PRICE)
    status, received = await staff.post(f"/v1/returns/{asked['id']}/receive", {})
    assert (status, received["status"]) == (200, "refunded")
    again = await staff.post(f"/v1/returns/{asked['id']}/receive", {})
    assert (again[0], again[1]["status"]) == (200, "refunded")
    assert await left(shelf["sku"], 4) == 4
    row = await guest.booked(done["id"])
    assert row is not None
    assert row["refunded"] == PRICE


async def test_an_approved_return_is_fetched_by_the_carrier_and_told(guest: Client, staff: Client, shelve: Shelve):
    order = (await guest.buy((await shelve(5))["id"]))["order"]["id"]
    seen = await delivered(guest, staff, order)
    wanted = {"items": [{"item_id": seen["items"][0]["id"], "quantity": 1, "reason": "Too small"}]}
    back = (await guest.post(f"/v1/orders/{order}/returns", wanted))[1]["id"]
    assert (await staff.post(f"/v1/returns/{back}/approve", {}))[1]["status"] == "approved"

    async def arrived() -> list[str]:
        (one,) = (await guest.call("GET", f"/v1/orders/{order}"))[1]["returns"]
        return [entry["type"] for entry in one["timeline"]] if one["timeline"][-1]["type"] == "arrived" else []

    assert await eventually(arrived) == ["requested", "approved", "in_transit", "arrived"]
    assert (await staff.post(f"/v1/returns/{back}/receive", {}))[1]["status"] == "refunded"
    assert (await until(guest, order, status="returned"))["status"] == "returned"


async def test_a_unit_is_returned_once(guest: Client, staff: Client, shelve: Shelve):
    order = (await guest.buy((await shelve(5))["id"]))["order"]["id"]
    seen = await delivered(guest, staff, order)
    wanted = {"items": [{"item_id": seen["items"][0]["id"], "quantity": 1, "reason": "Broken"}]}
    answers = await asyncio.gather(*(guest.post(f"/v1/orders/{order}/returns", wanted) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [201, 422, 422, 422, 422]


async def test_refunds_by_line_sum_to_what_was_paid(guest: Client, staff: Client, shelve: Shelve):
    done = await guest.buy((await shelve(5, 100_001))["id"], 3)
    order, item = done["order"]["id"], done["items"][0]["id"]
    total = done["totals"]["total"]["amount"] - done["totals"]["shipping"]["amount"]
    await until(guest, order, paid="paid")
    one = {"items": [{"item_id": item, "quantity": 1}], "reason": "Goodwill"}
    refunded = [0]
    for _ in range(3):
        status, seen = await staff.post(f"/v1/orders/{order}/refunds", one)
        assert status == 201
        refunded.append(seen["payment"]["refunded"]["amount"])
    assert (refunded[-1], all(a < b for a, b in itertools.pairwise(refunded))) == (total, True)
    assert (await staff.post(f"/v1/orders/{order}/refunds", one))[0] == 422


async def test_no_more_is_refunded_than_was_taken(guest: Client, staff: Client, shelve: Shelve):
    done = await guest.buy((await shelve(5))["id"])
    order = done["order"]["id"]
    await until(guest, order, paid="paid")
    body = {"amount": {"amount": PRICE - 1, "currency": "INR"}, "reason": "Late"}
    answers = await asyncio.gather(*(staff.post(f"/v1/orders/{order}/refunds", body) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    for amount, status in ((2, 409), (0, 422), (-1, 422), (10**19, 422)):
        bad = {"amount": {"amount": amount, "currency": "INR"}, "reason": "Late"}
        assert (amount, (await staff.post(f"/v1/orders/{order}/refunds", bad))[0]) == (amount, status)
    dollars = {"amount": {"amount": 1, "currency": "USD"}, "reason": "Late"}
    assert (await staff.post(f"/v1/orders/{order}/refunds", dollars))[0] == 422
    row = await guest.booked(done["id"])
    assert row is not None
    assert row["refunded"] == PRICE - 1


async def test_cash_is_taken_at_the_door(guest: Client, staff: Client, shelve: Shelve):
    done = await guest.buy((await shelve(5, 99_900))["id"], payment=CASH)
    order = done["order"]["id"]
    _, placed = await guest.call("GET", f"/v1/orders/{order}")
    assert (placed["payment"]["status"], placed["payment"]["captured"]["amount"]) == ("cash_on_delivery", 0)
    await delivered(guest, staff, order)
    paid = await until(guest, order, paid="paid")
    assert paid["payment"]["captured"] == done["totals"]["total"]
    assert await guest.booked(done["id"]) is None


async def _held(client: Client, shelve: Shelve, *before: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order so large and so odd that a person has to look at it, after cards that were refused; and its shelf."""
    shelf = await shelve(50)
    assert (await client.add(shelf["id"], 20))[0] == 201
    checkout = await client.checkout(billing_address={**ADDRESS, "postal_code": "110001", "region": "Delhi"})
    for number in before:
        refused = {"method": "card", "token": await client.card(number)}
        assert (await client.complete(checkout["id"], refused))[0] == 402
    status, done = await client.complete(checkout["id"], {"method": "card", "token": await client.card()})
    assert (status, done["status"]) == (200, "completed")
    return done, shelf


async def _decided(staff: Client, checkout: str, decision: str) -> int:
    async def queued() -> list[dict[str, Any]]:
        _, queue = await staff.call("GET", "/v1/fraud/reviews?limit=100")
        return [each for each in queue["data"] if each["checkout_id"] == checkout]

    # Only the attempt that came to an order is in the queue.
    (review,) = await eventually(queued)
    assert review["reasons"]
    body = {"decision": decision, "note": "Looked at it"}
    status, _ = await staff.post(f"/v1/fraud/reviews/{review['id']}/decision", body)
    return status


async def test_an_order_under_review_waits_and_goes_on_when_approved(guest: Client, staff: Client, shelve: Shelve):
    done, _ = await _held(guest, shelve)
    order = done["order"]["id"]
    row = await guest.booked(done["id"])
    assert row is not None
    assert (row["state"], row["captured"]) == ("authorized", 0)
    assert (await staff.post(f"/v1/orders/{order}/shipments", {}))[0] == 409
    assert await _decided(staff, done["id"], "approve") == 200
    seen = await until(guest, order, status="confirmed", paid="paid")
    assert (seen["status"], seen["payment"]["captured"]) == ("confirmed", done["totals"]["total"])
    await delivered(guest, staff, order)


async def test_an_order_paid_at_the_second_try_has_one_review(guest: Client, staff: Client, shelve: Shelve):
    done, _ = await _held(guest, shelve, "4000000000000002")
    assert await _decided(staff, done["id"], "approve") == 200
    seen = await until(guest, done["order"]["id"], status="confirmed", paid="paid")
    assert (seen["status"], seen["payment"]["captured"]) == ("confirmed", done["totals"]["total"])


async def test_an_order_that_is_rejected_is_canceled_and_voided(
    guest: Client, staff: Client, shelve: Shelve, left: Left
):
    done, shelf = await _held(guest, shelve)
    assert await _decided(staff, done["id"], "reject") == 200
    seen = await until(guest, done["order"]["id"], status="canceled")
    assert (seen["status"], seen["payment"]["status"]) == ("canceled", "voided")
    assert await left(shelf["sku"], 50) == 50
    row = await guest.booked(done["id"])
    assert row is not None
    assert (row["state"], row["captured"]) == ("voided", 0)


async def test_a_saved_card_pays_again_for_its_owner_only(member: Client, stranger: Client, shelve: Shelve):
    shelf = await shelve(5)
    await member.buy(shelf["id"], payment={"method": "card", "token": await member.card(), "save": True})

    async def saved() -> list[dict[str, Any]]:
        return list((await member.call("GET", "/v1/payment-methods"))[1]["data"])

    (card,) = await eventually(saved)
    await until_empty(member)
    await member.buy(shelf["id"], payment={"method": "card", "token": card["token"]})
    await stranger.add(shelf["id"])
    checkout = await stranger.checkout()
    status, refused = await stranger.complete(checkout["id"], {"method": "card", "token": card["token"]})
    assert (status, refused["code"]) == (402, "payment_declined")
    assert await stranger.booked(checkout["id"]) is None


async def until_empty(client: Client) -> None:
    async def empty() -> bool:
        return (await client.call("GET", "/v1/cart"))[1]["items"] == []

    assert await eventually(empty)


async def test_a_token_pays_once(guest: Client, shelve: Shelve):
    shelf = await shelve(5)
    token = await guest.card()
    await guest.buy(shelf["id"], payment={"method": "card", "token": token})
    await until_empty(guest)
    await guest.add(shelf["id"])
    checkout = await guest.checkout()
    status, refused = await guest.complete(checkout["id"], {"method": "card", "token": token})
    assert (status, refused["code"]) == (402, "payment_declined")


async def test_a_guest_sees_the_order_by_the_cart_and_by_the_link_of_the_mail(
    guest: Client, staff: Client, desk: Shop, shelve: Shelve
):
    done = await guest.buy((await shelve())["id"])
    order = done["order"]["id"]
    assert (await guest.call("GET", f"/v1/orders/{order}"))[1]["number"] == done["order"]["number"]

    async def link() -> str:
        _, mails = await staff.call("GET", f"/v1/mails?to={guest.email}")
        letters = [(await staff.call("GET", f"/v1/mails/{mail['id']}"))[1]["text"] for mail in mails["data"]]
        return next((text.partition("token=")[2].split()[0] for text in letters if "token=" in text), "")

    token = await eventually(link)
    async with visiting(desk) as other:
        assert (await other.call("GET", f"/v1/orders/{order}"))[0] == 404
        assert (await other.call("GET", f"/v1/orders/{order}?token={token}"))[0] == 200
        assert (await other.call("GET", f"/v1/orders/{order}?token={token[::-1]}"))[0] == 404


async def test_a_guests_cart_joins_the_members_at_login(member: Client, desk: Shop, shelve: Shelve):
    one, two = await shelve(), await shelve()
    await member.add(one["id"])
    async with visiting(desk) as guest:
        await guest.add(one["id"])
        await guest.add(two["id"], 2)
        token = guest.headers["Cart-Token"]
        await guest.sign_in(member.email, "namaste-haat")
        _, cart = await guest.call("GET", "/v1/cart")
        assert {item["variant_id"]: item["quantity"] for item in cart["items"]} == {one["id"]: 2, two["id"]: 2}
    async with visiting(desk) as other:
        other.headers["Cart-Token"] = token
        assert (await other.call("GET", "/v1/cart"))[1]["items"] == []


async def test_afterwards_money_stock_and_orders_agree(desk: Shop):
    assert await asyncio.to_thread(audited, desk) == []
