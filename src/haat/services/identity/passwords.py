"""Argon2id in a few threads with a short queue: a flood of sign-ins must not take the shop's processors."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from haat.kit.problem import TooMany

T = TypeVar("T")
THREADS = 2
QUEUE = 64


class Passwords:
    """Hashes and verifies: 19 MiB, 2 passes, 1 lane. Raises TooMany when the queue is full."""

    def __init__(self, threads: int = THREADS, queue: int = QUEUE) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._limit = threads + queue
        self._waiting = 0
        self._stranger: str | None = None

    async def hash(self, password: str) -> str:
        """The encoded hash to store."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits; an unknown user (None) costs the same time and never fits."""
        if stored is None and self._stranger is None:
            self._stranger = await self.hash("nobody has this password")
        fits = await self._run(lambda: self._fits(stored or self._stranger or "", _normal(password)))
        return fits and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._limit:
            raise TooMany("Too many people are signing in at this moment", retry_after_seconds=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _normal(password: str) -> str:
    # The same password typed on another keyboard may come as other code points.
    return unicodedata.normalize("NFKC", password)
