"""PostgreSQL 18 out of a wheel: made, started, adopted and stopped by haat itself, on a private unix socket.

A folder holds `cluster/` (the data), `server.log`, `lock` and, where the path is short enough, `socket/`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from haat.engines.database.embedded_account import (
    SOCKET_NAME,
    Account,
    account_for,
    socket_folder_for,
    usable_binaries,
)
from haat.engines.database.embedded_cluster import (
    Reachable,
    check_version,
    clear_unfinished,
    make_cluster,
    surroundings,
    write_settings,
)
from haat.engines.database.embedded_faults import fault_from_log, folder_fault
from haat.engines.database.embedded_processes import (
    end_all,
    processes_of,
    running_postmaster,
    wait_until,
)
from haat.engines.database.embedded_tuning import MIB, settings_text
from haat.kit.startup import StartupFault

__all__ = ["EmbeddedServer", "attach", "start"]

DATABASE = "haat"
LOG_LIMIT_BYTES = 16 * MIB
# One initdb writes 40 MB and a busy hour of WAL some hundred more.
SPACE_LEAST_BYTES = 512 * MIB
READY_SECONDS = 60.0
STOP_SECONDS = 4.0
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class EmbeddedServer:
    """A running server. The one who started or adopted it owns it; an attached one leaves it alone."""

    def __init__(
        self,
        folder: Path,
        socket_folder: Path,
        superuser: str,
        pid: int,
        *,
        adopted: bool = False,
        lock: IO[bytes] | None = None,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.folder = folder
        self.socket_folder = socket_folder
        self.superuser = superuser
        self.pid = pid
        self.adopted = adopted
        self._lock = lock
        self._process = process

    def dsn(self, database: str = DATABASE, user: str | None = None) -> str:
        """A `postgresql://` URL that asyncpg and psycopg both take; no password, the socket is the key."""
        # The port stands in the URL so that a stray PGPORT in the environment changes nothing.
        where = urlencode({"host": str(self.socket_folder), "port": "5432"}, safe="/")
        return f"postgresql://{quote(user or self.superuser, safe='')}@/{quote(database, safe='')}?{where}"

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Stop the server within about `seconds`, in order if it can, and let the folder go. Safe to repeat."""
        if self._lock is None:
            return
        try:
            self._end_postmaster(seconds)
        finally:
            # A second Ctrl-C lands here: whatever is left ends now, recovery at the next start is certain.
            end_all(self.folder / "cluster", seconds=1.0)
            self._lock.close()
            self._lock = None
            if self.socket_folder.parent != self.folder:
                shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _end_postmaster(self, seconds: float) -> None:
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 1.0)):
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if wait_until(self._is_gone, patience):
                return

    def _is_gone(self) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        return self.pid not in processes_of(self.folder / "cluster")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    folder: Path,
    *,
    superuser: str = "haat",
    durable: bool = True,
    space_bytes: int = SPACE_LEAST_BYTES,
    ready_seconds: float = READY_SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> EmbeddedServer:
    """Start the server of `folder`, making it first where needed, with an empty database "haat".

    A server left behind by a killed run is adopted. Raises StartupFault. `durable=False`, which may lose
    data in a crash of the machine, is for tests.
    """
    if not PLAIN_NAME.fullmatch(superuser):
        raise ValueError(f"not a plain role name: {superuser!r}")
    folder = folder.absolute()
    _prepare(folder, space_bytes)
    lock = _lock(folder)
    try:
        return _start_locked(folder, lock, superuser, durable, ready_seconds, say)
    except BaseException as error:
        lock.close()
        if isinstance(error, OSError):
            raise folder_fault(folder, error) from error
        raise


def attach(folder: Path, *, superuser: str = "haat") -> EmbeddedServer | None:
    """The server of `folder` that another process runs, to talk to and not to stop; None when there is none."""
    found = running_postmaster(folder.absolute() / "cluster")
    if found is None or found.socket_folder is None:
        return None
    return EmbeddedServer(folder.absolute(), found.socket_folder, superuser, found.pid)


def _prepare(folder: Path, space_bytes: int) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise folder_fault(folder, error) from error
    if free < space_bytes:
        raise StartupFault(
            f"Only {free // MIB} MB are free under {folder}; the database wants {space_bytes // MIB} MB.",
            "Free some space, or put the data elsewhere by HAAT_DATA.",
        )


