"""What a check of an installation says."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    check: str
    ok: bool
    detail: str
    what_to_do: str = ""
