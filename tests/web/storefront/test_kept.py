"""What a shopper has chosen is still chosen after a refusal, and nothing is done with what they did not choose."""

from __future__ import annotations

import re

import msgspec
import pytest

from haat.contracts.cart import AddItem
from haat.contracts.checkout import Complete
from haat.contracts.inventory import OutOfStock
from haat.contracts.payments import CardMethod
from haat.kit.message import Unavailable
from tests.web.storefront.conftest import Visitor, visiting
from tests.web.storefront.test_pages import FIELDS, buy

SEEN = {"seen_total": "4604800"}
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


async def test_a_members_first_address_is_kept_unless_they_say_otherwise(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    assert checked((await visitor.see("/checkout")).text, "keep_address") == ["1"]
    await buy(visitor, payment="cod", keep_address="1")
    (kept,) = visitor.behind.identity.book.values()
    assert (kept.address.line1, kept.is_default) == ("12 Lake View Lane", True)


async def test_an_address_that_is_not_to_be_kept_is_not(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    again = await visitor.send("/checkout", **BAD_PIN, payment="cod", billing_asked="1", billing_same="1")
    await buy(visitor, payment="cod")
    assert (checked(again.text, "keep_address"), visitor.behind.identity.book) == ([], {})


@pytest.mark.parametrize("back", ["/checkout?token=tok_1", "/checkout?declined=card_declined"])
async def test_a_tick_that_was_taken_away_is_not_back_with_the_shopper(visitor: Visitor, back: str):
    await visitor.register()
    await visitor.take_laptop()
    await buy(visitor, payment="card")
    assert checked((await visitor.see(back)).text, "keep_address") == []


async def test_an_address_that_is_kept_is_not_kept_twice(visitor: Visitor):
    await visitor.register()
    await visitor.send("/account/addresses", **FIELDS)
    await visitor.take_laptop()
    proposed = checked((await visitor.see("/checkout")).text, "keep_address")
    await buy(visitor, payment="cod", keep_address="1")
    assert (proposed, len(visitor.behind.identity.book)) == ([], 1)


async def test_a_guest_is_not_asked_to_keep_an_address(visitor: Visitor):
    await visitor.take_laptop()
    assert "keep_address" not in (await visitor.see("/checkout")).text
    assert (await buy(visitor, payment="cod", keep_address="1")).headers["Location"] == "/orders/ord_0/thanks"


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


def ticked(page: str, name: str) -> list[str]:
    """The values that a form about the filters would send again."""
    found = re.search(r"<form action=[^>]*data-submit-on-change>(.*?)</form>", page, re.DOTALL)
    assert found is not None
    return checked(found[1], name)


async def test_a_brand_of_which_nothing_is_left_stays_on_when_another_filter_is_changed(visitor: Visitor):
    page = (await visitor.see("/search?q=laptop&brand=Deepak&rating=5")).text
    assert ("Nothing on the stalls" in page, ticked(page, "brand"), ticked(page, "rating")) == (True, ["Deepak"], ["5"])


async def test_a_guests_cart_is_kept_for_a_month_from_its_last_change(visitor: Visitor):
    await visitor.take_laptop()
    again = await visitor.send("/cart/items", product="brass-lamp", o__Size="S", quantity="1")
    changed = await visitor.send("/cart/items/itm_var_1S", quantity="2")
    lives = [re.findall(r"haat_cart=crt_new;.*?Max-Age=(\d+)", each.headers["Set-Cookie"]) for each in (again, changed)]
    assert lives == [["2592000"], ["2592000"]]


@pytest.mark.parametrize(
    ("available", "in_cart", "told"),
    [
        (3, 0, "Only 3 left: please choose fewer."),
        (3, 1, "Only 3 left, and 1 of them in your cart already: please choose fewer."),
        (3, 3, "All 3 left are in your cart already."),
        (1, 1, "The only one left is in your cart already."),
        (0, 2, "This has just sold out."),
    ],
)
async def test_what_lies_in_the_cart_already_is_told_when_there_is_no_more(
    visitor: Visitor, available: int, in_cart: int, told: str
):
    async def short(ask: AddItem) -> None:
        raise OutOfStock(sku="SKU-1-S", available=available, requested=in_cart + ask.quantity)

    vars(visitor.behind.cart)["add_item"] = short
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="4")
    assert (answer.status_code, f'role="alert">{told}</p>' in answer.text) == (409, True)


async def test_after_the_back_button_another_way_to_pay_is_another_attempt(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="card", card_token="decline-1", attempt="of-the-page")
    await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod", **SEEN, "attempt": "of-the-page"})
    card, cash = [asked.idempotency for asked in visitor.behind.checkout.completed]
    assert (card.key == cash.key, card.account == cash.account) == (False, True)


async def test_an_order_whose_answer_was_lost_is_not_said_to_cost_nothing(visitor: Visitor):
    async def lost(ask: Complete) -> None:
        stored = visitor.behind.checkout.stored
        stored[ask.checkout_id] = msgspec.structs.replace(stored[ask.checkout_id], status="completing")
        raise Unavailable("The checkout does not answer")

    await visitor.take_laptop()
    vars(visitor.behind.checkout)["complete"] = lost
    answer = await buy(visitor, payment="cod")
    assert (answer.status_code, answer.headers.get("Location")) == (303, "/checkout/chk_0/payment")


async def test_a_cart_that_was_away_at_the_sign_in_comes_along_later(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("the cart does not answer")

    await visitor.take_laptop()
    vars(visitor.behind.cart)["merge"] = away
    await visitor.register()
    early = (await visitor.see("/cart")).text
    del vars(visitor.behind.cart)["merge"]
    late = (await visitor.see("/cart")).text
    assert ["Book 14 laptop</a></h2>" in page for page in (early, late)] == [False, True]
    assert '<span id="count" class="count"><span class="unseen">, </span>1<span' in late
    assert list(visitor.behind.cart.lines) == ["usr_0"]


@pytest.mark.parametrize(
    ("path", "forms"),
    [
        ("/search?q=book", ["/search", "/search"]),
        ("/c/laptops", ["/c/laptops"] * 2),
        ("/p/brass-lamp", ["/cart/items"]),
    ],
)
async def test_what_the_back_button_shows_again_is_chosen_as_the_page_says(
    visitor: Visitor, path: str, forms: list[str]
):
    page = (await visitor.see(path)).text
    assert re.findall(r'<form [^>]*action="([^"]+)" autocomplete="off"', page) == forms


async def test_a_card_that_was_spent_does_not_come_back_with_the_page(visitor: Visitor):
    await visitor.take_laptop()
    assert 'name="card_token" value="" autocomplete="off">' in (await visitor.see("/checkout")).text


async def test_a_checkout_under_way_is_not_lost_when_an_older_cart_comes_along(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    await buy(visitor, payment="upi")
    visitor.client.cookies.set("haat_cart", "crt_older")
    brought = await visitor.see("/cart")
    page = await visitor.see("/checkout")
    assert ('haat_cart=""' in brought.headers["Set-Cookie"], page.status_code) == (True, 200)
    assert list(visitor.behind.checkout.stored) == ["chk_0"]
