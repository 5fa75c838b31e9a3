"""Accounts and address books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from haat.kit.idempotency import Idempotency
from haat.kit.message import DomainError, Event, Message

# The look-ahead keeps out a line's end, before which `$` holds too. No dot stands beside another, or at an end: no mail
# server takes such an address, and a guest's order would be confirmed to nobody.
Email = Annotated[
    str,
    Meta(
        pattern=r"^[^@\s.]+(\.[^@\s.]+)*@[^@\s.]+(\.[^@\s.]+)+$(?!\n)",
        min_length=3,
        max_length=254,
        description="e-mail address",
    ),
]
Password = Annotated[str, Meta(min_length=8, max_length=1024, description="at least 8 characters, any of them")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2")]
PostalCode = Annotated[str, Meta(min_length=3, max_length=12)]
Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$(?!\n)", description="E.164")]


class Address(Message, frozen=True):
    """Where to send or bill: `region` is the state or province, `phone` in E.164."""

    name: Name
    line1: Line
    city: Line
    region: Line
    postal_code: PostalCode
    country: Country = "IN"
    line2: Annotated[str, Meta(max_length=200)] | None = None
    phone: Phone | None = None


class SavedAddress(Message, frozen=True):
    """An address in a user's book."""

    id: str
    address: Address
    is_default: bool = False


class User(Message, frozen=True):
    """A user as they and the staff see them."""

    id: str
    email: str
    name: str
    roles: Sequence[str]
    created_at: datetime
    phone: str | None = None


class Register(Message, frozen=True):
    """A new account; `address` is the caller's network address, for throttling only."""

    email: Email
    password: Password
    name: Name
    address: str = ""
    idempotency: Idempotency | None = None


class ChangeProfile(Message, frozen=True):
    """What is left out stays; no phone takes it away. A new password needs the current one and ends every session but
    `session_id`."""

    user_id: str
    name: Name | None = None
    phone: Phone | UnsetType | None = UNSET
    password: Password | None = None
    current_password: Annotated[str, Meta(max_length=1024)] | None = None
    session_id: str | None = None
    address: str = ""


class SaveAddress(Message, frozen=True):
    """Add an address (no id) or write one of the user's own anew."""

    user_id: str
    address: Address
    address_id: str | None = None
    is_default: bool = False
    idempotency: Idempotency | None = None


class AddressPatch(Message, frozen=True):
    """What is left out stays; null clears an optional field."""

    name: Name | UnsetType = UNSET
    line1: Line | UnsetType = UNSET
    city: Line | UnsetType = UNSET
    region: Line | UnsetType = UNSET
    postal_code: PostalCode | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    line2: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    is_default: bool = False


class ChangeAddress(Message, frozen=True):
    """Change some fields of an address of the user's own."""

    user_id: str
    address_id: str
    patch: AddressPatch


class AddressRef(Message, frozen=True):
    user_id: str
    address_id: str


class FindUsers(Message, frozen=True):
    """Staff: by part of e-mail or name, newest first; or exactly these ids."""

    text: str = ""
    ids: Sequence[str] | None = None
    cursor: str | None = None
    limit: int = 20


class EnsureStaff(Message, frozen=True):
    """Create or update an account with roles; used at set-up."""

    email: Email
    name: Name
    password: Password | None
    roles: Sequence[str]


class OfUser(Message, frozen=True):
    user_id: str
    session_id: str | None = None


class ListOfUser(OfUser, frozen=True):
    """A page of what belongs to an account."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


class EmailTaken(DomainError):
    """An account with this e-mail exists."""

    code = "email_taken"
    title = "There is an account with this e-mail already"


class AddressBookFull(DomainError):
    """An address book holds at most 50 addresses."""

    code = "address_book_full"
    title = "The address book holds 50 addresses already"


class UserRegistered(Event, frozen=True):
    """Who it is, is asked for by those who need it: `email` and `name` are in events of earlier days only."""

    user_id: str
    email: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        return self.user_id
