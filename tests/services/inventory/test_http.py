"""The staff's view of stock as a client meets it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from haat.contracts.catalog import Catalog, Skus
from haat.contracts.identity import AccessToken, Identity, Principal
from haat.contracts.inventory import Inventory
from haat.kit.ids import new_id
from haat.kit.rpc import local
from haat.services.inventory.http import ROUTES
from haat.web.gateway.app import gateway


class Staff(Identity):
    """The token says the role."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        later = datetime.now(UTC) + timedelta(minutes=5)
        return Principal(user_id="usr_" + ask.token, session_id="ses_1", roles=[ask.token], expires_at=later)


class OneProduct(Catalog):
    """All it sells is called `new…`."""

    async def known_skus(self, ask: Skus) -> Skus:
        return Skus(skus=[sku for sku in ask.skus if sku.startswith("new")])


@pytest.fixture
async def http(depot):
    neighbours = {"identity": Staff(), "inventory": local(Inventory, depot.service), "catalog": OneProduct()}
    app = gateway(ROUTES, neighbours, {})
    transport, headers = httpx.ASGITransport(app), {"Authorization": "Bearer fulfilment"}
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
        yield client


async def test_the_level_of_a_sku_is_summed_and_told_by_location(http, depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    body = (await http.get(f"/v1/inventory/{sku}")).json()
    level = {"on_hand": 10, "reserved": 4, "available": 6, "version": 2}
    assert body == {
        "sku": sku,
        **level,
        "locations": [{"sku": sku, "location": "main", **level, "low_stock_at": 5, "drop_until": None}],
    }


async def test_a_sku_with_a_slash_in_it_is_named_with_its_slash_encoded(http, depot):
    sku = f"{new_id('sku')}/RED/50 %"
    await depot.receive(sku, 10, "shelf 1/2")
    path = f"/v1/inventory/{quote(sku, safe='')}"
    counted = await http.post(f"{path}/adjustments", json={"quantity": 5, "reason": "found", "location": "shelf 1/2"})
    level, events = [(await http.get(f"{path}{part}")).json() for part in ("", "/events")]
    place = (await http.get("/v1/inventory/locations/shelf%201%2f2")).json()
    assert (counted.status_code, level["sku"], level["on_hand"]) == (201, sku, 15)
    assert ([each["type"] for each in events["data"]], place["location"]) == (["adjusted", "received"], "shelf 1/2")


async def test_a_sku_never_heard_of_is_404(http):
    answer = await http.get("/v1/inventory/no-such-sku")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_events_answer_why_the_level_is_what_it_is(http, depot):
    sku = await depot.sku(10)
    await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": -7, "reason": "water damage"})
    body = (await http.get(f"/v1/inventory/{sku}/events")).json()
    assert body["level"]["available"] == 3
    assert [(event["type"], event["quantity"], event["data"]) for event in body["data"]] == [
        ("adjusted", -7, {"actor": "usr_fulfilment", "reason": "water damage"}),
        ("received", 10, {"actor": "usr_staff", "reason": "received"}),
    ]


async def test_the_level_as_of_a_moment_is_the_fold_up_to_it(http, depot):
    sku = await depot.sku(10)
    first = (await http.get(f"/v1/inventory/{sku}/events")).json()["data"][0]
    await depot.held({sku: 4})
    body = (await http.get(f"/v1/inventory/{sku}/events", params={"as_of": first["at"]})).json()
    assert (body["level"]["available"], [event["type"] for event in body["data"]]) == (10, ["received"])


@pytest.mark.parametrize("moment", ["0.5", "1795992786", "yesterday", "2026-11-24", "2026-11-24T25:00:00Z"])
async def test_a_moment_is_a_time_of_a_day(http, moment):
    answer = await http.get("/v1/inventory/LAMP-1/events", params={"as_of": moment})
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/as_of"])


async def test_events_page_on_by_their_cursor(http, depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    page = (await http.get(f"/v1/inventory/{sku}/events", params={"limit": 1})).json()
    rest = (await http.get(f"/v1/inventory/{sku}/events", params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [event["type"] for event in page["data"] + rest["data"]] == ["reserved", "received"]


async def test_a_cursor_of_another_sku_is_400(http, depot):
    sku, other = await depot.sku(10), await depot.sku(10)
    await depot.held({sku: 4})
    page = (await http.get(f"/v1/inventory/{sku}/events", params={"limit": 1})).json()
    answer = await http.get(f"/v1/inventory/{other}/events", params={"cursor": page["next_cursor"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_an_adjustment_answers_the_new_level(http, depot):
    sku = await depot.sku(10)
    answer = await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": 5, "reason": "found"})
    assert (answer.status_code, answer.json()["on_hand"], answer.json()["version"]) == (201, 15, 2)


async def test_a_product_without_units_gets_its_first_ones(http):
    answer = await http.post(f"/v1/inventory/{new_id('new')}/adjustments", json={"quantity": 5, "reason": "bought"})
    assert (answer.status_code, answer.json()["on_hand"]) == (201, 5)


async def test_a_sku_that_no_product_has_gets_no_units(http):
    sku = new_id("nwe")
    answer = await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": 5, "reason": "bought"})
    told = answer.json()
    assert (answer.status_code, told["code"], told["detail"]) == (404, "not_found", f"No product has the SKU {sku}")
    assert (await http.get(f"/v1/inventory/{sku}")).status_code == 404


async def test_units_of_a_product_that_was_removed_can_be_corrected(http, depot):
    sku = await depot.sku(10)
    answer = await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": -10, "reason": "lost"})
    assert (answer.status_code, answer.json()["on_hand"]) == (201, 0)


async def test_the_same_idempotency_key_adjusts_once(http, depot):
    sku, headers = await depot.sku(10), {"Idempotency-Key": new_id("key")}
    answers = [
        await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": 5, "reason": "found"}, headers=headers)
        for _ in range(2)
    ]
    assert [answer.json()["on_hand"] for answer in answers] == [15, 15]
    assert answers[1].headers["Idempotent-Replayed"] == "true"


async def test_taking_what_is_reserved_is_409_with_what_is_free(http, depot):
    sku = await depot.sku(10)
    await depot.held({sku: 4})
    answer = await http.post(f"/v1/inventory/{sku}/adjustments", json={"quantity": -7, "reason": "lost"})
    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "out_of_stock", 6)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"quantity": 0, "reason": "x"}, ["/quantity"]),
        ({"quantity": 1.5, "reason": ""}, ["/quantity", "/reason"]),
        ({"quantity": 10**12, "reason": "x"}, ["/quantity"]),
        ({"quantity": 1, "reason": "x", "on_hand": 7}, ["/on_hand"]),
        ({}, ["/quantity", "/reason"]),
    ],
)
async def test_a_senseless_adjustment_is_422_with_every_fault(http, depot, body, pointers):
    answer = await http.post(f"/v1/inventory/{await depot.sku(1)}/adjustments", json=body)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, pointers)


async def test_alerts_name_what_ran_out(http, depot):
    sku = await depot.sku(1)
    await depot.held({sku: 1})
    body = (await http.get("/v1/inventory/alerts", params={"limit": 1})).json()
    (alert,) = body["data"]
    assert (alert["sku"], alert["kind"], alert["available"], body["has_more"]) == (sku, "out_of_stock", 0, True)


async def test_the_low_mark_can_be_moved(http, depot):
    sku = await depot.sku(10)
    answer = await http.patch(f"/v1/inventory/{sku}", json={"low_stock_at": 20})
    assert (answer.status_code, answer.json()["low_stock_at"]) == (200, 20)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/inventory/alerts"),
        ("GET", "/v1/inventory/X"),
        ("GET", "/v1/inventory/X/events"),
        ("POST", "/v1/inventory/X/adjustments"),
        ("PATCH", "/v1/inventory/X"),
    ],
)
async def test_stock_is_for_fulfilment_staff_only(http, method, path):
    shopper = await http.request(method, path, headers={"Authorization": "Bearer shopper"}, json={})
    del http.headers["Authorization"]
    nobody = await http.request(method, path, json={})
    assert (shopper.status_code, nobody.status_code) == (403, 401)


