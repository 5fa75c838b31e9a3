"""The rules of a payment, as properties: facts may come in any order, any number of times."""

import itertools
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haat.contracts.payments import Action, CardMethod, CashMethod, PaymentFailed, UpiMethod
from haat.kit.clock import now
from haat.kit.money import Money
from haat.ports.payment_provider import PaymentFact, RefundFact
from haat.services.payments.ledger import events, postings
from haat.services.payments.model import (
    RANK,
    Mismatch,
    PaymentState,
    RefundState,
    capture_finished,
    left_alone,
    merge,
    next_check,
    refund_told,
)
from haat.services.payments.views import refund_view, summary

AT = now()
# A busy machine is no fault of the model.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
START = PaymentState(
    payment_id="pay_1",
    attempt_id="att_1",
    checkout_id="chk_1",
    provider="sandbox",
    amount=Money(1000),
    method=CardMethod(token="tok_1"),
    state="authorizing",
    created_at=AT,
    refunds=(RefundState("ref_1", "r", 300, "pending", "x", AT, "rfd_1"),),
)
FACT = PaymentFact(id="psp_1", reference="chk_1", amount=Money(1000), state="authorized")
# What a provider may truly say, one after the other.
STORIES = [
    ["requires_action", "authorized", "captured"],
    ["processing", "authorized", "voided"],
    ["requires_action", "expired", "captured"],
    ["processing", "declined"],
    ["authorized", "lapsed"],
]


def fact(state: str, captured: int | None = None, refund: str | None = None) -> PaymentFact:
    taken = captured if captured is not None else 1000 if state == "captured" else 0
    refunds = () if refund is None else (RefundFact("rfd_1", 300, refund),)
    return msgspec.structs.replace(FACT, state=state, captured_minor=taken, refunds=refunds)


def after(facts: list[PaymentFact], payment: PaymentState = START) -> PaymentState:
    for each in facts:
        payment = merge(payment, each, AT) or payment
    return payment


def essence(payment: PaymentState) -> tuple[object, ...]:
    return payment.state, payment.captured_minor, payment.refunds, payment.provider_id


@UNHURRIED
@given(
    st.sampled_from(STORIES).flatmap(lambda story: st.lists(st.sampled_from(story)).map(lambda more: story + more)),
    st.randoms(),
)
def test_any_order_and_repetition_of_a_story_ends_the_same(told: list[str], random):
    ends = essence(after([fact(state) for state in dict.fromkeys(told)]))
    random.shuffle(told)
    assert essence(after([fact(state) for state in told])) == ends


@UNHURRIED
@given(
    st.lists(
        st.sampled_from(
            [
                fact(state)
                for state in (
                    "requires_action",
                    "processing",
                    "authorized",
                    "declined",
                    "expired",
                    "voided",
                    "lapsed",
                    "captured",
                )
            ]
        )
    )
)
def test_a_payment_never_falls_back(facts: list[PaymentFact]):
    states = [START, *itertools.accumulate(facts, lambda payment, each: after([each], payment), initial=START)]
    ranks = [RANK[payment.state] for payment in states]
    assert ranks == sorted(ranks)


@UNHURRIED
@given(
    st.lists(
        st.builds(
            fact, st.just("captured"), st.integers(300, 1000), st.sampled_from([None, "pending", "succeeded", "failed"])
        )
    )
)
def test_every_posting_balances_and_each_is_written_once(facts: list[PaymentFact]):
    payment, refs = START, []
    for each in facts:
        changed = after([each], payment)
        for posting in postings(payment, changed):
            assert sum(amount for _, amount in posting.entries) == 0
            refs.append(posting.txn_id)
        payment = changed
    assert len(refs) == len(set(refs))


@UNHURRIED
@given(st.lists(st.builds(fact, st.just("captured"), st.integers(1, 1000))))
def test_posted_captures_sum_to_what_is_captured(facts: list[PaymentFact]):
    payment, posted = START, 0
    for each in facts:
        changed = after([each], payment)
        posted += sum(p.entries[0][1] for p in postings(payment, changed) if p.kind == "capture")
        payment = changed
    assert posted == payment.captured_minor


def test_the_same_fact_again_is_nothing_new():
    assert merge(after([FACT]), FACT, AT) is None


def test_late_money_lifts_an_expired_payment_and_is_told():
    expired = after([fact("expired")])
    late = after([fact("captured")], expired)
    assert [type(event).__name__ for event in events(expired, late)] == ["PaymentAuthorized", "PaymentCaptured"]
    assert late.decline_code is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": Money(999)}, "amount"),
        ({"amount": Money(1000, "USD")}, "amount"),
        ({"reference": "chk_2"}, "reference"),
        ({"captured_minor": 1001}, "captured"),
        ({"foreign_merchant": "another shop"}, "merchant"),
    ],
)
def test_a_fact_about_something_else_is_refused(changes, reason):
    with pytest.raises(Mismatch) as refused:
        merge(START, msgspec.structs.replace(FACT, **changes), AT)
    assert refused.value.reason == reason


def test_another_payment_of_the_same_checkout_is_refused():
    with pytest.raises(Mismatch):
        merge(after([FACT]), msgspec.structs.replace(FACT, id="psp_2"), AT)


