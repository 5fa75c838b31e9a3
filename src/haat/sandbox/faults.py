"""Faults that a test orders in advance: the next N calls of an operation go wrong in the named way."""

from collections import deque
from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from haat.sandbox.problems import Problem

Mode = Literal[
    "drop_before", "drop_after", "reset_before", "reset_after", "500_before", "500_after", "stall", "fail", "duplicate"
]


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """`before` or `after` the effect is taken: `drop` closes the connection, `reset` breaks it, `500` answers so.

    `stall` takes the effect and answers after `seconds` of sandbox time.
    `fail` is for refunds (accepted, then failing), `duplicate` for webhooks (delivered twice).
    """

    op: Annotated[str, Meta(min_length=1, max_length=40)]
    mode: Mode
    times: Annotated[int, Meta(ge=1, le=100_000)] = 1
    seconds: Annotated[int, Meta(ge=0, le=86_400)] = 30


class Faults:
    """Kept in memory only: a restarted sandbox behaves well."""

    def __init__(self, calls: Iterable[str], outcomes: Iterable[str] = ()) -> None:
        """`calls` can be disturbed on the wire; the work behind those in `outcomes` can fail."""
        self._calls = frozenset(calls)
        self._outcomes = frozenset(outcomes)
        self._waiting: dict[str, deque[Fault]] = {}

    def order(self, fault: Fault) -> None:
        """Raises 422 when there is no such operation or the mode does not fit it."""
        fitting = {"fail": self._outcomes, "duplicate": frozenset({"webhook"})}.get(fault.mode, self._calls)
        if fault.op not in fitting:
            raise Problem(422, "invalid", f"{fault.mode} fits {', '.join(sorted(fitting)) or 'nothing here'}.")
        queue = self._waiting.setdefault(self._queue_of(fault.op, fault.mode), deque())
        queue.extend([fault] * fault.times)

    def clear(self) -> None:
        """Forget every fault that was ordered and did not happen yet."""
        self._waiting.clear()

    def waiting(self) -> dict[str, int]:
        """How many faults are still to come, by operation."""
        return {name: len(queue) for name, queue in sorted(self._waiting.items()) if queue}

    def take(self, op: str) -> Fault | None:
        """The next fault of this call, used up by asking."""
        queue = self._waiting.get(op)
        return queue.popleft() if queue else None

    def take_failure(self, op: str) -> bool:
        return self.take(self._queue_of(op, "fail")) is not None

    @staticmethod
    def _queue_of(op: str, mode: Mode) -> str:
        # A failing outcome and a disturbed wire can be ordered for the same call and must not wait in one line.
        return f"{op}:fail" if mode == "fail" else op
