"""Who works here: the roles of accounts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from haat.contracts.identity.accounts import Email
from haat.kit.message import DomainError, Message


class ListStaff(Message, frozen=True):
    """The accounts that have a role, newest first."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class StaffRole(Message, frozen=True):
    """A role to give to, or to take from, the account with this e-mail; `actor` is who does it.

    `role` is owner, catalogue, fulfilment, finance or support. `vouched` gives it to an address that nobody has proven.
    """

    email: Email
    role: Annotated[str, Meta(max_length=40)]
    actor: str
    vouched: bool = False


class AddressUnproven(DomainError):
    """Anybody can open an account with an address that is not theirs: a role needs one that its owner has shown."""

    code = "address_unproven"
    title = "Nobody has shown that this address is theirs: let them set a password by “Forgot your password?” first"


class LastOwner(DomainError):
    """A shop whose last owner is gone could never get another."""

    code = "last_owner"
    title = "The shop has no other owner: give somebody else the role first"
