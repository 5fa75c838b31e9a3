"""What a shopper has chosen is still chosen after a refusal, and nothing is done with what they did not choose."""

from __future__ import annotations

import re

import msgspec
import pytest

from haat.contracts.payments import CardMethod
from tests.web.storefront.conftest import Visitor, visiting
from tests.web.storefront.test_pages import FIELDS, buy

BAD_PIN = {**FIELDS, "postal_code": "12", "do": "place"}


def checked(page: str, name: str) -> list[str]:
    """The values of this name that are chosen in a page."""
    return re.findall(rf'name="{name}" value="([^"]*)" checked', page)


async def two_cards(visitor: Visitor) -> None:
    """A shopper who keeps two cards, with a laptop in the cart."""
    await visitor.register()
    (card,) = visitor.behind.payments.cards
    second = msgspec.structs.replace(card, id="pm_2", token="tok_second", last4="1881")
    visitor.behind.payments.cards = [card, second]
    await visitor.take_laptop()


@pytest.mark.parametrize("chosen", ["tok_kept", "tok_second", ""])
async def test_the_card_that_was_chosen_stays_chosen_when_the_address_is_refused(visitor: Visitor, chosen: str):
    await two_cards(visitor)
    answer = await visitor.send("/checkout", **BAD_PIN, payment="card", saved_card=chosen)
    assert (answer.status_code, checked(answer.text, "saved_card")) == (422, [chosen])


async def test_for_a_card_that_was_forgotten_meanwhile_no_other_is_charged(visitor: Visitor):
    await two_cards(visitor)
    answer = await visitor.send("/checkout", **BAD_PIN, payment="card", saved_card="tok_forgotten")
    assert checked(answer.text, "saved_card") == [""]


async def test_the_card_kept_first_is_proposed(visitor: Visitor):
    await two_cards(visitor)
    assert checked((await visitor.see("/checkout")).text, "saved_card") == ["tok_kept"]
    await buy(visitor, payment="card", saved_card="tok_kept")
    (asked,) = visitor.behind.checkout.completed
    assert asked.payment == CardMethod(token="tok_kept")


async def test_that_a_card_is_to_be_kept_is_not_forgotten(visitor: Visitor):
    await two_cards(visitor)
    pages = [await visitor.send("/checkout", **BAD_PIN, payment="card", **more) for more in ({"save_card": "1"}, {})]
    assert [checked(page.text, "save_card") for page in pages] == [["1"], []]


@pytest.mark.parametrize(("chosen", "shown"), [("mobikwik", "mobikwik"), ("gone", "phonepe"), ("", "phonepe")])
async def test_the_wallet_that_was_chosen_stays_chosen(chosen: str, shown: str):
    async with visiting(payment_provider="razorpay") as visitor:
        await visitor.take_laptop()
        answer = await visitor.send("/checkout", **BAD_PIN, payment="wallet", wallet=chosen)
    assert checked(answer.text, "wallet") == [shown]
