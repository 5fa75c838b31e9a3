"""The generic cell rate algorithm."""

from __future__ import annotations

from haat.kit.access import Caller
from haat.web.gateway.limits import Limits, Verdict

ASHA = Caller(user_id="usr_asha", address="203.0.113.9")
RAVI = Caller(user_id="usr_ravi", address="203.0.113.9")


def guest(token: str) -> Caller:
    return Caller(cart_token=token, address="203.0.113.9")


def allowed(verdicts: list[Verdict | None]) -> list[bool]:
    return [verdict is not None and verdict.allowed for verdict in verdicts]


def test_zero_is_no_limit():
    assert Limits(0).judge(ASHA, 0.0) is None


def test_a_burst_may_take_the_whole_allowance():
    limits = Limits(6)
    assert allowed([limits.judge(ASHA, 1000.0) for _ in range(7)]) == [True] * 6 + [False]


def test_the_allowance_comes_back_evenly():
    limits = Limits(6)
    for _ in range(6):
        limits.judge(ASHA, 1000.0)
    assert allowed([limits.judge(ASHA, at) for at in (1009.9, 1010.0, 1010.1, 1020.0)]) == [False, True, False, True]


def test_the_verdict_says_how_the_caller_stands():
    limits = Limits(6)
    verdicts = [limits.judge(ASHA, 1000.0) for _ in range(7)]
    assert verdicts[0] == Verdict(True, 6, 5, 10, 0)
    assert verdicts[5] == Verdict(True, 6, 0, 60, 0)
    assert verdicts[6] == Verdict(False, 6, 0, 60, 10)


def test_users_do_not_share_an_allowance():
    limits = Limits(1)
    assert allowed([limits.judge(ASHA, 0.0), limits.judge(RAVI, 0.0), limits.judge(ASHA, 0.0)]) == [True, True, False]


def test_a_guest_with_ever_new_tokens_is_held_by_the_address():
    limits = Limits(1)
    assert allowed([limits.judge(guest(f"t{n}"), 0.0) for n in range(11)]) == [True] * 10 + [False]


def test_a_guest_has_an_allowance_of_their_own():
    limits = Limits(1)
    assert allowed([limits.judge(guest("t"), 0.0), limits.judge(guest("t"), 0.0)]) == [True, False]


def test_a_refused_request_costs_nothing():
    limits = Limits(1)
    limits.judge(ASHA, 0.0)
    assert allowed([limits.judge(ASHA, at) for at in (10.0, 20.0, 30.0, 60.0)]) == [False, False, False, True]
