"""One haat per data folder: the lock that says who runs here, and the sweep after one that was killed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from haat.kit.startup import StartupFault

__all__ = ["MARK", "Instance", "InstanceLock", "mark_of", "marked_processes", "running_instance", "sweep"]

# Every process that a supervisor starts inherits this, whatever groups and sessions it moves to later.
MARK = "HAAT_SUPERVISED"


@dataclass(frozen=True)
class Instance:
    pid: int
    url: str


class InstanceLock:
    """Holds the data folder for this process. Raises StartupFault when another haat has it.

    The kernel drops the lock with the process, so that a kill -9 leaves nothing to clean up.
    """

    def __init__(self, data: Path, url: str = "") -> None:
        try:
            data.mkdir(parents=True, exist_ok=True)
            handle = os.open(data / "haat.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StartupFault(
                f"The data folder {data} cannot be written to ({error.strerror}).",
                "Mend its owner or mode (chown, chmod), or choose another by HAAT_DATA.",
            ) from error
        self._file: IO[str] = os.fdopen(handle, "r+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(self._file)
            self._file.close()
            raise StartupFault(
                f"haat is already running on {data} as pid {other.pid} at {other.url or 'an address not yet known'}.",
                f"Use that one, stop it (kill {other.pid}), or choose another HAAT_DATA and HAAT_PORT.",
            ) from None
        self.announce(url)

    def announce(self, url: str) -> None:
        """Write down where this instance answers, for whoever finds the folder locked."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()

    def release(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _read(file: IO[str]) -> Instance:
    try:
        file.seek(0)
        found = json.load(file)
        return Instance(int(found["pid"]), str(found["url"]))
    except (ValueError, KeyError, TypeError):
        # The other one has locked the file and not written it yet.
        return Instance(0, "")


def running_instance(data: Path) -> Instance | None:
    """The haat that holds this data folder now; None when nobody does."""
    try:
        file = (data / "haat.lock").open("r")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
    return None


def mark_of(data: Path) -> str:
    """The value of MARK in the environment of every process that serves this data folder."""
    return hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]


def marked_processes(data: Path) -> list[int]:
    """Pids of the live processes that a supervisor of this data folder started (Linux; empty elsewhere)."""
    wanted = f"{MARK}={mark_of(data)}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in environment and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def sweep(data: Path, *, seconds: float = 2.0) -> int:
    """End what a killed run of this data folder left behind: SIGTERM, then SIGKILL. How many there were.

    Only for the holder of the folder's lock.
    """
    left = marked_processes(data)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked_processes(data):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while marked_processes(data) and time.monotonic() < deadline:
            time.sleep(0.02)
    return len(left)
