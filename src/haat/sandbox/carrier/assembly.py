"""Puts the carrier together: one database, one clock, one outbox, the routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web

from haat.sandbox import calls, webhooks
from haat.sandbox.carrier import store
from haat.sandbox.carrier.http import ShipmentRoutes
from haat.sandbox.carrier.service import Carrier
from haat.sandbox.clock import VirtualClock
from haat.sandbox.faults import Faults
from haat.sandbox.http import BODY_BYTES, Disturber, problems, sandbox_routes
from haat.sandbox.launch import Options
from haat.sandbox.storage import open_database


@asynccontextmanager
async def carrier(options: Options) -> AsyncIterator[web.Application]:
    """The application with its parcels and webhooks moving; `options.public_url` must be set."""
    database = open_database(options.data, "carrier.sqlite", calls.SCHEMA, webhooks.SCHEMA, store.SCHEMA)
    clock = VirtualClock(database)
    faults = Faults(("book", "cancel", "read"))
    outbox = webhooks.Outbox(database, clock, faults, options.webhook_url, options.webhook_secret)
    depot = Carrier(
        store.ShipmentStore(database),
        calls.Calls(database),
        outbox,
        clock,
        options.public_url,
        timedelta(seconds=options.step_seconds),
    )
    disturber = Disturber(faults, clock)

    def run_due() -> None:
        depot.run_due()
        outbox.run_due()

    application = web.Application(middlewares=[problems], client_max_size=BODY_BYTES)
    application.add_routes(ShipmentRoutes(depot, disturber).table())
    application.add_routes(sandbox_routes(clock, faults, disturber, run_due))
    depot.run_due()
    await outbox.start()
    try:
        yield application
    finally:
        depot.close()
        await outbox.stop()
        database.close()
