"""Which facts deserve a mail, and what makes two of them the same."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from haat.contracts.cart import WishCameBack
from haat.contracts.identity import LetterWanted, RefreshTokenReused, UserRegistered
from haat.contracts.inventory import StockRanLow
from haat.contracts.orders import OrderMoved, OrderPlaced, ParcelUndelivered, ReturnMoved
from haat.contracts.payments import PaymentRefunded

Kind = Literal[
    "order_placed",
    "order_partially_shipped",
    "order_shipped",
    "order_out_for_delivery",
    "order_delivered",
    "order_canceled",
    "order_returned",
    "parcel_undelivered",
    "return_approved",
    "return_rejected",
    "refunded",
    "refunded_in_cash",
    "refunded_beside_order",
    "refunded_without_order",
    "welcome",
    "session_ended",
    "stock_low",
    "wish_came_back",
    "password_reset",
    "password_changed",
    "email_change",
    "email_changed",
]
# Letters whose link is a key to an account: kept only where there is no other place for them, and then for owners.
SECRET: Final = frozenset({"password_reset", "email_change"})
OF_ACCOUNTS: Final = SECRET | {"welcome", "session_ended", "password_changed", "email_changed"}
_MOVES: Final[dict[str, Kind]] = {
    "partially_shipped": "order_partially_shipped",
    "shipped": "order_shipped",
    "out_for_delivery": "order_out_for_delivery",
    "delivered": "order_delivered",
    "canceled": "order_canceled",
    "returned": "order_returned",
}
_DECISIONS: Final[dict[str, Kind]] = {"approved": "return_approved", "rejected": "return_rejected"}
_LETTERS: Final[dict[str, Kind]] = {
    "password_reset": "password_reset",
    "password_changed": "password_changed",
    "email_change": "email_change",
    "email_changed": "email_changed",
}
# Tries until a letter is given up: two days with the waits below; who reads "arrives today" tomorrow is misled.
TRIES: Final = 200
TRIES_OF_TODAY: Final = 40
LONGEST_WAIT_SECONDS: Final = 900


class Cause(msgspec.Struct, frozen=True):
    """Why a mail is written. `cause` is unique; `address` is empty where only the order knows it."""

    cause: str
    kind: Kind
    about: str
    address: str
    facts: dict[str, Any]


def of_placed(event: OrderPlaced) -> Cause:
    """The confirmation of an order."""
    return Cause(f"placed:{event.order_id}", "order_placed", event.order_id, "", {"checkout_id": event.checkout_id})


def of_moved(event: OrderMoved) -> Cause | None:
    """A step that the customer wants to know; None for the warehouse's own."""
    kind = _MOVES.get(event.status)
    if kind is None:
        return None
    # What came back and is sent again is on its way once more.
    way = f":{event.came_back}" if event.came_back else ""
    return Cause(f"{event.status}:{event.order_id}{way}", kind, event.order_id, "", {"detail": event.detail})


def of_undelivered(event: ParcelUndelivered) -> Cause:
    """A parcel that comes back to us."""
    return Cause(f"undelivered:{event.order_id}:{event.shipment_id}", "parcel_undelivered", event.order_id, "", {})


def of_return(event: ReturnMoved) -> Cause | None:
    """What staff decided on a return; None for what they do not."""
    kind = _DECISIONS.get(event.status)
    if kind is None:
        return None
    # It stands within a sentence that has its own full stop.
    facts = {"reason": event.detail.rstrip(". ")}
    return Cause(f"{kind}:{event.return_id}", kind, event.order_id, "", facts)


def of_refunded(event: PaymentRefunded) -> Cause | None:
    """Money on its way back; None when it is not."""
    if event.state != "succeeded":
        return None
    facts = {
        "checkout_id": event.checkout_id,
        "payment_id": event.payment_id,
        "amount": event.amount.amount,
        "currency": event.amount.currency,
        "to_credit": event.to_credit,
    }
    return Cause(f"refunded:{event.refund_id}", "refunded", "", "", facts)


def of_registered(event: UserRegistered) -> Cause:
    """A welcome."""
    return Cause(f"registered:{event.user_id}", "welcome", event.user_id, "", {})


def of_reuse(event: RefreshTokenReused) -> Cause:
    """A warning that somebody has copied a sign-in."""
    return Cause(f"reused:{event.session_id}", "session_ended", event.user_id, "", {})


def of_letter(event: LetterWanted) -> Cause | None:
    """A letter about an account; None for a kind that we cannot write."""
    kind = _LETTERS.get(event.kind)
    return None if kind is None else Cause(f"letter:{event.letter_id}", kind, "", "", {"letter_id": event.letter_id})


def of_stock(event: StockRanLow, staff: str) -> Cause:
    """A word to the staff, once a day for each SKU, location and degree."""
    facts = {"sku": event.sku, "location": event.location, "available": event.available, "degree": event.kind}
    day = event.at.date().isoformat()
    return Cause(f"stock:{event.sku}:{event.location}:{event.kind}:{day}", "stock_low", event.sku, staff, facts)


def of_wish(event: WishCameBack) -> Cause:
    """What was wished for is there again; the cart keeps the pause, and tells anew when nothing could be told."""
    return Cause(f"wish:{event.id}", "wish_came_back", event.user_id, "", {"product_id": event.product_id})


def wait_seconds(kind: Kind, tries: int) -> int | None:
    """How long a letter waits after its so-many-th try; None when it is given up, until staff send it again.

    The count of tries never goes back, as it tells a worker whose lease ran out from the next one: each full round of
    them ends in giving up.
    """
    done = tries % (TRIES_OF_TODAY if kind == "order_out_for_delivery" else TRIES)
    return int(min(LONGEST_WAIT_SECONDS, 2**done)) if done else None
