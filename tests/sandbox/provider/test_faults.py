"""Lost requests, lost answers, errors after the effect: the effect happens once per key all the same."""

import asyncio
import errno

import aiohttp
import pytest

OPERATIONS = ["authorize", "capture", "void", "refund"]


@pytest.fixture
def call_of(provider, card_payment):
    """Prepares a payment and returns the call of one operation on it, by path and body."""

    async def prepare(op, reference):
        if op == "authorize":
            return "/v1/payments", card_payment(reference)
        capture = "automatic" if op == "refund" else "manual"
        _, payment = await provider.post("/v1/payments", card_payment(reference, capture=capture))
        body = {"capture": {"amount": 70}, "void": {}, "refund": {"amount": 70, "reason": "r"}}[op]
        return f"/v1/payments/{payment['id']}/{op}s", body

    return prepare


async def effects_of(provider, reference, key):
    rows = await provider.books_of(reference)
    return sum(
        call["key"] == key and not call["outcome"].startswith(("replayed", "refused"))
        for row in rows
        for call in row["calls"]
    )


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize(
    ("mode", "before"), [("drop_before", 0), ("drop_after", 1), ("reset_before", 0), ("reset_after", 1)]
)
async def test_a_dropped_call_can_be_repeated(provider, call_of, op, mode, before):
    reference = f"{mode}-{op}"
    path, body = await call_of(op, reference)
    await provider.post("/sandbox/faults", {"op": op, "mode": mode, "times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await provider.post(path, body, key=reference)
    taken = await effects_of(provider, reference, reference)
    status, _ = await provider.post(path, body, key=reference)
    assert (taken, status < 300, await effects_of(provider, reference, reference)) == (before, True, 1)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize(("mode", "before"), [("500_before", 0), ("500_after", 1)])
async def test_an_error_can_be_repeated_whether_or_not_it_had_an_effect(provider, call_of, op, mode, before):
    reference = f"{mode}-{op}"
    path, body = await call_of(op, reference)
    await provider.post("/sandbox/faults", {"op": op, "mode": mode})
    failed, _ = await provider.post(path, body, key=reference)
    taken = await effects_of(provider, reference, reference)
    repeated, _ = await provider.post(path, body, key=reference)
    effects = await effects_of(provider, reference, reference)
    assert (failed, taken, repeated < 300, effects) == (500, before, True, 1)


async def test_a_reset_is_seen_as_one(provider, call_of):
    path, body = await call_of("void", "reset")
    await provider.post("/sandbox/faults", {"op": "void", "mode": "reset_before"})
    with pytest.raises(aiohttp.ClientOSError) as broken:
        await provider.post(path, body)
    assert broken.value.errno == errno.ECONNRESET


async def test_ordered_faults_are_shown_and_can_be_taken_back(provider, call_of):
    path, body = await call_of("void", "taken-back")
    await provider.post("/sandbox/faults", {"op": "void", "mode": "500_after", "times": 3})
    _, waiting = await provider.get("/sandbox/faults")
    async with provider.session.delete(provider.url + "/sandbox/faults") as answer:
        left = await answer.json()
    status, _ = await provider.post(path, body)
    assert (waiting["waiting"]["void"], left, status) == (3, {"waiting": {}}, 200)


async def test_faults_end_after_as_many_times_as_ordered(provider, call_of):
    path, body = await call_of("capture", "twice")
    await provider.post("/sandbox/faults", {"op": "capture", "mode": "500_after", "times": 2})
    statuses = [(await provider.post(path, body, key="twice"))[0] for _ in range(3)]
    assert statuses == [500, 500, 200]


async def test_a_stalled_call_has_its_effect_and_answers_when_time_has_passed(provider, call_of):
    path, body = await call_of("authorize", "stalled")
    await provider.post("/sandbox/faults", {"op": "authorize", "mode": "stall", "seconds": 3000})
    stalled = asyncio.create_task(provider.post(path, body, key="stalled"))
    await provider.booked("stalled")
    waiting = not stalled.done()
    await provider.advance(3001)
    status, payment = await stalled
    assert (waiting, status, payment["state"]) == (True, 201, "authorized")


async def test_the_card_that_loses_its_answer_was_charged(provider, card_payment):
    ask = card_payment("lost", "4000000000000341")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await provider.post("/v1/payments", ask, key="lost-1")
    _, found = await provider.get("/v1/payments?reference=lost")
    status, repeated = await provider.post("/v1/payments", ask, key="lost-1")
    assert ([one["state"] for one in found["data"]], status, repeated["id"]) == (
        ["authorized"],
        201,
        found["data"][0]["id"],
    )


async def test_a_refund_can_fail_after_it_was_accepted(provider, card_payment, shop):
    _, payment = await provider.post("/v1/payments", card_payment("refund-fails", capture="automatic"))
    await provider.post("/sandbox/faults", {"op": "refund", "mode": "fail"})
    ask = {"amount": 500, "reason": "returned"}
    _, accepted = await provider.post(f"/v1/payments/{payment['id']}/refunds", ask)
    await provider.advance(3)
    _, failed = await provider.get(f"/v1/payments/{payment['id']}")
    types = await shop.types_of("payment", payment["id"], 2)
    assert (accepted["refunded"], accepted["refunds"][0]["state"]) == (500, "pending")
    assert (failed["state"], failed["refunded"], failed["refunds"][0]["state"]) == ("captured", 0, "failed")
    assert sorted(types) == ["payment.captured", "refund.failed"]


@pytest.mark.parametrize(
    "fault",
    [{"op": "nothing", "mode": "stall"}, {"op": "capture", "mode": "duplicate"}, {"op": "void", "mode": "fail"}],
)
async def test_a_fault_that_fits_no_operation_is_refused(provider, fault):
    status, _ = await provider.post("/sandbox/faults", fault)
    assert status == 422
