"""What shoppers say of a product."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from haat.kit.idempotency import Idempotency
from haat.kit.message import Message


class Review(Message, frozen=True):
    """`verified` when the author bought the product."""

    id: str
    product_id: str
    rating: int
    title: str
    body: str
    author: str
    verified: bool
    created_at: datetime


class ReviewsOf(Message, frozen=True):
    """Newest first; `product_id` may be a slug; `limit` is 1 to 100."""

    product_id: str
    cursor: str | None = None
    limit: int = 20


class WriteReview(Message, frozen=True):
    """One review a user and product: a second one replaces the first. `product_id` may be a slug.

    The catalogue finds out by itself whether the author bought it; `verified` and `created_at` are for reviews that
    come from elsewhere.
    """

    product_id: str
    user_id: str
    author: str
    rating: Annotated[int, Meta(ge=1, le=5)]
    title: Annotated[str, Meta(max_length=200)] = ""
    body: Annotated[str, Meta(max_length=5_000)] = ""
    verified: bool = False
    created_at: datetime | None = None
    idempotency: Idempotency | None = None
