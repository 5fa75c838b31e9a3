"""Roles: given, taken away, and who has one."""

from __future__ import annotations

import structlog

from haat.contracts.identity import AddressUnproven, LastOwner, ListStaff, StaffRole, User
from haat.kit.cursor import id_in, paged
from haat.kit.message import NotFound, Page
from haat.services.identity.model import OWNER, check_roles, typed_key
from haat.services.identity.sessions import Sessions
from haat.services.identity.store import IdentityStore

log = structlog.get_logger("haat.identity")


class Staff:
    """Roles are asked for with each token, so a change counts everywhere at the next request."""

    def __init__(self, store: IdentityStore, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions

    async def members(self, ask: ListStaff) -> Page[User]:
        """Newest first."""
        before = id_in("staff", ask.cursor)
        async with self._store.connection() as connection:
            found = await self._store.staff(connection, before, ask.limit + 1)
        return paged("staff", found, ask.limit, lambda each: (each.id,))

    async def give(self, ask: StaffRole) -> User:
        """Raises NotFound when nobody has the e-mail, AddressUnproven, Invalid for a role that does not exist."""
        (role,) = check_roles([ask.role])
        key = typed_key(ask.email)
        async with self._store.connection() as connection:
            user = await self._store.give_role(connection, key, role, vouched=ask.vouched)
            if user is None and await self._store.account(connection, email_key=key) is not None:
                raise AddressUnproven()
        return await self._changed(user, ask, "role given")

    async def take(self, ask: StaffRole) -> User:
        """Raises NotFound when nobody has the e-mail, LastOwner."""
        (role,) = check_roles([ask.role])
        key = typed_key(ask.email)
        async with self._store.transaction() as transaction:
            if role == OWNER:
                # Held, so that two owners cannot take the role from each other at the same moment.
                owners = await self._store.lock_owners(transaction.connection)
                if owners == [key]:
                    raise LastOwner()
            user = await self._store.take_role(transaction.connection, key, role)
        return await self._changed(user, ask, "role taken away")

    async def _changed(self, user: User | None, ask: StaffRole, what: str) -> User:
        if user is None:
            raise NotFound("Nobody has an account with this e-mail")
        log.info(what, user_id=user.id, role=ask.role, actor=ask.actor)
        await self._sessions.forget(user.id)
        return user
