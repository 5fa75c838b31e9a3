"""A few worker processes that draw: rasterising holds Python's lock, so it must not share a process with requests."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

import msgspec

from haat.engines.pictures.worker import LENGTH
from haat.kit.message import Unavailable
from haat.ports.pictures import Accepted, Format, Source, Unreadable

JOB_SECONDS = 20.0


class PictureWorkers:
    """The adapter of `ports.pictures.Pictures`: at most `size` pictures at a time, workers started when needed."""

    def __init__(self, size: int = 2) -> None:
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._idle.put_nowait(None)
        self._running: set[Process] = set()

    async def accept(self, body: bytes) -> Accepted:
        return msgspec.convert(await self._do({"do": "accept", "body": body}), Accepted)

    async def render(self, body: bytes, source: Source, width: int, format_: Format) -> bytes:
        job = {"do": "render", "body": body, "source": source, "width": width, "format": format_}
        rendered: bytes = await self._do(job)
        return rendered

    async def close(self) -> None:
        """End the workers."""
        for worker in list(self._running):
            await self._end(worker)

    async def _do(self, job: dict[str, Any]) -> Any:
        worker = await self._idle.get()
        try:
            if worker is None or worker.returncode is not None:
                worker = await self._start()
            async with asyncio.timeout(JOB_SECONDS):
                answer = await _exchange(worker, msgspec.msgpack.encode(job))
        except BaseException as error:
            # A worker that died, hangs, or was left in the middle of a frame is of no more use.
            if worker is not None:
                await self._end(worker)
                worker = None
            if isinstance(error, (OSError, TimeoutError, asyncio.IncompleteReadError)):
                raise Unavailable("the picture could not be drawn in time") from error
            raise
        finally:
            self._idle.put_nowait(worker)
        if "unreadable" in answer:
            raise Unreadable(answer["unreadable"])
        return answer["done"]

    async def _start(self) -> Process:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "haat.engines.pictures.worker"), stdin=PIPE, stdout=PIPE
        )
        self._running.add(worker)
        return worker

    async def _end(self, worker: Process) -> None:
        self._running.discard(worker)
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def _exchange(worker: Process, body: bytes) -> dict[str, Any]:
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write(LENGTH.pack(len(body)) + body)
    await worker.stdin.drain()
    (length,) = LENGTH.unpack(await worker.stdout.readexactly(LENGTH.size))
    answer: dict[str, Any] = msgspec.msgpack.decode(await worker.stdout.readexactly(length))
    return answer
