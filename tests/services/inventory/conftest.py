"""A stocked inventory: fresh SKUs on the real database, and what the database says about them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from haat.contracts.inventory import AttemptRef, Level, Line, PutBack, Receive, Reserve, SkuRef
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.services.inventory.service import InventoryService
from haat.services.inventory.store import InventoryStore


class Depot:
    """One inventory service and short words for its asks."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.store = InventoryStore(database)
        self.service = InventoryService(self.store)

    async def sku(self, units: int, location: str = "main") -> str:
        """A new SKU with so many units."""
        sku = new_id("sku")
        await self.receive(sku, units, location)
        return sku

    async def receive(self, sku: str, units: int, location: str = "main", cause_id: str | None = None) -> None:
        lines = [Line(sku=sku, quantity=units)]
        await self.service.receive(
            Receive(cause_id=cause_id or new_id("rcv"), lines=lines, actor="usr_staff", location=location)
        )

    async def reserve(self, attempt_id: str, units: dict[str, int]) -> str:
        lines = [Line(sku=sku, quantity=quantity) for sku, quantity in units.items()]
        return (await self.service.reserve(Reserve(attempt_id=attempt_id, lines=lines))).state

    async def held(self, units: dict[str, int]) -> str:
        """A new attempt that holds so many units by SKU."""
        attempt_id = new_id("att")
        await self.reserve(attempt_id, units)
        return attempt_id

    async def commit(self, attempt_id: str) -> str:
        return (await self.service.commit(AttemptRef(attempt_id=attempt_id))).state

    async def release(self, attempt_id: str) -> None:
        await self.service.release(AttemptRef(attempt_id=attempt_id))

    async def put_back(self, cause_id: str, units: dict[str, int]) -> None:
        lines = [Line(sku=sku, quantity=quantity) for sku, quantity in units.items()]
        await self.service.put_back(PutBack(cause_id=cause_id, lines=lines))

    async def let_time_pass(self, *attempt_ids: str) -> None:
        """These holds are overdue, and nobody has noticed yet."""
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE inventory.reservations SET expires_at = now() - interval '1 second' WHERE attempt_id = ANY($1)",
                list(attempt_ids),
            )

    async def expire(self, *attempt_ids: str) -> None:
        await self.let_time_pass(*attempt_ids)
        await self.service.expire_holds()

    async def level(self, sku: str) -> Level:
        (level,) = (await self.service.levels(SkuRef(sku=sku))).data
        return level

    async def stock(self, sku: str) -> tuple[int, int]:
        """on_hand and reserved over all locations."""
        levels = (await self.service.levels(SkuRef(sku=sku))).data
        return sum(level.on_hand for level in levels), sum(level.reserved for level in levels)

    async def counts(self, sku: str) -> tuple[int, int, int]:
        """on_hand, reserved, available."""
        level = await self.level(sku)
        return level.on_hand, level.reserved, level.available

    async def spread(self, sku: str) -> dict[str, tuple[int, int, int]]:
        """on_hand, reserved, available by location."""
        levels = (await self.service.levels(SkuRef(sku=sku))).data
        return {level.location: (level.on_hand, level.reserved, level.available) for level in levels}

    async def events(self, sku: str) -> list[tuple[int, str, int]]:
        """version, type and quantity, oldest first."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT e.version, e.type, e.quantity FROM inventory.events e JOIN inventory.stock USING (stream)"
                " WHERE sku = $1 ORDER BY stream, e.version",
                sku,
            )
        return [tuple(row) for row in rows]

    async def told(self, name: str, sku: str) -> list[dict[str, object]]:
        """What waits in the outbox about a SKU, oldest first, without id and time."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT convert_from(body, 'UTF8')::jsonb - 'id' - 'at' AS body FROM inventory.outbox"
                " WHERE name = $1 AND key = $2 ORDER BY position",
                f"inventory.{name}",
                sku,
            )
        return [row["body"] for row in rows]


@pytest.fixture
def depot(database: PostgresDatabase) -> Depot:
    return Depot(database)


@pytest.fixture
async def depots(database_url: str) -> AsyncIterator[list[Depot]]:
    """Four workers' worth of pools on one database."""
    pools = [PostgresDatabase(database_url, 6) for _ in range(4)]
    for pool in pools:
        await pool.start()
    yield [Depot(pool) for pool in pools]
    for pool in pools:
        await pool.stop()
