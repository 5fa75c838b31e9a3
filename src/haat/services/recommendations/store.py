"""SQL of the recommendations. Lock order: products by id; everything else is only ever added to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.search import Card
from haat.kit.database import Connection, Database, Transaction, outbox_columns
from haat.kit.message import Event
from haat.kit.sql import load_queries
from haat.ports.training import ItemText
from haat.services.recommendations.model import Behaviour, Deed, Shelved

queries = load_queries(Path(__file__).with_name("queries.sql"))
_card = msgspec.json.Decoder(Card)
LOOKED, BOUGHT = 30, 500
_AFTER_EVERY_ID = "~"


class Known(msgspec.Struct, frozen=True):
    """A product as answers need it."""

    card: Card | None
    available: bool
    category: str


class Model(msgspec.Struct, frozen=True):
    """A trained model, whose bytes lie in a file of its id."""

    model_id: str
    name: str
    trained_at: datetime


class RecommendationStore:
    """Behaviour, products and models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("recommendations")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def record(
        self, connection: Connection, deeds: Sequence[Deed], user_id: str | None, events: Sequence[Event]
    ) -> None:
        """The clicks of one shopper and the events that tell them; clicks told before are passed over."""
        ids, names, keys, ats, bodies = outbox_columns(events)
        await queries.record(
            connection,
            sessions=[deed.session_id for deed in deeds],
            user_id=user_id,
            kinds=[deed.kind for deed in deeds],
            ats=[deed.at for deed in deeds],
            product_ids=[deed.product_id for deed in deeds],
            queries=[deed.query for deed in deeds],
            rates=[deed.value for deed in deeds],
            event_ids=ids,
            event_names=names,
            event_keys=keys,
            event_ats=ats,
            event_bodies=bodies,
        )

    async def begin_source(self, connection: Connection, source: str) -> bool:
        """False when this source was recorded before."""
        return await queries.begin_source(connection, source=source) is not None

    async def record_many(self, connection: Connection, deeds: Sequence[Deed]) -> None:
        """Deeds of many shoppers."""
        await queries.record_many(
            connection,
            ats=[deed.at for deed in deeds],
            sessions=[deed.session_id for deed in deeds],
            user_ids=[deed.user_id for deed in deeds],
            kinds=[deed.kind for deed in deeds],
            product_ids=[deed.product_id for deed in deeds],
            queries=[deed.query for deed in deeds],
            rates=[deed.value for deed in deeds],
            baskets=[deed.basket for deed in deeds],
        )

    async def save_products(self, connection: Connection, products: Sequence[Shelved]) -> None:
        """Each product's newest version; older ones are ignored."""
        newest = {each.product_id: each for each in sorted(products, key=lambda each: each.version)}
        rows = list(newest.values())
        await queries.save_products(
            connection,
            product_ids=[each.product_id for each in rows],
            versions=[each.version for each in rows],
            published=[each.published for each in rows],
            in_stock=[each.in_stock for each in rows],
            categories=[each.category for each in rows],
            cards=[each.card for each in rows],
            words=[each.words for each in rows],
        )

    async def known(self, connection: Connection, product_ids: Sequence[str]) -> dict[str, Known]:
        """By id; products never heard of are absent."""
        return {
            row["product_id"]: Known(
                _card.decode(row["card"]) if row["card"] is not None else None,
                row["published"] and row["in_stock"],
                row["category"],
            )
            async for row in queries.known(connection, product_ids=list(product_ids))
        }

    async def of_category(self, connection: Connection, category: str, product_id: str, count: int) -> list[str]:
        """Other products of a category that can be bought, the newest first."""
        rows = queries.of_category(connection, category=category, product_id=product_id, count=count)
        return [row["product_id"] async for row in rows]

    async def newest(self, connection: Connection, count: int) -> list[str]:
        """Products that can be bought, the newest first."""
        return [row["product_id"] async for row in queries.newest(connection, count=count)]

    async def behaviour(self, connection: Connection, user_id: str | None, session_id: str | None) -> Behaviour:
        """Of a user, else of a session within a day."""
        row: Any
        if user_id is not None:
            row = await queries.behaviour_of_user(connection, user_id=user_id, looked=LOOKED, bought=BOUGHT)
        else:
            row = await queries.behaviour_of_session(connection, session_id=session_id, looked=LOOKED)
        return Behaviour(list(row["looked"]), list(row["bought"]))

    async def forget(self, connection: Connection, user_id: str) -> None:
        """Everything a user did."""
        await queries.forget(connection, user_id=user_id)

    async def newest_model(self, connection: Connection) -> Model | None:
        row = await queries.newest_model(connection)
        return Model(row["model_id"], row["name"], row["trained_at"]) if row else None

    async def add_model(
        self, connection: Connection, model: Model, size: int, interactions: int, products: int
    ) -> None:
        """A model whose file is written; models older than a month are forgotten."""
        await queries.add_model(
            connection,
            model_id=model.model_id,
            name=model.name,
            trained_at=model.trained_at,
            bytes=size,
            interactions=interactions,
            products=products,
        )

    async def claim_training(self, connection: Connection, seconds: float) -> bool:
        """Whether this process may train now."""
        return await queries.claim_training(connection, seconds=seconds) is not None

    async def end_training(self, connection: Connection) -> None:
        await queries.end_training(connection)

    async def training_due(self, connection: Connection, interactions: int, products: int) -> bool:
        """Whether there is no model yet, or an old one and at least so many new interactions or products."""
        return bool(await queries.training_due(connection, interactions=interactions, products=products))

    async def begin_after(self, connection: Connection, count: int) -> datetime:
        """After this moment come the newest `count` interactions."""
        moment: datetime = await queries.begin_after(connection, count=count)
        return moment

    async def interactions_after(self, connection: Connection, after: datetime, count: int) -> list[Any]:
        """Rows of person, product_id, kind, value, basket, at; a few more than `count` when moments are equal."""
        rows: AsyncIterator[Any] = queries.interactions_after(connection, after=after, count=count)
        return [row async for row in rows]

    async def texts(self, connection: Connection, before: str | None, count: int) -> list[ItemText]:
        """Words of published products, the newest first, from behind `before`."""
        rows = queries.words(connection, before=before or _AFTER_EVERY_ID, count=count)
        return [ItemText(item=row["product_id"], **row["words"]) async for row in rows]