async def test_damaged_units_are_written_off(http, depot):
    sku = await depot.sku(10)
    answer = await http.post(f"/v1/inventory/{sku}/damages", json={"quantity": 3, "reason": "wet"})
    assert (answer.status_code, answer.json()["on_hand"]) == (201, 7)


async def test_more_than_is_free_cannot_be_written_off(http, depot):
    sku = await depot.sku(2)
    answer = await http.post(f"/v1/inventory/{sku}/damages", json={"quantity": 3, "reason": "wet"})
    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "out_of_stock", 2)


async def test_a_transfer_shows_both_locations(http, depot):
    sku = await depot.sku(10)
    move = {"quantity": 4, "source": "main", "target": "annex", "reason": "near"}
    answer = await http.post(f"/v1/inventory/{sku}/transfers", json=move)
    levels = [(level["location"], level["on_hand"]) for level in answer.json()["data"]]
    assert (answer.status_code, levels) == (201, [("main", 6), ("annex", 4)])


async def test_a_transfer_to_where_it_lies_is_422(http, depot):
    sku = await depot.sku(10)
    move = {"quantity": 4, "source": "main", "target": "main", "reason": "near"}
    assert (await http.post(f"/v1/inventory/{sku}/transfers", json=move)).status_code == 422


async def test_a_drop_is_announced_and_called_off(http, depot):
    sku = await depot.sku(10)
    seen = []
    for until in ("2100-01-01T00:00:00Z", None, "2020-01-01T00:00:00Z"):
        answer = await http.put(f"/v1/inventory/{sku}/drop", json={"until": until})
        (level,) = (await http.get(f"/v1/inventory/{sku}")).json()["locations"]
        seen.append((answer.status_code, level["drop_until"]))
    assert seen == [(200, "2100-01-01T00:00:00Z"), (200, None), (200, None)]


