"""What PostgreSQL and the file system complain about, in words that say what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from haat.kit.startup import StartupFault

__all__ = ["fault_from_log", "folder_fault", "making_fault"]

ELSEWHERE = "put the data elsewhere by HAAT_DATA."
TAIL_BYTES = 4000

# First match wins, so the particular stands before the general.
COMPLAINTS = (
    ("could not resize shared memory", "Shared memory is too small.", "Give the container more: --shm-size=256m."),
    ("could not map anonymous shared memory", "There is too little memory.", "Free some memory and start again."),
    ("No space left on device", "The disk is full.", f"Free some space, or {ELSEWHERE}"),
    ("Disk quota exceeded", "The disk quota is used up.", f"Free some space, or {ELSEWHERE}"),
    ("Read-only file system", "The disk is read-only.", f"Make it writable, or {ELSEWHERE}"),
    ("Permission denied", "The database may not use its own files.", f"Mend the owner with chown -R, or {ELSEWHERE}"),
    ("syntax error in file", "postgresql.conf has an error.", "Mend the line named there and start again."),
    ("unrecognized configuration", "postgresql.conf has an error.", "Mend the line named there and start again."),
    ("contains errors", "postgresql.conf has an error.", "Mend the line named there and start again."),
    ("could not locate a valid checkpoint", "The database files are damaged.", "Restore the folder from a backup."),
    ("is still in use", "Processes of a killed run still hold the database.", "Wait a moment and start again."),
)


def folder_fault(folder: Path, error: OSError) -> StartupFault:
    """The fault behind a file system error met under `folder`."""
    where = error.filename or folder
    what = {
        errno.EROFS: f"The disk under {folder} is read-only.",
        errno.EACCES: f"This user may not write to {where}.",
        errno.EPERM: f"This user may not change {where}.",
        errno.ENOSPC: f"The disk under {folder} is full.",
        errno.EDQUOT: f"The disk quota under {folder} is used up.",
        errno.ENOTDIR: f"A part of {folder} is a file, not a folder.",
        errno.EEXIST: f"{where} is a file, not a folder.",
        errno.ELOOP: f"{where} is a link and should not be one.",
    }.get(error.errno or 0, f"The folder {folder} cannot be used ({error}).")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StartupFault(what, f"Free some space, or {ELSEWHERE}")
    return StartupFault(what, f"Mend its owner or mode (chown, chmod), or {ELSEWHERE}")


def _fault(text: str, where: str) -> StartupFault:
    lines = [line for line in reversed(text.splitlines()) if line.strip()] or ["it said nothing"]
    last = next((line for line in lines if "FATAL" in line or "error:" in line), lines[0])
    for mark, what, what_to_do in COMPLAINTS:
        said = next((line for line in text.splitlines() if mark in line), None)
        if said is not None:
            return StartupFault(f"{what} PostgreSQL said: {said.strip()}", f"{what_to_do} {where}")
    return StartupFault(f"PostgreSQL did not start: {last.strip()}", where)


def making_fault(folder: Path, text: str) -> StartupFault:
    """The fault behind a failed initdb, from what it printed."""
    return _fault(text, f"Folder: {folder}")


def fault_from_log(log_path: Path) -> StartupFault:
    """The fault behind a server that went away while starting, from the end of its log."""
    data = log_path.read_bytes()[-TAIL_BYTES:] if log_path.exists() else b""
    return _fault(data.decode(errors="replace"), f"Log: {log_path}")
