"""The rules of risk."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from haat.contracts.fraud import Assess
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.kit.money import Money
from haat.services.fraud.model import Limits, canonical, countable_network, decision_of, judge

LIMITS = Limits()
ORDINARY = Assess(
    attempt_id="att_1",
    checkout_id="chk_1",
    amount=Money(259900),
    method="card",
    email="asha@example.in",
    ship_to_country="IN",
    ship_to_postal_code="560001",
    user_id="usr_01jd0000000000000000000000",
)


def codes(counts=None, **changes) -> list[str]:
    verdict = judge(msgspec.structs.replace(ORDINARY, **changes), counts or {}, LIMITS, now())
    return [reason.code for reason in verdict.reasons]


def test_an_ordinary_purchase_has_no_reasons_and_is_allowed():
    verdict = judge(ORDINARY, {}, LIMITS, now())
    assert (verdict.decision, verdict.score, verdict.reasons) == ("allow", 0, [])


@pytest.mark.parametrize(
    ("score", "decision"), [(0, "allow"), (49, "allow"), (50, "review"), (79, "review"), (80, "deny"), (100, "deny")]
)
def test_thresholds(score, decision):
    assert decision_of(score) == decision


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Money(100_000_00)}, "high_amount"),
        ({"amount": Money(500_000_00)}, "very_high_amount"),
        ({"amount": Money(25_000_00), "method": "cod"}, "high_cash"),
        ({"amount": Money(50_000_00), "method": "cod"}, "very_high_cash"),
        ({"email": "x@Mailinator.com"}, "disposable_email"),
        ({"user_id": None}, "guest"),
        ({"quantity": 20}, "many_units"),
        ({"quantity": 100}, "very_many_units"),
        ({"bill_to_postal_code": "110001"}, "address_mismatch"),
        ({"ship_to_country": "NP"}, "foreign_country"),
    ],
)
def test_a_rule_fires_alone(changes, code):
    assert codes(**changes) == [code]


def test_an_account_made_this_minute_is_new():
    assert codes(user_id=new_id("usr")) == ["new_account"]


def test_an_account_is_not_new_after_an_hour():
    ask = msgspec.structs.replace(ORDINARY, user_id=new_id("usr"))
    assert judge(ask, {}, LIMITS, now() + timedelta(hours=1, minutes=1)).reasons == []


def test_a_user_and_their_mail_are_one_fast_person():
    assert codes({"user": (20, 60, 240), "email": (20, 60, 240)}) == ["user_velocity"]


def test_one_fast_person_alone_is_still_allowed():
    verdict = judge(ORDINARY, {"user": (500, 500, 500), "email": (500, 500, 500)}, LIMITS, now())
    assert (verdict.decision, verdict.score) == ("allow", 30)


def test_a_fast_card_from_a_fast_address_is_reviewed():
    verdict = judge(ORDINARY, {"network": (60, 60, 60), "card": (60, 60, 60)}, LIMITS, now())
    assert (verdict.decision, verdict.score) == ("review", 70)


def test_no_limit_means_no_velocity():
    assert judge(ORDINARY, {"user": (999, 999, 999)}, Limits(per_hour=0), now()).reasons == []


def test_the_score_never_exceeds_a_hundred():
    ask = msgspec.structs.replace(
        ORDINARY, amount=Money(900_000_00), method="cod", email="x@yopmail.com", quantity=500, user_id=None
    )
    assert judge(ask, {}, LIMITS, datetime(2026, 1, 1, tzinfo=UTC)).score == 100


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fe80::1", "", "testclient"])
def test_addresses_that_many_share_do_not_count(address):
    assert countable_network(address) is None


def test_a_public_address_counts_and_an_ipv6_one_by_its_network():
    found = [countable_network(each) for each in ("8.8.8.8", "::ffff:8.8.8.8", "2a00:1450:4009:81f::200e")]
    assert found == ["8.8.8.8", "8.8.8.8", "2a00:1450:4009:81f::/64"]


def test_one_mailbox_is_one_person_however_written():
    assert canonical(" Asha+shop@Example.IN") == "asha@example.in"
