"""Messages, events and domain errors: the words in which services speak to each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from haat.kit.clock import now
from haat.kit.ids import new_id

T = TypeVar("T")


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Immutable value that crosses a contract; unknown fields are refused."""


class Nothing(Message, frozen=True):
    """The empty answer."""


class Page(Message, Generic[T], frozen=True, kw_only=True):
    """One page of a list: `data`, whether more follows, and the opaque cursor that leads there."""

    data: Sequence[T]
    has_more: bool = False
    next_cursor: str | None = None


class Event(Message, frozen=True, kw_only=True):
    """A fact that has happened, self-sufficient; `key` keeps the order of facts about one thing."""

    id: str = msgspec.field(default_factory=lambda: new_id("evt"))
    at: datetime = msgspec.field(default_factory=now)

    @property
    def key(self) -> str:
        """What this event is about: events of one key are delivered in order."""
        raise NotImplementedError(f"{type(self).__name__} must say its key")


def event_name(kind: type[Event]) -> str:
    """The name on the wire: the contract's module and the class, such as `orders.OrderPlaced`."""
    return f"{contract_module(kind)}.{kind.__name__}"


def contract_module(kind: type) -> str:
    """The service a message belongs to: the module (or package) below `contracts`."""
    parts = kind.__module__.split(".")
    return parts[2] if parts[:2] == ["haat", "contracts"] else parts[-1]


class DomainError(Exception):
    """An expected refusal with a stable code and facts; crosses contracts and is raised again as the same class."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The request conflicts with the current state"
    known: ClassVar[dict[str, type[DomainError]]] = {}

    def __init_subclass__(cls) -> None:
        DomainError.known[cls.code] = cls

    def __init__(self, detail: str = "", **facts: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.facts = facts


class NotFound(DomainError):
    """The thing does not exist, or belongs to somebody else: the answer is the same."""

    code = "not_found"
    status = 404
    title = "There is nothing here"


class Forbidden(DomainError):
    """The caller is known but lacks the role."""

    code = "forbidden"
    status = 403
    title = "This needs a role you do not have"


class Unauthenticated(DomainError):
    """The caller must sign in."""

    code = "unauthenticated"
    status = 401
    title = "Sign in first"


class Unavailable(DomainError):
    """A neighbour did not answer: unknown whether it happened, so repeat with the same request id."""

    code = "unavailable"
    status = 503
    title = "A part of the shop does not answer at the moment"


class Invalid(DomainError):
    """The values make no sense; `errors` lists every fault as pointer, code, detail."""

    code = "invalid"
    status = 422
    title = "The request has values that cannot be accepted"

    def __init__(self, detail: str = "", *, errors: list[dict[str, str]] | None = None, **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.facts["errors"] = errors or []


encode = msgspec.json.encode
