"""SQL of fraud. Only the one reader of events writes several rows at a time, so there is no lock order to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.fraud import Assess, Reason, Review, Verdict
from haat.contracts.orders import OrderPlaced
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.kit.sql import load_queries
from haat.services.fraud.model import NOT_ASSESSED, Counts, canonical, card_key, countable_network

queries = load_queries(Path(__file__).with_name("queries.sql"))


class FraudStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("fraud")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def assess(self, ask: Assess, most: int) -> tuple[Counts, datetime]:
        """Write the attempt down; what was seen before it, and when. Asked again, the first answer."""
        async with self.connection() as connection:
            row = await queries.assess(
                connection,
                attempt_id=ask.attempt_id,
                user_id=ask.user_id,
                email=canonical(ask.email),
                network_address=countable_network(ask.network_address),
                card=card_key(ask.card_token),
                most=most,
            )
        return msgspec.convert(row["counts"], Counts), row["at"]

    async def keep_review(self, ask: Assess, verdict: Verdict) -> None:
        """What a person is to see of the attempt if an order on hold comes of it."""
        async with self.connection() as connection:
            await queries.keep_review(
                connection,
                review_id=new_id("rev"),
                attempt_id=ask.attempt_id,
                checkout_id=ask.checkout_id,
                amount_minor=ask.amount.amount,
                currency=ask.amount.currency,
                email=ask.email,
                score=verdict.score,
                reasons=verdict.reasons,
            )

    async def open_review(self, transaction: Transaction, order: OrderPlaced) -> Review:
        """Put the attempt behind a held order before a person; the review as it is, when it was decided before."""
        row = await queries.open_review(
            transaction.connection,
            review_id=new_id("rev"),
            attempt_id=order.attempt_id,
            checkout_id=order.checkout_id,
            order_id=order.order_id,
            amount_minor=order.total.amount,
            currency=order.total.currency,
            reasons=[NOT_ASSESSED],
        )
        return _review(row)

    async def end_reviews(self, order_ids: Sequence[str]) -> None:
        """Nobody needs to decide on these orders any more."""
        async with self.connection() as connection:
            await queries.end_reviews(connection, order_ids=list(order_ids))

    async def reviews(self, state: str, after: str | None, most: int) -> list[Review]:
        """The oldest first, after the review named."""
        async with self._database.connection() as connection:
            return [_review(row) async for row in queries.reviews(connection, state=state, after=after, most=most)]

    async def decide(
        self, transaction: Transaction, review_id: str, state: str, actor: str, note: str
    ) -> Review | None:
        """The review with its decision; None when it is not open."""
        row = await queries.decide(transaction.connection, review_id=review_id, state=state, actor=actor, note=note)
        return None if row is None else _review(row)

    async def state(self, transaction: Transaction, review_id: str) -> str | None:
        """None when there is no such review, or none that staff may see."""
        state: str | None = await queries.state(transaction.connection, review_id=review_id)
        return state

    async def forget(self, before: datetime) -> None:
        """Drop assessments that no window reaches any more, and reviews of attempts that came to no order on hold."""
        async with self.connection() as connection:
            await queries.forget(connection, before=before)


def _review(row: Mapping[str, Any]) -> Review:
    return Review(
        id=row["review_id"],
        attempt_id=row["attempt_id"],
        checkout_id=row["checkout_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        email=row["email"],
        score=row["score"],
        reasons=msgspec.convert(row["reasons"], list[Reason]),
        state=row["state"],
        created_at=row["created_at"],
        decided_by=row["decided_by"],
        note=row["note"],
    )
