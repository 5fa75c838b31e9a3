"""The vault's public side, on its own origin: tokens, the card fields for the shop's frame, the plain card form."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, get, post, route
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import Parameter
from msgspec import Meta

from haat.contracts.vault import CardToken, NewCard, Vault
from haat.kit.clock import now
from haat.kit.forwarded import address_behind
from haat.kit.message import DomainError, Invalid, Message, encode
from haat.kit.problem import Malformed, problem_response, problems
from haat.kit.validation import faults
from haat.services.vault.model import checked
from haat.settings import Settings

PAGES = Path(__file__).parent / "pages"
MAX_BODY_BYTES = 2_048
# The plain form also carries the address that it leads back to.
MAX_FORM_BYTES = 5_120
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


class CardBody(Message, frozen=True):
    """Card details as typed; spaces in the number are fine."""

    number: Annotated[str, Meta(min_length=1, max_length=40)]
    exp_month: int
    exp_year: int
    cvc: Annotated[str, Meta(max_length=10)]
    name: Annotated[str, Meta(max_length=200)] = ""

    def __repr__(self) -> str:
        return "CardBody(•••)"


_card_body = msgspec.json.Decoder(CardBody)


class TokenOperation(Operation):
    """The body is read by hand: a refusal of it must be readable by the shop's pages."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        text, number = OpenAPIType.STRING, OpenAPIType.INTEGER
        card = Schema(
            type=OpenAPIType.OBJECT,
            title="CardBody",
            description=CardBody.__doc__,
            required=["number", "exp_month", "exp_year", "cvc"],
            properties={
                "number": Schema(type=text, min_length=1, max_length=40, examples=["4242 4242 4242 4242"]),
                "exp_month": Schema(type=number, examples=[12]),
                "exp_year": Schema(type=number, examples=[2034]),
                "cvc": Schema(type=text, max_length=10, examples=["123"]),
                "name": Schema(type=text, max_length=200, default=""),
            },
            additional_properties=False,
        )
        self.request_body = RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=card)})


@post(
    "/v1/tokens",
    tags=["vault"],
    operation_class=TokenOperation,
    responses={
        **problems(413, 422, 429, 503),
        201: ResponseSpec(
            data_container=CardToken, description="Pays once, within 15 minutes", generate_examples=False
        ),
    },
    request_max_body_size=MAX_BODY_BYTES,
)
async def make_token(request: Request[Any, Any, Any], vault: Vault, settings: Settings) -> Response[Any]:
    """`{number, exp_month, exp_year, cvc, name}` becomes a token for one payment within 15 minutes."""
    try:
        made = await vault.tokenize(_card_in(await request.body(), _address(request, settings)))
        answer: Response[Any] = Response(encode(made), status_code=201, media_type="application/json")
    except DomainError as error:
        answer = problem_response(request, error.status, error.code, error.title, error.detail, error.facts)
    answer.headers.update({**HEADERS, **_cors(request, settings)})
    return answer


@route("/v1/tokens", http_method="OPTIONS", status_code=204, include_in_schema=False)
async def may_make_token(request: Request[Any, Any, Any], settings: Settings) -> Response[None]:
    """The browser asks whether the shop's pages may post here."""
    return Response(None, status_code=204, headers=_cors(request, settings))


@get("/fields", tags=["vault"], media_type="text/html", responses=problems(422))
async def fields_page(settings: Settings, origin: Annotated[str, Parameter(max_length=300)]) -> Response[str]:
    """The card fields for a frame in the shop's page; the token goes to exactly this `origin` by postMessage."""
    shop = shop_origin(settings)
    if origin != shop:
        raise Invalid(errors=[_fault("/origin", "not_the_shop")])
    allowed = f"script-src '{_hash('fields.js')}'; connect-src 'self'; form-action 'none'; frame-ancestors {shop}"
    policy = _policy(allowed + "; require-trusted-types-for 'script'")
    return _page(policy, 200, framed=True, shop=shop, faults={}, given=_given({}))


@get("/card-form", tags=["vault"], media_type="text/html", responses=problems(422))
async def card_form(settings: Settings, return_to: Annotated[str, Parameter(max_length=2_000)]) -> Response[str]:
    """The card page for browsers without script; `return_to` is an address of the shop."""
    return _form(settings, _back_to_shop(settings, return_to), 200, {}, {})


@post(
    "/card-form",
    status_code=303,
    tags=["vault"],
    media_type="text/html",
    responses=problems(413, 422, 429, 503),
    request_max_body_size=MAX_FORM_BYTES,
)
async def send_card_form(request: Request[Any, Any, Any], vault: Vault, settings: Settings) -> Response[Any]:
    """Takes the plain form and leads back to the shop with `?token=`."""
    given = dict(parse_qsl((await request.body()).decode(errors="replace")))
    return_to = _back_to_shop(settings, given.pop("return_to", ""))
    try:
        card = await vault.tokenize(_typed(given, _address(request, settings)))
    except Invalid as error:
        told = {fault["pointer"].removeprefix("/"): fault["detail"] for fault in reversed(error.facts["errors"])}
        return _form(settings, return_to, 422, told, given)
    return Response(None, status_code=303, headers={**HEADERS, "Location": _with_token(return_to, card)})


