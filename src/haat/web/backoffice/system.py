"""The system page: does every part answer, how fast, and what do the models say of themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from litestar import Response, get

from haat.contracts.catalog import Catalog, ListProducts
from haat.contracts.fraud import Fraud
from haat.contracts.fraud import ReviewsOf as FraudReviewsOf
from haat.contracts.identity import Identity
from haat.contracts.inventory import AlertsOf, Inventory
from haat.contracts.media import MediaOf, MediaStore
from haat.contracts.notifications import Mailbox, Notifications
from haat.contracts.orders import ListOrders, Orders
from haat.contracts.payments import MethodsOf, Payments
from haat.contracts.promotions import CouponsOf, Promotions
from haat.contracts.recommendations import Recommend, Recommender
from haat.contracts.search import Search, SearchProducts
from haat.kit.message import Nothing
from haat.web.backoffice.desk import Desk, gently, log

PATIENCE_SECONDS = 2.0
SLOW_MS = 250
MOST_COUNTED = 100


class Part(msgspec.Struct, frozen=True):
    """One part of the shop: `state` ok, slow or failed, and how long its answer took."""

    name: str
    what: str
    state: str
    milliseconds: int
    detail: str = ""


@get("/system", duty="system")
async def system_page(
    desk: Desk,
    checks: Any,
    parked: Any,
    catalog: Catalog,
    search: Search,
    inventory: Inventory,
    orders: Orders,
    payments: Payments,
    promotions: Promotions,
    identity: Identity,
    fraud: Fraud,
    notifications: Notifications,
    recommendations: Recommender,
    media: MediaStore,
) -> Response[Any]:
    """One small question to every part at once; none may keep the page waiting."""
    nobody = desk.actor
    asked: list[tuple[str, str, Awaitable[object]]] = [
        *((name, "what /readyz asks", check()) for name, check in _mapping(checks).items()),
        ("catalog", "products and categories", catalog.list_products(ListProducts(limit=1))),
        ("search", "finding products", search.search(SearchProducts(limit=1))),
        ("inventory", "stock", inventory.alerts(AlertsOf(limit=1))),
        ("orders", "orders and returns", orders.orders(ListOrders(limit=1))),
        ("payments", "money", payments.saved_cards(MethodsOf(user_id=nobody))),
        ("promotions", "coupons", promotions.coupons(CouponsOf(limit=1))),
        ("identity", "accounts and sessions", identity.keys(Nothing())),
        ("fraud", "reviews", fraud.reviews(FraudReviewsOf(limit=1))),
        ("notifications", "mail", notifications.mailbox(Mailbox(limit=1))),
        ("recommendations", "what shoppers may like", recommendations.recommend(Recommend(kind="trending", limit=1))),
        ("media", "pictures", media.media(MediaOf(ids=[]))),
    ]
    answers = await asyncio.gather(*(_ask(name, what, call) for name, what, call in asked))
    parts = [part for part, _ in answers]
    put_aside = await gently(_put_aside(parked), 0)
    model = next((answer.model for part, answer in answers if part.name == "recommendations" and answer), None)
    return desk.page(
        "system.html",
        parts=parts,
        healthy=all(part.state != "failed" for part in parts),
        model=model,
        put_aside=put_aside,
        settings=desk.settings,
    )


async def _ask(name: str, what: str, call: Awaitable[object]) -> tuple[Part, Any]:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await call
    except Exception as error:
        # Whatever is wrong with a part is what this page is there to tell.
        log.warning("part does not answer", part=name, error=repr(error))
        return Part(name, what, "failed", _since(started), f"{type(error).__name__}: {error}"[:200]), None
    spent = _since(started)
    return Part(name, what, "slow" if spent > SLOW_MS else "ok", spent), answer


async def _put_aside(parked: Any) -> int:
    return len(await parked.parked(MOST_COUNTED))


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def _mapping(checks: Any) -> Mapping[str, Callable[[], Awaitable[object]]]:
    return dict(checks)


ROUTES = [system_page]
