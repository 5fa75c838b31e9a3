"""Questions that come at about the same time are put to whoever knows in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Gathered(Generic[Q, A]):
    """Asks `answer_all` for what has come together in `seconds`; it answers in the questions' order."""

    def __init__(self, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], seconds: float) -> None:
        self._answer_all = answer_all
        self._seconds = seconds
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        """The answer, up to `seconds` later than alone. Raises what `answer_all` raised for all that came together."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if len(self._waiting) == 1:
            asking = asyncio.create_task(self._ask_all())
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        return await answer

    async def _ask_all(self) -> None:
        await asyncio.sleep(self._seconds)
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
