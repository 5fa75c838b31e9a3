"""Checkout: validation, a frozen quote, and the saga that turns it into exactly one order."""

from haat.contracts.checkout.calls import Checkouts
from haat.contracts.checkout.commands import (
    ChangeCheckout,
    CheckoutRef,
    Codes,
    Complete,
    ContactOf,
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
from haat.contracts.checkout.view import (
    Checkout,
    Contact,
    OrderRef,
    ParkedAttempt,
    QuoteLine,
    Requirement,
    TaxLine,
    Totals,
)

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
    "Contact",
    "ContactOf",
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
