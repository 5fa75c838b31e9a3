"""Which provider a new payment goes to, and which one it stays with."""

from __future__ import annotations

from collections.abc import Sequence

from haat.kit.message import Unavailable
from haat.ports.payment_provider import PaymentProvider
from haat.services.payments.model import PaymentState


class Providers:
    """In the order of the settings. One that is listed last only for its old payments still answers for them."""

    def __init__(self, offered: Sequence[PaymentProvider]) -> None:
        self._offered = tuple(offered)
        self._by_name = {provider.name: provider for provider in offered}

    def for_method(self, method: str) -> PaymentProvider:
        """The first that takes the method; the very first, to refuse it, when none does."""
        able = (provider for provider in self._offered if method in provider.abilities.methods)
        return next(able, self._offered[0])

    def named(self, name: str) -> PaymentProvider | None:
        return self._by_name.get(name)

    def of(self, payment: PaymentState) -> PaymentProvider:
        """The one that has the payment: nobody else is asked about it. Raises Unavailable when it is not here."""
        provider = self._by_name.get(payment.provider)
        if provider is None:
            raise Unavailable(f"the payment is at {payment.provider}, which is not among this shop's providers")
        return provider
