"""What each way of paying does, and what captures, voids and refunds may do afterwards."""

import asyncio

import pytest


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("4242 4242 4242 4242", "authorized"),
        ("5555555555554444", "authorized"),
        ("4000000000000002", "declined"),
        ("4000002760003184", "requires_action"),
        ("4000000000000259", "authorized"),
    ],
)
async def test_the_card_number_decides_the_first_state(provider, card_payment, number, state):
    status, payment = await provider.post("/v1/payments", card_payment("first-state", number))
    assert (status, payment["state"]) == (201, state)


async def test_an_authorized_payment_holds_the_amount(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("held"))
    told = {
        name: payment[name] for name in ("reference", "amount", "currency", "captured", "refunded", "brand", "last4")
    }
    assert told == {
        "reference": "held",
        "amount": 4599900,
        "currency": "INR",
        "captured": 0,
        "refunded": 0,
        "brand": "visa",
        "last4": "4242",
    }


async def test_a_declined_payment_says_why(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("declined", "4000000000000002"))
    assert payment["decline_code"] == "card_declined"


async def test_an_expired_card_is_declined(provider, card_payment):
    card = {"type": "card", "number": "4242424242424242", "exp_month": 1, "exp_year": 2020}
    _, payment = await provider.post("/v1/payments", card_payment("expired-card", method=card))
    assert (payment["state"], payment["decline_code"]) == ("declined", "expired_card")


async def test_automatic_capture_takes_the_amount_at_once(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("automatic", capture="automatic"))
    assert (payment["state"], payment["captured"]) == ("captured", 4599900)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            {"method": {"type": "card", "number": "4242424242424241", "exp_month": 1, "exp_year": 2090}},
            "invalid_card_number",
        ),
        ({"method": {"type": "card", "number": "4242424242424242", "exp_month": 13, "exp_year": 2090}}, "invalid"),
        ({"amount": 0}, "invalid"),
        ({"amount": 10.5}, "invalid"),
        ({"currency": "inr"}, "invalid"),
        ({"price": 1}, "invalid"),
        ({"method": {"type": "upi", "vpa": "not a vpa"}}, "invalid"),
        ({"return_url": "javascript:alert(1)"}, "invalid"),
    ],
)
async def test_an_invalid_request_is_refused(provider, card_payment, change, code):
    status, problem = await provider.post("/v1/payments", card_payment("refused", **change))
    assert (status, problem["code"]) == (422, code)


async def test_a_refused_request_leaves_no_payment(provider, card_payment):
    await provider.post("/v1/payments", card_payment("never-made", "4242424242424241"))
    assert await provider.books_of("never-made") == []


async def test_a_body_that_is_not_json_is_malformed(provider):
    status, problem = await provider.post("/v1/payments", b"{")
    assert (status, problem["code"]) == (400, "malformed")


async def test_a_payment_without_key_is_refused(provider, card_payment):
    async with provider.session.post(provider.url + "/v1/payments", json=card_payment("no-key")) as answer:
        assert answer.status == 400


async def test_a_saved_card_pays_by_its_network_token(provider, card_payment):
    _, first = await provider.post("/v1/payments", card_payment("token-first"))
    method = {"type": "network_token", "token": first["network_token"]}
    _, second = await provider.post("/v1/payments", card_payment("token-second", method=method))
    assert (second["state"], second["method"], second["last4"]) == ("authorized", "network_token", "4242")


async def test_a_declined_card_gets_no_token(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("no-token", "4000000000000002"))
    assert "network_token" not in payment


async def test_an_unknown_token_is_declined(provider, card_payment):
    method = {"type": "network_token", "token": "ntk_unknown"}
    _, payment = await provider.post("/v1/payments", card_payment("bad-token", method=method))
    assert (payment["state"], payment["decline_code"]) == ("declined", "invalid_token")


async def test_captures_add_up_to_the_amount_and_not_above(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("parts"))
    path = f"/v1/payments/{payment['id']}/captures"
    await provider.post(path, {"amount": 4000000})
    status, problem = await provider.post(path, {"amount": 599901})
    assert (status, problem["code"], problem["available"]) == (409, "amount_too_large", 599900)
    _, captured = await provider.post(path, {"amount": 599900})
    assert (captured["state"], captured["captured"]) == ("captured", 4599900)


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize("operation", ["captures", "refunds"])
async def test_an_amount_must_be_positive(provider, card_payment, operation, amount):
    _, payment = await provider.post("/v1/payments", card_payment("not-positive"))
    status, problem = await provider.post(f"/v1/payments/{payment['id']}/{operation}", {"amount": amount})
    assert (status, problem["code"]) == (422, "amount_not_positive")


async def test_a_void_gives_up_the_hold(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("voided"))
    _, voided = await provider.post(f"/v1/payments/{payment['id']}/voids")
    status, problem = await provider.post(f"/v1/payments/{payment['id']}/captures", {"amount": 1})
    assert (voided["state"], status, problem["state"]) == ("voided", 409, "voided")


async def test_captured_money_cannot_be_voided(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("no-void", capture="automatic"))
    status, problem = await provider.post(f"/v1/payments/{payment['id']}/voids")
    assert (status, problem["code"]) == (409, "invalid_state")


