"""The vault: the only place that sees a card number. Nobody but payments may import this contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from haat.kit.message import DomainError, Message, Nothing
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class CardCharge(Message, frozen=True):
    """Authorise at the provider with the card behind `token`; `idempotency_key` goes to the provider.

    A kept card is charged only for its `owner`. Repeating a key gives the same answer or asks the provider again.
    Of a card that nobody will want to keep, `may_be_kept` false leaves nothing behind.
    """

    token: str
    reference: str
    amount: Money
    idempotency_key: str
    capture: str = "manual"
    return_url: str | None = None
    owner: str | None = None
    may_be_kept: bool = True


class ProviderAnswer(Message, frozen=True):
    """The provider's payment object as it came, with status 200, or its refusal."""

    status: int
    body: Mapping[str, Any]


class NewCard(Message, frozen=True):
    """What the shopper typed, and from which network address. It shows itself without its secrets."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str
    name: str = ""
    network_address: str = ""

    def __repr__(self) -> str:
        return "NewCard(•••)"


class CardToken(Message, frozen=True):
    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class CardRef(Message, frozen=True):
    token: str


class KeepCard(Message, frozen=True):
    """Keep the card of an agreed payment for later payments of this owner; otherwise it goes after the payment."""

    token: str
    owner: str


class Card(Message, frozen=True):
    """All that may be known of a card outside the vault."""

    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    created_at: datetime
    owner: str | None = None


class CardUnknown(DomainError):
    """The token is unknown, used up, or expired."""

    code = "card_token_unknown"
    status = 422
    title = "This card token is unknown or has expired; enter the card again"


class Vault(Contract):
    """There is no call that gives a card number back."""

    async def tokenize(self, ask: NewCard) -> CardToken: ...
    @promise(safe_to_repeat=True, timeout_seconds=40)
    async def charge(self, ask: CardCharge) -> ProviderAnswer: ...
    @promise(safe_to_repeat=True)
    async def card(self, ask: CardRef) -> Card: ...
    @promise(safe_to_repeat=True)
    async def keep(self, ask: KeepCard) -> Card: ...
    @promise(safe_to_repeat=True)
    async def forget(self, ask: CardRef) -> Nothing: ...
