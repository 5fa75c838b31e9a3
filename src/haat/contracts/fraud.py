"""Fraud: a verdict with reasons before money moves, and the review queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message, Page
from haat.kit.money import Money
from haat.kit.rpc import Contract, promise


class Assess(Message, frozen=True):
    """What is known when the shopper presses pay; `attempt_id` makes it idempotent."""

    attempt_id: str
    checkout_id: str
    amount: Money
    method: str
    email: str
    ship_to_country: str
    ship_to_postal_code: str
    user_id: str | None = None
    bill_to_postal_code: str | None = None
    network_address: str = ""
    card_token: str | None = None
    quantity: int = 1


class Reason(Message, frozen=True):
    """A rule that fired; `detail` is for the staff only."""

    code: str
    points: int
    detail: str


class Verdict(Message, frozen=True):
    """`decision` is allow, review or deny; `score` 0 to 100."""

    attempt_id: str
    decision: str
    score: int
    reasons: Sequence[Reason]


class Review(Message, frozen=True):
    """A payment that waits for a person; the order stands, the money is not taken meanwhile.

    `state` is open, approved, rejected, or canceled when its order was before anybody decided; `email` is empty when
    nobody answered the checkout's `assess`.
    """

    id: str
    attempt_id: str
    checkout_id: str
    amount: Money
    email: str
    score: int
    reasons: Sequence[Reason]
    state: str
    created_at: datetime
    decided_by: str | None = None
    note: str | None = None


class ReviewsOf(Message, frozen=True):
    state: str = "open"
    cursor: str | None = None
    limit: int = 50


class Decide(Message, frozen=True):
    review_id: str
    decision: Literal["approve", "reject"]
    actor: str
    note: Annotated[str, Meta(max_length=2_000)] = ""
    idempotency: Idempotency | None = None


class AlreadyDecided(DomainError):
    """Somebody has decided this review already, or its order was canceled meanwhile."""

    code = "already_decided"
    title = "This review has been decided already"


class ReviewDecided(Event, frozen=True):
    review_id: str
    attempt_id: str
    checkout_id: str
    decision: str
    actor: str

    @property
    def key(self) -> str:
        return self.attempt_id


class Fraud(Contract):
    """Rules and velocity; when this service is down the checkout falls back to its own simple rules, never to allow."""

    @promise(safe_to_repeat=True, timeout_seconds=0.3)
    async def assess(self, ask: Assess) -> Verdict: ...
    @promise(safe_to_repeat=True)
    async def reviews(self, ask: ReviewsOf) -> Page[Review]: ...
    @promise(safe_to_repeat=True)
    async def decide(self, ask: Decide) -> Review: ...
