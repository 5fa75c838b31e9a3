"""Questions that come together are answered together, each with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from haat.kit.gathering import Gathered


class Oracle:
    """Doubles numbers; knows what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gathered = Gathered(self._double, 0.02)

    async def _double(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await asyncio.sleep(0)
        return [2 * number for number in numbers]


async def test_what_comes_together_is_asked_once_and_each_gets_its_own():
    oracle = Oracle()
    assert await asyncio.gather(*(oracle.gathered.ask(number) for number in (3, 1, 2))) == [6, 2, 4]
    assert oracle.asked == [[3, 1, 2]]


async def test_what_comes_later_is_asked_later():
    oracle = Oracle()
    assert [await oracle.gathered.ask(1), await oracle.gathered.ask(2)] == [2, 4]
    assert oracle.asked == [[1], [2]]


async def test_who_goes_away_takes_nothing_from_the_others():
    oracle = Oracle()
    gone, stays = asyncio.create_task(oracle.gathered.ask(1)), asyncio.create_task(oracle.gathered.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    assert oracle.asked == [[2]]


async def test_a_failure_is_told_to_all_that_came_together_and_to_nobody_later():
    failures = [ConnectionError("away")]

    async def shaky(numbers: Sequence[int]) -> Sequence[int]:
        for failure in failures:
            raise failure
        return numbers

    gathered = Gathered(shaky, 0.02)
    told = await asyncio.gather(gathered.ask(1), gathered.ask(2), return_exceptions=True)
    assert told == [failures[0], failures[0]]
    failures.clear()
    assert await gathered.ask(3) == 3


async def test_a_failure_that_nobody_waits_for_harms_nobody():
    async def fails(numbers: Sequence[int]) -> Sequence[int]:
        raise ConnectionError(numbers)

    gathered = Gathered(fails, 0.0)
    asking = asyncio.create_task(gathered.ask(1))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(ConnectionError):
        await gathered.ask(2)


async def test_without_seconds_who_comes_alone_is_asked_for_at_once_and_the_next_wait_for_the_answer():
    asked: list[list[int]] = []
    answered = asyncio.Event()

    async def slow(numbers: Sequence[int]) -> Sequence[int]:
        asked.append(list(numbers))
        await answered.wait()
        return numbers

    gathered = Gathered(slow)
    first = asyncio.create_task(gathered.ask(1))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(gathered.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0.01)
    before = [*asked]
    answered.set()
    assert await asyncio.gather(first, *others) == [1, 2, 3]
    assert (before, asked) == ([[1]], [[1], [2, 3]])


async def test_the_next_are_asked_for_after_a_failure():
    oracle = Oracle()

    async def shaky(numbers: Sequence[int]) -> Sequence[int]:
        oracle.asked.append(list(numbers))
        await asyncio.sleep(0.01)
        raise ConnectionError(numbers)

    gathered = Gathered(shaky)
    told = await asyncio.gather(gathered.ask(1), asyncio.create_task(gathered.ask(2)), return_exceptions=True)
    with pytest.raises(ConnectionError, match=r"\[3\]"):
        await gathered.ask(3)
    assert [type(each) for each in told] == [ConnectionError, ConnectionError]


async def test_questions_are_put_on_nobodys_account():
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")

    async def whose(numbers: Sequence[int]) -> list[str]:
        return [mine.get() for _ in numbers]

    mine.set("the first one's")
    assert await Gathered(whose).ask(1) == "nobody's"
