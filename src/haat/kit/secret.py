"""The secrets of one installation: made at first use, readable by their owner only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["secret_in", "write_whole"]


def secret_in(data: Path, name: str) -> str:
    """The secret `name` of this data folder; the same for every process, whoever asks first."""
    path = data / "secrets" / name
    if not path.exists():
        with suppress(FileExistsError):
            _place(path, secrets.token_urlsafe(48), os.link)
    return path.read_text()


def write_whole(path: Path, value: str) -> None:
    """Write a secret in place of an earlier one."""
    _place(path, value, os.replace)


def _place(path: Path, value: str, put: Callable[[Path, Path], None]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whole or not at all: an empty secret left by a kill would be believed for ever.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(value)
        put(draft, path)
    finally:
        draft.unlink(missing_ok=True)