def _lock(folder: Path) -> IO[bytes]:
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise folder_fault(folder, error) from error
    lock = os.fdopen(handle, "r+b", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = (lock.read(32) or b"").decode(errors="replace").strip() or "unknown"
        lock.close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise folder_fault(folder, error) from error
        raise StartupFault(
            f"Another haat (pid {holder}) already runs the database in {folder}.",
            f"Stop it (kill {holder}), or give this one a folder of its own by HAAT_DATA.",
        ) from error
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n".encode())
    return lock


def _start_locked(
    folder: Path, lock: IO[bytes], superuser: str, durable: bool, ready_seconds: float, say: Callable[[str], None]
) -> EmbeddedServer:
    cluster = folder / "cluster"
    with suppress(OSError):
        cluster.rmdir()  # only an empty one goes; what a person made by hand counts as nothing yet
    account = account_for(cluster)
    if folder.stat().st_uid == account.uid:
        # After one start under sudo the owner of the folder must still be able to open these.
        account.own(folder / "lock")
    install = usable_binaries(account)
    clear_unfinished(folder)
    if not cluster.exists():
        say("making the database")
        make_cluster(folder, install, account, superuser, durable)
    check_version(cluster)
    socket_folder = socket_folder_for(folder, account)
    changed = write_settings(cluster, account, settings_text(socket_folder, durable=durable))
    left = running_postmaster(cluster)
    if left is not None and not changed and _runs_from(left.pid, install):
        say(f"taking over the database left running (pid {left.pid})")
        server = EmbeddedServer(folder, socket_folder, superuser, left.pid, adopted=True, lock=lock)
    else:
        _clear_left(folder, socket_folder, left.pid if left else None, say)
        server = _launch(folder, socket_folder, install, account, superuser, lock)
    try:
        _wait_ready(server, ready_seconds, say)
    except BaseException:
        # Includes Ctrl-C: until the server is handed over nobody else could stop it.
        server.stop(1.0)
        raise
    return server


def _runs_from(pid: int, install: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").samefile(install / "bin" / "postgres")
    except OSError:
        return False


def _clear_left(folder: Path, socket_folder: Path, postmaster: int | None, say: Callable[[str], None]) -> None:
    cluster = folder / "cluster"
    if postmaster is not None:
        say(f"stopping the database left running (pid {postmaster}): its settings have changed")
        EmbeddedServer(folder, folder, "", postmaster)._end_postmaster(STOP_SECONDS)
    if processes_of(cluster):
        # A postmaster killed alone leaves backends that hold its shared memory and go on committing.
        say("ending the database processes of a killed run")
        end_all(cluster)
    if sys.platform == "linux":
        # Nothing of this folder lives, yet the numbers in its lock files may still be taken: by a stranger,
        # or by a zombie that the first process of a container never fetches. PostgreSQL would balk at both.
        for left in (cluster / "postmaster.pid", socket_folder / SOCKET_NAME, socket_folder / f"{SOCKET_NAME}.lock"):
            left.unlink(missing_ok=True)


def _launch(
    folder: Path, socket_folder: Path, install: Path, account: Account, superuser: str, lock: IO[bytes]
) -> EmbeddedServer:
    log_path = folder / "server.log"
    if log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES:
        log_path.replace(folder / "server.1.log")
    with Reachable(folder / "cluster", account) as reach, log_path.open("ab") as log:
        if folder.stat().st_uid == account.uid:
            account.own(log_path)
        process = subprocess.Popen(  # noqa: S603
            [str(install / "bin" / "postgres"), "-D", reach.path],
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=reach.fds,
            **surroundings(account),
        )
    return EmbeddedServer(folder, socket_folder, superuser, process.pid, lock=lock, process=process)


def _wait_ready(server: EmbeddedServer, seconds: float, say: Callable[[str], None]) -> None:
    """Wait until the server answers and its first database exists; crash recovery may take its time."""
    log_path = server.folder / "server.log"
    begun, told, answer = time.monotonic(), False, "no answer"
    while time.monotonic() - begun < seconds:
        if server._is_gone():
            raise fault_from_log(log_path)
        try:
            if (server.socket_folder / SOCKET_NAME).exists():
                _ensure_database(server)
                return
        except psycopg.OperationalError as error:
            answer = str(error)
            if "does not exist" in answer:
                raise StartupFault(
                    f"The database in {server.folder} was made for another user ({answer.strip()}).",
                    "Choose another folder by HAAT_DATA.",
                ) from error
        if not told and time.monotonic() - begun > 2.0:
            say("the database is recovering")
            told = True
        time.sleep(0.01)
    raise StartupFault(
        f"The database in {server.folder} did not answer within {seconds:.0f} s ({answer.strip()}).",
        f"Look into {log_path}; if it is recovering from a crash, start again.",
    )


def _ensure_database(server: EmbeddedServer) -> None:
    with psycopg.connect(server.dsn("postgres"), autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
