"""The walk-through by the API, once with every service in one process and once with the delicate ones on their own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.journeys.client import Client, visiting
from tests.journeys.shops import APART, Shop, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]


@pytest.fixture(scope="module", params=[(), APART], ids=["one process", "many processes"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("shop"), request.param) as started:
        yield started


@pytest.fixture
async def shopper(shop: Shop) -> AsyncIterator[Client]:
    async with visiting(shop) as client:
        yield client


OTHERS = (2_999_900, 5_299_900, 8_999_900)


@pytest.fixture(scope="module")
async def others(shop: Shop) -> list[str]:
    """The ids of three more laptops, one in the price range that the walk-through asks for."""
    async with visiting(shop) as staff:
        await staff.sign_in_as_staff()
        return [(await staff.sell(f"TW-{price}", stock=5, amount=price))["id"] for price in OTHERS]


@pytest.fixture(scope="module")
async def laptop(shop: Shop, others: list[str]) -> dict[str, Any]:
    """A laptop with five on the shelf, made by the staff and found by search before a dearer one."""
    async with visiting(shop) as staff:
        await staff.sign_in_as_staff()
        product = await staff.sell("TW-14", stock=5)

        async def found() -> bool:
            _, page = await staff.call("GET", "/v1/search?q=laptop&price_min=3000000&price_max=6000000&sort=price_asc")
            return bool([each["id"] for each in page["data"] if each["in_stock"]] == [product["id"], others[1]])

        assert await eventually(found)
        return product


async def test_the_walk_through(shopper: Client, laptop: dict[str, Any], others: list[str]):
    who = {"email": f"{uuid.uuid4().hex}@example.com", "password": "namaste-haat", "name": "Asha Rao"}
    assert (await shopper.call("POST", "/v1/users", who))[0] == 201
    await shopper.sign_in(who["email"], who["password"])
    variant = laptop["variants"][0]["id"]
    status, cart = await shopper.call("POST", "/v1/cart/items", {"variant_id": variant, "quantity": 1})
    assert (status, cart["subtotal"]) == (201, {"amount": 4_599_900, "currency": "INR"})
    checkout = await shopper.checkout()
    assert checkout["totals"]["total"]["amount"] == 4_599_900
    assert [line["title"] for line in checkout["totals"]["tax_lines"]] == ["CGST", "SGST"]
    status, done = await shopper.complete(checkout["id"], {"method": "card", "token": await shopper.card()})
    assert (status, done["status"]) == (200, "completed")
    order = f"/v1/orders/{done['order']['id']}"

    async def delivered() -> bool:
        _, seen = await shopper.call("GET", order)
        return bool(seen["status"] == "delivered")

    assert await eventually(delivered)
    _, seen = await shopper.call("GET", order)
    assert (seen["payment"]["status"], seen["payment"]["captured"]["amount"]) == ("paid", 4_599_900)
    assert seen["timeline"][0]["type"] == "placed"
    assert seen["shipments"][0]["events"][-1]["code"] == "delivered"
    _, empty = await shopper.call("GET", "/v1/cart")
    assert empty["items"] == []
    _, books = await shopper.call("GET", "/sandbox/books")
    row = next(each for each in books["data"] if each["reference"] == checkout["id"])
    assert (row["amount"], row["captured"], row["refunded"]) == (4_599_900, 4_599_900, 0)

    async def alike() -> bool:
        status, similar = await shopper.call("GET", f"/v1/recommendations?kind=similar&product_id={laptop['id']}")
        return status == 200 and {each["product"]["id"] for each in similar["data"]} == set(others)

    assert await eventually(alike)


async def test_a_declined_card_gives_the_stock_back(shopper: Client, laptop: dict[str, Any]):
    before = (await shopper.call("GET", f"/v1/products/{laptop['id']}"))[1]["variants"][0]["available"]
    await shopper.call("POST", "/v1/cart/items", {"variant_id": laptop["variants"][0]["id"], "quantity": 1})
    checkout = await shopper.checkout()
    token = await shopper.card("4000 0000 0000 0002")
    status, refused = await shopper.complete(checkout["id"], {"method": "card", "token": token})
    assert (status, refused["code"]) == (402, "payment_declined")

    async def back() -> bool:
        _, product = await shopper.call("GET", f"/v1/products/{laptop['id']}")
        return bool(product["variants"][0]["available"] == before)

    assert await eventually(back)


async def test_the_same_key_gives_the_same_order(shopper: Client, laptop: dict[str, Any]):
    await shopper.call("POST", "/v1/cart/items", {"variant_id": laptop["variants"][0]["id"], "quantity": 1})
    checkout, key = await shopper.checkout(), str(uuid.uuid4())
    payment = {"method": "card", "token": await shopper.card()}
    first = await shopper.complete(checkout["id"], payment, key)
    again = await shopper.complete(checkout["id"], payment, key)
    other = await shopper.complete(checkout["id"], {"method": "cod"}, key)
    assert (first[0], first[1]["order"]) == (again[0], again[1]["order"])
    assert (other[0], other[1]["code"]) == (422, "idempotency_conflict")


async def test_upi_waits_for_the_shopper(shopper: Client, laptop: dict[str, Any]):
    await shopper.call("POST", "/v1/cart/items", {"variant_id": laptop["variants"][0]["id"], "quantity": 1})
    checkout = await shopper.checkout()
    status, waiting = await shopper.complete(checkout["id"], {"method": "upi", "flow": "qr"})
    assert (status, waiting["status"], waiting["action"]["type"]) == (202, "requires_action", "upi_qr")
    async with shopper.session.post(waiting["action"]["url"], data={"outcome": "approve"}) as approved:
        assert approved.status == 200

    async def completed() -> bool:
        _, seen = await shopper.call("GET", f"/v1/checkouts/{checkout['id']}")
        return bool(seen["status"] == "completed")

    assert await eventually(completed)


async def test_more_than_there_is_cannot_be_put_into_the_cart(shopper: Client, laptop: dict[str, Any]):
    body = {"variant_id": laptop["variants"][0]["id"], "quantity": 50}
    status, refused = await shopper.call("POST", "/v1/cart/items", body)
    assert (status, refused["code"], refused["available"] < 50) == (409, "out_of_stock", True)
