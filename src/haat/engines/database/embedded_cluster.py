"""The files of one embedded database: made whole or not at all, and reachable by the account that runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from haat.engines.database.embedded_account import Account, can_enter
from haat.engines.database.embedded_faults import making_fault
from haat.engines.database.embedded_processes import end_all
from haat.kit.startup import StartupFault

__all__ = ["Reachable", "check_version", "clear_unfinished", "make_cluster", "surroundings", "write_settings"]

MAJOR_VERSION = "18"


def clear_unfinished(folder: Path) -> None:
    for left in folder.glob("cluster.new-*"):
        end_all(left)
        shutil.rmtree(left, ignore_errors=True)


def make_cluster(folder: Path, install: Path, account: Account, superuser: str, durable: bool) -> None:
    # Made beside its place and renamed when whole: a run killed half-way leaves nothing that looks usable.
    making = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=folder))
    try:
        account.own(making)
        command = [str(install / "bin" / "initdb"), "-U", superuser, "-A", "trust", "--data-checksums"]
        # PostgreSQL's own C.UTF-8 rather than the system's: sorting never changes with a libc upgrade.
        command += ["--locale=C.UTF-8", "--locale-provider=builtin", "-E", "UTF8"]
        command += [] if durable else ["--no-sync"]
        with Reachable(making, account) as reach:
            done = subprocess.run(  # noqa: S603
                [*command, "-D", reach.path],
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                pass_fds=reach.fds,
                **surroundings(account),
            )
        if done.returncode != 0:
            raise making_fault(folder, done.stderr or done.stdout)
        with (making / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'haat.conf'\n# Your own settings, below this line, win.\n")
        making.rename(folder / "cluster")
    except BaseException:
        end_all(making)
        shutil.rmtree(making, ignore_errors=True)
        raise
    if durable:
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


class Reachable:
    """A path by which the account reaches a folder of its own, even below a parent that is closed to it.

    As root the data may lie under /root. The folder is then opened by us and handed down as a descriptor:
    nothing above it has to be opened to anybody.
    """

    def __init__(self, cluster: Path, account: Account) -> None:
        self.path = str(cluster)
        self.fds: tuple[int, ...] = ()
        if not can_enter(cluster, account):
            if sys.platform != "linux":
                raise StartupFault(
                    f"User {account.name} cannot reach {cluster}.",
                    "Put the data where that user may go, by HAAT_DATA.",
                )
            handle = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            self.path, self.fds = f"/proc/self/fd/{handle}", (handle,)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self.fds:
            os.close(handle)


def surroundings(account: Account) -> dict[str, Any]:
    # A session of its own keeps a Ctrl-C at the terminal from stopping the database before its users.
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin", "HOME": "/"}
    return {
        "cwd": "/",
        "env": environment,
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
        "umask": 0o077,
        **account.popen_options(),
    }


def check_version(cluster: Path) -> None:
    try:
        found = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise StartupFault(
            f"The folder {cluster} holds files but no database.",
            "Move it out of the way, or choose another folder by HAAT_DATA.",
        ) from None
    if found != MAJOR_VERSION:
        raise StartupFault(
            f"The database in {cluster} was made by PostgreSQL {found}; this haat carries {MAJOR_VERSION}.",
            f"Dump it with PostgreSQL {found} and restore it here, or choose another folder by HAAT_DATA.",
        )


def write_settings(cluster: Path, account: Account, text: str) -> bool:
    """Put haat.conf into place; whether it differs from what a running server was started with."""
    target = cluster / "haat.conf"
    with suppress(OSError):
        if not target.is_symlink() and target.read_text() == text:
            return False
    # The folder belongs to the database account: a rename never writes through a link it might have put here.
    handle, name = tempfile.mkstemp(prefix="haat.conf.", dir=cluster)
    with os.fdopen(handle, "w") as conf:
        conf.write(text)
    account.own(Path(name))
    Path(name).rename(target)
    return True
