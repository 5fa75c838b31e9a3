"""Parcels: booked, moving by themselves, canceled in time, coming back."""

import pytest

JOURNEY = ["accepted", "picked_up", "in_transit", "in_transit", "out_for_delivery", "delivered"]


async def test_a_booking_gets_a_tracking_number_and_a_label(carrier, shipment):
    status, booked = await carrier.post("/v1/shipments", shipment("booked"))
    number = booked["tracking_number"]
    assert (status, booked["status"], booked["direction"], len(number)) == (201, "accepted", "outbound", 16)
    assert booked["label_url"] == f"https://parcels.example/sandbox/labels/{number}"
    assert booked["tracking_url"] == f"https://parcels.example/sandbox/parcels/{number}"


async def test_a_parcel_passes_the_hubs_of_both_postal_codes(carrier, shipment):
    _, booked = await carrier.post("/v1/shipments", shipment("hubs"))
    await carrier.advance(4001)
    _, arrived = await carrier.get(f"/v1/shipments/{booked['id']}")
    assert arrived["status"] == "delivered"
    assert [(event["code"], event["location"]) for event in arrived["events"]] == [
        ("accepted", "Bhiwandi"),
        ("picked_up", "Bhiwandi"),
        ("in_transit", "Mumbai"),
        ("in_transit", "Bengaluru"),
        ("out_for_delivery", "Bengaluru"),
        ("delivered", "Bengaluru"),
    ]


async def test_where_nobody_is_home_a_parcel_is_not_delivered(carrier, shipment):
    ask = shipment("nobody")
    _, booked = await carrier.post("/v1/shipments", {**ask, "to": {**ask["to"], "name": "Nobody Home"}})
    await carrier.advance(4001)
    _, ended = await carrier.get(f"/v1/shipments/{booked['id']}")
    assert (ended["status"], [event["code"] for event in ended["events"]]) == ("failed", [*JOURNEY[:-1], "failed"])


async def test_each_step_is_told(carrier, shipment, shop):
    _, booked = await carrier.post("/v1/shipments", shipment("told"))
    await carrier.advance(4001)
    await shop.types_of("shipment", booked["id"], 6)
    told = [one for one in shop.messages() if one["data"]["shipment"]["id"] == booked["id"]]
    in_order = sorted(told, key=lambda one: one["data"]["event"]["at"])
    assert [one["type"] for one in in_order] == [f"shipment.{code}" for code in JOURNEY]
    assert sorted(in_order[0]["data"]["event"]) == ["at", "code", "description", "location"]


async def test_an_express_parcel_needs_half_the_time(carrier, shipment):
    _, booked = await carrier.post("/v1/shipments", shipment("express", service="express"))
    await carrier.advance(2001)
    _, arrived = await carrier.get(f"/v1/shipments/{booked['id']}")
    assert arrived["status"] == "delivered"


async def test_it_moves_by_itself(spawn, tmp_path, shipment, own_shop, secret):
    reporting = ("--webhook-url", own_shop.url, "--webhook-secret", secret)
    carrier = await spawn("carrier", tmp_path, *reporting, "--step-seconds", "0.05")
    _, booked = await carrier.post("/v1/shipments", shipment("itself"))
    assert sorted(await own_shop.types_of("shipment", booked["id"], 6)) == sorted(
        f"shipment.{code}" for code in JOURNEY
    )


async def test_a_return_goes_to_the_seller(carrier, shipment):
    there = shipment("return")
    back = {**there, "from": there["to"], "to": there["from"], "direction": "return"}
    _, booked = await carrier.post("/v1/shipments", back)
    await carrier.advance(4001)
    _, arrived = await carrier.get(f"/v1/shipments/{booked['id']}")
    last = arrived["events"][-1]
    assert (arrived["direction"], last["description"], last["location"]) == (
        "return",
        "Handed over to the seller",
        "Bhiwandi",
    )


async def test_a_canceled_parcel_stays_where_it_is(carrier, shipment):
    _, booked = await carrier.post("/v1/shipments", shipment("canceled"))
    status, canceled = await carrier.post(f"/v1/shipments/{booked['id']}/cancel")
    await carrier.advance(4001)
    _, later = await carrier.get(f"/v1/shipments/{booked['id']}")
    assert (status, canceled["status"], later) == (200, "canceled", canceled)


async def test_a_parcel_on_its_way_cannot_be_canceled(carrier, shipment):
    _, booked = await carrier.post("/v1/shipments", shipment("too-late"))
    await carrier.advance(1001)
    status, problem = await carrier.post(f"/v1/shipments/{booked['id']}/cancel")
    assert (status, problem["state"]) == (409, "picked_up")


async def test_a_repeated_key_books_one_parcel(carrier, shipment):
    first = await carrier.post("/v1/shipments", shipment("repeated"), key="book-1")
    assert await carrier.post("/v1/shipments", shipment("repeated"), key="book-1") == first


async def test_a_key_with_another_body_is_a_conflict(carrier, shipment):
    await carrier.post("/v1/shipments", shipment("conflict"), key="book-2")
    status, problem = await carrier.post("/v1/shipments", shipment("conflict-2"), key="book-2")
    assert (status, problem["code"]) == (422, "idempotency_conflict")


async def test_a_parcel_survives_a_kill_and_goes_on(spawn, tmp_path, shipment):
    carrier = await spawn("carrier", tmp_path, "--step-seconds", "1000")
    _, booked = await carrier.post("/v1/shipments", shipment("survivor"))
    await carrier.advance(1001)
    await carrier.kill()
    again = await spawn("carrier", tmp_path, "--step-seconds", "1000")
    await again.advance(3000)
    _, arrived = await again.get(f"/v1/shipments/{booked['id']}")
    assert [event["code"] for event in arrived["events"]] == JOURNEY


@pytest.mark.parametrize("change", [{"parcels": []}, {"parcels": [{"weight_grams": 0}]}, {"colour": "red"}])
async def test_an_invalid_booking_is_refused(carrier, shipment, change):
    status, _ = await carrier.post("/v1/shipments", shipment("refused", **change))
    assert status == 422


async def test_an_unknown_shipment_is_not_found(carrier):
    assert (await carrier.get("/v1/shipments/shc_nothing"))[0] == 404


@pytest.mark.parametrize(
    ("page", "words"),
    [("parcels", ["Waiting for pickup", "Bhiwandi"]), ("labels", ["Asha Rao", "560001", "1800 g", "data:image/svg"])],
)
async def test_the_pages_tell_people(carrier, shipment, page, words):
    _, booked = await carrier.post("/v1/shipments", shipment("pages"))
    async with carrier.session.get(f"{carrier.url}/sandbox/{page}/{booked['tracking_number']}") as answer:
        text = await answer.text()
    assert (answer.status, [word for word in words if word not in text]) == (200, [])
