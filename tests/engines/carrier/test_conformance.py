"""What every carrier adapter promises, asked of the real sandbox process."""

import socket
from typing import Any

import msgspec

from haat.engines.carrier.sandbox import SandboxCarrier
from haat.ports.carrier import Answered, Booking, ParcelFact, Place, Refused, Unknown

WAREHOUSE = Place(name="W", line1="1", city="Hoskote", region="KA", postal_code="562114", country="IN")
HOME = Place(
    name="Asha",
    line1="2",
    line2="3",
    city="Delhi",
    region="DL",
    postal_code="110001",
    country="IN",
    phone="+919812345678",
)


def booking(reference: str, **changes: Any) -> Booking:
    given = {"origin": WAREHOUSE, "destination": HOME, "weights_grams": (500, 1200), **changes}
    return Booking(reference=reference, **given)


def fact(outcome: object) -> ParcelFact:
    assert isinstance(outcome, Answered)
    return outcome.fact


async def test_a_booked_parcel_has_a_number_a_label_and_a_first_event(carrier):
    booked = fact(await carrier.book("k1", booking("shp_1")))
    assert (booked.reference, booked.state, [event.code for event in booked.events]) == (
        "shp_1",
        "created",
        ["created"],
    )
    assert booked.label_url.endswith(booked.tracking_number)


async def test_the_same_key_books_one_parcel(carrier):
    assert await carrier.book("k2", booking("shp_2")) == await carrier.book("k2", booking("shp_2"))


async def test_a_key_used_for_other_words_is_not_a_refusal(carrier):
    await carrier.book("k3", booking("shp_3"))
    assert isinstance(await carrier.book("k3", booking("shp_3b")), Unknown)


async def test_words_the_carrier_cannot_accept_are_refused(carrier):
    assert isinstance(await carrier.book("k4", booking("shp_4", weights_grams=(0,))), Refused)


async def test_an_answer_that_is_lost_is_unknown_and_found_again_by_its_key(carrier, sandbox):
    await sandbox.post("/sandbox/faults", {"op": "book", "mode": "drop_after", "times": 1})
    lost = await carrier.book("k5", booking("shp_5"))
    assert (isinstance(lost, Unknown), fact(await carrier.book("k5", booking("shp_5"))).reference) == (True, "shp_5")


async def test_a_server_that_fails_after_the_effect_is_unknown(carrier, sandbox):
    await sandbox.post("/sandbox/faults", {"op": "book", "mode": "500_after", "times": 1})
    assert isinstance(await carrier.book("k6", booking("shp_6")), Unknown)


async def test_a_parcel_that_waits_can_be_canceled(carrier):
    booked = fact(await carrier.book("k7", booking("shp_7")))
    assert fact(await carrier.cancel("k7:cancel", booked.id)).state == "canceled"


async def test_a_parcel_that_is_under_way_cannot_be_canceled(carrier, sandbox):
    booked = fact(await carrier.book("k8", booking("shp_8")))
    await sandbox.post("/sandbox/clock", {"advance_seconds": 1001})
    assert isinstance(await carrier.cancel("k8:cancel", booked.id), Refused)


async def test_a_parcel_is_fetched_with_all_its_events(carrier, sandbox):
    booked = fact(await carrier.book("k9", booking("shp_9")))
    await sandbox.post("/sandbox/clock", {"advance_seconds": 4001})
    fetched = fact(await carrier.fetch(booked.id))
    assert (fetched.state, fetched.events[0], len(fetched.events)) == ("delivered", booked.events[0], 6)


async def test_a_parcel_that_cannot_be_delivered_ends_as_failed(carrier, sandbox):
    nobody = msgspec.structs.replace(HOME, name="Nobody Home")
    booked = fact(await carrier.book("k12", booking("shp_12", destination=nobody)))
    await sandbox.post("/sandbox/clock", {"advance_seconds": 4001})
    assert [event.code for event in fact(await carrier.fetch(booked.id)).events[-2:]] == ["out_for_delivery", "failed"]


async def test_an_unknown_parcel_is_refused(carrier):
    assert isinstance(await carrier.fetch("shc_nothing"), Refused)


async def test_a_carrier_that_is_away_is_unknown():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = SandboxCarrier(f"http://127.0.0.1:{taken.getsockname()[1]}", [])
        assert isinstance(await away.book("k10", booking("shp_10")), Unknown)
        await away.close()


async def test_a_notice_is_verified_and_read(carrier, sandbox):
    booked = fact(await carrier.book("k11", booking("shp_11")))
    body, headers = await sandbox.next_notice()
    told = carrier.verify(body, headers)
    assert (told.fact, told.id) == (booked, headers["webhook-id"])


async def test_one_changed_byte_breaks_the_signature(carrier, sandbox):
    await carrier.book("k12", booking("shp_12"))
    body, headers = await sandbox.next_notice()
    assert carrier.verify(body.replace(b"shp_12", b"shp_13"), headers) is None


async def test_an_old_and_a_new_secret_both_verify(carrier, sandbox):
    await carrier.book("k13", booking("shp_14"))
    body, headers = await sandbox.next_notice()
    rotating = SandboxCarrier(sandbox.url, ["whsec_bmV3LXNlY3JldC1vZi1yb3RhdGlvbg==", sandbox.secret])
    stranger = SandboxCarrier(sandbox.url, ["whsec_bmV3LXNlY3JldC1vZi1yb3RhdGlvbg=="])
    assert (rotating.verify(body, headers) is None, stranger.verify(body, headers) is None) == (False, True)
