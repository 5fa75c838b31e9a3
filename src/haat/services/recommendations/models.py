"""The trained models of an installation: files in a folder, the newest of them in memory."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from haat.ports.training import TrainedModel
from haat.services.recommendations.store import Model, RecommendationStore

log = structlog.get_logger("haat.recommendations")
LOOK_SECONDS = 2.0
_KEPT_FILES = 2


class ModelFolder:
    """Answers with the newest model at once, and looks every other second, beside the requests, for a newer one."""

    def __init__(self, store: RecommendationStore, folder: Path, load: Callable[[bytes], TrainedModel]) -> None:
        self._store = store
        self._folder = folder
        self._load = load
        self._model: TrainedModel | None = None
        self._model_id = ""
        self._looked_at: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def current(self) -> TrainedModel | None:
        """None while nothing has been trained."""
        if self._looked_at is None or time.monotonic() - self._looked_at > LOOK_SECONDS:
            first = self._looked_at is None
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            if first:
                await self._looking
        return self._model

    async def put(self, model: Model, data: bytes) -> None:
        """Write a model's file; it counts once its row is there too."""
        await asyncio.to_thread(self._write, model.model_id, data)

    async def look_again(self) -> None:
        """Take up a model that was just added."""
        await self._look()

    async def _look(self) -> None:
        try:
            async with self._store.connection() as connection:
                newest = await self._store.newest_model(connection)
            if newest is not None and newest.model_id != self._model_id:
                self._model = await asyncio.to_thread(self._read, newest.model_id)
                self._model_id = newest.model_id
        except Exception:
            # The model in memory is good enough until the next look.
            log.exception("the newest model cannot be loaded")
        self._looked_at = time.monotonic()

    def _read(self, model_id: str) -> TrainedModel:
        return self._load(self._path(model_id).read_bytes())

    def _write(self, model_id: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._path(model_id).with_suffix(".new")
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path(model_id))
        for old in sorted(self._folder.glob("mdl_*.model"))[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)

    def _path(self, model_id: str) -> Path:
        return self._folder / f"{model_id}.model"
