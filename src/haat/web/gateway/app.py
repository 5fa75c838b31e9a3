"""The public application: every service's routes, the pages, health, metrics and the API's description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Litestar, Request
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from haat.contracts.identity import Identity
from haat.kit.access import Caller
from haat.kit.exact_request import ExactRequest
from haat.kit.idempotency import MAX_KEY_LENGTH, Idempotency, of_request
from haat.kit.message import Invalid
from haat.kit.problem import EXCEPTION_HANDLERS
from haat.ports.cache import Cache
from haat.web.assets import serve_asset
from haat.web.gateway.console import PLUGINS, openapi
from haat.web.gateway.description import Elsewhere, api_config
from haat.web.gateway.front import Front
from haat.web.gateway.limits import Limits
from haat.web.gateway.problem_pages import problem_page
from haat.web.gateway.straight import StraightCalls

MAX_BODY_BYTES = 2_000_000
# The form of a product in the back office has eight parts a variant, five a picture and two an attribute, of which it
# may have 200, 50 and 100. Bodies are read before their handler is asked, for its token, so that one limit is for all.
MAX_FORM_PARTS = 2_500
# What every application of this kind serves, whichever routes it is given.
PUBLIC = (openapi, problem_page, serve_asset)


def gateway(
    routes: Sequence[Any],
    contracts: Mapping[str, object],
    values: Mapping[str, object],
    *,
    lifespan: Sequence[Any] = (),
    csrf: CSRFConfig | None = None,
    cache: Cache | None = None,
    limit_per_minute: int = 0,
    trusted_proxies: int = 0,
    on_error: Mapping[Any, Any] = EXCEPTION_HANDLERS,
    elsewhere: Elsewhere | None = None,
) -> ASGIApp:
    """One ASGI application. `contracts` and `values` are injected into handlers by parameter name.

    `cache` keeps for seconds whom a token speaks for; `limit_per_minute` is a caller's, per process (0: none).
    `trusted_proxies` stand before this server, and are believed about who is calling.
    `on_error` are the exception handlers, where pages want others than programs.
    `elsewhere` are calls of the API at another origin, for its description.
    """
    dependencies = provided({**contracts, **values})
    dependencies["caller"] = Provide(provide_caller, sync_to_thread=False)
    dependencies["idempotency"] = Provide(provide_idempotency)
    app = Litestar(
        route_handlers=[*PUBLIC, *routes],
        dependencies=dependencies,
        exception_handlers=dict(on_error),
        openapi_config=api_config(PLUGINS),
        lifespan=list(lifespan),
        csrf_config=csrf,
        request_class=ExactRequest,
        request_max_body_size=MAX_BODY_BYTES,
        multipart_form_part_limit=MAX_FORM_PARTS,
        logging_config=None,
    )
    app.state["elsewhere"] = elsewhere
    _tell_every_method(app)
    _resolve_in_turn(app)
    identity = contracts["identity"]
    assert isinstance(identity, Identity)
    straight = StraightCalls(app, {**contracts, **values}, on_error)
    return Front(app, identity, cache, Limits(limit_per_minute), trusted_proxies, straight)


def _tell_every_method(app: Litestar) -> None:
    """Where handlers share a path, the framework's own answer to OPTIONS knows only those that came first."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and len(route.route_handlers) > 2:
            known, model = route.route_handler_map["OPTIONS"]
            answer = route.create_options_handler(route.path)
            answer.owner = known.owner
            answer.on_registration(app)
            route.route_handler_map["OPTIONS"] = (answer, model)


def _resolve_in_turn(app: Litestar) -> None:
    """What is injected is all at hand already: a task group with a task for each value costs more than the values."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [{each} for batch in model.dependency_batches for each in batch]


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Who is calling, as the front found out."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def provide_idempotency(request: Request[Any, Any, Any]) -> Idempotency | None:
    """The request's Idempotency-Key, bound to its caller, route and body; None without the header."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    account, body = provide_caller(request).account, await request.body()
    bound = of_request(account, key, request.method, request.url.path, body)
    if bound is None:
        raise Invalid(errors=[_key_fault()])
    return bound


def _key_fault() -> dict[str, str]:
    return {"pointer": "/Idempotency-Key", "code": "out_of_range", "detail": f"1 to {MAX_KEY_LENGTH} characters"}


def provided(values: Mapping[str, object]) -> dict[str, Provide]:
    """Values as injected parameters of handlers, by name."""
    return {name: Provide(_giver(value), sync_to_thread=False, use_cache=True) for name, value in values.items()}


def _giver(value: object) -> Any:
    return lambda: value
