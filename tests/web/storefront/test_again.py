"""The things of an order once more: what can be had comes into the cart, what cannot is told."""

from __future__ import annotations

from tests.web.storefront.conftest import Visitor
from tests.web.storefront.test_pages import buy


async def ordered(visitor: Visitor, laptops: str) -> None:
    """An order of some laptops and a lamp; the cart is empty after it."""
    await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity=laptops)
    await visitor.send("/cart/items", product="brass-lamp", o__Size="S", quantity="1")
    await buy(visitor, payment="cod")
    visitor.behind.cart.lines.clear()


def in_cart(visitor: Visitor) -> list[tuple[str, int]]:
    return [(line.title, line.quantity) for lines in visitor.behind.cart.lines.values() for line in lines]


async def test_what_was_ordered_comes_into_the_cart_again(visitor: Visitor):
    await ordered(visitor, "2")
    assert "Buy the same again" in (await visitor.see("/orders/ord_0")).text
    answer = await visitor.send("/orders/ord_0/again", attempt="one")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cart?said=added")
    assert in_cart(visitor) == [("Book 14 laptop", 2), ("Brass lamp", 1)]


async def test_a_member_gets_it_into_their_own_cart(visitor: Visitor):
    await visitor.register()
    await ordered(visitor, "1")
    await visitor.send("/orders/ord_0/again", attempt="one")
    assert list(visitor.behind.cart.lines) == ["usr_0"]


async def test_a_guest_without_a_cart_gets_one_for_all_of_it(visitor: Visitor):
    await ordered(visitor, "1")
    visitor.client.cookies.delete("haat_cart")
    answer = await visitor.send("/orders/ord_0/again", token="link-ord_0", attempt="one")
    assert answer.cookies["haat_cart"] == "crt_new"
    assert {key: len(lines) for key, lines in visitor.behind.cart.lines.items()} == {"crt_new": 2}


async def test_what_is_not_to_be_had_any_more_is_told_and_the_rest_is_there(visitor: Visitor):
    await ordered(visitor, "2")
    await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="2")
    visitor.behind.cart.withdrawn = {"prd_3"}
    answer = await visitor.send("/orders/ord_0/again", attempt="one")
    told = "Book 14 laptop: only 1 of 2 are left. Brass lamp: This product cannot be bought."
    assert (answer.status_code, f'role="alert">{told}</p>' in answer.text) == (409, True)
    assert in_cart(visitor) == [("Book 14 laptop", 3)]


async def test_where_nothing_is_to_be_had_the_empty_cart_says_why(visitor: Visitor):
    await ordered(visitor, "1")
    visitor.behind.cart.withdrawn = {"prd_1", "prd_3"}
    answer = await visitor.send("/orders/ord_0/again", attempt="one")
    told = "Book 14 laptop: This product cannot be bought. Brass lamp: This product cannot be bought."
    assert (answer.status_code, f'role="alert">{told}</p>' in answer.text) == (409, True)
    assert "Nothing in it yet" in answer.text


async def test_a_form_that_is_sent_twice_adds_under_the_same_keys(visitor: Visitor):
    await ordered(visitor, "1")
    for attempt in ("one", "one", "two"):
        await visitor.send("/orders/ord_0/again", attempt=attempt)
    first, second, later = (set(visitor.behind.cart.keys[at : at + 2]) for at in (0, 2, 4))
    assert (first == second, first & later, len(first)) == (True, set(), 2)


async def test_an_order_that_is_not_theirs_is_not_found(visitor: Visitor):
    assert (await visitor.send("/orders/ord_9/again", attempt="one")).status_code == 404
