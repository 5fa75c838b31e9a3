"""What payments do by themselves."""

from haat.contracts.orders import OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.payments.service import PaymentsService


async def on_orders_placed(service: PaymentsService, batch: Batch[OrderPlaced]) -> None:
    """The order stands, so the money that was held for it is taken, unless a person has to look first."""
    ready = [event.payment_id for event in batch.events if not event.on_hold]
    await service.take_for_orders(ready, [event.payment_id for event in batch.events if event.on_hold])


REACTIONS: Reactions = {OrderPlaced: on_orders_placed}
SWEEPS = [
    Sweep("finish open payments", 2, PaymentsService.finish_open),
    Sweep("look up kept notices", 5, PaymentsService.look_up_notices),
    Sweep("hold the provider's report against the ledger", 600, PaymentsService.reconcile_due),
    Sweep("forget old webhooks", 3600, PaymentsService.forget_webhooks),
]
