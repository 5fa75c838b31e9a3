"""The walk-through by the API, once with every service in one process and once with the delicate ones on their own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from tests.journeys.shops import APART, STAFF_PASSWORD, Shop, eventually, running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

ADDRESS = {
    "name": "Asha Rao",
    "line1": "12 Residency Road",
    "city": "Bengaluru",
    "region": "Karnataka",
    "postal_code": "560025",
    "country": "IN",
    "phone": "+919876543210",
}
CARD = {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Asha Rao"}
LAPTOP = {
    "title": "Trailwood 14 laptop",
    "brand": "Trailwood",
    "category": "laptops",
    "description": "A light laptop with 16 GB of memory.",
    "variants": [{"sku": "TW-14", "price": {"amount": 4_599_900, "currency": "INR"}, "stock": 5, "weight_grams": 1400}],
    "attributes": {"RAM GB": 16},
    "hsn": "8471",
    "tax_class": "electronics",
}


class Client:
    """One person's HTTP session with the shop."""

    def __init__(self, session: aiohttp.ClientSession, shop: Shop) -> None:
        self.session = session
        self.shop = shop
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else self.shop.url + path
        async with self.session.request(method, url, json=body, headers={**self.headers, **named}) as answer:
            if "Cart-Token" in answer.headers:
                self.headers["Cart-Token"] = answer.headers["Cart-Token"]
            content = await answer.read()
            return answer.status, await answer.json(content_type=None) if content else None

    async def sign_in(self, email: str, password: str) -> None:
        status, tokens = await self.call("POST", "/v1/sessions", {"email": email, "password": password})
        assert status == 201
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def card(self, number: str = CARD["number"]) -> str:
        status, made = await self.call("POST", f"{self.shop.vault_url}/v1/tokens", {**CARD, "number": number})
        assert status == 201
        return str(made["token"])

    async def checkout(self) -> dict[str, Any]:
        status, opened = await self.call("POST", "/v1/checkouts", {"email": "asha@x.com", "shipping_address": ADDRESS})
        assert (status, opened["status"], opened["requirements"]) == (201, "open", [])
        return dict(opened)

    async def complete(self, checkout: str, payment: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
        return await self.call(
            "POST", f"/v1/checkouts/{checkout}/complete", {"payment": payment}, Idempotency_Key=key or str(uuid.uuid4())
        )


@pytest.fixture(scope="module", params=[(), APART], ids=["one process", "many processes"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("shop"), request.param) as started:
        yield started


@pytest.fixture
async def shopper(shop: Shop) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, shop)


@pytest.fixture(scope="module")
async def laptop(shop: Shop) -> dict[str, Any]:
    """A laptop with five on the shelf, made by the staff and found by search."""
    async with aiohttp.ClientSession() as session:
        staff = Client(session, shop)
        await staff.sign_in("staff@haat.example", STAFF_PASSWORD)
        assert (await staff.call("POST", "/v1/categories", {"slug": "laptops", "title": "Laptops"}))[0] == 204
        status, product = await staff.call("POST", "/v1/products", LAPTOP)
        assert status == 201

        async def found() -> bool:
            _, page = await staff.call("GET", "/v1/search?q=laptop&price_min=3000000&price_max=6000000")
            return bool(page["total"] == 1 and page["data"][0]["in_stock"])

        assert await eventually(found)
        return dict(product)


async def test_the_walk_through(shopper: Client, laptop: dict[str, Any]):
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

    assert await eventually(delivered, seconds=40)
    _, seen = await shopper.call("GET", order)
    assert (seen["payment"]["status"], seen["payment"]["captured"]["amount"]) == ("paid", 4_599_900)
    assert [entry["type"] for entry in seen["timeline"]][0] == "placed"
    assert seen["shipments"][0]["events"][-1]["code"] == "delivered"
    _, empty = await shopper.call("GET", "/v1/cart")
    assert empty["items"] == []
    _, books = await shopper.call("GET", "/sandbox/books")
    row = next(each for each in books["data"] if each["reference"] == checkout["id"])
    assert (row["amount"], row["captured"], row["refunded"]) == (4_599_900, 4_599_900, 0)
    status, similar = await shopper.call("GET", f"/v1/recommendations?kind=similar&product_id={laptop['id']}")
    assert status == 200
    assert isinstance(similar["data"], list)


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
