"""The calls of the checkout."""

from __future__ import annotations

from haat.contracts.checkout.commands import (
    ChangeCheckout,
    CheckoutRef,
    Complete,
    ContactOf,
    GoOn,
    OpenCheckout,
    ParkedOf,
    ParkedRef,
    SaveTaxRates,
)
from haat.contracts.checkout.view import Checkout, Contact, ParkedAttempt, ParkedCheckout
from haat.kit.message import Nothing, Page
from haat.kit.rpc import Contract, promise


class Checkouts(Contract):
    """The saga: reserve, redeem, assess, authorise, commit, place, capture; undone until the commit."""

    async def open(self, ask: OpenCheckout) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def change(self, ask: ChangeCheckout) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def checkout(self, ask: CheckoutRef) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def cancel(self, ask: CheckoutRef) -> Checkout: ...
    @promise(safe_to_repeat=True, timeout_seconds=45)
    async def complete(self, ask: Complete) -> Checkout: ...
    @promise(safe_to_repeat=True)
    async def save_tax_rates(self, ask: SaveTaxRates) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def parked(self, ask: ParkedOf) -> Page[ParkedAttempt]: ...
    @promise(safe_to_repeat=True)
    async def parked_one(self, ask: ParkedRef) -> ParkedCheckout: ...
    @promise(safe_to_repeat=True)
    async def go_on(self, ask: GoOn) -> Nothing: ...
    @promise(safe_to_repeat=True)
    async def contact(self, ask: ContactOf) -> Contact: ...
