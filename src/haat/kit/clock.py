"""The one place that asks what time it is."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


def _now() -> datetime:
    """The current moment, UTC, timezone-aware."""
    return datetime.now(UTC)


def _shifted(file: Path) -> Callable[[], datetime]:
    """A clock that is wrong by as many seconds as the file says, from one moment to the next: for tests."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text() or 0))

    return now


_wrong = os.environ.get("CLOCK_SHIFT", "") if os.environ.get("HAAT_ENVIRONMENT") == "test" else ""
now: Callable[[], datetime] = _shifted(Path(_wrong)) if _wrong else _now
