"""What cannot be read is never a success and never a refusal, and nothing that is sent to us brings the reader down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from haat.engines.payment_provider.razorpay import RazorpayProvider
from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.engines.payment_provider.stripe import StripeProvider
from haat.kit.ids import new_id
from haat.ports.payment_provider import Answered, Notice, PaymentProvider, Refused, Unknown
from tests.engines.payment_provider.worlds import PAYER, SECRET, RazorpayWorld, SandboxWorld, StripeWorld, World

PROVIDERS: dict[str, PaymentProvider] = {
    "sandbox": SandboxProvider("http://127.0.0.1:1", [SECRET]),
    "stripe": StripeProvider("sk", [SECRET], "INR"),
    "razorpay": RazorpayProvider("id", "secret", [SECRET], PAYER),
}
SIGNED = {"sandbox": SandboxWorld.signed, "stripe": StripeWorld.signed, "razorpay": RazorpayWorld.signed}
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1000,
    "currency": "inr",
    "status": "requires_action",
    "created": 1_790_000_000,
    "metadata": {"haat_reference": "chk_1"},
    "latest_charge": {"id": "ch_1", "refunds": {"data": [{"id": "re_1", "amount": 5, "status": "succeeded"}]}},
    "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example"}},
    "cancellation_reason": None,
}
ATTEMPT = {
    "id": "pay_1",
    "status": "authorized",
    "amount": 1000,
    "currency": "INR",
    "created_at": 1_790_000_000,
    "order_id": "order_1",
    "notes": {"haat_reference": "chk_1"},
}
PAYMENT = {
    "id": "psp_1",
    "reference": "chk_1",
    "amount": 1000,
    "currency": "INR",
    "state": "captured",
    "captured": 1000,
    "refunded": 0,
    "refunds": [{"id": "rfd_1", "amount": 5, "state": "pending"}],
}
OBJECTS = {"sandbox": PAYMENT, "stripe": INTENT, "razorpay": ATTEMPT}
PARTS = st.recursive(
    st.none()
    | st.integers(-(10**18), 10**18)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["XTS", "jpy", "isk"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "url"]), inner),
    max_leaves=5,
)


@st.composite
def garbled(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A provider and its object with some of its parts changed or gone."""
    name = draw(st.sampled_from(list(OBJECTS)))
    whole = OBJECTS[name]
    changes = draw(st.dictionaries(st.sampled_from(list(whole)), PARTS, max_size=3))
    gone = draw(st.sets(st.sampled_from(list(whole)), max_size=1))
    return name, {part: value for part, value in (whole | changes).items() if part not in gone}


@example(("stripe", INTENT | {"created": 10**18}), 200)
@example(("stripe", INTENT | {"currency": "isk", "amount": 501}), 200)
@example(("razorpay", ATTEMPT | {"created_at": 10**18}), 200)
@example(("sandbox", PAYMENT | {"state": "new"}), 200)
@given(garbled(), st.sampled_from([200, 201, 302, 400, 402, 404, 500]))
@settings(deadline=None, max_examples=100)
def test_any_answer_is_read(about: tuple[str, dict[str, Any]], status: int):
    name, body = about
    whole = body | {"attempt": body, "order_id": "order_1", "reference": "chk_1"}
    outcome = PROVIDERS[name].read(status, whole)
    assert isinstance(outcome, Answered | Refused | Unknown)
    assert not (isinstance(outcome, Answered) and status >= 300)
    assert not (isinstance(outcome, Refused) and not 400 <= status < 500)


@example(("stripe", INTENT | {"created": 10**18}))
@example(("razorpay", ATTEMPT | {"created_at": -(10**18)}))
@example(("sandbox", PAYMENT | {"state": "new"}))
@given(garbled())
@settings(deadline=None, max_examples=100)
def test_any_signed_notice_is_heard(about: tuple[str, dict[str, Any]]):
    name, told = about
    data = {"id": "evt_1", "type": "t", "data": {"object": told, "payment": told}}
    body = json.dumps(data | {"event": "payment.t", "payload": {"payment": {"entity": told}}}).encode()
    notice = PROVIDERS[name].verify(body, SIGNED[name](None, body))
    assert notice is None or isinstance(notice, Notice)


@pytest.mark.parametrize("name", PROVIDERS)
@given(body=st.binary(max_size=60), header=st.text(max_size=60))
@settings(deadline=None, max_examples=50)
def test_any_unsigned_notice_is_turned_away(name: str, body: bytes, header: str):
    names = ("webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-razorpay-signature")
    assert PROVIDERS[name].verify(body, dict.fromkeys(names, header)) is None


@pytest.mark.parametrize("world", ["stripe", "razorpay"], indirect=True)
@pytest.mark.parametrize(
    "wrong", [{"currency": "xts", "amount": None}, {"amount": "1000"}, {"status": 7, "amount": 1.5}]
)
async def test_a_capture_whose_answer_cannot_be_read_is_unknown_not_refused(world: World, wrong: dict[str, Any]):
    reference, payment_id = new_id("chk"), ""
    payment_id = await world.hold(1000, reference)
    world.server.garbled["capture"] = wrong
    outcome = await world.provider.capture(new_id("key"), payment_id, 1000)
    assert (type(outcome), (await world.book(reference)).captured) == (Unknown, 1000)


async def test_a_currency_that_is_not_known_after_the_effect_is_unknown_not_refused(razorpay_world: RazorpayWorld):
    payment_id = await razorpay_world.hold()
    razorpay_world.server.garbled["capture"] = {"currency": "XTS"}
    assert isinstance(await razorpay_world.provider.capture(new_id("key"), payment_id, 1000), Unknown)
