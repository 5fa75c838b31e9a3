"""The rules of cash on delivery: no provider is asked, the courier collects."""

from __future__ import annotations

from datetime import datetime

import msgspec

from haat.services.payments.model import PaymentState, noted


def agreed(payment: PaymentState, at: datetime) -> PaymentState | None:
    """Cash on delivery needs nobody's yes."""
    if payment.state != "authorizing":
        return None
    return noted(payment, msgspec.structs.replace(payment, state="authorized"), at)


def let_go(payment: PaymentState, at: datetime) -> PaymentState | None:
    """Cash that will not be collected."""
    if payment.state != "authorized":
        return None
    return noted(payment, msgspec.structs.replace(payment, state="voided"), at)


def collected(payment: PaymentState, amount_minor: int, at: datetime) -> PaymentState:
    """Cash was collected."""
    left = payment.capturing_minor - amount_minor
    captured = payment.captured_minor + amount_minor
    after = msgspec.structs.replace(payment, state="captured", captured_minor=captured, capturing_minor=max(0, left))
    return noted(payment, after, at)
