"""When and from what a model is trained; the computing itself happens in a process of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from haat.contracts.recommendations import ModelInfo
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.ports.training import Interactions, ItemText, TrainingPlan
from haat.services.recommendations.model import weight_of
from haat.services.recommendations.models import ModelFolder
from haat.services.recommendations.store import Model, RecommendationStore

log = structlog.get_logger("haat.recommendations")
# What a training may take: bounds its memory to about a gigabyte.
MOST_INTERACTIONS = 500_000
MOST_PRODUCTS = 100_000
AT_ONCE = 5_000
ENOUGH_INTERACTIONS, ENOUGH_PRODUCTS = 200, 20
LEASE_SECONDS = 580.0
ASK_AGAIN_SECONDS = 0.2

# Trains without holding up this process's event loop: interactions, texts, plan, moment to the model's bytes.
Train = Callable[[Interactions, Sequence[ItemText], TrainingPlan, datetime], Awaitable[bytes]]


class Trainer:
    """One training at a time in the whole house."""

    def __init__(self, store: RecommendationStore, models: ModelFolder, train: Train) -> None:
        self._store = store
        self._models = models
        self._train = train

    async def train_if_due(self) -> None:
        """Soon after the first products, then every quarter of an hour when enough is new."""
        async with self._store.connection() as connection:
            due = await self._store.training_due(connection, ENOUGH_INTERACTIONS, ENOUGH_PRODUCTS)
            if not due or not await self._store.claim_training(connection, LEASE_SECONDS):
                return
        await self._claimed()

    async def train(self) -> ModelInfo:
        """Train now, or after the training under way. Raises Unavailable when that does not end."""
        ends = time.monotonic() + LEASE_SECONDS
        while time.monotonic() < ends:
            async with self._store.connection() as connection:
                claimed = await self._store.claim_training(connection, LEASE_SECONDS)
            if claimed:
                return await self._claimed()
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        raise Unavailable("Another training goes on for too long")

    async def _claimed(self) -> ModelInfo:
        try:
            return await self._trained()
        finally:
            async with self._store.connection() as connection:
                await self._store.end_training(connection)

    async def _trained(self) -> ModelInfo:
        started = time.monotonic()
        moment, plan = now(), TrainingPlan()
        interactions = await self._interactions()
        texts = await self._texts()
        data = await self._train(interactions, texts, plan, moment)
        model = Model(new_id("mdl"), plan.name, moment)
        await self._models.put(model, data)
        async with self._store.connection() as connection:
            await self._store.add_model(connection, model, len(data), len(interactions.items), len(texts))
        await self._models.look_again()
        seconds = round(time.monotonic() - started, 1)
        log.info("model trained", interactions=len(interactions.items), products=len(texts), seconds=seconds)
        return ModelInfo(name=model.name, trained_at=model.trained_at)

    async def _interactions(self) -> Interactions:
        people: list[str] = []
        items: list[str] = []
        weights: list[float] = []
        times: list[float] = []
        baskets: list[str] = []
        async with self._store.connection() as connection:
            after = await self._store.begin_after(connection, MOST_INTERACTIONS)
            while True:
                rows = await self._store.interactions_after(connection, after, AT_ONCE)
                for row in rows:
                    weight = weight_of(row["kind"], row["value"])
                    if weight:
                        people.append(row["person"])
                        items.append(row["product_id"])
                        weights.append(weight)
                        times.append(row["at"].timestamp())
                        baskets.append(row["basket"])
                if len(rows) < AT_ONCE:
                    return Interactions(people, items, weights, times, baskets)
                after = rows[-1]["at"]

    async def _texts(self) -> list[ItemText]:
        texts: list[ItemText] = []
        async with self._store.connection() as connection:
            while len(texts) < MOST_PRODUCTS:
                found = await self._store.texts(connection, texts[-1].item if texts else None, AT_ONCE)
                texts += found
                if len(found) < AT_ONCE:
                    break
        return texts
