"""The one place that asks what time it is."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


class _Lag:
    """How far behind the world this process lives; new ids follow it, too."""

    ns = 0


lag = _Lag()


def live_behind(by: timedelta) -> None:
    """Take it to be so much earlier from here on: only for a process that makes up a demo's past."""
    lag.ns = by // timedelta(microseconds=1) * 1000


def _now() -> datetime:
    """The current moment, UTC, timezone-aware."""
    moment = datetime.now(UTC)
    return moment - timedelta(microseconds=lag.ns // 1000) if lag.ns else moment


def _shifted(file: Path) -> Callable[[], datetime]:
    """A clock that is wrong by as many seconds as the file says, from one moment to the next: for tests."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text() or 0))

    return now


_wrong = os.environ.get("CLOCK_SHIFT", "") if os.environ.get("HAAT_ENVIRONMENT") == "test" else ""
now: Callable[[], datetime] = _shifted(Path(_wrong)) if _wrong else _now
