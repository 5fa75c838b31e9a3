"""Questions that come at about the same time are put to whoever knows in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Gathered(Generic[Q, A]):
    """Asks `answer_all` for what has come together; it answers in the questions' order.

    Together is what comes within `seconds`, or, without, while the questions before are being answered: then who comes
    alone is asked for at once.
    """

    def __init__(self, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], seconds: float = 0.0) -> None:
        self._answer_all = answer_all
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """The answer, up to `seconds` later than alone. Raises what `answer_all` raised for all that came together."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if len(self._waiting) == 1:
            # On nobody's account: the time that one of them has left is not the others'.
            asking = asyncio.create_task(self._ask_all(), context=Context())
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        return await answer

    async def _ask_all(self) -> None:
        if self._seconds:
            await asyncio.sleep(self._seconds)
            await self._ask_those()
        else:
            async with self._turn:
                await self._ask_those()

    async def _ask_those(self) -> None:
        together, self._waiting = self._waiting, []
        # Who has gone away meanwhile is asked for no more.
        waiting = [(question, answer) for question, answer in together if not answer.done()]
        try:
            answers = await self._answer_all([question for question, _ in waiting])
        except Exception as error:
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), found in zip(waiting, answers, strict=True):
            if not answer.done():
                answer.set_result(found)
