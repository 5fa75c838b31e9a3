"""Named places where a test makes this process die as by kill -9. Without CRASH_AT they do nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

VARIABLE = "CRASH_AT"
# In the order in which a checkout passes them.
POINTS = (
    "cart.frozen",
    "idem.claimed",
    "inv.reserved",
    "inv.reserve_acked",
    "promo.redeemed",
    "fraud.done",
    "pay.intent_committed",
    "psp.before_send",
    "psp.after_effect",
    "psp.response_read",
    "ledger.pending_posted",
    "pay.result_committed",
    "inv.commit_sent",
    "inv.committed",
    "order.inserted",
    "order.acked",
    "cap.intent_committed",
    "cap.after_effect",
    "cap.result_committed",
    "outbox.claimed",
    "outbox.published_unmarked",
    "hook.received_unacked",
    "hook.inbox_committed",
    "comp.midway",
)


class _Armed:
    """`name:nth` dies at the nth passing; a folder's path dies wherever a file of the point's name lies in it.

    The file is renamed to `name@group` by whoever dies: once, however many processes pass, and the test sees who.
    """

    def __init__(self, told: str) -> None:
        self._folder = told if os.path.isabs(told) else None
        self._name, _, nth = told.partition(":")
        self._left = int(nth or 1) if self._folder is None else 0

    def pass_by(self, name: str) -> None:
        if self._folder is not None:
            path = os.path.join(self._folder, name)
            with suppress(FileNotFoundError):
                os.rename(path, f"{path}@{os.getpgrp()}")
                self._die()
        elif name == self._name:
            self._left -= 1
            if self._left == 0:
                self._die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _nothing(_: str) -> None:
    return None


_told = os.environ.get(VARIABLE, "")
# Where money is real nobody arms anything, whatever the environment says.
_may = os.environ.get("HAAT_ENVIRONMENT") == "test"
crashpoint: Callable[[str], None] = _Armed(_told).pass_by if _told and _may else _nothing
