"""What orders do when others tell something, and their periodic work."""

from haat.contracts.fraud import ReviewDecided
from haat.contracts.payments import PaymentCaptured, PaymentFailed, PaymentRefunded
from haat.contracts.shipping import ShipmentMoved
from haat.kit.database import Batch
from haat.kit.reactions import Kept, Reactions, Sweep
from haat.services.orders.service import OrderService


async def on_payments_captured(service: OrderService, batch: Batch[PaymentCaptured]) -> None:
    """The orders are paid and confirmed."""
    await service.following.payments_captured(batch)


async def on_payments_refunded(service: OrderService, batch: Batch[PaymentRefunded]) -> None:
    """What a bank sent back is the shop's again."""
    await service.following.payments_refunded(batch)


async def on_payments_failed(service: OrderService, batch: Batch[PaymentFailed]) -> None:
    """Orders whose money ran out are canceled."""
    await service.following.payments_failed(batch)


async def on_shipments_moved(service: OrderService, batch: Batch[ShipmentMoved]) -> None:
    """The orders follow their parcels."""
    await service.following.shipments_moved(batch)


async def on_reviews_decided(service: OrderService, batch: Batch[ReviewDecided]) -> None:
    """Held orders go on or are canceled."""
    await service.following.reviews_decided(batch)


REACTIONS: Reactions = {
    PaymentCaptured: on_payments_captured,
    PaymentRefunded: on_payments_refunded,
    PaymentFailed: on_payments_failed,
    ShipmentMoved: on_shipments_moved,
    ReviewDecided: on_reviews_decided,
}
SWEEPS = [
    Sweep("finish half-done work on orders", 1, OrderService.finish_tasks),
    Sweep("pack orders in the demo's warehouse", 1, OrderService.fulfil_due),
]
# A refusal is told again under its idempotency key, which is forgotten sooner.
KEPT = [Kept("tasks", "created_at", 30, "done")]
