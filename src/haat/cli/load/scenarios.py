"""What shoppers do, as operations: each answers whether it went as it should."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

import msgspec

from haat.cli.load.client import Answer, Shop

ADDRESS = {
    "name": "Load Shopper",
    "line1": "1 Market Road",
    "city": "Bengaluru",
    "region": "Karnataka",
    "postal_code": "560001",
    "country": "IN",
}
CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Load Shopper"}
QUERIES = (
    "laptop",
    "phone",
    "kettle",
    "cotton shirt",
    "running shoes",
    "headphones",
    "saree",
    "pressure cooker",
    "backpack",
    "tea",
)


class Scenarios:
    """Operations over the products a shop has; the choice of product is the same for the same operation number."""

    def __init__(self, shop: Shop, vault: Shop) -> None:
        self._shop = shop
        self._vault = vault
        self._products: list[str] = []
        self._variants: list[str] = []
        self._tokens: list[str] = []
        self._titles: list[list[str]] = []
        # Bounds that an earlier run has asked for would be found ready.
        self._bound = 6_000_000 + random.randrange(2_000_000)  # noqa: S311 - load, not secrets

    async def prepare(self, products: int) -> int:
        """Learn up to so many products; how many there are."""
        cursor = ""
        while len(self._products) < products:
            page = await self._json("GET", f"/v1/products?limit=100{cursor}")
            for product in page["data"]:
                self._products.append(product["id"])
                self._titles.append(product["title"].split())
                # As often as there are units: what everybody bought evenly would be sold out here and there.
                self._variants += [v["id"] for v in product["variants"][:1] for _ in range(v["available"] // 25)]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        return len(self._products)

    async def prepare_cards(self, count: int) -> None:
        """Turn cards into tokens, as browsers do before the order is sent."""
        for _ in range(count):
            self._tokens.append(await self._token())

    async def list_products(self, number: int) -> bool:
        """The newest twenty."""
        return (await self._shop.ask("GET", "/v1/products?limit=20")).status == 200

    async def product(self, number: int) -> bool:
        """One product."""
        return (await self._shop.ask("GET", f"/v1/products/{self._any(self._products, number)}")).status == 200

    async def search(self, number: int) -> bool:
        """Keywords with a price range."""
        words = QUERIES[number % len(QUERIES)].replace(" ", "+")
        low = (number // len(QUERIES)) % 20 * 10_000
        path = f"/v1/search?q={words}&price_min={low}&price_max=6000000"
        return (await self._shop.ask("GET", path)).status == 200

    async def refined_search(self, number: int) -> bool:
        """Popular keywords with a price range that nobody has asked for."""
        return await self._search(QUERIES[number % len(QUERIES)], number)

    async def new_search(self, number: int) -> bool:
        """Two or three words of some product's title with a price range that nobody has asked for."""
        chance = random.Random(number)  # noqa: S311 - load, not secrets
        title = self._titles[chance.randrange(len(self._titles))]
        words = sorted(chance.sample(range(len(title)), min(len(title), chance.choice((2, 3)))))
        return await self._search(" ".join(title[at] for at in words), number)

    async def _search(self, words: str, number: int) -> bool:
        path = f"/v1/search?q={quote_plus(words)}&price_min=100000&price_max={self._bound + number}"
        return (await self._shop.ask("GET", path)).status == 200

    async def add_to_cart(self, number: int) -> bool:
        """A new guest's first item."""
        return (await self._add(number, {})).status == 201

    async def journey(self, number: int) -> bool:
        """Six calls: list, two items, checkout, complete, the order."""
        if not await self.list_products(number):
            return False
        first = await self._add(number, {})
        headers = {"Cart-Token": first.headers.get(b"cart-token", b"").decode()}
        second = await self._add(number + 7, headers)
        # Everybody their own: what is known of an address, to fraud's counts and in orders, grows with its orders.
        asked = {"email": f"load-{uuid.uuid4().hex[:12]}@example.com", "shipping_address": ADDRESS}
        opened = await self._shop.ask("POST", "/v1/checkouts", asked, headers)
        if (first.status, second.status, opened.status) != (201, 201, 201):
            return False
        checkout = msgspec.json.decode(opened.body)["id"]
        token = self._tokens.pop() if self._tokens else await self._token()
        key = {**headers, "Idempotency-Key": str(uuid.uuid4())}
        paid = {"payment": {"method": "card", "token": token}}
        done = await self._shop.ask("POST", f"/v1/checkouts/{checkout}/complete", paid, key)
        if done.status != 200:
            return False
        order = msgspec.json.decode(done.body)["order"]["id"]
        return (await self._shop.ask("GET", f"/v1/orders/{order}", None, headers)).status == 200

    async def _add(self, number: int, headers: dict[str, str]) -> Answer:
        body = {"variant_id": self._any(self._variants, number), "quantity": 1}
        return await self._shop.ask("POST", "/v1/cart/items", body, headers)

    async def _token(self) -> str:
        answer = await self._vault.ask("POST", "/v1/tokens", CARD)
        return str(msgspec.json.decode(answer.body)["token"])

    async def _json(self, method: str, path: str) -> Any:
        return msgspec.json.decode((await self._shop.ask(method, path)).body)

    def _any(self, choices: Sequence[str], number: int) -> str:
        return choices[random.Random(number).randrange(len(choices))]  # noqa: S311 - load, not secrets
