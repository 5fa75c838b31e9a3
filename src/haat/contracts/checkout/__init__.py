"""Checkout: validation, a frozen quote, and the saga that turns it into exactly one order."""

from haat.contracts.checkout.calls import Checkouts
from haat.contracts.checkout.commands import (
    ChangeCheckout,
    CheckoutRef,
    Codes,
    Complete,
    GoOn,
    OpenCheckout,
    ParkedOf,
    SaveTaxRates,
    TaxRate,
)
from haat.contracts.checkout.outcomes import (
    CheckoutAbandoned,
    CheckoutCompleted,
    CheckoutIncomplete,
    CheckoutRefused,
    CheckoutStateError,
    EmptyCart,
    PriceChanged,
)
from haat.contracts.checkout.view import Checkout, OrderRef, ParkedAttempt, QuoteLine, Requirement, TaxLine, Totals

__all__ = [
    "ChangeCheckout",
    "Checkout",
    "CheckoutAbandoned",
    "CheckoutCompleted",
    "CheckoutIncomplete",
    "CheckoutRef",
    "CheckoutRefused",
    "CheckoutStateError",
    "Checkouts",
    "Codes",
    "Complete",
    "EmptyCart",
    "GoOn",
    "OpenCheckout",
    "OrderRef",
    "ParkedAttempt",
    "ParkedOf",
    "PriceChanged",
    "QuoteLine",
    "Requirement",
    "SaveTaxRates",
    "TaxLine",
    "TaxRate",
    "Totals",
]
