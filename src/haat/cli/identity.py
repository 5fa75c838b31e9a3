"""`haat identity`: the keys that sign access tokens."""

from __future__ import annotations

from typing import Any


def rotate(*, revoke: bool = False) -> None:
    """Sign access tokens with the next key from now on, as the worker does every 30 days; the shop goes on.

    Parameters
    ----------
    revoke
        Drop the older keys as well, because somebody may have seen one: within two minutes no token of theirs is
        taken any more, and browsers and apps get new ones by their refresh tokens.
    """
    import asyncio

    from haat.cli.database import database_for
    from haat.cli.environment import read_settings
    from haat.kit.telemetry import start_logging

    start_logging("WARNING")
    with database_for(read_settings()) as settings:
        print(f"tokens are signed with {asyncio.run(rotated(settings, revoke))}")


async def rotated(settings: Any, revoke: bool) -> str:
    """The id of the key that signs from now on. Raises StartupFault with what identity refuses."""
    from haat.cli.staff import ask_identity
    from haat.contracts.identity import RotateKeys

    keys = (await ask_identity(settings, lambda identity: identity.rotate_keys(RotateKeys(revoke=revoke)))).keys
    return str(keys[0]["kid"])
