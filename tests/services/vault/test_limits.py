"""Card testing is slowed down; those who pay, and those who share an address of their own, are not."""

from typing import Any

import msgspec
import pytest
import structlog

from haat.kit.problem import TooMany
from haat.services.vault.limits import HOUR, REFUSED, CardTries


def accepted(tries: CardTries, pairs: Any) -> int:
    """How many of these (address, card) were let through within a second."""
    done = 0
    for address, card in pairs:
        try:
            tries.begin(address, card, 0.0)
            done += 1
        except TooMany:
            pass
    return done


# TEST-NET addresses are not public; these are.
def public(number: int) -> str:
    return f"93.184.216.{number}"


def test_fifty_addresses_with_a_thousand_cards_are_limited_and_told_of():
    before = REFUSED._value.get()
    with structlog.testing.capture_logs() as lines:
        done = accepted(CardTries(10), ((public(n % 50), f"card{n}") for n in range(1000)))
    assert (done, REFUSED._value.get() - before) == (500, 500)
    assert {line["address"] for line in lines} == {public(n) for n in range(50)}


def test_one_card_tried_from_everywhere_is_limited():
    assert accepted(CardTries(10), ((public(n), "card") for n in range(100))) == 10


def test_a_network_of_ipv6_counts_as_one_address():
    tries = CardTries(10)
    inside = [f"2a00:1450:4009:81f::{n:x}" for n in range(100)]
    assert accepted(tries, ((each, f"card{n}") for n, each in enumerate(inside))) == 10
    tries.paid("2a00:1450:4009:81f::abcd", "card0")
    tries.begin("2a00:1450:4009:81f:1:2:3:4", "card", 0.0)
    assert accepted(tries, [("2a00:1450:4009:820::1", "next door"), ("::ffff:93.184.216.1", "mapped")]) == 2


def test_cards_that_pay_are_not_counted():
    tries = CardTries(10)
    for n in range(100):
        tries.begin(public(1), f"card{n}", 0.0)
        tries.paid(public(1), f"card{n}")


def test_a_challenged_card_counts_a_tenth():
    tries = CardTries(2)
    for n in range(18):
        tries.begin(public(1), f"card{n}", float(n))
        tries.challenged(public(1), f"card{n}", float(n))
    tries.begin(public(1), "unpaid", 100.0)
    with pytest.raises(TooMany) as refused:
        tries.begin(public(1), "another", 200.0)
    # 18 tenths and one whole: nine of the tenths must be an hour old.
    assert refused.value.facts == {"retry_after_seconds": 3409}
    tries.begin(public(1), "another", HOUR + 9)


def test_a_card_that_is_challenged_again_and_again_is_limited():
    tries, done = CardTries(1), 0
    with pytest.raises(TooMany):
        for n in range(100):
            tries.begin(public(n), "card", 0.0)
            tries.challenged(public(n), "card", 0.0)
            done += 1
    assert done == 10


def test_an_hour_later_there_is_room_again():
    tries = CardTries(2)
    tries.begin(public(1), "a", 0.0)
    tries.begin(public(1), "b", 1800.0)
    with pytest.raises(TooMany) as refused:
        tries.begin(public(1), "c", 3000.0)
    assert refused.value.facts == {"retry_after_seconds": 601}
    tries.begin(public(1), "c", HOUR + 1)
    with pytest.raises(TooMany):
        tries.begin(public(1), "d", HOUR + 2)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fd00::1", "", "not an address"])
def test_a_proxy_and_our_own_machine_are_not_counted(address: str):
    assert accepted(CardTries(10), ((address, "card") for _ in range(50))) == 50


def test_no_limit_counts_nothing():
    assert accepted(CardTries(0), ((public(1), "card") for _ in range(50))) == 50


async def test_shoppers_whose_banks_challenge_them_do_not_lock_their_address(vaulted: Any):
    vaulted.policy = msgspec.structs.replace(vaulted.policy, tries_per_hour=1)
    vaulted.vault = vaulted.restarted()
    vaulted.acquirer.state = "requires_action"
    for _ in range(10):
        token = await vaulted.token(address=public(1))
        await vaulted.vault.charge(vaulted.charge(token))
    with pytest.raises(TooMany):
        await vaulted.token(address=public(1))


async def test_the_vault_refuses_and_a_payment_gives_the_try_back(vaulted: Any):
    vaulted.policy = msgspec.structs.replace(vaulted.policy, tries_per_hour=2)
    vaulted.vault = vaulted.restarted()
    first, _ = [await vaulted.token(address=public(1)) for _ in range(2)]
    with pytest.raises(TooMany):
        await vaulted.token(address=public(1))
    await vaulted.vault.charge(vaulted.charge(first))
    await vaulted.token(address=public(1))
    with pytest.raises(TooMany):
        await vaulted.token(address=public(1))
