"""The names of people of whom only the id is known."""

from __future__ import annotations

from collections.abc import Iterable

from haat.contracts.identity import FindUsers, Identity
from haat.kit.ids import is_id
from haat.web.backoffice.desk import gently

AT_ONCE = 100


async def names_of(identity: Identity, user_ids: Iterable[str | None]) -> dict[str, str]:
    """Names by id, as far as they are known; none when identity does not answer. What is no user's id is left out."""
    ids = sorted({each for each in user_ids if each and is_id(each, "usr")})[:AT_ONCE]
    found = await gently(identity.find_users(FindUsers(ids=ids, limit=AT_ONCE)), None) if ids else None
    return {user.id: user.name for user in found.data} if found else {}
