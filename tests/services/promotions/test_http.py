"""The staff's coupons as a client meets them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from haat.contracts.identity import AccessToken, Identity, Principal
from haat.contracts.promotions import Promotions
from haat.kit.ids import new_id
from haat.kit.rpc import local
from haat.services.promotions.http import ROUTES
from haat.web.gateway.app import gateway


class Staff(Identity):
    """The token says the role."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        later = datetime.now(UTC) + timedelta(minutes=5)
        return Principal(user_id="usr_" + ask.token, session_id="ses_1", roles=[ask.token], expires_at=later)


@pytest.fixture
async def http(desk):
    app = gateway(ROUTES, {"identity": Staff(), "promotions": local(Promotions, desk.service)}, {})
    transport, headers = httpx.ASGITransport(app), {"Authorization": "Bearer catalogue"}
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
        yield client


async def test_a_coupon_is_created_and_listed(http):
    code = new_id("diwali")
    coupon = {"code": code, "title": "Diwali", "percent_basis_points": 1500, "ends_at": "2027-01-01T00:00:00Z"}
    made = await http.post("/v1/coupons", json=coupon)
    listed = (await http.get("/v1/coupons", params={"limit": 1})).json()["data"][0]
    assert (made.status_code, made.json()["coupon"]["code"], made.json()["used"]) == (201, code.upper(), 0)
    assert listed == made.json()


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"percent_basis_points": 10_001}, ["/percent_basis_points"]),
        ({"percent_basis_points": 100, "amount_minor": 100}, ["/percent_basis_points"]),
        ({}, ["/percent_basis_points"]),
        ({"amount_minor": 0}, ["/amount_minor"]),
        ({"amount_minor": 10**30}, ["/amount_minor"]),
        ({"amount_minor": 1, "code": "no blanks"}, ["/code"]),
        ({"amount_minor": 1, "starts_at": "2027-01-01T00:00:00"}, ["/starts_at"]),
        ({"amount_minor": 1, "used": 0}, ["/used"]),
    ],
)
async def test_a_senseless_coupon_is_422(http, fields, pointers):
    answer = await http.post("/v1/coupons", json={"code": "BAD", "title": "Bad", **fields})
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, pointers)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_coupons_are_for_catalogue_staff_only(http, method):
    shopper = await http.request(method, "/v1/coupons", headers={"Authorization": "Bearer shopper"}, json={})
    del http.headers["Authorization"]
    nobody = await http.request(method, "/v1/coupons", json={})
    assert (shopper.status_code, nobody.status_code) == (403, 401)
