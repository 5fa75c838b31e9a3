"""Health, readiness, metrics, the public configuration, and the sandbox's door."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from litestar import MediaType, Request, Response, get, route
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

from haat.kit.message import NotFound
from haat.kit.problem import problems
from haat.settings import Settings
from haat.web.gateway.counting import tell

CHECK_SECONDS = 2.0
Checks = Mapping[str, Callable[[], Awaitable[object]]]


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


class Forward(Protocol):
    """Hands a request on to another server."""

    async def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]: ...


@get("/healthz", tags=["operations"], include_in_schema=False)
async def healthz() -> dict[str, str]:
    """The process is alive."""
    return {"status": "ok"}


@get("/readyz", tags=["operations"], include_in_schema=False)
async def readyz(checks: Any) -> Response[Readiness]:
    """Each dependency: `ok` or what is wrong; 503 when the database does not answer."""
    parts = dict(zip(checks, await asyncio.gather(*(_check(check) for check in checks.values())), strict=True))
    healthy = all(state == "ok" for state in parts.values())
    status = 200 if parts.get("database", "ok") == "ok" else 503
    return Response(Readiness("ok" if healthy else "degraded", parts), status_code=status)


async def _check(check: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"


@get("/metrics", include_in_schema=False, media_type=MediaType.TEXT)
async def metrics() -> Response[bytes]:
    """Prometheus metrics of every worker of this process group."""
    tell()
    registry = None
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    body = generate_latest(registry) if registry is not None else generate_latest()
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


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


@route("/sandbox/{path:path}", http_method=["GET", "POST"], include_in_schema=False, status_code=200)
async def sandbox(request: Request[Any, Any, Any], path: str, sandboxes: Any, settings: Settings) -> Response[bytes]:
    """The sandbox provider's and carrier's pages, clock and books; in production settings there are none of these."""
    doors: list[Forward] = list(sandboxes)
    if not doors or settings.environment == "production":
        raise NotFound()
    # The clock moves for the provider and the carrier alike; parcels and labels are the carrier's.
    carrier = path.startswith(("/parcels", "/labels"))
    chosen = doors if path == "/clock" else doors[-1:] if carrier else doors[:1]
    query = request.scope["query_string"].decode()
    target = f"/sandbox{path}" + (f"?{query}" if query else "")
    answers = [
        await door.forward(request.method, target, dict(request.headers), await request.body()) for door in chosen
    ]
    status, headers, body = answers[0]
    return Response(body, status_code=status, headers=headers)


ROUTES = [healthz, readyz, metrics, config, sandbox]
