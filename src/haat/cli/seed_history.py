"""The demo's past, told to the recommender in the shop's own ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

from haat.contracts.catalog import Catalog, ProductRef
from haat.contracts.recommendations import Click, HistoricClick
from haat.demo.history import Event, history
from haat.demo.records import DemoProduct
from haat.kit.clock import now


async def clicks_of(catalog: Catalog, catalogue: Sequence[DemoProduct]) -> list[HistoricClick]:
    """Every click, purchase and rating of the demo's customers, oldest first."""
    ids = {product.slug: (await catalog.product(ProductRef(ref=product.slug))).id for product in catalogue}
    past = history(catalogue)
    moment = now()
    found = []
    for event in past.events:
        click = Click(
            type=cast(Any, event.kind),
            at=moment - timedelta(seconds=event.seconds_ago),
            session_id=f"demo-{event.session}",
            product_id=ids[event.slug] if event.slug else None,
            query=event.query,
        )
        found.append(HistoricClick(click=click, user_id=_customer(event)))
    for rating in past.ratings:
        click = Click(
            type="rate",
            at=moment - timedelta(seconds=rating.seconds_ago),
            session_id=f"demo-rating-{rating.customer}",
            product_id=ids[rating.slug],
            value=rating.rating,
        )
        found.append(HistoricClick(click=click, user_id=f"usr_demo{rating.customer:05}"))
    return sorted(found, key=lambda each: each.click.at)


def _customer(event: Event) -> str:
    return f"usr_demo{event.customer:05}"
