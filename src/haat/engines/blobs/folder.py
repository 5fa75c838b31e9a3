"""Blobs in a folder of this machine: written beside their place, then moved into it."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
MAX_NAME = 200


class FolderBlobs:
    """The adapter of `ports.blobs.Blobs`; several processes may share one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, name: str, body: bytes) -> None:
        await asyncio.to_thread(_write, self._path(name), body)

    async def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        return await asyncio.to_thread(_read, self._path(name), start, length)

    async def size(self, name: str) -> int | None:
        return await asyncio.to_thread(_size, self._path(name))

    def _path(self, name: str) -> Path:
        # Names come from addresses: a dot at the start, `..` or `/` there would lead out of the folder.
        if len(name) > MAX_NAME or not _NAME.fullmatch(name):
            raise ValueError(f"not a blob's name: {name[:MAX_NAME]!r}")
        return self._folder / name


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _read(path: Path, start: int, length: int | None) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except NotADirectoryError:
        return None