def shop_origin(settings: Settings) -> str:
    """Where the shop's pages come from: scheme, host and port."""
    return _origin(settings.shop_url)


def _card_in(body: bytes, address: str) -> NewCard:
    try:
        given = _card_body.decode(body)
    except msgspec.DecodeError:
        # Only a refused body is walked: telling every fault at once costs more than all the rest.
        value = _json(body)
        found = faults(CardBody, value)
        raise Invalid(errors=[*found, *_wrong_besides(value, {fault["pointer"] for fault in found})]) from None
    return NewCard(
        number=given.number,
        exp_month=given.exp_month,
        exp_year=given.exp_year,
        cvc=given.cvc,
        name=given.name,
        network_address=address,
    )


def _wrong_besides(value: Any, told: set[str]) -> list[dict[str, str]]:
    """What is wrong with the fields of a refused body that can be read."""
    if not isinstance(value, dict):
        return []

    def read(name: str, kind: type[Any], otherwise: Any) -> Any:
        return value[name] if type(value.get(name)) is kind else otherwise

    card = NewCard(
        number=read("number", str, ""),
        exp_month=read("exp_month", int, 0),
        exp_year=read("exp_year", int, 0),
        cvc=read("cvc", str, ""),
        name=read("name", str, ""),
    )
    try:
        checked(card, now())
    except Invalid as error:
        return [fault for fault in error.facts["errors"] if fault["pointer"] not in told]
    return []


def _json(body: bytes) -> Any:
    """The reader stops at the first fault: what comes after it may be no JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("The body is not valid JSON") from None


def _address(request: Request[Any, Any, Any], settings: Settings) -> str:
    peer = request.client.host if request.client else ""
    return (
        address_behind(settings.trusted_proxies, request.scope["headers"], peer) if settings.trusted_proxies else peer
    )


def _typed(given: dict[str, str], address: str) -> NewCard:
    """The card as a plain form sends it: text that may not even be numbers; `26` means 2026."""
    year = _whole(given.get("exp_year", ""))
    return NewCard(
        number=given.get("number", "")[:40],
        exp_month=_whole(given.get("exp_month", "")),
        exp_year=2000 + year if 0 < year < 100 else year,
        cvc=given.get("cvc", "")[:10].strip(),
        name=given.get("name", "")[:200],
        network_address=address,
    )


def _whole(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _cors(request: Request[Any, Any, Any], settings: Settings) -> dict[str, str]:
    shop = shop_origin(settings)
    if request.headers.get("Origin") != shop:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": shop,
        "Access-Control-Allow-Methods": "POST",
        # The API asks for a key with every POST; here it has no effect, and must not keep a browser from asking.
        "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
        "Access-Control-Max-Age": "600",
    }


def _back_to_shop(settings: Settings, return_to: str) -> str:
    """Raises Invalid unless this is an address of the shop: a token must never be led elsewhere."""
    clean = return_to.isascii() and return_to.isprintable() and "\\" not in return_to
    if not clean or _origin(return_to) != shop_origin(settings):
        raise Invalid(errors=[_fault("/return_to", "not_the_shop")])
    return return_to


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        # Such as an IPv6 address without its end.
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


def _with_token(return_to: str, card: CardToken) -> str:
    parts = urlsplit(return_to)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "token"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("token", card.token)])))


def _form(
    settings: Settings, return_to: str, status: int, told: dict[str, str], given: dict[str, str]
) -> Response[str]:
    # Browsers hold a form's redirect to form-action too, so the shop it leads back to is named.
    shop = shop_origin(settings)
    policy = _policy(f"form-action 'self' {shop}; frame-ancestors 'none'")
    return _page(policy, status, framed=False, shop=shop, faults=told, given=_given(given), return_to=return_to)


def _given(given: dict[str, str]) -> dict[str, str]:
    """What may be shown again: never the number or the code."""
    return {name: given.get(name, "") for name in ("name", "exp_month", "exp_year")}


def _policy(rest: str) -> str:
    return f"default-src 'none'; style-src '{_hash('card.css')}'; base-uri 'none'; {rest}"


def _page(policy: str, status: int, **facts: object) -> Response[str]:
    parts = {"return_to": "", "style": _text("card.css"), "script": _text("fields.js")}
    text = _templates().get_template("card.html").render(**{**parts, **facts})
    headers = {**HEADERS, "Content-Security-Policy": policy}
    return Response(text, status_code=status, media_type="text/html", headers=headers)


def _fault(pointer: str, code: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": "must be the shop's own address"}


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined)


@lru_cache(maxsize=8)
def _text(name: str) -> str:
    return (PAGES / name).read_text()


@lru_cache(maxsize=8)
def _hash(name: str) -> str:
    """What the page's policy lets run or style: exactly this text, in the page itself, and nothing fetched."""
    return "sha256-" + base64.b64encode(hashlib.sha256(_text(name).encode()).digest()).decode()


# The answer to OPTIONS first: Litestar makes one of its own for a path that has none yet.
ROUTES = [may_make_token, make_token, fields_page, card_form, send_card_form]
