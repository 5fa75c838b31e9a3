"""What deeds weigh, what a click must have, what is remembered of a product, and the words of a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from haat.contracts.catalog import Product
from haat.contracts.orders import OrderPlaced
from haat.contracts.recommendations import Click, HistoricClick
from haat.contracts.search import Card
from haat.kit.message import encode

_WEIGHTS = {"view": 1.0, "click": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
_LIKED = 4
# Moments beyond these are no clock's, and the ends of the calendar cannot be carried to UTC.
FIRST_YEAR, LAST_YEAR = 2000, 2100

POPULAR = "Popular this week"
NEW = "New in the shop"
FOR_YOU = "Picked for you"


class Deed(msgspec.Struct, frozen=True):
    """A click as it is stored. `basket` names what was bought together, of purchases that are known to be true."""

    at: datetime
    session_id: str
    user_id: str | None
    kind: str
    product_id: str | None
    query: str | None = None
    value: int | None = None
    basket: str = ""


class Shelved(msgspec.Struct, frozen=True):
    """What is remembered of a product; `words` feed the content model."""

    product_id: str
    version: int
    published: bool
    in_stock: bool = False
    category: str = ""
    card: bytes | None = None
    words: bytes | None = None


class Behaviour(msgspec.Struct, frozen=True):
    """Product ids a shopper lately cared for (oldest first), and those they bought."""

    looked: list[str]
    bought: list[str]


def shelved(product: Product) -> Shelved:
    """A published product, with the card that answers show."""
    card = Card.of(product)
    words = {
        "title": product.title,
        "brand": product.brand,
        "category": product.category.path,
        "attributes": {name: str(value) for name, value in product.attributes.items()},
    }
    return Shelved(product.id, product.version, True, card.in_stock, product.category.slug, encode(card), encode(words))


def click_faults(clicks: Sequence[Click]) -> list[dict[str, str]]:
    """What each kind of click needs beyond its types; all faults of all clicks."""
    found: list[dict[str, str]] = []
    for number, click in enumerate(clicks):
        if not FIRST_YEAR <= click.at.year <= LAST_YEAR:
            detail = "is not of this age"
            found.append({"pointer": f"/events/{number}/at", "code": "out_of_range", "detail": detail})
        needed = "query" if click.type == "search" else "product_id"
        if getattr(click, needed) is None:
            detail = f"is required for {click.type}"
            found.append({"pointer": f"/events/{number}/{needed}", "code": "required", "detail": detail})
    return found


def deed_of(click: Click, user_id: str | None, moment: datetime) -> Deed:
    """A click as a client tells it: no later than `moment`, whatever the client's clock says."""
    at = min(click.at, moment)
    return Deed(at, click.session_id, user_id, click.type, click.product_id, click.query, click.value)


def historic_deed(historic: HistoricClick, moment: datetime) -> Deed:
    """A click of a trusted history: the purchases of one session are one basket."""
    deed = deed_of(historic.click, historic.user_id, moment)
    return msgspec.structs.replace(deed, basket=deed.session_id) if deed.kind == "purchase" else deed


def purchases(event: OrderPlaced) -> list[Deed]:
    """Each product of an order once. A guest is known by the cart."""
    products = dict.fromkeys(line.product_id for line in event.lines)
    return [Deed(event.at, event.cart_id, event.user_id, "purchase", each, basket=event.order_id) for each in products]


def weight_of(kind: str, value: int | None) -> float:
    """How much a deed says for a product; 0 for what says nothing, such as a bad rating or one without stars."""
    if kind == "rate":
        return float(value) if value is not None and value >= _LIKED else 0.0
    return _WEIGHTS.get(kind, 0.0)
