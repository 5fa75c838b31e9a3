"""How the worker's jobs end."""

import asyncio
from contextlib import suppress

from haat.background import ended


async def test_a_job_whose_cancellation_was_lost_is_canceled_once_more():
    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    jobs = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(jobs, patience_seconds=0.01), 50)
    assert [job.cancelled() for job in jobs] == [True, True]


async def test_jobs_that_have_ended_already_are_waited_for_by_nobody():
    async def short() -> None:
        return

    job = asyncio.create_task(short())
    await asyncio.sleep(0)
    await ended([job])
    assert not job.cancelled()
