"""What the catalogue does when others tell something, and by itself."""

from haat.contracts.inventory import StockChanged
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.catalog.service import CatalogService


async def on_stock_changed(service: CatalogService, batch: Batch[StockChanged]) -> None:
    """Pages show the new levels."""
    await service.take_stock(batch)


REACTIONS: Reactions = {StockChanged: on_stock_changed}
SWEEPS = [
    Sweep("run imports", 1, CatalogService.run_imports),
    Sweep("hand over first units", 10, CatalogService.receive_due),
]
