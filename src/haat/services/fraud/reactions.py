"""What fraud does when others tell something, and its periodic work."""

from haat.contracts.orders import OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.fraud.service import FraudService


async def on_orders_placed(service: FraudService, batch: Batch[OrderPlaced]) -> None:
    """What is held waits for a person."""
    await service.orders_placed(batch)


REACTIONS: Reactions = {OrderPlaced: on_orders_placed}
SWEEPS = [Sweep("forget old assessments", 3600, FraudService.forget_old)]
