"""The provider's report held against the ledger, and facts that fit nothing here: both are for a person to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import Message

BreakState = Literal["open", "explained", "healed"]
FactState = Literal["open", "explained"]


class ReconcileDay(Message, frozen=True):
    """A day in UTC at a provider, the first when left out; again is safe, and heals what has come right meanwhile."""

    day: date
    provider: str | None = None


class DayReconciled(Message, frozen=True):
    """`lines` of the provider's report, and how many breaks of that day are open."""

    provider: str
    day: date
    lines: int
    breaks: int


class Break(Message, frozen=True):
    """`kind` is missing (they do not know it), extra (we do not), amount, fee, currency or duplicate.

    `subject` is the provider's payment, or its line for fees, repeated lines and those without a payment. `matter` is
    captures, refunds, disputes or lines. Amounts in minor units as seen from here: above zero came in. `checkout_id` is
    ours, where known.
    """

    id: str
    provider: str
    kind: str
    subject: str
    matter: str
    ours_minor: int
    theirs_minor: int
    currency: str
    state: BreakState
    note: str
    found_at: datetime
    day: date
    checkout_id: str | None = None


class ListBreaks(Message, frozen=True):
    """The newest first."""

    state: BreakState | None = None
    cursor: str | None = None
    limit: int = 20


class ExplainBreak(Message, frozen=True):
    """A person knows why."""

    break_id: str
    note: Annotated[str, Meta(min_length=1, max_length=500)]
    actor: str
    idempotency: Idempotency | None = None


class PutAside(Message, frozen=True):
    """What a provider told that was not applied: `reason` is what did not fit, `fact` its words.

    `state` is open or explained, with a person's `note`. `checkout_id` is ours, where known.
    """

    id: str
    provider: str
    provider_id: str
    reason: str
    fact: Mapping[str, Any]
    at: datetime
    state: FactState
    note: str
    checkout_id: str | None = None


class ListPutAside(Message, frozen=True):
    """The newest first."""

    state: FactState | None = None
    cursor: str | None = None
    limit: int = 20


class ExplainFact(Message, frozen=True):
    """A person has looked, and knows what came of it; the provider may tell it again without opening it."""

    fact_id: str
    note: Annotated[str, Meta(min_length=1, max_length=500)]
    actor: str
    idempotency: Idempotency | None = None
