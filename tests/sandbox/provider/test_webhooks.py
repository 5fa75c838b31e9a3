"""Webhooks: signed, repeated until accepted, kept over a crash, sometimes twice."""

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError


@pytest.fixture
def reporting(own_shop, secret):
    return ("--webhook-url", own_shop.url, "--webhook-secret", secret)


async def test_each_change_of_state_is_told(provider, card_payment, shop):
    _, payment = await provider.post("/v1/payments", card_payment("told"))
    await provider.post(f"/v1/payments/{payment['id']}/captures", {"amount": 4599900})
    await provider.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 100, "reason": "r"})
    types = await shop.types_of("payment", payment["id"], 3)
    assert sorted(types) == ["payment.authorized", "payment.captured", "refund.succeeded"]


@pytest.mark.parametrize(
    ("number", "path", "type_"),
    [("4000000000000002", None, "payment.declined"), ("4000002760003184", "voids", "payment.voided")],
)
async def test_the_end_of_a_payment_is_told(provider, card_payment, shop, number, path, type_):
    _, payment = await provider.post("/v1/payments", card_payment("ended", number))
    if path is not None:
        await provider.post(f"/v1/payments/{payment['id']}/{path}")
    assert await shop.types_of("payment", payment["id"], 1) == [type_]


async def test_a_message_carries_the_payment(provider, card_payment, shop):
    _, payment = await provider.post("/v1/payments", card_payment("carried"))
    await shop.types_of("payment", payment["id"], 1)
    (message,) = [one for one in shop.messages() if one["data"]["payment"]["id"] == payment["id"]]
    assert (sorted(message), message["data"]["payment"]) == (["data", "timestamp", "type"], payment)


async def test_the_signature_covers_the_bytes(provider, card_payment, shop, secret):
    _, payment = await provider.post("/v1/payments", card_payment("signed"))
    await shop.types_of("payment", payment["id"], 1)
    headers, body = shop.received[-1]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"4599900", b"4599901"), headers)


@pytest.mark.slow
async def test_a_refused_message_is_repeated_with_the_same_id(spawn, tmp_path, card_payment, own_shop, reporting):
    own_shop.statuses = [500, 302]
    provider = await spawn("provider", tmp_path, *reporting)
    await provider.post("/v1/payments", card_payment("repeated"))
    await own_shop.until(lambda messages: len(messages) == 3)
    assert len({headers["webhook-id"] for headers, _ in own_shop.received}) == 1
    assert len({body for _, body in own_shop.received}) == 1


async def test_moving_the_clock_makes_a_retry_due(spawn, tmp_path, card_payment, own_shop, reporting):
    own_shop.statuses = [500] * 8
    provider = await spawn("provider", tmp_path, *reporting)
    await provider.post("/v1/payments", card_payment("patient"))
    for attempt in range(1, 9):
        await own_shop.until(lambda messages, attempt=attempt: len(messages) >= attempt)
        await provider.advance(60)
    messages = await own_shop.until(lambda messages: len(messages) == 9)
    assert [one["type"] for one in messages] == ["payment.authorized"] * 9


async def test_a_message_survives_a_killed_provider(spawn, tmp_path, card_payment, own_shop, reporting, secret):
    nowhere = ("--webhook-url", "http://127.0.0.1:9/hook", "--webhook-secret", secret)
    provider = await spawn("provider", tmp_path, *nowhere)
    await provider.post("/v1/payments", card_payment("survivor"))
    await provider.kill()
    await spawn("provider", tmp_path, *reporting)
    messages = await own_shop.until(lambda messages: len(messages) == 1)
    assert (messages[0]["type"], messages[0]["data"]["payment"]["reference"]) == ("payment.authorized", "survivor")


async def test_a_delivered_message_is_not_sent_again_after_a_restart(
    spawn, tmp_path, card_payment, own_shop, reporting
):
    provider = await spawn("provider", tmp_path, *reporting)
    await provider.post("/v1/payments", card_payment("first-run"))
    await own_shop.until(lambda messages: len(messages) == 1)
    await provider.stop()
    again = await spawn("provider", tmp_path, *reporting)
    await again.post("/v1/payments", card_payment("second-run"))
    messages = await own_shop.until(lambda messages: len(messages) == 2)
    assert [one["data"]["payment"]["reference"] for one in messages] == ["first-run", "second-run"]


async def test_a_message_can_be_ordered_twice(spawn, tmp_path, card_payment, own_shop, reporting):
    provider = await spawn("provider", tmp_path, *reporting)
    await provider.post("/sandbox/faults", {"op": "webhook", "mode": "duplicate"})
    await provider.post("/v1/payments", card_payment("doubled"))
    await own_shop.until(lambda messages: len(messages) == 2)
    first, second = (headers["webhook-id"] for headers, _ in own_shop.received)
    assert first == second


async def test_money_in_a_message_is_a_whole_number(provider, card_payment, shop):
    _, payment = await provider.post("/v1/payments", card_payment("whole"))
    await shop.types_of("payment", payment["id"], 1)
    amount = msgspec.json.decode(shop.received[-1][1])["data"]["payment"]["amount"]
    assert (amount, type(amount)) == (4599900, int)
