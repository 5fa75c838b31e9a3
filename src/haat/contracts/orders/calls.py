"""The calls of orders."""

from __future__ import annotations

from haat.contracts.orders.commands import (
    ApproveReturn,
    BoughtBy,
    CancelOrder,
    CaptureOrder,
    FiguresOf,
    ListOrders,
    ListReturns,
    OrderOf,
    PlaceOrder,
    ReceiveReturn,
    RefundOrder,
    RejectReturn,
    RequestReturn,
    ShipOrder,
    StuckOf,
    TakeBack,
)
from haat.contracts.orders.view import (
    Bought,
    DayFigures,
    InvoiceFile,
    Order,
    OrderLink,
    OrderReturn,
    Placed,
    Return,
    StuckWork,
)
from haat.kit.message import Page
from haat.kit.rpc import Contract, promise


class Orders(Contract):
    """Orders of record. Refunds and returns are driven to their end by a worker if a request dies half-way."""

    @promise(safe_to_repeat=True)
    async def place(self, ask: PlaceOrder) -> Placed: ...
    @promise(safe_to_repeat=True)
    async def order(self, ask: OrderOf) -> Order: ...
    @promise(safe_to_repeat=True)
    async def orders(self, ask: ListOrders) -> Page[Order]: ...
    @promise(safe_to_repeat=True)
    async def returns(self, ask: ListReturns) -> Page[OrderReturn]: ...
    @promise(safe_to_repeat=True)
    async def stuck(self, ask: StuckOf) -> Page[StuckWork]: ...
    @promise(safe_to_repeat=True, timeout_seconds=10)
    async def figures(self, ask: FiguresOf) -> Page[DayFigures]: ...
    @promise(safe_to_repeat=True)
    async def link(self, ask: OrderOf) -> OrderLink: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def cancel(self, ask: CancelOrder) -> Order: ...
    async def request_return(self, ask: RequestReturn) -> Return: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def approve_return(self, ask: ApproveReturn) -> Return: ...
    @promise(safe_to_repeat=True)
    async def reject_return(self, ask: RejectReturn) -> Return: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def receive_return(self, ask: ReceiveReturn) -> Return: ...
    async def ship(self, ask: ShipOrder) -> Order: ...
    @promise(safe_to_repeat=True)
    async def take_back(self, ask: TakeBack) -> Order: ...
    async def capture(self, ask: CaptureOrder) -> Order: ...
    async def refund(self, ask: RefundOrder) -> Order: ...
    @promise(safe_to_repeat=True, timeout_seconds=10)
    async def invoice(self, ask: OrderOf) -> InvoiceFile: ...
    @promise(safe_to_repeat=True)
    async def bought(self, ask: BoughtBy) -> Bought: ...
