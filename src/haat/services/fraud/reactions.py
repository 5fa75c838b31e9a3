"""What fraud does when others tell something, and its periodic work."""

from haat.contracts.orders import OrderMoved, OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.fraud.service import FraudService


async def on_orders_placed(service: FraudService, batch: Batch[OrderPlaced]) -> None:
    """What is held waits for a person."""
    await service.orders_placed(batch)


async def on_orders_moved(service: FraudService, batch: Batch[OrderMoved]) -> None:
    """A canceled order needs no decision."""
    await service.orders_moved(batch)


REACTIONS: Reactions = {OrderPlaced: on_orders_placed, OrderMoved: on_orders_moved}
SWEEPS = [Sweep("forget old assessments", 3600, FraudService.forget_old)]
