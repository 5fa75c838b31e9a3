"""The carrier's webhook as the carrier meets it."""

import httpx

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.kit.ids import new_id
from haat.kit.message import Unauthenticated
from haat.services.shipping.http import ROUTES
from haat.web.gateway.app import gateway


class Nobody(Identity):
    """Signs nobody in: carriers do not need to be."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        raise Unauthenticated()


def client(shipping):
    app = gateway(ROUTES, {"identity": Nobody(), "shipping": shipping}, {})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


async def test_a_signed_notice_moves_the_parcel_and_may_come_twice(shipping, depot, parcel_for, parcels):
    made = await shipping.dispatch(parcel_for(new_id("ord")))
    await depot.advance(1001)
    _, notice = await depot.take(2)
    async with client(shipping) as http:
        answers = [
            await http.post("/v1/webhooks/carriers/sandbox", content=notice.body, headers=notice.headers)
            for _ in range(2)
        ]
    assert ([answer.status_code for answer in answers], (await parcels(made.order_id))[0].status) == (
        [204, 204],
        "picked_up",
    )


async def test_a_notice_without_a_signature_is_401(shipping):
    async with client(shipping) as http:
        answer = await http.post("/v1/webhooks/carriers/sandbox", content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")


async def test_an_unknown_carrier_is_404(shipping):
    async with client(shipping) as http:
        assert (await http.post("/v1/webhooks/carriers/pigeon", content=b"{}")).status_code == 404
