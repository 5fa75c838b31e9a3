"""What the checkout does when others tell something, and its periodic work."""

from haat.contracts.payments import PaymentAuthorized, PaymentFailed
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.checkout.service import CheckoutService


async def on_payments_authorized(service: CheckoutService, batch: Batch[PaymentAuthorized]) -> None:
    """Waiting attempts go on."""
    await service.payments_moved(batch)


async def on_payments_failed(service: CheckoutService, batch: Batch[PaymentFailed]) -> None:
    """Waiting attempts turn round."""
    await service.payments_moved(batch)


REACTIONS: Reactions = {PaymentAuthorized: on_payments_authorized, PaymentFailed: on_payments_failed}
SWEEPS = [
    Sweep("finish half-done checkouts", 1, CheckoutService.resume_due),
    Sweep("close quotes that have run out", 30, CheckoutService.expire_due),
    Sweep("tell the catalogue the tax classes", 300, CheckoutService.tell_tax_classes),
]
