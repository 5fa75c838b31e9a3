"""Questions that come at about the same time are put to whoever knows in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class _Gathered(Generic[Q, A]):
    """What is shared by both: who waits, and how each gets its answer from `answer_all`, which keeps their order.

    What fails, fails for all that came together: refuse impossible questions before.
    """

    def __init__(self, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer_all = answer_all
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._asking: set[asyncio.Task[None]] = set()

    def _wait(self, question: Q) -> asyncio.Future[A]:
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        return answer

    def _start(self) -> None:
        # On nobody's account: the time that one of them has left is not the others'.
        asking = asyncio.create_task(self._ask_all(), context=Context())
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _ask_all(self) -> None:
        together, self._waiting = self._waiting, []
        # Who has gone away meanwhile is asked for no more.
        waiting = [(question, answer) for question, answer in together if not answer.done()]
        if not waiting:
            return
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


class GatheredFor(_Gathered[Q, A]):
    """For questions that nobody waits for: what comes within `seconds` is asked together at their end."""

    def __init__(self, seconds: float, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        super().__init__(answer_all)
        self._seconds = seconds

    async def ask(self, question: Q) -> A:
        """The answer, up to `seconds` later than alone. Raises what `answer_all` raised for all that came together."""
        answer = self._wait(question)
        if len(self._waiting) == 1:
            self._start()
        return await answer

    async def _ask_all(self) -> None:
        await asyncio.sleep(self._seconds)
        await super()._ask_all()


class GatheredMeanwhile(_Gathered[Q, A]):
    """Who comes in one turn of the loop, or while others are being answered, is asked for with the next.

    So each answer is fresh, and nobody waits for company: a turn is short when there is little to do.
    """

    def __init__(self, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        super().__init__(answer_all)
        self._busy = False

    async def ask(self, question: Q) -> A:
        """An answer looked up after the question came. Raises what `answer_all` raised for its company."""
        answer = self._wait(question)
        if not self._busy:
            self._go_on()
        return await answer

    async def _ask_all(self) -> None:
        try:
            await super()._ask_all()
        finally:
            self._go_on()

    def _go_on(self) -> None:
        self._busy = bool(self._waiting)
        if self._busy:
            self._start()
