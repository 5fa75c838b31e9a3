"""Another time: this process's clock set back, and the carrier and the payment provider running inside of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
from aiohttp import web

from haat.compose import House
from haat.contracts.payments import Payments, Webhook
from haat.contracts.shipping import CarrierNotice, Shipping
from haat.kit import clock
from haat.kit.message import DomainError
from haat.sandbox.carrier.assembly import carrier
from haat.sandbox.clock import OFFSET
from haat.sandbox.launch import Build, Options, serving
from haat.sandbox.provider.assembly import provider
from haat.sandbox.storage import open_database, write_note
from haat.settings import Settings

# A parcel takes four steps: two or three days in all.
STEP = timedelta(hours=13)
DATED_BY_THE_DATABASE = {
    "identity.users": "created_at",
    "orders.orders": "placed_at",
    "orders.timeline": "at",
    "orders.returns": "created_at",
    "fraud.assessments": "at",
    "fraud.reviews": "created_at",
    "notifications.mails": "created_at",
    "shipping.shipments": "created_at",
}
REDATE = """
UPDATE {table} SET {column} = {column} - make_interval(secs => turn.behind)
FROM unnest($1::timestamptz[], $2::timestamptz[], $3::float8[]) AS turn (since, until, behind)
WHERE {column} >= turn.since AND {column} < turn.until AND turn.behind > 0
"""


class PastWorld:
    """What time it is taken to be, here and in the sandboxes, and what it was taken to be at each moment so far."""

    def __init__(self) -> None:
        self._turns: list[tuple[datetime, timedelta]] = []
        self._outside: dict[str, timedelta] = {}
        self._session: aiohttp.ClientSession | None = None

    async def turn(self, behind: timedelta) -> None:
        """It is so much earlier than it is; the sandboxes' clocks are moved on to it, never back."""
        clock.live_behind(behind)
        self._turns.append((datetime.now(UTC), behind))
        await self.wait(behind)

    async def wait(self, behind: timedelta) -> None:
        """Only the outside world goes on, until it is so far behind."""
        await asyncio.gather(*(self._move(url, behind) for url in self._outside))

    async def _move(self, url: str, behind: timedelta) -> None:
        known = self._outside[url]
        seconds = int((known - behind).total_seconds())
        if seconds > 0 and self._session is not None:
            self._outside[url] = known - timedelta(seconds=seconds)
            async with self._session.post(f"{url}/sandbox/clock", json={"advance_seconds": seconds}) as answer:
                answer.raise_for_status()

    @asynccontextmanager
    async def outside(self, house: House, behind: timedelta) -> AsyncIterator[None]:
        """The sandboxes answer where the shop looks for them; what they tell is heard here. They end in the present."""
        settings = house.settings
        _set_clocks(settings.data, -behind)
        async with (
            _ears(house) as ears,
            serving(carrier, _options(settings, "carrier", ears)) as parcels,
            serving(provider, _options(settings, "provider", ears)) as bank,
            aiohttp.ClientSession() as session,
        ):
            self._outside, self._session = dict.fromkeys((parcels, bank), behind), session
            yield
            self._outside, self._session = {}, None
        _set_clocks(settings.data, timedelta())

    async def redate(self, dsn: str) -> None:
        """Move what the database has dated by its own clock since the last time to when it was taken to be."""
        since, behind = zip(*self._turns, strict=True)
        ended = datetime.now(UTC)
        until = [*since[1:], ended]
        self._turns = [(ended, behind[-1])]
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                for table, column in DATED_BY_THE_DATABASE.items():
                    sql = REDATE.format(table=table, column=column)
                    await connection.execute(sql, since, until, [each.total_seconds() for each in behind])
        finally:
            await connection.close()


def _set_clocks(data: Path, offset: timedelta) -> None:
    for name in ("carrier", "provider"):
        with closing(open_database(data / name, f"{name}.sqlite")) as database:
            write_note(database, OFFSET, str(offset.total_seconds()))


def _options(settings: Settings, name: str, ears: str) -> Options:
    place = urlsplit({"carrier": settings.carrier_url, "provider": settings.provider_url}[name] or "")
    return Options(
        data=settings.data / name,
        host=place.hostname or settings.host,
        port=place.port or 0,
        public_url=settings.public_url or "",
        webhook_url=f"{ears}/{name}",
        webhook_secret=settings.webhook_secret,
        step_seconds=STEP.total_seconds(),
    )


@asynccontextmanager
async def _ears(house: House) -> AsyncIterator[str]:
    """Hears the sandboxes' webhooks as the gateway does, which is not there yet."""

    async def of_carrier(request: web.Request) -> web.Response:
        told = CarrierNotice(carrier="sandbox", body=await request.read(), headers=_plain(request))
        return await _heard(house.ask(Shipping).notice(told))

    async def of_provider(request: web.Request) -> web.Response:
        told = Webhook(provider="sandbox", body=await request.read(), headers=_plain(request))
        return await _heard(house.ask(Payments).webhook(told))

    @asynccontextmanager
    async def build(_: Options) -> AsyncIterator[web.Application]:
        application = web.Application()
        application.add_routes([web.post("/carrier", of_carrier), web.post("/provider", of_provider)])
        yield application

    hearing: Build = build
    async with serving(hearing, Options(data=house.settings.data)) as url:
        yield url


async def _heard(answer: Awaitable[object]) -> web.Response:
    try:
        await answer
    except DomainError as error:
        # It is told again, as to the gateway.
        return web.Response(status=error.status)
    return web.Response(status=204)


def _plain(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("webhook-")}
