"""What each serving process is: the API with every service inside, or single services."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar import Litestar
from litestar.types import ASGIApp

from haat.compose import SERVICES, House, contract_of, parts_of
from haat.engines.events.parked import PostgresParked
from haat.engines.transport.proxy import Proxy
from haat.kit.problem import EXCEPTION_HANDLERS
from haat.kit.reading import ExactRequest
from haat.kit.rpc_routes import serve
from haat.kit.telemetry import start_logging
from haat.kit.tracing import start_tracing
from haat.settings import SERVES_VARIABLE, Settings
from haat.web.backoffice.app import backoffice
from haat.web.gateway import first_purchase, operations
from haat.web.gateway.app import gateway, provided
from haat.web.sessions import csrf_config
from haat.web.storefront.app import page_errors, storefront

GATEWAY = "gateway"


def asgi() -> ASGIApp:
    """The application named by HAAT_SERVES: `gateway`, or services separated by commas."""
    settings = Settings()
    names = os.environ.get(SERVES_VARIABLE, GATEWAY).split(",")
    start_logging(settings.log_level)
    start_tracing("-".join(names), settings.otlp_endpoint)
    return gateway_app(settings) if GATEWAY in names else services_app(settings, names)


def gateway_app(settings: Settings) -> ASGIApp:
    """The public API and the pages; services not reached over HTTP live in this process."""
    house = House(settings)
    inside = [name for name in SERVICES if name in house.serves]
    contracts = {name: house.ask(contract_of(name)) for name in SERVICES if name != "vault"}
    routes = [route for name in SERVICES if name != "vault" for route in parts_of(name, "http", "ROUTES", [])]
    sandboxes = [house.keep(Proxy(url)) for url in (settings.provider_url, settings.carrier_url) if url]
    rpc = [serve(contract_of(name), house.service(name), house.identity.verifier(name)) for name in inside]
    pages, extras = _pages(house, contracts)
    return gateway(
        [*operations.ROUTES, *first_purchase.ROUTES, *routes, *rpc, *pages],
        contracts,
        {
            "settings": settings,
            "checks": _checks(house),
            "sandboxes": sandboxes,
            "parked": PostgresParked(house.database("events")),
        },
        lifespan=[house.open],
        cache=house.cache,
        limit_per_minute=settings.request_limit_per_minute,
        trusted_proxies=settings.trusted_proxies,
        **extras,
    )


def services_app(settings: Settings, names: Sequence[str]) -> ASGIApp:
    """The named services only: their contracts over HTTP, and the vault's public door when it is among them."""
    if "vault" in names:
        parts_of("vault", "hardening", "harden", None)()
    house = House(settings, frozenset(names))
    rpc = [serve(contract_of(name), house.service(name), house.identity.verifier(name)) for name in names]
    public = parts_of("vault", "http", "ROUTES", []) if "vault" in names else []
    values = {"settings": settings, "checks": _checks(house), "sandboxes": []}
    values |= {name: house.service(name) for name in names}
    return Litestar(
        route_handlers=[operations.healthz, operations.readyz, operations.metrics, *rpc, *public],
        dependencies=provided(values),
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=ExactRequest,
        lifespan=[house.open],
        openapi_config=None,
        logging_config=None,
    )


def _pages(house: House, contracts: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The shop's and the back office's routes, and what they need of the application."""
    shop = storefront(house.settings, contracts["identity"])
    desk = backoffice(house.settings, contracts["identity"])
    return [shop, desk], {"csrf": csrf_config(house.settings), "on_error": page_errors(EXCEPTION_HANDLERS)}


def _checks(house: House) -> dict[str, Callable[[], Awaitable[object]]]:
    async def database() -> None:
        for pool in house.pools():
            async with pool.connection() as connection:
                await connection.fetchval("SELECT 1")

    return {"database": database}
