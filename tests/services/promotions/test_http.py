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


def coupon(code: str, title: str = "Diwali") -> dict:
    return {"code": code, "title": title, "percent_basis_points": 1500}


async def test_a_coupon_is_read_with_a_tag_that_its_uses_change_and_its_version_does_not(http, desk):
    code = new_id("diwali").upper()
    made = await http.post("/v1/coupons", json=coupon(code))
    read = await http.get(f"/v1/coupons/{code.lower()}")
    current = await http.get(f"/v1/coupons/{code}", headers={"If-None-Match": read.headers["ETag"]})
    await desk.redeem(code)
    used = await http.get(f"/v1/coupons/{code}", headers={"If-None-Match": read.headers["ETag"]})
    assert (read.json(), read.headers["ETag"]) == (made.json(), made.headers["ETag"])
    assert (current.status_code, current.content, used.status_code, used.json()["used"]) == (304, b"", 200, 1)
    changed = await http.post("/v1/coupons", json=coupon(code, "New"), headers={"If-Match": read.headers["ETag"]})
    assert (changed.status_code, changed.json()["coupon"]["title"], changed.json()["used"]) == (201, "New", 1)


async def test_a_coupon_that_was_changed_since_is_not_overwritten(http):
    code = new_id("diwali").upper()
    read = {"If-Match": (await http.post("/v1/coupons", json=coupon(code))).headers["ETag"]}
    first = await http.post("/v1/coupons", json=coupon(code, "First"), headers=read)
    second = await http.post("/v1/coupons", json=coupon(code, "Second"), headers=read)
    kept = (await http.get(f"/v1/coupons/{code}")).json()["coupon"]["title"]
    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 412, "precondition_failed")
    assert kept == "First"


@pytest.mark.parametrize("tag", ["nonsense", '""', 'W/"1-0"', "*"])
async def test_a_tag_of_nothing_changes_and_makes_nothing(http, tag):
    code = new_id("diwali").upper()
    answer = await http.post("/v1/coupons", json=coupon(code), headers={"If-Match": tag})
    assert (answer.status_code, (await http.get(f"/v1/coupons/{code}")).status_code) == (412, 404)


async def test_a_coupon_is_changed_whatever_it_is_or_as_one_of_several(http):
    code = new_id("diwali").upper()
    tag = (await http.post("/v1/coupons", json=coupon(code))).headers["ETag"]
    statuses = [
        (await http.post("/v1/coupons", json=coupon(code, title), headers={"If-Match": match})).status_code
        for title, match in (("One", f'"other", {tag}'), ("Two", f'"other", {tag}'), ("Three", "*"))
    ]
    kept = (await http.get(f"/v1/coupons/{code}")).json()["coupon"]["title"]
    assert (statuses, kept) == ([201, 412, 201], "Three")


async def test_a_coupon_that_must_be_new_is_made_once(http):
    code = new_id("diwali").upper()
    answers = [
        await http.post("/v1/coupons", json=coupon(code, title), headers={"If-None-Match": "*"})
        for title in ("First", "Second")
    ]
    kept = (await http.get(f"/v1/coupons/{code}")).json()["coupon"]["title"]
    assert ([each.status_code for each in answers], kept) == ([201, 412], "First")
