"""Recommendations: clickstream in, similar, bought together, for you and trending out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from haat.contracts.search import Card
from haat.kit.message import Event, Message, Nothing
from haat.kit.rpc import Contract, promise

# PostgreSQL keeps no NUL in a text.
Text = r"^[^\x00]*$"


class Click(Message, frozen=True):
    """One thing a shopper did; `product_id` for all but search, `query` for search.

    `value` are the stars of a rate; without them it is taken, and speaks neither for nor against the product.
    """

    type: Literal["view", "click", "search", "add_to_cart", "purchase", "rate"]
    at: Annotated[datetime, Meta(tz=True)]
    session_id: Annotated[str, Meta(min_length=1, max_length=100, pattern=Text)]
    product_id: Annotated[str, Meta(max_length=64, pattern=Text)] | None = None
    query: Annotated[str, Meta(max_length=200, pattern=Text)] | None = None
    value: Annotated[int, Meta(ge=1, le=5)] | None = None


class RecordClicks(Message, frozen=True):
    events: Annotated[Sequence[Click], Meta(min_length=1, max_length=100)]
    user_id: str | None = None


class RecordHistory(Message, frozen=True):
    """Past behaviour from a seed or another shop, each with its user; safe to repeat by `source`.

    It is trusted: the purchases of one session are taken as one basket.
    """

    source: str
    clicks: Sequence[HistoricClick]


class HistoricClick(Message, frozen=True):
    click: Click
    user_id: str | None = None


class Recommend(Message, frozen=True):
    kind: Literal["similar", "bought_together", "for_you", "trending"]
    product_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10


class Recommended(Message, frozen=True):
    """`reason` in words for the shopper, such as "Bought together with …"."""

    product: Card
    reason: str


class ForgetUser(Message, frozen=True):
    user_id: str


class ModelInfo(Message, frozen=True):
    """`name` is "untrained" while answers come from the catalogue alone."""

    name: str
    trained_at: datetime | None


class Recommendations(Message, frozen=True):
    data: Sequence[Recommended]
    model: ModelInfo


class ClicksRecorded(Event, frozen=True):
    """A batch of clickstream, for popularity; carries no personal data but the user's id.

    A purchase here is one of a trusted history; what is bought in this shop is told by OrderPlaced.
    """

    clicks: Sequence[Click]
    user_id: str | None = None

    @property
    def key(self) -> str:
        return self.clicks[0].session_id


class Recommender(Contract):
    """Answers from models held in memory; without a model, from content and popularity."""

    @promise(safe_to_repeat=True)
    async def record(self, ask: RecordClicks) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def record_history(self, ask: RecordHistory) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=1)
    async def recommend(self, ask: Recommend) -> Recommendations: ...
    @promise(safe_to_repeat=True, timeout_seconds=60)
    async def forget(self, ask: ForgetUser) -> Nothing: ...
    @promise(safe_to_repeat=True, timeout_seconds=600)
    async def train(self, ask: Nothing) -> ModelInfo: ...
