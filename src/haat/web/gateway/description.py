"""The OpenAPI 3.1 document: what the framework reads from the routes, completed to what a client must know."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme, Tag
from litestar.types import Method

from haat.kit.access import needs_user
from haat.kit.idempotency import MAX_KEY_LENGTH
from haat.kit.problem import GENERIC, Problem
from haat.web.gateway.exact import complete, complete_bodies
from haat.web.gateway.examples import BY_ANSWER, example

Operation = dict[str, Any]
_GENERIC_NAME = re.compile(
    r"(?P<outer>\w+?)_(?:haat\.(?:contracts|services)\.(?P<owner>\w+)\.)?(?:[a-z_0-9]+\.)*(?P<inner>\w+?)_"
)
METHODS = ("get", "post", "put", "patch", "delete")
# Answers that any request may get, whatever it asks for.
EVERYWHERE = (400, 422, 429, 500, 503)
WITH_BODY = (413, 415)
KEY_REQUIRED = ("/complete", "/refunds", "/captures")
TAGS = {
    "identity": "Accounts, sessions, address books and the keys that verify access tokens.",
    "catalogue": "Products, categories and reviews.",
    "search": "Full-text search, suggestions and the query language.",
    "recommendations": "What else a shopper may like, and the clicks it is learned from.",
    "inventory": "Stock by SKU, and the events that explain each level.",
    "cart": "The signed-in user's cart, or a guest's by its token.",
    "promotions": "Coupons.",
    "checkout": "From a frozen quote to an order.",
    "payments": "Payments, refunds and saved cards.",
    "vault": "Card details, exchanged for tokens.",
    "orders": "Orders, cancellations and returns.",
    "orders (staff)": "Shipments, captures, refunds and returned goods.",
    "shipping": "Parcels and their way.",
    "fraud": "The queue of orders that a person must look at.",
    "media": "Pictures and other files.",
    "notifications": "Mails.",
    "staff": "What only those who work here may do.",
    "webhooks": "What payment providers and carriers tell, signed over the raw bytes.",
    "operations": "What a client needs to know of this installation, and whether it is well.",
    "sandbox": "The clock and the books of the payment provider's stand-in; not there in production settings.",
}
ABOUT = """The public API of a haat shop.

Money is integer minor units with an ISO 4217 currency. Times are RFC 3339, UTC. Lists answer `data`, `has_more` and
`next_cursor`. Errors are RFC 9457 problems with a stable `code` and every fault at once in `errors`. A POST that has an
effect takes an `Idempotency-Key`: the same key and body give the stored answer. Unknown fields are refused. `RateLimit`
and `RateLimit-Policy` say how many calls are left to you; 429 and 503 say in `Retry-After` how many seconds to wait.
What staff edit has an `ETag`: sent in `If-Match`, it keeps a change from overwriting somebody else's (412)."""


class Elsewhere(msgspec.Struct, frozen=True):
    """Routes that another origin serves at `url`; `needs` are the names that are injected there."""

    url: str
    about: str
    routes: Sequence[Any]
    needs: Sequence[str]


def api_config(render_plugins: Sequence[OpenAPIRenderPlugin]) -> OpenAPIConfig:
    """How the framework reads the routes."""
    return OpenAPIConfig(
        title="haat",
        version="1",
        description=ABOUT,
        use_handler_docstrings=True,
        operation_id_creator=_operation_id,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="The access token of POST /v1/sessions.",
                ),
                "guest": SecurityScheme(
                    type="apiKey",
                    name="Cart-Token",
                    security_scheme_in="header",
                    description="A guest's cart, as the first answer of the cart named it.",
                ),
            }
        ),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        render_plugins=render_plugins,
        path="/docs",
    )


