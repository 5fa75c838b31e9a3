"""Puts the provider together: one database, one clock, one outbox, the routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from haat.sandbox import calls, webhooks
from haat.sandbox.clock import VirtualClock
from haat.sandbox.faults import Faults
from haat.sandbox.http import BODY_BYTES, Disturber, problems, sandbox_routes
from haat.sandbox.launch import Options
from haat.sandbox.provider import store
from haat.sandbox.provider.http import PaymentRoutes
from haat.sandbox.provider.model import Delays
from haat.sandbox.provider.service import Provider
from haat.sandbox.storage import open_database


@asynccontextmanager
async def provider(options: Options, delays: Delays | None = None) -> AsyncIterator[web.Application]:
    """The application with its timers and webhooks running; `options.public_url` must be set."""
    database = open_database(options.data, "provider.sqlite", calls.SCHEMA, webhooks.SCHEMA, store.SCHEMA)
    clock = VirtualClock(database)
    faults = Faults(("authorize", "capture", "void", "refund", "read", "report"), outcomes=("refund",))
    outbox = webhooks.Outbox(database, clock, faults, options.webhook_url, options.webhook_secret)
    desk = Provider(
        store.PaymentStore(database),
        calls.Calls(database),
        outbox,
        faults,
        clock,
        options.public_url,
        delays or Delays(),
    )
    disturber = Disturber(faults, clock)

    def run_due() -> None:
        desk.run_due()
        outbox.run_due()

    application = web.Application(middlewares=[problems], client_max_size=BODY_BYTES)
    application.add_routes(PaymentRoutes(desk, disturber).table())
    application.add_routes(sandbox_routes(clock, faults, disturber, run_due))
    desk.run_due()
    await outbox.start()
    try:
        yield application
    finally:
        desk.close()
        await outbox.stop()
        database.close()
