"""What a process that sees card numbers does for itself: no core dumps, no onlookers, no swap."""

from __future__ import annotations

import ctypes
import resource
import sys

import structlog

log = structlog.get_logger("haat.vault")
PR_SET_DUMPABLE = 4
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4


def harden() -> dict[str, bool]:
    """Harden this process and what it will start; which of `no_core`, `not_dumpable`, `locked` could be had.

    Locking memory needs a limit that allows it (`ulimit -l`, CAP_IPC_LOCK); without it, switch swap off.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done = {"no_core": True, "not_dumpable": False, "locked": False}
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # Also closes /proc/<pid>/mem and environ to everybody but root, and ptrace with them.
        done["not_dumpable"] = libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
        # Only with no limit at all: under a limit every later allocation beyond it would fail.
        if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
            # On fault: what is never touched is never locked, so the process stays as small as it is.
            done["locked"] = libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0
    log.info("hardened", **done)
    return done
