"""What the cart does when others tell something."""

from haat.contracts.orders import OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.cart.service import CartService


async def on_orders_placed(service: CartService, batch: Batch[OrderPlaced]) -> None:
    """Ordered units leave the cart, where the checkout did not see to it."""
    await service.orders_placed(batch)


REACTIONS: Reactions = {OrderPlaced: on_orders_placed}
SWEEPS = [Sweep("forget old guests' carts", 3600, CartService.forget_old_guests)]
