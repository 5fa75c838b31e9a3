"""The port of the document store: whole JSON objects by id, each with a version that guards its writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from haat.kit.database import Connection

Scalar = str | int | bool


class Document(msgspec.Struct, frozen=True):
    """A stored JSON object."""

    id: str
    version: int
    body: dict[str, Any]


class Write(msgspec.Struct, frozen=True):
    """A document to store as `version`, if the stored one is at `expected`; 0 means that none is there."""

    id: str
    version: int
    expected: int
    body: dict[str, Any]


class Documents(Protocol):
    """One collection. `joining` is a connection whose transaction an engine of the same database takes part in.

    An engine elsewhere ignores `joining` and has written when the call returns: callers write documents first and
    their own rows after, so that a crash in between leaves a newer document that the next write finds.
    """

    async def get(self, ids: Sequence[str], *, joining: Connection | None = None) -> dict[str, Document]:
        """By id; unknown ids are absent."""
        ...

    async def find(self, criteria: Mapping[str, Scalar], *, after: str = "", limit: int = 100) -> list[Document]:
        """Documents whose top-level fields equal the criteria, in the order of ids, from behind `after`."""
        ...

    async def put(self, writes: Sequence[Write], *, joining: Connection | None = None) -> set[str]:
        """Store many, each id once; the ids written. One that is absent met another version and nothing happened."""
        ...

    async def delete(self, ids: Sequence[str], *, joining: Connection | None = None) -> None:
        """Forget these; unknown ids are no fault."""
        ...