def test_a_refund_that_fails_gives_its_amount_back():
    captured = after([fact("captured", 1000, "succeeded")])
    failed = after([fact("captured", 1000, "failed")], captured)
    assert (captured.shown, captured.refundable_minor) == ("partially_refunded", 700)
    assert (failed.shown, failed.refundable_minor) == ("captured", 1000)
    assert [posting.kind for posting in postings(captured, failed)] == ["refund_returned"]


def test_a_dispute_shows_and_holds_its_amount():
    disputed = after([msgspec.structs.replace(fact("captured"), dispute="opened", disputed_minor=1000)])
    assert (disputed.shown, disputed.refundable_minor) == ("disputed", 0)


@pytest.mark.parametrize("lost", [1000, 600])
def test_a_dispute_that_is_lost_leaves_nothing_in_reserve_whatever_it_was_opened_for(lost: int):
    taken = after([fact("captured")])
    opened = after([msgspec.structs.replace(fact("captured"), dispute="opened", disputed_minor=1000)], taken)
    ended = after([msgspec.structs.replace(fact("captured"), dispute="lost", disputed_minor=lost)], opened)
    entries = [
        entry for step in (postings(taken, opened), postings(opened, ended)) for each in step for entry in each.entries
    ]
    sums = {account: sum(amount for name, amount in entries if name == account) for account, _ in entries}
    assert sums == {"dispute_reserve": 0, "psp_clearing:sandbox": -lost, "dispute_losses": lost}


def test_a_settled_payment_is_left_alone():
    settled = msgspec.structs.replace(after([fact("captured", 1000, "succeeded")]))
    assert next_check(settled, AT) is None


def test_money_that_must_go_back_is_due_at_once():
    assert next_check(msgspec.structs.replace(after([FACT]), void_reason="canceled"), AT) == AT


@pytest.mark.parametrize("before", ["requires_action", "processing", "authorized"])
@pytest.mark.parametrize(("reason", "told"), [(None, ["expired"]), ("canceled", [])])
def test_what_ends_at_the_provider_by_itself_is_told_whatever_it_waited_for(
    before: str, reason: str | None, told: list[str]
):
    waited = msgspec.structs.replace(after([fact(before)]), void_reason=reason)
    found = events(waited, after([fact("lapsed")], waited))
    assert [event.state for event in found if isinstance(event, PaymentFailed)] == told


@pytest.mark.parametrize(("failed", "minutes"), [(0, 0), (1, 3), (2, 15), (3, 63), (4, 255)])
def test_money_that_was_refused_or_sent_back_is_given_again_with_growing_patience(failed: int, minutes: int):
    taken = after([fact("captured")])
    refunds = (msgspec.structs.replace(taken.refunds[0], state="failed"),) * failed
    waiting = msgspec.structs.replace(taken, void_reason="canceled", refunds=refunds)
    assert next_check(waiting, AT) == AT + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"brand": "visa", "last4": "4242"}, "Visa •••• 4242"),
        ({"method": UpiMethod(vpa="ok@sandbox")}, "UPI ok@sandbox"),
        ({"method": CashMethod()}, "Cash on delivery"),
    ],
)
def test_a_payment_in_words(changes, words):
    assert summary(msgspec.structs.replace(START, **changes)) == words


def test_a_capture_of_less_than_was_asked_is_put_aside():
    asking = msgspec.structs.replace(after([FACT]), capturing_minor=1000)
    with pytest.raises(Mismatch) as refused:
        capture_finished(asking, fact("captured", captured=400), 1000, AT)
    assert refused.value.reason == "captured"


def test_a_refund_of_another_amount_is_put_aside_whoever_tells_it():
    paid = after([fact("captured")])
    other = msgspec.structs.replace(fact("captured"), refunds=(RefundFact("rfd_1", 299, "succeeded"),))
    with pytest.raises(Mismatch, match="refund"):
        refund_told(paid, "ref_1", other, AT)
    with pytest.raises(Mismatch, match="refund"):
        merge(paid, other, AT)


@pytest.mark.parametrize(
    ("state", "wanted", "minutes", "ends"),
    [
        ("requires_action", "abandoned", 9, None),
        ("requires_action", "abandoned", 10, "expired"),
        ("requires_action", None, 10, None),
        ("authorized", "abandoned", 10, None),
    ],
)
def test_what_was_let_go_of_ends_with_its_time_where_nobody_can_be_told(state, wanted, minutes, ends):
    action = Action(type="redirect", url="https://bank", expires_at=AT + timedelta(minutes=10))
    payment = msgspec.structs.replace(START, state=state, void_reason=wanted, action=action)
    ended = left_alone(payment, AT + timedelta(minutes=minutes))
    assert (ended and ended.state) == ends


def test_a_refund_names_its_parts_and_what_still_stands_of_each():
    made = [("ref_card", "r", 600, "failed", None), ("ref_gift", "r#0", 100, "succeeded", "gift_liability:gft_1")]
    refunds = tuple(RefundState(each, ask, amount, state, "x", AT, account=to) for each, ask, amount, state, to in made)
    seen = refund_view(msgspec.structs.replace(START, refunds=refunds), "r")
    assert (seen.amount, seen.state) == (Money(100), "succeeded")
    assert seen.parts == {"ref_card": Money(0), "ref_gift": Money(100)}
