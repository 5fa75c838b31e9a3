"""Questions that come together are answered together, each with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from haat.kit.gathering import GatheredFor, GatheredMeanwhile

Told = list[int | BaseException]


class Oracle:
    """Doubles numbers once it is let; knows what it was asked at once. Odd company is refused."""

    def __init__(self, let: bool = True) -> None:
        self.asked: list[list[int]] = []
        self.let = asyncio.Event()
        if let:
            self.let.set()

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        await self.let.wait()
        if 13 in numbers:
            raise ConnectionError(numbers)
        return [2 * number for number in numbers]


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def slow() -> Oracle:
    return Oracle(let=False)


async def test_what_comes_together_is_asked_once_and_each_gets_its_own(oracle: Oracle):
    gathered = GatheredFor(0.02, oracle.double)
    assert await asyncio.gather(*(gathered.ask(number) for number in (3, 1, 2))) == [6, 2, 4]
    assert oracle.asked == [[3, 1, 2]]


async def test_what_comes_later_is_asked_later(oracle: Oracle):
    gathered = GatheredFor(0.02, oracle.double)
    assert [await gathered.ask(1), await gathered.ask(2)] == [2, 4]
    assert oracle.asked == [[1], [2]]


async def test_who_goes_away_takes_nothing_from_the_others(oracle: Oracle):
    gathered = GatheredFor(0.02, oracle.double)
    gone, stays = asyncio.create_task(gathered.ask(1)), asyncio.create_task(gathered.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    assert oracle.asked == [[2]]


async def test_a_failure_is_told_to_all_that_came_together_and_to_nobody_later(oracle: Oracle):
    gathered = GatheredFor(0.02, oracle.double)
    told = await asyncio.gather(gathered.ask(1), gathered.ask(13), return_exceptions=True)
    assert [type(each) for each in told] == [ConnectionError, ConnectionError]
    assert await gathered.ask(3) == 6


async def test_a_failure_that_nobody_waits_for_harms_nobody(oracle: Oracle):
    gathered = GatheredFor(0.0, oracle.double)
    asking = asyncio.create_task(gathered.ask(13))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await gathered.ask(2) == 4


async def meanwhile(slow: Oracle, gathered: GatheredMeanwhile[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    """The first is being answered when the others come."""
    tasks = []
    for number in numbers:
        tasks.append(asyncio.create_task(gathered.ask(number)))
        await asyncio.sleep(0.001)
    return tasks


async def test_who_comes_in_the_same_turn_is_asked_for_together(oracle: Oracle):
    gathered = GatheredMeanwhile(oracle.double)
    assert await asyncio.gather(*(gathered.ask(number) for number in (3, 1, 2))) == [6, 2, 4]
    assert oracle.asked == [[3, 1, 2]]


async def test_who_comes_meanwhile_is_asked_for_with_the_next(slow: Oracle):
    tasks = await meanwhile(slow, GatheredMeanwhile(slow.double), 1, 2, 3)
    before = [*slow.asked]
    slow.let.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6]
    assert (before, slow.asked) == ([[1]], [[1], [2, 3]])


@pytest.mark.parametrize(
    ("numbers", "told", "asked"),
    [
        ((13, 2, 3), [None, 4, 6], [[13], [2, 3], [4]]),
        ((1, 2, 13), [2, None, None], [[1], [2, 13], [4]]),
    ],
)
async def test_after_a_failure_the_next_are_asked_for(slow: Oracle, numbers: Sequence[int], told: Told, asked: object):
    gathered = GatheredMeanwhile(slow.double)
    tasks = await meanwhile(slow, gathered, *numbers)
    slow.let.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert await gathered.ask(4) == 8
    assert [None if isinstance(each, ConnectionError) else each for each in answers] == told
    assert slow.asked == asked


@pytest.mark.parametrize("leaves", [0, 1])
async def test_who_goes_away_keeps_nobody_from_being_asked_for(slow: Oracle, leaves: int):
    gathered = GatheredMeanwhile(slow.double)
    tasks = await meanwhile(slow, gathered, 1, 2, 3)
    tasks.pop(leaves).cancel()
    slow.let.set()
    assert (await asyncio.gather(*tasks))[-1] == 6
    assert await gathered.ask(4) == 8


async def test_all_who_came_meanwhile_may_go_away(slow: Oracle):
    gathered = GatheredMeanwhile(slow.double)
    first, second = await meanwhile(slow, gathered, 1, 2)
    second.cancel()
    slow.let.set()
    assert (await first, await gathered.ask(4)) == (2, 8)
    assert slow.asked == [[1], [4]]


async def test_questions_are_put_on_nobodys_account():
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")

    async def whose(numbers: Sequence[int]) -> list[str]:
        return [mine.get() for _ in numbers]

    mine.set("the shopper's")
    assert await GatheredMeanwhile(whose).ask(1) == "nobody's"