def describe(app: Litestar) -> dict[str, Any]:
    """The finished document."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    schemas["Fault"] = _FAULT
    handlers = dict(_handlers(app))
    bodies = [each.parsed_data_field.annotation for each in handlers.values() if each.parsed_data_field is not None]
    complete_bodies(bodies, schemas)
    for path, method, operation in _operations(document):
        _complete(operation, path, method, handlers[operation["operationId"]], schemas)
    refusals = {int(status) for _, _, each in _operations(document) for status in each["responses"] if status >= "400"}
    components["responses"] = {f"Refused{status}": _refusal(status) for status in sorted(refusals)}
    used = {tag for _, _, operation in _operations(document) for tag in operation.get("tags", ())}
    _add_elsewhere(document, app)
    document["tags"] = [tag for tag in document.get("tags", ()) if tag["name"] in used]
    return _with_short_names(document)


def _add_elsewhere(document: dict[str, Any], app: Litestar) -> None:
    """Calls at another origin, with its address: they are part of the API, though not of this application."""
    elsewhere: Elsewhere | None = app.state.get("elsewhere")
    if elsewhere is None:
        return
    unknown = {name: Provide(lambda: None, sync_to_thread=False) for name in elsewhere.needs}
    there = describe(Litestar(elsewhere.routes, dependencies=unknown, openapi_config=api_config(())))
    server = {"url": elsewhere.url, "description": elsewhere.about}
    for path, item in there["paths"].items():
        if path.startswith("/v1/"):
            for method in METHODS:
                # No access token is looked at there.
                item.get(method, {}).get("responses", {}).pop("401", None)
            document["paths"][path] = {"servers": [server], **item}
    for kind in ("schemas", "responses"):
        document["components"][kind] = {**there["components"][kind], **document["components"][kind]}


def _complete(
    operation: Operation, path: str, method: str, handler: HTTPRouteHandler, schemas: Mapping[str, Any]
) -> None:
    role, signed_in = _demands(handler)
    parameters = handler.parsed_fn_signature.parameters
    _complete_parameters(operation, handler, path)
    knows_caller = signed_in or "caller" in parameters
    if "idempotency" in parameters:
        operation.setdefault("parameters", []).append(_key_parameter(path.endswith(KEY_REQUIRED)))
    if signed_in:
        operation["security"] = [{"bearer": []}]
    elif knows_caller and path.startswith("/v1/"):
        operation["security"] = [{}, {"bearer": []}, {"guest": []}]
    else:
        operation["security"] = []
    if role:
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds the role `{role}`.".strip()
    operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
    body = operation.get("requestBody")
    if body and handler.parsed_data_field is not None:
        body["required"] = not handler.parsed_data_field.has_default
    statuses = {*EVERYWHERE, *(WITH_BODY if body else ()), *((403,) if role else ())}
    if "idempotency" in parameters:
        # The first request with the key may still be under way.
        statuses.add(409)
    if path.startswith("/v1/"):
        # A token that is not valid is refused wherever it is shown.
        statuses.add(401)
    responses: dict[str, Any] = operation.setdefault("responses", {})
    refusals = {
        int(known)
        for known, told in responses.items()
        if known >= "400" and "application/json" not in told.get("content", {})
    }
    for status in refusals | statuses - {int(known) for known in responses}:
        responses[str(status)] = {"$ref": f"#/components/responses/Refused{status}"}
    operation["responses"] = dict(sorted(responses.items()))
    _show(operation["operationId"], {"": body or {}, **responses}, schemas)


def _complete_parameters(operation: Operation, handler: HTTPRouteHandler, path: str) -> None:
    parameters = operation.get("parameters", ())
    for each in parameters:
        if each["in"] == "query" and not each.get("required") and path.startswith("/v1/"):
            # The front takes an empty one for one that is left out.
            each["allowEmptyValue"] = True
    described = {each["name"]: each["schema"] for each in parameters}
    for field in msgspec.structs.fields(handler.signature_model or msgspec.Struct):
        if field.name in described:
            complete(described[field.name], msgspec.json.schema(field.type))


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """`Page_haat.contracts.identity.accounts.User_` is for machines: clients shall see `UserPage`.

    Where two services have a thing of that name, theirs stands before it: `FraudReviewPage`.
    """
    found = {name: match for name in document["components"]["schemas"] if (match := _GENERIC_NAME.fullmatch(name))}
    shared = Counter(match["inner"] for match in found.values())
    text = msgspec.json.encode(document).decode()
    for long, match in found.items():
        owner = match["owner"].capitalize() if shared[match["inner"]] > 1 else ""
        short = f"{owner}{match['inner']}{match['outer']}"
        text = text.replace(f'"{long}"', f'"{short}"').replace(f'/{long}"', f'/{short}"')
    return dict(msgspec.json.decode(text))


def _show(name: str, contents: Mapping[str, Operation], schemas: Mapping[str, Any]) -> None:
    """An example for every JSON content of an operation: its body's (under "") and its answers', by status."""
    for status, told in contents.items():
        media = told.get("content", {}).get("application/json") if status < "400" else None
        if media is not None and "example" not in media:
            shown = example(media.get("schema", {}), schemas)
            special = BY_ANSWER.get((name, status))
            media["example"] = shown if special is None else {**shown, **special}


def _refusal(status: int) -> dict[str, Any]:
    code, title = GENERIC.get(status, ("refused", "Refused"))
    shown = {**_PROBLEM["example"], "type": f"/problems/{code}", "title": title, "status": status, "code": code}
    refusal: dict[str, Any] = {
        "description": title,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": {**shown, "detail": title},
            }
        },
    }
    if status in (429, 503):
        refusal["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
    return refusal


def _key_parameter(required: bool) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": required,
        "description": "A fresh random text for each thing wanted once; repeat it when the answer was lost.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
        "example": "7f3b8f0e-4c1a-4a0b-9a52-0c1d2e3f4a5b",
    }


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and handler.resolve_include_in_schema():
                for method in handler.http_methods:
                    if method not in ("OPTIONS", "HEAD"):
                        yield _operation_id(handler, method, []), handler


def _operation_id(handler: HTTPRouteHandler, method: Method, _: object) -> str:
    """The name of the function; with the method in front when it answers to several."""
    several = len([each for each in handler.http_methods if each not in ("OPTIONS", "HEAD")]) > 1
    return f"{str(method).lower()}_{handler.handler_name}" if several else handler.handler_name


def _demands(handler: HTTPRouteHandler) -> tuple[str | None, bool]:
    """The role that a route's guards ask for, and whether they ask for a user."""
    guards = handler.resolve_guards()
    role = next((guard.role for guard in guards if hasattr(guard, "role")), None)
    return role, role is not None or needs_user in guards


_FAULT: dict[str, Any] = {
    "type": "object",
    "title": "Fault",
    "description": "One fault of a request.",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "where: an RFC 6901 pointer into the body, or a parameter's name"},
        "code": {"type": "string", "description": "what, for programs"},
        "detail": {"type": "string", "description": "what, for people"},
    },
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": (Problem.__doc__ or "").strip(),
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "a page that explains the code"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "stable, for programs"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
    "additionalProperties": True,
    "example": {
        "type": "/problems/not_found",
        "title": "There is nothing here",
        "status": 404,
        "detail": "There is nothing here",
        "code": "not_found",
        "request_id": "req_01jd8z4n3v7c2m9q5x1k6t0hbw",
        "errors": [],
    },
}
