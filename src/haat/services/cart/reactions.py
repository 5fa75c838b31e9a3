"""What the cart does when others tell something."""

from haat.contracts.inventory import StockCameBack
from haat.contracts.orders import OrderPlaced
from haat.kit.database import Batch
from haat.kit.reactions import Reactions, Sweep
from haat.services.cart.service import CartService


async def on_orders_placed(service: CartService, batch: Batch[OrderPlaced]) -> None:
    """Ordered units leave the cart, where the checkout did not see to it."""
    await service.orders_placed(batch)


async def on_stock_came_back(service: CartService, batch: Batch[StockCameBack]) -> None:
    """Whoever wished for it is told."""
    await service.stock_came_back(batch)


REACTIONS: Reactions = {OrderPlaced: on_orders_placed, StockCameBack: on_stock_came_back}
SWEEPS = [
    Sweep("tell of wishes that came back", 5, CartService.tell_wishes),
    Sweep("forget old guests' carts", 3600, CartService.forget_old_guests),
]
