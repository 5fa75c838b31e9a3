"""The port of a payment provider: every answer is a fact, a refusal without effect, or unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

from haat.kit.money import Money

State = Literal[
    "requires_action",
    "processing",
    "authorized",
    "captured",
    "declined",
    "expired",
    "lapsed",
    "voided",
]
RefundOutcome = Literal["pending", "succeeded", "failed"]


class ActionWanted(msgspec.Struct, frozen=True):
    """What the shopper must do at the provider."""

    type: str
    url: str
    expires_at: datetime
    upi_uri: str | None = None


class RefundFact(msgspec.Struct, frozen=True):
    id: str
    amount_minor: int
    state: RefundOutcome


class PaymentFact(msgspec.Struct, frozen=True):
    """The provider's view of one payment. `captured_minor` never falls; what went back is in `refunds`.

    `state` is about the authorisation: a captured payment stays `captured` however much was refunded; `lapsed` is a
    hold that ran out, `expired` a payment that nobody approved in time. `dispute` is opened, won or lost.
    `capture_before` is when a hold runs out, where the provider tells it. `foreign_merchant` is whose account the
    payment is in, where that is not ours. `key` is what we asked for it under, where the provider keeps that with it.
    """

    id: str
    reference: str
    amount: Money
    state: State
    captured_minor: int = 0
    refunds: tuple[RefundFact, ...] = ()
    action: ActionWanted | None = None
    decline_code: str | None = None
    brand: str | None = None
    last4: str | None = None
    dispute: str | None = None
    disputed_minor: int = 0
    capture_before: datetime | None = None
    foreign_merchant: str | None = None
    key: str | None = None


class Answered(msgspec.Struct, frozen=True):
    """The provider did it, or had done it before under the same key."""

    fact: PaymentFact


class Refused(msgspec.Struct, frozen=True):
    """The provider did not do it: nothing has happened."""

    code: str
    detail: str


class Unknown(msgspec.Struct, frozen=True):
    """No answer, or none that can be relied on: it may have happened. Never treat it as a refusal."""

    why: str


Outcome = Answered | Refused | Unknown


class PaymentAsk(msgspec.Struct, frozen=True):
    """`method` is the provider's own object: `{"type": "upi", "flow": "qr"}`."""

    reference: str
    amount: Money
    method: dict[str, Any]
    return_url: str | None = None


class Notice(msgspec.Struct, frozen=True):
    """A webhook whose signature checks out; `fact` is the payment as it was when the notice was written.

    Some notices only say that something about `payment_id` has changed: then `fact` is None and the provider is asked.
    """

    id: str
    type: str
    fact: PaymentFact | None
    payment_id: str | None = None


Kind = Literal["capture", "refund", "refund_failed", "dispute", "dispute_won", "fee", "settlement", "other"]


class Movement(msgspec.Struct, frozen=True):
    """One line of the provider's report. `amount` is above zero when money came in, below when it went out.

    `amount` is in the payment's currency, `fee` in the one the provider settles in, and never below zero for a cost.
    """

    id: str
    kind: Kind
    amount: Money
    fee: Money
    at: datetime
    payment_id: str | None = None
    reference: str | None = None


class Abilities(msgspec.Struct, frozen=True):
    """What an engine can and cannot do: read before asking, never found out by trying.

    `methods` are the `type`s that `authorise` or the vault's road take; `currencies` is None when all are taken.
    `find_lag` is how long a payment may exist that `find` does not show yet; None when it may never show.
    `void` is whether a hold can be given up before it lapses by itself.
    `report_lag` is how much later than it happened a movement may be dated in `report`.
    """

    methods: frozenset[str]
    currencies: frozenset[str] | None
    partial_capture: bool
    multiple_captures: bool
    void: bool
    find_lag: timedelta | None
    report: bool
    report_lag: timedelta
    signed_time: bool


class PaymentProvider(Protocol):
    """Every command carries an idempotency key: the same key and request never have a second effect."""

    name: str
    abilities: Abilities

    async def authorise(self, key: str, ask: PaymentAsk) -> Outcome: ...
    async def capture(self, key: str, payment_id: str, amount_minor: int) -> Outcome: ...
    async def void(self, key: str, payment_id: str) -> Outcome: ...
    async def refund(self, key: str, payment_id: str, amount_minor: int, reason: str) -> Outcome:
        """The last of the answered fact's refunds is the one that was asked for."""
        ...

    async def fetch(self, payment_id: str) -> Outcome: ...
    async def find(self, reference: str) -> list[PaymentFact] | Unknown:
        """Every payment of this reference, the oldest first."""
        ...

    def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        """What moved in [since, until), in no promised order. Raises Unavailable; ValueError without the ability."""
        ...

    def read(self, status: int, body: Mapping[str, Any]) -> Outcome:
        """An answer that somebody else (the vault) got from the provider."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        """The notice in these raw bytes; None when signature, age or form do not check out."""
        ...

    async def close(self) -> None: ...
