"""Puts every card under a new key while the shop goes on, and then does away with the old one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from haat.ports.key_store import KeyRing
from haat.services.vault.model import Place, Sealed, rewrapped
from haat.services.vault.store import VaultStore

log = structlog.get_logger("haat.vault")
BATCH = 1_000


class Stuck(Exception):
    """Some records under an old key do not open, so the key was not destroyed."""

    def __init__(self, kek_id: str, tokens: list[str]) -> None:
        super().__init__(f"{len(tokens)} records under {kek_id} do not open: {', '.join(tokens[:3])}")


class Rotation:
    """Safe to kill and to start again at any moment: what is under an old key is what is left to do."""

    def __init__(self, store: VaultStore, keys: KeyRing) -> None:
        self._store = store
        self._keys = keys

    async def run(self, say: Callable[[int], None] = lambda _: None, batch: int = BATCH) -> int:
        """Make a new key, unless an earlier run was cut short; rewrap, destroy the old. How many cards were rewrapped.

        Raises Stuck when a record does not open: its key is kept.
        """
        if not self._keys.old_keys():
            self._keys.begin_rotation()
        done = 0
        for old in self._keys.old_keys():
            done += await self._empty(old, say, batch)
            # Only the database can promise that nobody writes under the old key any more.
            while not await self._store.forbid_key(old):
                done += await self._empty(old, say, batch)
            self._keys.destroy(old)
            log.info("a key was destroyed", kek_id=old)
        return done

    async def _empty(self, old: str, say: Callable[[int], None], batch: int) -> int:
        done, after = 0, ""
        stuck: list[str] = []
        while records := await self._store.under_key(old, after, batch):
            changes: list[tuple[Place, Sealed, Sealed]] = []
            for place, sealed in records:
                try:
                    changes.append((place, sealed, await rewrapped(self._keys, place, sealed)))
                except ValueError:
                    stuck.append(place.token)
            done += await self._store.rewrap(old, changes)
            say(len(records))
            after = records[-1][0].token
            # A breath for whoever else works with this database.
            await asyncio.sleep(0)
        if stuck:
            raise Stuck(old, stuck)
        return done
