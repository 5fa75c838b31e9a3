"""One supervised process: its start, its log, its readiness and its end."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Child", "LogFile", "RunningChild", "answers", "die_with", "ending", "take_turns"]

LOG_LIMIT_BYTES = 64 * 1024 * 1024
LOGS_KEPT = 5
LINES_SHOWN = 3
LINE_WIDTH = 200
TAIL_BYTES = 8000
PROBE_SECONDS = 2.0
PR_SET_PDEATHSIG = 1

# Searched in whole blocks first: almost every block of a healthy log holds none of it.
NOTABLE = re.compile(
    rb'"level": ?"(?:warning|error|critical)"|\b(?:WARNING|ERROR|CRITICAL|FATAL)\b|^\w[\w.]*(?:Error|Fault): ', re.M
)

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Child:
    """What to run: `env` is added to ours; `ready_url` answers 200 when it is ready (None: ready when started)."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


class LogFile:
    """A child's output on disk. The child writes it itself; we only read along for what people must see."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.log"
        self._seen = 0
        if self.path.exists():
            self._shift()
            self.path.unlink()

    def _older(self, number: int) -> Path:
        return self.path.with_suffix(f".{number}.log")

    def _shift(self) -> None:
        for number in range(LOGS_KEPT - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._older(number).replace(self._older(number + 1))
        # Copied, not renamed: a live child keeps its open file and goes on writing into this one.
        shutil.copyfile(self.path, self._older(1))

    def notable(self) -> list[str]:
        """The new lines since the last look that a person should see, shortened; the log itself keeps all."""
        try:
            with self.path.open("rb") as log:
                log.seek(self._seen)
                block = log.read()
        except OSError:
            return []
        whole = block[: block.rfind(b"\n") + 1]
        self._seen += len(whole)
        if self._seen > LOG_LIMIT_BYTES:
            self._shift()
            os.truncate(self.path, 0)
            self._seen = 0
        if NOTABLE.search(whole) is None:
            return []
        lines = [line for line in whole.splitlines() if NOTABLE.search(line)]
        shown = [terse(line.decode(errors="replace")) for line in lines[:LINES_SHOWN]]
        if len(lines) > LINES_SHOWN:
            shown.append(f"… and {len(lines) - LINES_SHOWN} more in {self.path}")
        return shown

    def tail(self, lines: int = 5) -> list[str]:
        """The last lines, to say why a child went away."""
        try:
            text = self.path.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        except OSError:
            return []
        return [terse(line) for line in text.splitlines() if line.strip()][-lines:]


def terse(line: str) -> str:
    """A log line for the console: level and event of a JSON line, the line itself otherwise."""
    try:
        facts = json.loads(line)
        text = f"{facts['level']}: {facts['event']}"
    except (ValueError, KeyError, TypeError):
        text = line.strip()
    return text if len(text) <= LINE_WIDTH else text[: LINE_WIDTH - 1] + "…"


class RunningChild:
    """A child of this process, in a session of its own, which ends when we end, however we end."""

    def __init__(self, child: Child, logs: Path, marks: Mapping[str, str]) -> None:
        self.child = child
        self.log = LogFile(logs, child.name)
        self._environment = {**os.environ, **child.env, **marks}
        self._process: asyncio.subprocess.Process | None = None
        self.started = 0.0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def launch(self) -> None:
        """Start it. Raises OSError when the program cannot be run at all."""
        parent = os.getpid()
        with self.log.path.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self.child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
            )
        self.started = time.monotonic()

    async def wait(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self, forced: asyncio.Event, seconds: float) -> bool:
        """SIGTERM, then SIGKILL after `seconds` or as soon as `forced` is set; whether it went by itself."""
        if self._process is None:
            return True
        self._signal(signal.SIGTERM)
        ended, impatient = asyncio.create_task(self._process.wait()), asyncio.create_task(forced.wait())
        await asyncio.wait([ended, impatient], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        willing = ended.done()
        impatient.cancel()
        self.end_group()
        await ended
        return willing

    def end_group(self) -> None:
        """Kill it and whatever of its group is still there."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self._process is not None and self._process.returncode is None:
                self._process.send_signal(number)


def die_with(parent: int) -> None:
    """To run in a new child: end it when `parent` ends, however that ends (Linux)."""
    # SIGTERM rather than SIGKILL: a server with workers of its own takes them along.
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def take_turns() -> None:
    """Let whoever runs finish its turn when another wakes up; for this process and all that it starts (Linux).

    Processes that answer one another on few cores else interrupt each other at every message, and a tenth of their time
    goes into the switching.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def answers(url: str) -> bool:
    """Whether a GET of `url` is answered by 200 within two seconds."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        path = parts.path + (f"?{parts.query}" if parts.query else "") or "/"
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split(b" ", 2)
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
    return len(status) > 1 and status[1] == b"200"


def ending(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
