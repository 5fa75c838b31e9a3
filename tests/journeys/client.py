"""People who talk to a running shop over HTTP: shoppers, guests and staff."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.journeys.shops import STAFF_PASSWORD, Shop

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
# The rest is pages.
DESCRIBED = ("/v1/", "/sandbox/clock", "/sandbox/books")
DECLINED = "4000 0000 0000 0002"
CHALLENGED = "4000 0027 6000 3184"
SLOW = "4000 0000 0000 0077"
PRICE = 4_599_900
PATIENCE_SECONDS = 120.0


class Client:
    """One person's HTTP session with the shop."""

    def __init__(self, session: aiohttp.ClientSession, shop: Shop) -> None:
        self.session = session
        self.shop = shop
        self.headers: dict[str, str] = {}
        self.seen: list[int] = []
        self.email = f"{uuid.uuid4().hex}@example.com"

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded body; underscores in header names stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else self.shop.url + path
        async with self.session.request(method, url, json=body, headers={**self.headers, **named}) as answer:
            if "Cart-Token" in answer.headers:
                self.headers["Cart-Token"] = answer.headers["Cart-Token"]
            content = await answer.read()
            body = await answer.json(content_type=None) if content else None
            self._hold(answer, body)
            return answer.status, body

    async def send(self, method: str, path: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
        """As `call`, with a body as it goes over the wire."""
        headers = {**self.headers, "Content-Type": kind}
        async with self.session.request(method, self.shop.url + path, data=body, headers=headers) as answer:
            told = await answer.json(content_type=None)
            self._hold(answer, told)
            return answer.status, told

    def _hold(self, answer: aiohttp.ClientResponse, body: Any) -> None:
        """Whatever a journey is answered must be in the API's description."""
        if str(answer.url.origin()) in (self.shop.url, self.shop.vault_url) and answer.url.path.startswith(DESCRIBED):
            kind = answer.headers.get("Content-Type", "")
            faults = self.shop.description.faults(answer.method, answer.url.path, answer.status, kind, body)
            assert not faults, "; ".join(faults)

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """A POST under an Idempotency-Key of its own."""
        return await self.call("POST", path, body, Idempotency_Key=str(uuid.uuid4()))

    async def sign_in(self, email: str, password: str) -> None:
        status, tokens = await self.call("POST", "/v1/sessions", {"email": email, "password": password})
        assert status == 201, tokens
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def sign_in_as_staff(self) -> None:
        await self.sign_in("staff@haat.example", STAFF_PASSWORD)

    async def register(self) -> None:
        """A new account, signed in."""
        who = {"email": self.email, "password": "namaste-haat", "name": "Asha Rao"}
        assert (await self.call("POST", "/v1/users", who))[0] == 201
        await self.sign_in(self.email, "namaste-haat")

    async def sell(self, sku: str, stock: int, amount: int = PRICE) -> dict[str, Any]:
        """As staff: a laptop of one variant, with units on the shelf. The product."""
        assert (await self.call("POST", "/v1/categories", {"slug": "laptops", "title": "Laptops"}))[0] == 204
        price = {"amount": amount, "currency": "INR"}
        product = {
            "title": "Trailwood 14 laptop",
            "brand": "Trailwood",
            "category": "laptops",
            "description": "A light laptop with 16 GB of memory.",
            "variants": [{"sku": sku, "price": price, "stock": stock, "weight_grams": 1400}],
            "attributes": {"RAM GB": 16},
            "hsn": "8471",
            "tax_class": "electronics",
        }
        status, made = await self.call("POST", "/v1/products", product)
        assert status == 201, made
        return dict(made)

    async def add(self, variant: str, quantity: int = 1) -> tuple[int, Any]:
        """Put units of a variant into the cart."""
        return await self.call("POST", "/v1/cart/items", {"variant_id": variant, "quantity": quantity})

    async def card(self, number: str = CARD["number"]) -> str:  # type: ignore[assignment]
        status, made = await self.call("POST", f"{self.shop.vault_url}/v1/tokens", {**CARD, "number": number})
        assert status == 201, made
        return str(made["token"])

    async def checkout(self, **choices: Any) -> dict[str, Any]:
        """Open a checkout with everything that an order needs."""
        body = {"email": self.email, "shipping_address": ADDRESS, **choices}
        status, opened = await self.call("POST", "/v1/checkouts", body)
        assert (status, opened["status"], opened["requirements"]) == (201, "open", [])
        return dict(opened)

    async def complete(self, checkout: str, payment: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
        return await self.call(
            "POST", f"/v1/checkouts/{checkout}/complete", {"payment": payment}, Idempotency_Key=key or str(uuid.uuid4())
        )

    async def complete_surely(self, checkout: str, payment: dict[str, Any]) -> tuple[int, Any]:
        """Ask under one key until there is an answer, whatever fails on the way; what went by is in `seen`."""
        key, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                status, answer = await self.complete(checkout, payment, key)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                status, answer = 0, {"detail": str(error)}
            self.seen.append(status)
            undecided = status == 202 or status == 0 or status >= 500 or answer.get("code") == "idempotency_in_flight"
            if not undecided:
                return status, answer
            await asyncio.sleep(0.3)
        raise AssertionError(f"no answer: {self.seen}")

    async def buy(self, variant: str, quantity: int = 1, payment: dict[str, Any] | None = None) -> dict[str, Any]:
        """From the cart to an order, by card unless told otherwise. The completed checkout."""
        assert (await self.add(variant, quantity))[0] == 201
        checkout = await self.checkout()
        paid = payment or {"method": "card", "token": await self.card()}
        status, done = await self.complete(checkout["id"], paid)
        deadline = time.monotonic() + PATIENCE_SECONDS
        # A machine that stood still had no answer in the time that a request has.
        while (status, done.get("status")) == (202, "completing") and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
            status, done = await self.call("GET", f"/v1/checkouts/{checkout['id']}")
        assert (status, done["status"]) == (200, "completed")
        return dict(done)

    async def booked(self, checkout: str) -> dict[str, Any] | None:
        """The provider's own line on a checkout."""
        _, books = await self.call("GET", f"{self.shop.urls['provider']}/sandbox/books")
        return next((row for row in books["data"] if row["reference"] == checkout), None)


@asynccontextmanager
async def visiting(shop: Shop, **session: Any) -> AsyncIterator[Client]:
    """A new person with a session of their own."""
    async with aiohttp.ClientSession(**session) as opened:
        yield Client(opened, shop)
