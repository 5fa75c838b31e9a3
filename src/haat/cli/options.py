"""The numbers that options take; others are refused before anything is opened."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

__all__ = ["Clients", "Patience", "Products", "Rate", "Seconds", "Shown"]

DAY_SECONDS = 86_400

Clients = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))]
Patience = Annotated[float, Parameter(validator=Number(gte=0, lte=DAY_SECONDS))]
Products = Annotated[int, Parameter(validator=Number(gte=0, lte=1_000_000))]
Rate = Annotated[float, Parameter(validator=Number(gt=0, lte=1_000_000))]
Seconds = Annotated[float, Parameter(validator=Number(gt=0, lte=DAY_SECONDS))]
Shown = Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))]
