"""What the others tell, in short words, and training in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from haat.contracts.catalog import CategoryRef, Product, ProductSaved, Rating, Variant
from haat.contracts.orders import OrderLine, OrderPlaced
from haat.contracts.recommendations import Click
from haat.engines.training.implicit_engine import ImplicitTrainingEngine
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.ports.training import Interactions, ItemText, TrainingPlan
from haat.services.recommendations.service import RecommendationService


async def in_a_thread(
    interactions: Interactions, texts: Sequence[ItemText], plan: TrainingPlan, moment: datetime
) -> bytes:
    model = await asyncio.to_thread(ImplicitTrainingEngine().train, interactions, texts, plan, moment)
    return model.to_bytes()


class Shop:
    """What the others tell, in short words."""

    def __init__(self, service: RecommendationService) -> None:
        self.service = service

    async def sells(self, *titles: str, category: str = "tea", **fields: Any) -> list[str]:
        """New products; their ids in the order of the titles."""
        products = [self.product(title, category, **fields) for title in titles]
        await self.tells(*products)
        return [each.id for each in products]

    async def tells(self, *products: Product) -> None:
        await self.service.take_saved(Batch([ProductSaved(product=each) for each in products]))

    def product(self, title: str, category: str = "tea", *, available: int = 3, **fields: Any) -> Product:
        product_id = new_id("prd")
        variant = Variant(id=new_id("var"), sku=product_id, options={}, price=Money(9900), available=available)
        given: dict[str, Any] = {
            "id": product_id,
            "slug": product_id,
            "title": title,
            "description": "",
            "brand": "Haat",
            "category": CategoryRef(id=f"cat_{category}", slug=category, path=[category]),
            "price": Money(9900),
            "images": [],
            "variants": [variant],
            "attributes": {"origin": "Assam"},
            "rating": Rating(),
            **fields,
        }
        return Product(**given)

    async def orders(self, *baskets: Sequence[str], users: Sequence[str] = ()) -> None:
        """One order a basket; each by a new shopper unless named."""
        buyers = users or [new_id("usr") for _ in baskets]
        await self.service.take_orders(
            Batch([self.order(basket, user_id) for basket, user_id in zip(baskets, buyers, strict=True)])
        )

    def order(self, products: Sequence[str], user_id: str) -> OrderPlaced:
        lines = [
            OrderLine(product_id=each, variant_id="var_1", sku=each, title="T", quantity=1, total=Money(100))
            for each in products
        ]
        return OrderPlaced(
            order_id=new_id("ord"),
            number="1",
            checkout_id="chk_1",
            cart_id=new_id("crt"),
            lines=lines,
            total=Money(100),
            user_id=user_id,
        )


def view(product_id: str, session_id: str = "s1", seconds_ago: int = 0, **fields: Any) -> Click:
    """A view, or any click when its fields are given."""
    given: dict[str, Any] = {"type": "view", "at": now() - timedelta(seconds=seconds_ago), **fields}
    return Click(session_id=session_id, product_id=product_id, **given)
