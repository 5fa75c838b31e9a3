"""What deserves a mail when others tell something, and the sending of what is due."""

from haat.contracts.cart import WishCameBack
from haat.contracts.identity import LetterWanted, RefreshTokenReused, UserRegistered
from haat.contracts.inventory import StockRanLow
from haat.contracts.orders import OrderMoved, OrderPlaced, ParcelUndelivered, ReturnMoved
from haat.contracts.payments import PaymentRefunded
from haat.kit.database import Batch
from haat.kit.reactions import Kept, Reactions, Sweep
from haat.services.notifications.service import NotificationsService


async def on_orders_placed(service: NotificationsService, batch: Batch[OrderPlaced]) -> None:
    """Confirm the orders."""
    await service.on_placed(batch)


async def on_orders_moved(service: NotificationsService, batch: Batch[OrderMoved]) -> None:
    """Say how far they are."""
    await service.on_moved(batch)


async def on_parcels_undelivered(service: NotificationsService, batch: Batch[ParcelUndelivered]) -> None:
    """Say which come back to us."""
    await service.on_undelivered(batch)


async def on_returns_moved(service: NotificationsService, batch: Batch[ReturnMoved]) -> None:
    """Say what was decided on returns."""
    await service.on_return(batch)


async def on_payments_refunded(service: NotificationsService, batch: Batch[PaymentRefunded]) -> None:
    """Say that money goes back."""
    await service.on_refunded(batch)


async def on_users_registered(service: NotificationsService, batch: Batch[UserRegistered]) -> None:
    """Welcome them."""
    await service.on_registered(batch)


async def on_letters_wanted(service: NotificationsService, batch: Batch[LetterWanted]) -> None:
    """Mail links, and words about what was changed."""
    await service.on_letters_wanted(batch)


async def on_tokens_reused(service: NotificationsService, batch: Batch[RefreshTokenReused]) -> None:
    """Warn the owners."""
    await service.on_token_reused(batch)


async def on_stock_ran_low(service: NotificationsService, batch: Batch[StockRanLow]) -> None:
    """Tell the staff."""
    await service.on_stock_low(batch)


async def on_wishes_came_back(service: NotificationsService, batch: Batch[WishCameBack]) -> None:
    """Tell those who wished for it."""
    await service.on_wishes_back(batch)


REACTIONS: Reactions = {
    OrderPlaced: on_orders_placed,
    OrderMoved: on_orders_moved,
    ParcelUndelivered: on_parcels_undelivered,
    ReturnMoved: on_returns_moved,
    PaymentRefunded: on_payments_refunded,
    UserRegistered: on_users_registered,
    RefreshTokenReused: on_tokens_reused,
    LetterWanted: on_letters_wanted,
    StockRanLow: on_stock_ran_low,
    WishCameBack: on_wishes_came_back,
}
SWEEPS = [Sweep("send mails", 1, NotificationsService.send_due)]
KEPT = [Kept("mails", "created_at", 400, "state <> 'queued'")]
