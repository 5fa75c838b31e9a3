"""Cards in memory: sealed, for a while, and for one charge."""

import time
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag

from haat.contracts.vault import Card, CardUnknown
from haat.kit.message import Unavailable
from haat.services.vault import waiting
from haat.services.vault.model import Pan
from haat.services.vault.waiting import WaitingCards

NUMBER = "4539578763621486"


def card(token: str = "tok_1") -> Card:
    return Card(
        token=token,
        brand="visa",
        last4="1486",
        exp_month=1,
        exp_year=2040,
        fingerprint="f",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def filled(seconds: float = 60) -> WaitingCards:
    cards = WaitingCards(seconds)
    cards.put(card(), Pan(NUMBER), "987", "")
    return cards


def test_a_card_comes_out_as_it_went_in():
    cards = filled()
    one = cards.claim("tok_1", "key")
    assert one is not None
    pan, code = cards.open(one)
    assert (pan.reveal(), code) == (NUMBER, "987")


def test_number_and_code_lie_sealed():
    one = filled().get("tok_1")
    assert one is not None
    assert (NUMBER.encode() in one.sealed, b"987" in one.sealed, NUMBER in repr(one)) == (False, False, False)


def test_another_token_does_not_open_it():
    cards = filled()
    cards.put(card("tok_2"), Pan(NUMBER), "987", "")
    one, other = cards.get("tok_1"), cards.get("tok_2")
    assert one is not None and other is not None
    other.sealed = one.sealed
    with pytest.raises(InvalidTag):
        cards.open(other)


def test_a_card_is_for_one_charge():
    cards = filled()
    assert cards.claim("tok_1", "key") is cards.claim("tok_1", "key")
    with pytest.raises(CardUnknown):
        cards.claim("tok_1", "other")


def test_a_dropped_card_is_gone():
    cards = filled()
    cards.drop("tok_1")
    assert cards.claim("tok_1", "key") is None


def test_a_card_is_let_go_of_after_its_time_without_anybody_asking():
    cards = filled(0.05)
    time.sleep(0.06)
    cards.expire()
    assert list(cards._cards) == []


def test_nobodys_card_is_put_out_for_anothers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "MOST", 1)
    cards = filled()
    with pytest.raises(Unavailable):
        cards.put(card("tok_2"), Pan(NUMBER), "987", "")
    assert cards.get("tok_1") is not None
