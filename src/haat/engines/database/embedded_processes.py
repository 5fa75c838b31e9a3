"""The live processes of one database folder, found by where they stand rather than by remembered numbers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Postmaster", "end_all", "processes_of", "recorded_postmaster", "running_postmaster", "wait_until"]

POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Postmaster:
    """What PostgreSQL wrote into postmaster.pid."""

    pid: int
    socket_folder: Path | None


def recorded_postmaster(cluster: Path) -> Postmaster | None:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    socket_folder = lines[4].strip() if len(lines) > 4 else ""
    return Postmaster(int(lines[0]), Path(socket_folder) if socket_folder else None)


def running_postmaster(cluster: Path) -> Postmaster | None:
    """The live postmaster of this folder. A pid that another program has inherited does not count."""
    recorded = recorded_postmaster(cluster)
    if recorded is None or recorded.pid not in processes_of(cluster):
        return None
    return recorded


def processes_of(cluster: Path) -> list[int]:
    """Pids of every postgres process whose working folder is the cluster (Linux; empty elsewhere)."""
    try:
        facts = cluster.stat()
    except OSError:
        return []
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() != "postgres":
                continue
            here = (entry / "cwd").stat()
        except OSError:
            continue
        if (here.st_dev, here.st_ino) == (facts.st_dev, facts.st_ino):
            found.append(int(entry.name))
    return found


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    """Poll `done` until it holds or the time is over; the last answer."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def end_all(cluster: Path, *, seconds: float = 2.0) -> None:
    """End every process of the cluster at once. What was committed is in the log, so nothing is lost."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        # Asked again in the loop: a postmaster may fork a last child between the look and the signal.
        _send(processes_of(cluster), number)
        if wait_until(lambda: not processes_of(cluster), seconds):
            return
