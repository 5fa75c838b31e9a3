"""`/v1/webhooks/carriers`: what carriers tell us about parcels."""

from __future__ import annotations

from typing import Annotated

from litestar import post
from litestar.params import Parameter

from haat.contracts.shipping import CarrierNotice, Shipping
from haat.kit.problem import problems

CarrierName = Annotated[str, Parameter(description="the carrier that posts, such as `sandbox`")]


@post("/v1/webhooks/carriers/{carrier:str}", status_code=204, tags=["webhooks"], responses=problems(401, 404))
async def carrier_notice(carrier: CarrierName, body: bytes, headers: dict[str, str], shipping: Shipping) -> None:
    """A tracking event by Standard Webhooks, verified over the raw bytes; duplicates and disorder are welcome."""
    await shipping.notice(CarrierNotice(carrier=carrier, body=body, headers=headers))


ROUTES = [carrier_notice]
