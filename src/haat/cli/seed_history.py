"""The demo's past, told to the recommender in the shop's own ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from haat.contracts.catalog import Catalog, ProductRef
from haat.contracts.recommendations import Click, HistoricClick
from haat.demo.history import History
from haat.demo.past import DAYS
from haat.demo.records import DemoProduct
from haat.kit.clock import now


async def clicks_of(
    catalog: Catalog, catalogue: Sequence[DemoProduct], past: History, users: Mapping[int, str]
) -> list[HistoricClick]:
    """Every click, purchase and rating of the demo's customers, oldest first; `users` are those with accounts.

    What these bought lately are orders of the shop, which tell of themselves.
    """
    ids = {product.slug: (await catalog.product(ProductRef(ref=product.slug))).id for product in catalogue}
    moment = now()
    found = []
    for event in past.events:
        if event.kind == "purchase" and event.customer in users and event.seconds_ago < DAYS * 86_400:
            continue
        click = Click(
            type=cast(Any, event.kind),
            at=moment - timedelta(seconds=event.seconds_ago),
            session_id=f"demo-{event.session}",
            product_id=ids[event.slug] if event.slug else None,
            query=event.query,
        )
        found.append(HistoricClick(click=click, user_id=users.get(event.customer, f"usr_demo{event.customer:05}")))
    for rating in past.ratings:
        click = Click(
            type="rate",
            at=moment - timedelta(seconds=rating.seconds_ago),
            session_id=f"demo-rating-{rating.customer}",
            product_id=ids[rating.slug],
            value=rating.rating,
        )
        found.append(HistoricClick(click=click, user_id=users.get(rating.customer, f"usr_demo{rating.customer:05}")))
    return sorted(found, key=lambda each: each.click.at)
