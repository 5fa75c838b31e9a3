"""`haat vault`: rotate the key that wraps the cards' keys, and verify the audit trail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

WHERE_KEYS_ARE = "Name the vault's data folder by HAAT_DATA; keys that are lost are in a backup of it, or nowhere."


def rotate(*, batch: int = 1_000) -> None:
    """Make a new key-encryption key, rewrap every card's key under it, then destroy the old one; the shop goes on.

    A run that was cut short is finished by the next. Needs the data directory with the keys, and the database.

    Parameters
    ----------
    batch
        Cards rewrapped in one transaction.
    """
    from haat.cli.steps import Steps
    from haat.kit.startup import StartupFault
    from haat.services.vault.rotation import Rotation, Stuck

    if batch < 1:
        # None at a time would go on for ever.
        raise StartupFault(
            f"There cannot be {batch} cards in a transaction.", "Leave --batch out, or name one or more."
        )

    async def work(store: Any, keys: Any, _: Any) -> tuple[int, int]:
        total = sum((await store.key_counts()).values())
        with Steps() as steps, steps.step("rewrapping cards", total) as advance:
            done = await Rotation(store, keys).run(advance, batch)
        left = await store.key_counts()
        return done, sum(count for kek_id, count in left.items() if kek_id != keys.kek_id)

    try:
        done, left = _with_records(work)
    except Stuck as stuck:
        raise StartupFault(str(stuck), "The old key was kept. Look for these cards in the audit trail.") from stuck
    print(f"{done} cards rewrapped; the older keys are destroyed")
    if left:
        print(f"{left} more lie under keys that are not here: nobody can open them, unless a backup has their keys")


def verify() -> None:
    """Hold every entry of the audit trail against its seal, and every seal against its neighbour and its anchor.

    Exit status 1 when something was changed, removed, moved or put in later; each place is named.
    """

    async def work(_: Any, __: Any, trail: Any) -> Any:
        return await trail.verify()

    verdict = _with_records(work)
    for fault in verdict.faults:
        print(f"{fault.what}: {fault.where}")
    print(f"{verdict.entries} entries under {verdict.seals} seals, {len(verdict.faults)} faults")
    sys.exit(1 if verdict.faults else 0)


def _with_records(work: Callable[[Any, Any, Any], Awaitable[Any]]) -> Any:
    from haat.cli.database import database_for
    from haat.cli.environment import read_settings
    from haat.compose import House, vault_records
    from haat.kit.startup import StartupFault
    from haat.settings import Settings

    async def run(settings: Settings) -> Any:
        house = House(settings, frozenset({"vault"}))
        try:
            _look_for_keys(settings.data)
            store, keys, trail = vault_records(house)
        except (OSError, ValueError) as error:
            raise StartupFault(
                f"The keys of the vault in {settings.data}/secrets cannot be read ({error}).",
                "Run this as the user whose they are; a key that is damaged comes back from a backup.",
            ) from error
        async with house.open():
            _compare(settings.data, await store.key_counts(), {keys.kek_id, *keys.old_keys()})
            return await work(store, keys, trail)

    with database_for(read_settings()) as settings:
        return asyncio.run(run(settings))


def _look_for_keys(data: Path) -> None:
    """Keys are made at first use: whoever has named another folder would work with new ones, which open nothing."""
    from haat.kit.startup import StartupFault

    if not (data / "secrets" / "vault-kek").is_file():
        raise StartupFault(f"There are no keys of a vault in {data}/secrets.", WHERE_KEYS_ARE)


def _compare(data: Path, cards: dict[str, int], here: set[str]) -> None:
    """Raises StartupFault when the keys here are those of another vault than the database is of."""
    from haat.kit.startup import StartupFault

    if cards and not here & cards.keys():
        under = ", ".join(sorted(cards))
        raise StartupFault(
            f"The keys in {data}/secrets are of another vault: all {sum(cards.values())} cards of this database lie "
            f"under others ({under}). Nothing was changed.",
            WHERE_KEYS_ARE,
        )
