"""SQL of reviews. Lock order: the product, then its reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from haat.contracts.catalog import Review, WriteReview
from haat.kit.clock import now
from haat.kit.database import Connection
from haat.kit.ids import new_id
from haat.kit.sql import load_queries
from haat.services.catalog.model import Stars
from haat.services.catalog.store import Place

queries = load_queries(Path(__file__).with_name("review_queries.sql"))


class ReviewStore:
    """One review a user and product, and their sum on the product."""

    async def save(
        self, connection: Connection, product_id: str, ask: WriteReview, verified: bool
    ) -> tuple[Review, Stars]:
        """Write a review of a locked product; the review, and the product's stars with it."""
        row = await queries.save(
            connection,
            review_id=new_id("rev"),
            product_id=product_id,
            user_id=ask.user_id,
            author=ask.author,
            rating=ask.rating,
            title=ask.title,
            body=ask.body,
            verified=verified,
            created_at=ask.created_at or now(),
        )
        stars = await queries.count(connection, product_id=product_id)
        return _review(row), Stars(stars["total"], stars["count"])

    async def newest(self, connection: Connection, product_id: str, after: Place, count: int) -> list[Review]:
        """Up to `count` reviews older than a place, newest first."""
        rows = queries.newest(
            connection, product_id=product_id, created_at=after.listed_at, review_id=after.product_id, count=count
        )
        return [_review(row) async for row in rows]


def _review(row: Any) -> Review:
    return Review(
        id=row["review_id"],
        product_id=row["product_id"],
        rating=row["rating"],
        title=row["title"],
        body=row["body"],
        author=row["author"],
        verified=row["verified"],
        created_at=row["created_at"],
    )
