"""Health, readiness, metrics, and the public configuration."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from litestar import MediaType, Response, get
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

from haat.kit.message import DomainError
from haat.kit.problem import RETRY_AFTER_SECONDS, problems
from haat.web.gateway.counting import tell

log = structlog.get_logger("haat.gateway")
CHECK_SECONDS = 2.0


class ShopConfig(msgspec.Struct):
    """What a client needs to know before anything else."""

    vault_url: str
    country: str
    currency: str
    locales: list[str]
    payment_methods: list[str]


class Readiness(msgspec.Struct):
    """`ok`, or `degraded` with the parts that do not answer."""

    status: str
    parts: dict[str, str]


class Alive(msgspec.Struct):
    """`ok`: whoever can say it is alive."""

    status: str


@get("/healthz", tags=["operations"])
async def healthz() -> Alive:
    """The process is alive."""
    return Alive("ok")


@get(
    "/readyz",
    tags=["operations"],
    responses={
        503: ResponseSpec(data_container=Readiness, description="The database does not answer", generate_examples=False)
    },
)
async def readyz(checks: Any) -> Response[Readiness]:
    """Each dependency: `ok` or what is wrong; 503 when the database does not answer."""
    states = await asyncio.gather(*(_check(name, check) for name, check in checks.items()))
    parts = dict(zip(checks, states, strict=True))
    healthy = all(state == "ok" for state in parts.values())
    status = 200 if parts.get("database", "ok") == "ok" else 503
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS[503])} if status == 503 else {}
    return Response(Readiness("ok" if healthy else "degraded", parts), status_code=status, headers=headers)


async def _check(name: str, check: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except DomainError as error:
        return error.detail
    except Exception as error:
        # Everybody may ask, and a driver's words name addresses and roles.
        log.warning("part does not answer", part=name, error=str(error))
        return type(error).__name__
    return "ok"


@get("/metrics", tags=["operations"], media_type=MediaType.TEXT)
async def metrics() -> Response[str]:
    """Prometheus metrics of every worker of this process group."""
    tell()
    registry = None
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    body = generate_latest(registry) if registry is not None else generate_latest()
    return Response(body.decode(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@get("/v1/config", tags=["operations"], responses=problems())
async def config(settings: Any) -> ShopConfig:
    """Where the vault is, and what this shop trades in."""
    return ShopConfig(
        vault_url=settings.vault_public_url or "",
        country=settings.country,
        currency=settings.currency,
        locales=["en-IN"],
        payment_methods=settings.payment_methods,
    )


ROUTES = [healthz, readyz, metrics, config]
