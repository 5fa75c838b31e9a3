"""The folder of an index: generations, the pointer to the current one, the lock of its writer.

root/CURRENT        which generation and which commit readers use; replaced as a whole, never edited
root/writer.lock    held by the one writer
root/g-000007/      one complete tantivy index, and its cards
root/g-000008.new/  a rebuild that has not finished; whoever opens the writer next removes it
"""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from haat.engines.text_search.cards import mostly_past
from haat.ports.text_search import WriterBusy

_CURRENT: Final = "CURRENT"
_LOCK: Final = "writer.lock"
_UNFINISHED: Final = ".new"


class Pointer(msgspec.Struct, frozen=True):
    """`complete`: the generation came from a rebuild, so it holds the whole catalogue, with so many bytes of cards."""

    format: int
    generation: str
    commit: int
    complete: bool
    cards_bytes: int = 0


class WriterLock:
    """Exclusive for as long as the process lives; the kernel lets go of it after a crash."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise WriterBusy(f"another process writes the search index in {root}") from error

    def release(self) -> None:
        os.close(self._descriptor)


def read_pointer(root: Path) -> Pointer | None:
    """None when there is no pointer, or none that can be read."""
    try:
        return msgspec.json.decode((root / _CURRENT).read_bytes(), type=Pointer)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def is_due(root: Path, pointer: Pointer) -> bool:
    """Whether this generation should be followed by a rebuild."""
    return not pointer.complete or mostly_past(root / pointer.generation, pointer.cards_bytes)


def pointer_signature(root: str) -> tuple[int, int] | None:
    """Changes with every switch and every commit; cheap enough to ask before each search."""
    try:
        status = os.stat(f"{root}/{_CURRENT}")
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def write_pointer(root: Path, pointer: Pointer) -> None:
    """Atomic and durable: after a crash readers find the old pointer or the new one."""
    fresh = root / f"{_CURRENT}{_UNFINISHED}"
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode(pointer))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(root / _CURRENT)
    sync_folder(root)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished_folder(root: Path) -> Path:
    """A new empty folder for the next generation."""
    taken = [int(path.name[2:8]) for path in root.glob("g-*") if path.name[2:8].isdigit()]
    folder = root / f"g-{max(taken, default=0) + 1:06d}{_UNFINISHED}"
    folder.mkdir()
    return folder


def finished(folder: Path) -> Path:
    """Gives a complete generation its lasting name."""
    return folder.rename(folder.with_name(folder.name.removesuffix(_UNFINISHED)))


def remove_others(root: Path, keep: set[str]) -> None:
    """Open readers keep what they have mapped; a reader about to open a removed one follows the pointer again."""
    for path in root.glob("g-*"):
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)
