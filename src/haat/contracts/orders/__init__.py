"""Orders: from placement to delivery, cancellation, returns and refunds."""

from haat.contracts.orders.calls import Orders
from haat.contracts.orders.commands import (
    BoughtBy,
    CancelOrder,
    CaptureOrder,
    ListOrders,
    OrderOf,
    PlaceOrder,
    ReceiveReturn,
    RefundOrder,
    RequestReturn,
    ShipItem,
    ShipOrder,
)
from haat.contracts.orders.outcomes import OrderMoved, OrderPlaced, OrderStateError
from haat.contracts.orders.view import (
    Bought,
    Order,
    OrderLine,
    OrderLink,
    OrderPayment,
    Placed,
    Return,
    ReturnItem,
    TimelineEntry,
)

__all__ = [
    "Bought",
    "BoughtBy",
    "CancelOrder",
    "CaptureOrder",
    "ListOrders",
    "Order",
    "OrderLine",
    "OrderLink",
    "OrderMoved",
    "OrderOf",
    "OrderPayment",
    "OrderPlaced",
    "OrderStateError",
    "Orders",
    "PlaceOrder",
    "Placed",
    "ReceiveReturn",
    "RefundOrder",
    "RequestReturn",
    "Return",
    "ReturnItem",
    "ShipItem",
    "ShipOrder",
    "TimelineEntry",
]
