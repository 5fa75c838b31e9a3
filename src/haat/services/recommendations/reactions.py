"""What the recommendations learn from others, and the periodic training."""

from __future__ import annotations

from haat.contracts.catalog import ProductRemoved, ProductSaved
from haat.contracts.orders import OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.recommendations.service import RecommendationService


async def on_products_saved(service: RecommendationService, batch: Batch[ProductSaved]) -> None:
    """Also told when a product sells out or comes back."""
    await service.take_saved(batch)


async def on_products_removed(service: RecommendationService, batch: Batch[ProductRemoved]) -> None:
    await service.take_removed(batch)


async def on_orders_placed(service: RecommendationService, batch: Batch[OrderPlaced]) -> None:
    await service.take_orders(batch)


REACTIONS: Reactions = {
    ProductSaved: on_products_saved,
    ProductRemoved: on_products_removed,
    OrderPlaced: on_orders_placed,
}
SWEEPS = [Sweep("train when due", 20, lambda service: service.trainer.train_if_due())]
