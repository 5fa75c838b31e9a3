"""`haat staff`: who may do what in the back office."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

ACTOR = "haat staff"


def staff_list() -> None:
    """List the accounts that have a role, the newest first."""
    from haat.contracts.identity import Identity, ListStaff

    async def all_of(identity: Identity) -> list[Any]:
        page = await identity.staff(ListStaff(limit=100))
        found = list(page.data)
        while page.has_more:
            page = await identity.staff(ListStaff(limit=100, cursor=page.next_cursor))
            found += page.data
        return found

    for user in _asked(all_of):
        print(f"{user.email}  {', '.join(user.roles)}  ({user.name})")


def staff_add(email: str, *, role: str) -> None:
    """Give a role to an account, which its owner has made in the shop; it counts at once.

    Who runs this vouches for an address that nobody has shown to be theirs by a link that was mailed there.

    Parameters
    ----------
    email
        The account's.
    role
        owner, catalogue, fulfilment, finance or support.
    """
    ask = _ask(email, role)
    _tell(_asked(lambda identity: given(identity, ask)))


def staff_remove(email: str, *, role: str) -> None:
    """Take a role away, on every device at once. The last owner keeps it.

    Parameters
    ----------
    email
        The account's.
    role
        owner, catalogue, fulfilment, finance or support.
    """
    ask = _ask(email, role)
    _tell(_asked(lambda identity: identity.take_role(ask)))


async def given(identity: Any, ask: Any) -> Any:
    """The account with the role, after a word when nothing but this command says whose the address is."""
    import msgspec

    from haat.contracts.identity import AddressUnproven

    try:
        return await identity.give_role(ask)
    except AddressUnproven:
        print(f"Nobody has followed a link that was mailed to {ask.email}: you vouch that this account is theirs.")
        return await identity.give_role(msgspec.structs.replace(ask, vouched=True))


def _ask(email: str, role: str) -> Any:
    """What identity is to be asked. Raises StartupFault with everything that cannot be in it."""
    import msgspec

    from haat.contracts.identity import StaffRole
    from haat.kit.startup import StartupFault

    faults = []
    for name, given, what_to_do in (
        ("email", email, "Name an e-mail address, such as ravi@shop.example."),
        ("role", role, "Choose from owner, catalogue, fulfilment, finance and support."),
    ):
        try:
            msgspec.convert({"email": "a@b.example", "role": "owner", "actor": ACTOR, name: given}, StaffRole)
        except msgspec.ValidationError:
            faults.append(StartupFault(f"{given} is no {name}.", what_to_do))
    if faults:
        raise StartupFault.joined(faults)
    return StaffRole(email=email, role=role, actor=ACTOR)


def _tell(user: Any) -> None:
    print(f"{user.email}: {', '.join(user.roles) or 'no role'}")


def _asked(work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Ask identity, here or where it runs. Raises StartupFault with what it refuses."""
    import asyncio

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings
    from haat.kit.telemetry import start_logging

    start_logging("WARNING")
    with database_for(read_settings()) as settings:
        return asyncio.run(ask_identity(settings, work))


async def ask_identity(settings: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """The answer. Raises StartupFault with what identity refuses."""
    from haat.compose import House
    from haat.contracts.identity import Identity
    from haat.kit.message import DomainError, Unavailable
    from haat.kit.startup import StartupFault

    house = House(settings)
    identity = house.ask(Identity)
    async with house.open():
        try:
            return await work(identity)
        except Unavailable:
            raise
        except DomainError as error:
            said = [fault["detail"] for fault in error.facts.get("errors", [])] or [error.detail]
            raise StartupFault("; ".join(said) + ".", "`haat staff list` shows who has which role.") from error
