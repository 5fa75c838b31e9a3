"""The generic cell rate algorithm."""

from __future__ import annotations

import pytest

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
    assert allowed([limits.judge(guest(f"t{n}"), 0.0) for n in range(101)]) == [True] * 100 + [False]


def test_a_network_of_ipv6_is_one_address():
    limits = Limits(1)
    inside = [Caller(cart_token=f"t{n}", address=f"2001:db8:1:2::{n:x}") for n in range(101)]
    assert allowed([limits.judge(each, 0.0) for each in inside]) == [True] * 100 + [False]
    assert allowed([limits.judge(Caller(address="2001:db8:1:3::1"), 0.0)]) == [True]


def test_a_guest_has_an_allowance_of_their_own():
    limits = Limits(1)
    assert allowed([limits.judge(guest("t"), 0.0), limits.judge(guest("t"), 0.0)]) == [True, False]


def test_a_guest_cannot_spend_a_users_allowance_by_a_token_of_that_name():
    limits = Limits(1)
    assert allowed([limits.judge(guest("usr_asha"), 0.0), limits.judge(ASHA, 0.0)]) == [True, True]


def test_callers_who_have_all_of_it_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("haat.web.gateway.limits.MAX_CALLERS", 4)
    limits = Limits(1)
    users = [Caller(user_id=f"usr_{n}") for n in range(5)]
    early = [limits.judge(user, 0.0) for user in users[:3]]
    late = [limits.judge(user, 61.0) for user in users[3:]]
    # The fifth makes room: the first three are whole again, the fourth is still held.
    assert allowed([*early, *late, limits.judge(users[3], 61.0)]) == [True] * 5 + [False]


def test_when_nobody_can_be_forgotten_all_begin_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("haat.web.gateway.limits.MAX_CALLERS", 4)
    limits = Limits(1)
    users = [Caller(user_id=f"usr_{n}") for n in range(5)]
    assert allowed([limits.judge(user, 0.0) for user in (*users, users[0])]) == [True] * 6


def test_a_refused_request_costs_nothing():
    limits = Limits(1)
    limits.judge(ASHA, 0.0)
    assert allowed([limits.judge(ASHA, at) for at in (10.0, 20.0, 30.0, 60.0)]) == [False, False, False, True]