async def test_refunds_add_up_to_what_was_captured_and_not_above(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("refunds", capture="automatic"))
    path = f"/v1/payments/{payment['id']}/refunds"
    _, partly = await provider.post(path, {"amount": 4599899, "reason": "returned"})
    status, problem = await provider.post(path, {"amount": 2, "reason": "more"})
    _, wholly = await provider.post(path, {"amount": 1, "reason": "rest"})
    assert (partly["state"], partly["refunded"]) == ("partially_refunded", 4599899)
    assert (status, problem["available"]) == (409, 1)
    assert (wholly["state"], wholly["refunded"]) == ("refunded", 4599900)


async def test_a_hold_cannot_be_refunded(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("no-refund"))
    status, _ = await provider.post(f"/v1/payments/{payment['id']}/refunds", {"amount": 1, "reason": ""})
    assert status == 409


async def test_payments_are_found_by_reference(provider, card_payment):
    _, first = await provider.post("/v1/payments", card_payment("twice", "4000000000000002"))
    _, second = await provider.post("/v1/payments", card_payment("twice"))
    _, found = await provider.get("/v1/payments?reference=twice")
    assert found == {"data": [first, second], "has_more": False, "next_cursor": None}


async def test_an_unknown_payment_is_not_found(provider):
    assert (await provider.get("/v1/payments/psp_nothing"))[0] == 404


async def test_a_repeated_key_gets_the_stored_answer_and_no_second_effect(provider, card_payment):
    first = await provider.post("/v1/payments", card_payment("repeated"), key="repeat-1")
    again = await provider.post("/v1/payments", card_payment("repeated"), key="repeat-1")
    (row,) = await provider.books_of("repeated")
    assert again == first
    assert [call["outcome"] for call in row["calls"]] == ["authorized", "replayed"]


async def test_a_key_with_another_body_is_a_conflict(provider, card_payment):
    await provider.post("/v1/payments", card_payment("conflict"), key="conflict-1")
    status, problem = await provider.post("/v1/payments", card_payment("conflict", amount=1), key="conflict-1")
    assert (status, problem["code"]) == (422, "idempotency_conflict")


async def test_a_capture_key_used_for_another_payment_is_a_conflict(provider, card_payment):
    _, one = await provider.post("/v1/payments", card_payment("key-one"))
    _, two = await provider.post("/v1/payments", card_payment("key-two"))
    await provider.post(f"/v1/payments/{one['id']}/captures", {"amount": 5}, key="shared")
    status, _ = await provider.post(f"/v1/payments/{two['id']}/captures", {"amount": 5}, key="shared")
    assert status == 422


async def test_a_refusal_leaves_the_key_free(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("free-key", "4000002760003184"))
    path = f"/v1/payments/{payment['id']}/captures"
    early, _ = await provider.post(path, {"amount": 4599900}, key="free-1")
    form = {"outcome": "approve"}
    await provider.session.post(f"{provider.url}/sandbox/actions/{payment['id']}", data=form)
    late, _ = await provider.post(path, {"amount": 4599900}, key="free-1")
    assert (early, late) == (409, 200)


async def test_a_key_sent_many_times_at_once_captures_once(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("storm"))
    path = f"/v1/payments/{payment['id']}/captures"
    answers = await asyncio.gather(*(provider.post(path, {"amount": 100}, key="storm-1") for _ in range(40)))
    (row,) = await provider.books_of("storm")
    assert {(status, answer["captured"]) for status, answer in answers} == {(200, 100)}
    assert [call["outcome"] for call in row["calls"]].count("captured") == 1


async def test_the_books_tell_every_call(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("books"), key="books-auth")
    await provider.post(f"/v1/payments/{payment['id']}/captures", {"amount": 9999999}, key="books-over")
    await provider.post(f"/v1/payments/{payment['id']}/captures", {"amount": 4599900}, key="books-capture")
    refund = {"amount": 100, "reason": "late"}
    await provider.post(f"/v1/payments/{payment['id']}/refunds", refund, key="books-refund")
    (row,) = await provider.books_of("books")
    calls = [(call["op"], call["key"], call["outcome"]) for call in row.pop("calls")]
    assert row == {
        "id": payment["id"],
        "reference": "books",
        "amount": 4599900,
        "currency": "INR",
        "state": "partially_refunded",
        "captured": 4599900,
        "refunded": 100,
    }
    assert calls == [
        ("authorize", "books-auth", "authorized"),
        ("capture", "books-over", "refused: amount_too_large"),
        ("capture", "books-capture", "captured"),
        ("refund", "books-refund", "partially_refunded"),
    ]


async def test_the_books_can_be_read_in_pages(provider, card_payment):
    await provider.post("/v1/payments", card_payment("page-one"))
    await provider.post("/v1/payments", card_payment("page-two"))
    _, whole = await provider.get("/sandbox/books")
    _, first = await provider.get("/sandbox/books?limit=1")
    _, rest = await provider.get(f"/sandbox/books?cursor={first['next_cursor']}")
    assert first["has_more"] is True
    assert first["data"] + rest["data"] == whole["data"]


async def test_no_card_number_reaches_the_disk(spawn, tmp_path, card_payment):
    provider = await spawn("provider", tmp_path)
    await provider.post("/v1/payments", card_payment("canary", "4539578763621486"))
    await provider.stop()
    assert [path.name for path in tmp_path.iterdir() if b"4539578763621486" in path.read_bytes()] == []
