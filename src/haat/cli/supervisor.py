"""Starts haat's processes in order, keeps them running, and leaves none behind."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from haat.cli.addresses import free_port, port_fault, port_in_use
from haat.cli.child import Child, RunningChild, answers, ending
from haat.cli.instance import MARK, InstanceLock, mark_of, marked_processes, running_instance, sweep
from haat.engines.database.embedded_faults import folder_fault
from haat.kit.startup import StartupFault

__all__ = [
    "Child",
    "InstanceLock",
    "Supervisor",
    "free_port",
    "interruptible",
    "port_fault",
    "port_in_use",
    "running_instance",
    "sweep",
]

READY_SECONDS = 60.0
# The database needs the rest of the ten seconds that a stop may take.
STOP_SECONDS = 6.0
LEAST_STOP_SECONDS = 0.5
PROBE_PAUSE_SECONDS = 0.05
LOG_PAUSE_SECONDS = 0.3
PROGRESS_SECONDS = 5.0
BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MOST_SECONDS = 30.0
# A child that ran this long has recovered: its next crash is a new story.
STEADY_SECONDS = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt like SIGINT, so that everything opened by `with` is closed."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Supervisor:
    """Runs the children of one data folder, whose lock the caller holds; logs go to `data/logs/<name>.log`."""

    def __init__(
        self,
        data: Path,
        *,
        say: Callable[[str], None] = print,
        ready_seconds: float = READY_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        backoff_seconds: float = BACKOFF_FIRST_SECONDS,
    ) -> None:
        self._data = data
        self._say = say
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._backoff_seconds = backoff_seconds
        self._running: list[RunningChild] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()

    async def run(self, children: Sequence[Child], on_ready: Callable[[], None] = lambda: None) -> None:
        """Start every child, call `on_ready` when all are ready, keep them up until SIGINT or SIGTERM, stop in reverse.

        Raises StartupFault when a child ends or stays silent while starting; nothing is left running then.
        """
        left = sweep(self._data)
        if left:
            self._say(f"ended {left} process{'es' if left > 1 else ''} of an earlier run that was killed")
        with self._handled_signals():
            try:
                self._tasks.append(asyncio.create_task(self._read_logs()))
                # All at once, because most of a start is importing; then each is waited for in order.
                for running in [await self._launch(child) for child in children]:
                    if self._stopping.is_set():
                        return
                    await self._ready(running)
                if not self._stopping.is_set():
                    on_ready()
                    await self._stopping.wait()
            finally:
                await self._stop_all()

    def stop(self) -> None:
        """Ask for a stop; the second time, for one at once."""
        if self._stopping.is_set():
            self._say("stopping at once")
            self._forced.set()
        else:
            self._say("stopping (once more to stop at once)")
            self._stopping.set()

    @contextmanager
    def _handled_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    async def _launch(self, child: Child) -> RunningChild:
        try:
            running = RunningChild(child, self._data / "logs", {MARK: mark_of(self._data)})
        except OSError as error:
            raise folder_fault(self._data / "logs", error) from error
        self._running.append(running)
        try:
            await running.launch()
        except OSError as error:
            raise StartupFault(
                f"{child.name} cannot be run ({error.strerror}: {child.argv[0]}).",
                "Reinstall with `uv sync`; `haat doctor` looks for what is missing.",
            ) from error
        return running

    async def _ready(self, running: RunningChild) -> None:
        status = await self._until_ready(running, self._ready_seconds)
        if status is not None:
            said = "\n  ".join(running.log.tail())
            raise StartupFault(
                f"{running.child.name} {ending(status)} while starting.\n  {said}\n", f"Look into {running.log.path}"
            )
        self._tasks.append(asyncio.create_task(self._keep(running)))

    async def _until_ready(self, running: RunningChild, seconds: float) -> int | None:
        """None once it answers (or a stop was asked for), its exit status if it ends before."""
        url = running.child.ready_url
        ended: asyncio.Task[int] = asyncio.create_task(running.wait())
        stopping: asyncio.Task[bool] = asyncio.create_task(self._stopping.wait())
        begun = time.monotonic()
        told = begun
        try:
            while not stopping.done():
                if url is None or await answers(url):
                    return None
                if time.monotonic() - begun > seconds:
                    raise StartupFault(
                        f"{running.child.name} was started but did not answer {url} within {seconds:g} s.",
                        f"Look into {running.log.path}",
                    )
                if time.monotonic() - told > PROGRESS_SECONDS:
                    told = time.monotonic()
                    self._say(f"still waiting for {running.child.name} ({told - begun:.0f} s)")
                either: list[asyncio.Task[Any]] = [ended, stopping]
                await asyncio.wait(either, timeout=PROBE_PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if ended.done() and not stopping.done():
                    return ended.result()
            return None
        finally:
            for waiting in (ended, stopping):
                waiting.cancel()
            await asyncio.gather(ended, stopping, return_exceptions=True)

    async def _keep(self, running: RunningChild) -> None:
        """Start it again whenever it ends, less and less eagerly."""
        failures = 0
        while True:
            status = await running.wait()
            if self._stopping.is_set():
                return
            running.end_group()
            failures = 1 if time.monotonic() - running.started > STEADY_SECONDS else failures + 1
            pause = min(BACKOFF_MOST_SECONDS, self._backoff_seconds * 2 ** min(failures - 1, 16))
            name = running.child.name
            self._say(f"{name} {ending(status)}; starting it again in {pause:g} s (log: {running.log.path})")
            await asyncio.sleep(pause)
            if self._stopping.is_set():
                return
            try:
                await running.launch()
                if await self._until_ready(running, self._ready_seconds) is None and not self._stopping.is_set():
                    self._say(f"{name} is back")
            except (OSError, StartupFault) as error:
                self._say(str(error))
                running.end_group()

    async def _read_logs(self) -> None:
        while True:
            self._show_notable()
            await asyncio.sleep(LOG_PAUSE_SECONDS)

    def _show_notable(self) -> None:
        for running in self._running:
            for line in running.log.notable():
                self._say(f"[{running.child.name}] {line}")

    async def _stop_all(self) -> None:
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        deadline = time.monotonic() + self._stop_seconds
        for left, running in zip(range(len(self._running), 0, -1), reversed(self._running), strict=True):
            # One that hangs may use up its own time, not what those after it need at least.
            kept = min(LEAST_STOP_SECONDS, self._stop_seconds / len(self._running)) * (left - 1)
            if not await running.stop(self._forced, max(0.1, deadline - time.monotonic() - kept)):
                self._say(f"{running.child.name} did not stop by itself and was killed")
        self._show_notable()
        # Whatever fled its group still carries the mark.
        if marked_processes(self._data):
            await asyncio.to_thread(sweep, self._data, seconds=0.5)
