"""CPU time of a running shop's processes, read from /proc: services, PostgreSQL and sandboxes apart."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from haat.cli.instance import marked_processes

TICKS = os.sysconf("SC_CLK_TCK")


class Used(msgspec.Struct, frozen=True):
    """Seconds of CPU since the processes began."""

    services: float = 0.0
    postgres: float = 0.0
    sandboxes: float = 0.0

    def since(self, before: Used) -> Used:
        """What was used between two looks."""
        return Used(self.services - before.services, self.postgres - before.postgres, self.sandboxes - before.sandboxes)


def used(data: Path) -> Used:
    """What the shop on this data folder has used so far; processes that have ended meanwhile are not counted.

    Nor is a model's training: it comes after a catalogue, then at most every quarter of an hour, whatever shoppers do.
    """
    services = sandboxes = 0.0
    for pid in marked_processes(data):
        command = _command(pid)
        if b"haat.sandbox" in command:
            sandboxes += _seconds(pid)
        elif b"haat.engines.training" not in command:
            services += _seconds(pid)
    return Used(services, processes_seconds(_postgres(data)), sandboxes)


def processes_seconds(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have used."""
    return sum(map(_seconds, pids), 0.0)


def _postgres(data: Path) -> Iterable[int]:
    from haat.engines.database.embedded_processes import processes_of

    return processes_of(data / "postgres" / "cluster")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, and those of waited-for children (PostgreSQL's ended backends).
    return sum(int(field) for field in fields[11:15]) / TICKS
