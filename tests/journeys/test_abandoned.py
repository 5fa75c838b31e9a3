"""Payments that wait for the shopper: approved, declined at the provider's page, or simply left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.journeys.client import CHALLENGED, Client
from tests.journeys.conftest import Shelve
from tests.journeys.shops import Shop, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]
Left = Callable[[str, int], Awaitable[int]]
WAYS = ["three_d_secure", "upi_qr", "upi_intent", "redirect"]


async def waiting(client: Client, way: str, variant: str) -> dict[str, Any]:
    """A checkout whose payment waits for the shopper."""
    payments: dict[str, dict[str, Any]] = {
        "three_d_secure": {"method": "card", "token": await client.card(CHALLENGED)},
        "upi_qr": {"method": "upi", "flow": "qr"},
        "upi_intent": {"method": "upi", "flow": "intent"},
        "redirect": {"method": "wallet", "provider": "anywallet"},
    }
    assert (await client.add(variant))[0] == 201
    checkout = await client.checkout()
    status, asked = await client.complete(checkout["id"], payments[way])
    assert (status, asked["status"], asked["action"]["type"]) == (202, "requires_action", way)
    return dict(asked)


async def reaches(client: Client, checkout: str, status: str) -> bool:
    async def there() -> bool:
        return bool((await client.call("GET", f"/v1/checkouts/{checkout}"))[1]["status"] == status)

    return bool(await eventually(there))


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_approved_is_ordered(guest: Client, shelve: Shelve, left: Left, way: str):
    shelf = await shelve(2)
    asked = await waiting(guest, way, shelf["id"])
    async with guest.session.post(asked["action"]["url"], data={"outcome": "approve"}) as page:
        assert page.status == 200
    assert await reaches(guest, asked["id"], "completed")
    assert await left(shelf["sku"], 1) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_declined_gives_the_units_back(guest: Client, shelve: Shelve, left: Left, way: str):
    shelf = await shelve(2)
    asked = await waiting(guest, way, shelf["id"])
    async with guest.session.post(asked["action"]["url"], data={"outcome": "decline"}) as page:
        assert page.status == 200
    assert await reaches(guest, asked["id"], "open")
    assert await left(shelf["sku"], 2) == 2
    assert (await guest.complete(asked["id"], {"method": "cod"}))[0] == 200


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_left_runs_out_and_gives_the_units_back(guest: Client, shelve: Shelve, left: Left, way: str):
    shelf = await shelve(2)
    asked = await waiting(guest, way, shelf["id"])
    assert (await guest.call("POST", "/sandbox/clock", {"advance_seconds": 900}))[0] == 200
    assert await reaches(guest, asked["id"], "open")
    assert await left(shelf["sku"], 2) == 2
    row = await guest.booked(asked["id"])
    assert row is not None
    assert (row["state"], row["captured"]) == ("expired", 0)


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_canceled_gives_the_units_back(guest: Client, shelve: Shelve, left: Left, way: str):
    shelf = await shelve(2)
    asked = await waiting(guest, way, shelf["id"])
    assert await left(shelf["sku"], 1) == 1
    status, canceled = await guest.call("POST", f"/v1/checkouts/{asked['id']}/cancel")
    assert (status, canceled["status"]) == (200, "canceled")
    assert await left(shelf["sku"], 2) == 2
    row = await guest.booked(asked["id"])
    assert row is not None
    assert (row["state"], row["captured"]) == ("voided", 0)


async def test_another_way_to_pay_lets_the_first_one_go(guest: Client, shelve: Shelve, left: Left):
    shelf = await shelve(2)
    asked = await waiting(guest, "upi_qr", shelf["id"])
    status, done = await guest.complete(asked["id"], {"method": "card", "token": await guest.card()})
    assert (status, done["status"]) == (200, "completed")
    assert await left(shelf["sku"], 1) == 1
    _, books = await guest.call("GET", f"{guest.shop.urls['provider']}/sandbox/books")
    rows = [row for row in books["data"] if row["reference"] == asked["id"]]
    assert rows[0]["state"] == "voided"
    assert [row["amount"] for row in rows] == [done["totals"]["total"]["amount"]] * 2


async def test_notices_told_twice_count_once(guest: Client, desk: Shop, shelve: Shelve):
    fault = {"op": "webhook", "mode": "duplicate", "times": 4}
    assert (await guest.call("POST", f"{desk.urls['provider']}/sandbox/faults", fault))[0] == 201
    done = await guest.buy((await shelve(2))["id"])

    async def paid() -> bool:
        _, order = await guest.call("GET", f"/v1/orders/{done['order']['id']}")
        return bool(order["payment"]["captured"] == done["totals"]["total"] and order["status"] == "confirmed")

    assert await eventually(paid)
