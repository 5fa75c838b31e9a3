"""The carrier's HTTP interface: shipments for senders, tracking and labels for people."""

import msgspec
from aiohttp import web

from haat.sandbox.carrier.messages import Empty, NewShipment, Shipment
from haat.sandbox.carrier.service import Carrier
from haat.sandbox.http import Disturber, answer_with, as_json, read_body, read_key
from haat.sandbox.pages import drawn_code, page


class ShipmentRoutes:
    def __init__(self, carrier: Carrier, disturber: Disturber) -> None:
        self._carrier = carrier
        self._disturber = disturber
        self._shipment_body = msgspec.json.Decoder(NewShipment)
        self._empty_body = msgspec.json.Decoder(Empty)

    def table(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/shipments", self.book),
            web.get("/v1/shipments/{id}", self.read),
            web.post("/v1/shipments/{id}/cancel", self.cancel),
            web.get("/sandbox/parcels/{number}", self.show_parcel),
            web.get("/sandbox/labels/{number}", self.show_label),
        ]

    async def book(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            ask = await read_body(request, self._shipment_body)
            return answer_with(self._carrier.book(read_key(request), ask))

        return await self._disturber.run("book", request, act)

    async def cancel(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            if request.can_read_body:
                await read_body(request, self._empty_body)
            return answer_with(self._carrier.cancel(read_key(request), request.match_info["id"]))

        return await self._disturber.run("cancel", request, act)

    async def read(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            return as_json(self._carrier.shipment(request.match_info["id"]))

        return await self._disturber.run("read", request, act)

    async def show_parcel(self, request: web.Request) -> web.Response:
        shipment = self._carrier.tracked(request.match_info["number"])
        moving = shipment.status not in ("delivered", "failed", "canceled")
        return page("parcel.html", shipment=shipment, moving=moving)

    async def show_label(self, request: web.Request) -> web.Response:
        shipment = self._carrier.tracked(request.match_info["number"])
        return page("label.html", shipment=shipment, code=drawn_code(shipment.tracking_number), grams=_grams(shipment))


def _grams(shipment: Shipment) -> int:
    return sum(parcel.weight_grams for parcel in shipment.parcels)
