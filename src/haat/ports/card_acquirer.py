"""The port by which the vault charges cards: the only road on which a card number leaves it."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from haat.kit.money import Money


class CardPayment(msgspec.Struct, frozen=True):
    """What to authorise; the card itself travels apart from it so that this may be shown.

    `keep` asks for a `network_token` in the answer of an agreed payment, for those providers that must be told first.
    """

    reference: str
    amount: Money
    capture: str
    return_url: str | None = None
    keep: bool = False


class CardAcquirer(Protocol):
    """Both calls give the provider's status and object. Raises Unavailable when no answer can be relied on.

    Beside what the provider's own adapter reads, an object carries `state` in the words of
    `ports.payment_provider.State` and, once the payment is agreed, `network_token` where the card may be kept.
    """

    async def charge(self, key: str, payment: CardPayment, method: dict[str, Any]) -> tuple[int, dict[str, Any]]: ...
    async def fetch(self, payment_id: str) -> tuple[int, dict[str, Any]]: ...
    async def close(self) -> None: ...
