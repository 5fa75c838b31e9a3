"""What the search does when others tell something, and its periodic work: the index's writer lives here."""

from __future__ import annotations

from haat.contracts.catalog import ProductRemoved, ProductSaved
from haat.contracts.orders import OrderPlaced
from haat.contracts.recommendations import ClicksRecorded
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.search.service import SearchService


async def on_products_saved(service: SearchService, batch: Batch[ProductSaved]) -> None:
    """Also told when a product sells out or comes back."""
    await service.take_saved(batch)


async def on_products_removed(service: SearchService, batch: Batch[ProductRemoved]) -> None:
    await service.take_removed(batch)


async def on_clicks_recorded(service: SearchService, batch: Batch[ClicksRecorded]) -> None:
    await service.count_clicks(batch)


async def on_orders_placed(service: SearchService, batch: Batch[OrderPlaced]) -> None:
    await service.count_orders(batch)


REACTIONS: Reactions = {
    ProductSaved: on_products_saved,
    ProductRemoved: on_products_removed,
    ClicksRecorded: on_clicks_recorded,
    OrderPlaced: on_orders_placed,
}
SWEEPS = [
    Sweep("write what waits into the search index", 0.5, lambda service: service.indexer.flush()),
    Sweep("rebuild the search index when needed", 1, lambda service: service.indexer.rebuild_if_needed()),
    Sweep("show popularity in the search index", 60, lambda service: service.indexer.refresh_popularity()),
]
