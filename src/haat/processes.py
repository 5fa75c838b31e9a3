"""What each serving process is: the API with every service inside, or single services."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from litestar import Litestar
from litestar.types import ASGIApp

from haat.compose import SERVICES, House, contract_of, parts_of
from haat.engines.events.parked import PostgresParked
from haat.engines.transport.proxy import Proxy
from haat.kit.exact_request import ExactRequest
from haat.kit.message import Unavailable
from haat.kit.problem import EXCEPTION_HANDLERS
from haat.kit.rpc_routes import serve
from haat.kit.telemetry import start_logging
from haat.kit.tracing import start_tracing
from haat.settings import SERVES_VARIABLE, Settings
from haat.web.backoffice.app import backoffice
from haat.web.gateway import first_purchase, operations, sandbox
from haat.web.gateway.app import gateway, provided
from haat.web.gateway.description import Elsewhere
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
    # What stands in for the outside world is never public in production settings, and not described there.
    play = [] if settings.environment == "production" else [*sandbox.ROUTES, *first_purchase.ROUTES]
    return gateway(
        [*operations.ROUTES, *play, *routes, *rpc, *pages],
        contracts,
        {
            "settings": settings,
            "checks": checks(house),
            "sandboxes": sandboxes,
            "parked": PostgresParked(house.database("events")),
        },
        lifespan=[house.open],
        cache=house.cache,
        limit_per_minute=settings.request_limit_per_minute,
        trusted_proxies=settings.trusted_proxies,
        elsewhere=_vault_door(settings),
        **extras,
    )


def services_app(settings: Settings, names: Sequence[str]) -> ASGIApp:
    """The named services only: their contracts over HTTP, and the vault's public door when it is among them."""
    if "vault" in names:
        parts_of("vault", "hardening", "harden", None)()
    house = House(settings, frozenset(names))
    rpc = [serve(contract_of(name), house.service(name), house.identity.verifier(name)) for name in names]
    public = parts_of("vault", "http", "ROUTES", []) if "vault" in names else []
    values = {"settings": settings, "checks": checks(house), "sandboxes": []}
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


def _vault_door(settings: Settings) -> Elsewhere:
    """What the API's description says of the vault, which is never part of this process."""
    about = "The vault, `vault_url` of GET /v1/config: card details go there and nowhere else"
    routes = parts_of("vault", "http", "ROUTES", [])
    return Elsewhere(settings.vault_public_url or "/", about, routes, ["vault", "settings"])


def _pages(house: House, contracts: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The shop's and the back office's routes, and what they need of the application."""
    shop = storefront(house.settings, contracts["identity"])
    desk = backoffice(house.settings, contracts["identity"])
    return [shop, desk], {"csrf": csrf_config(house.settings), "on_error": page_errors(EXCEPTION_HANDLERS)}


def checks(house: House) -> dict[str, Callable[[], Awaitable[object]]]:
    """What this process depends on, each with a question that raises when it is not well: for `/readyz`."""

    async def database() -> None:
        for pool in house.pools():
            async with pool.connection() as connection:
                await connection.fetchval("SELECT 1")

    def answering(url: str) -> Callable[[], Awaitable[object]]:
        server = house.keep(Proxy(url))

        async def answers() -> None:
            if (await server.forward("GET", "/healthz", {}, b""))[0] != HTTPStatus.OK:
                raise Unavailable("it is not well")

        return answers

    outside = {"provider": house.settings.provider_url, "carrier": house.settings.carrier_url}
    urls = house.settings.neighbours | {name: url for name, url in outside.items() if url}
    return {"database": database, **{name: answering(url) for name, url in sorted(urls.items())}}
