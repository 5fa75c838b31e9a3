"""Recommendations: what shoppers do comes in, what they may like goes out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from haat.contracts.catalog import ProductRemoved, ProductSaved
from haat.contracts.orders import OrderPlaced
from haat.contracts.recommendations import (
    ClicksRecorded,
    ForgetUser,
    ModelInfo,
    Recommend,
    Recommendations,
    Recommender,
    RecordClicks,
    RecordHistory,
)
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.kit.message import Invalid, Nothing
from haat.ports.training import TrainedModel
from haat.services.recommendations.choosing import Chooser
from haat.services.recommendations.model import (
    Shelved,
    click_faults,
    deed_of,
    historic_deed,
    purchases,
    shelved,
)
from haat.services.recommendations.models import ModelFolder
from haat.services.recommendations.store import RecommendationStore
from haat.services.recommendations.training import Train, Trainer

# Clicks of a history in one event.
_HISTORY_EVENT = 500


class RecommendationService(Recommender):
    """`folder` holds the model files; `train` computes apart from this process, `load` reads what it made."""

    def __init__(
        self, store: RecommendationStore, folder: Path, load: Callable[[bytes], TrainedModel], train: Train
    ) -> None:
        self._store = store
        models = ModelFolder(store, folder, load)
        self._chooser = Chooser(store, models)
        self.trainer = Trainer(store, models, train)

    async def record(self, ask: RecordClicks) -> Nothing:
        faults = click_faults(ask.events)
        if faults:
            raise Invalid(errors=faults)
        moment = now()
        deeds = [deed_of(click, ask.user_id, moment) for click in ask.events]
        # Anybody can claim a purchase: orders tell the true ones.
        told = [click for click in ask.events if click.type != "purchase"]
        events = [ClicksRecorded(clicks=told, user_id=ask.user_id)] if told else []
        async with self._store.connection() as connection:
            await self._store.record(connection, deeds, ask.user_id, events)
        self._chooser.forget(ask.user_id, {deed.session_id for deed in deeds})
        return Nothing()

    async def record_history(self, ask: RecordHistory) -> Nothing:
        moment = now()
        deeds = [historic_deed(each, moment) for each in ask.clicks]
        clicks = iter([each.click for each in ask.clicks if each.click.product_id is not None])
        async with self._store.transaction() as transaction:
            if not await self._store.begin_source(transaction.connection, ask.source):
                return Nothing()
            await self._store.record_many(transaction.connection, deeds)
            while chunk := list(islice(clicks, _HISTORY_EVENT)):
                transaction.publish(ClicksRecorded(clicks=chunk))
        return Nothing()

    async def recommend(self, ask: Recommend) -> Recommendations:
        return await self._chooser.recommend(ask)

    async def train(self, ask: Nothing) -> ModelInfo:
        return await self.trainer.train()

    async def forget(self, ask: ForgetUser) -> Nothing:
        # Models learned with them are gone with the next training but one.
        async with self._store.connection() as connection:
            await self._store.forget(connection, ask.user_id)
        self._chooser.forget(ask.user_id, ())
        return Nothing()

    async def take_saved(self, batch: Batch[ProductSaved]) -> None:
        """Remember new and changed products."""
        await self._save([shelved(event.product) for event in batch.events])

    async def take_removed(self, batch: Batch[ProductRemoved]) -> None:
        """Removed products are not shown any more."""
        await self._save([Shelved(event.product_id, event.version, False) for event in batch.events])

    async def _save(self, products: list[Shelved]) -> None:
        # No inbox: a version counts once, however often it is told.
        async with self._store.connection() as connection:
            await self._store.save_products(connection, products)
        self._chooser.forget_products(each.product_id for each in products)

    async def take_orders(self, batch: Batch[OrderPlaced]) -> None:
        """What was bought, and what with it."""
        # No inbox: a deed counts once, however often it is told.
        async with self._store.connection() as connection:
            await self._store.record_many(connection, [deed for event in batch.events for deed in purchases(event)])