async def test_a_drop_ends_at_the_same_moment_everywhere(http, depot):
    answer = await http.put(f"/v1/inventory/{await depot.sku(5)}/drop", json={"until": "2030-01-01T00:00:00"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/until")


async def test_a_drop_of_a_sku_never_heard_of_is_404(http):
    assert (await http.put("/v1/inventory/no-such-sku/drop", json={"until": None})).status_code == 404


async def test_locations_are_listed_in_the_order_in_which_they_are_asked(http, depot):
    first = "loc-" + await depot.sku(1)
    await http.put(f"/v1/inventory/locations/{first}", json={"priority": 0})
    listed = (await http.get("/v1/inventory/locations")).json()["data"]
    assert listed[0] == {"location": first, "priority": 0}
    await http.put(f"/v1/inventory/locations/{first}", json={"priority": 500})


async def test_a_level_that_is_known_is_not_sent_again(http, depot):
    sku = await depot.sku(10)
    read = await http.get(f"/v1/inventory/{sku}")
    tag = {"If-None-Match": read.headers["ETag"]}
    current = await http.get(f"/v1/inventory/{sku}", headers=tag)
    await depot.held({sku: 4})
    moved = await http.get(f"/v1/inventory/{sku}", headers=tag)
    assert (current.status_code, current.content, moved.status_code, moved.json()["reserved"]) == (304, b"", 200, 4)


async def test_a_low_mark_is_changed_as_it_was_read_whatever_was_sold_since(http, depot):
    sku = await depot.sku(10)
    read = {"If-Match": (await http.get(f"/v1/inventory/{sku}")).headers["ETag"]}
    await depot.held({sku: 4})
    first = await http.patch(f"/v1/inventory/{sku}", json={"low_stock_at": 2}, headers=read)
    second = await http.patch(f"/v1/inventory/{sku}", json={"low_stock_at": 3}, headers=read)
    kept = (await http.get(f"/v1/inventory/{sku}")).json()["locations"][0]["low_stock_at"]
    assert (first.status_code, second.status_code, second.json()["code"], kept) == (200, 412, "precondition_failed", 2)


async def test_a_low_mark_is_changed_whatever_it_is_or_as_one_of_several(http, depot):
    sku = await depot.sku(10)
    tag = (await http.get(f"/v1/inventory/{sku}")).headers["ETag"]
    answers = [
        await http.patch(f"/v1/inventory/{named}", json={"low_stock_at": mark}, headers={"If-Match": match})
        for named, mark, match in (
            (sku, 2, f'"other", {tag}'),
            (sku, 3, f'"other", {tag}'),
            (sku, 4, "*"),
            (new_id("sku"), 5, "*"),
        )
    ]
    assert [each.status_code for each in answers] == [200, 412, 200, 404]


async def test_a_low_mark_may_be_set_unseen(http, depot):
    sku = await depot.sku(10)
    assert (await http.patch(f"/v1/inventory/{sku}", json={"low_stock_at": 2})).json()["low_stock_at"] == 2


async def test_a_locations_priority_is_changed_as_it_was_read(http):
    where = f"/v1/inventory/locations/{new_id('loc')}"
    made = await http.put(where, json={"priority": 7}, headers={"If-Match": '"100"'})
    read = await http.get(where)
    current = await http.get(where, headers={"If-None-Match": read.headers["ETag"]})
    first = await http.put(where, json={"priority": 8}, headers={"If-Match": read.headers["ETag"]})
    second = await http.put(where, json={"priority": 9}, headers={"If-Match": read.headers["ETag"]})
    assert (made.status_code, read.json()["priority"], read.headers["ETag"]) == (200, 7, '"7"')
    assert (current.status_code, first.status_code, second.status_code) == (304, 200, 412)
    assert (await http.get(where)).json()["priority"] == 8


async def test_a_locations_priority_is_changed_whatever_it_is_or_as_one_of_several(http):
    where = f"/v1/inventory/locations/{new_id('loc')}"
    await http.put(where, json={"priority": 7})
    statuses = [
        (await http.put(where, json={"priority": priority}, headers={"If-Match": match})).status_code
        for priority, match in ((8, "*"), (9, '"7", "8"'), (10, '"7", "8"'), (11, 'W/"9"'))
    ]
    assert (statuses, (await http.get(where)).json()["priority"]) == ([200, 200, 412, 412], 9)


@pytest.mark.parametrize(
    "tag", ["*", '"7"', "nonsense", '"\u00b2"'.encode().decode("latin-1"), '"99999999999999999999"']
)
async def test_a_location_without_a_priority_is_not_changed_from_another(http, tag):
    where = f"/v1/inventory/locations/{new_id('loc')}"
    refused = await http.put(where, json={"priority": 8}, headers={"If-Match": tag.encode("latin-1")})
    assert (refused.status_code, (await http.get(where)).status_code) == (412, 404)
