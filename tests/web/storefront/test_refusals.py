"""Refusals have words and lose nothing, with script and without."""

from __future__ import annotations

import re

import msgspec
import pytest

from haat.contracts.identity import AddressBookFull, ChangeProfile
from haat.contracts.orders import OrderStateError, TimelineEntry
from haat.kit.idempotency import IdempotencyInFlight
from haat.kit.money import Money
from tests.web.storefront.conftest import Visitor
from tests.web.storefront.test_pages import FIELDS, buy


async def test_what_is_sold_out_is_told_beside_the_button_without_script(visitor: Visitor):
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="M", quantity="1")
    assert (answer.status_code, "This has just sold out." in answer.text) == (409, True)
    assert 'name="o.Size" value="M" checked' in answer.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("//cart", 404, "This stall is empty"), ("/c//laptops", 404, "This stall is empty"), ("/p/%00", 400, "no sense")],
)
async def test_an_address_that_nothing_is_read_from_is_answered_with_a_page(
    visitor: Visitor, path: str, status: int, words: str
):
    answer = await visitor.client.get(f"http://shop.test{path}", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert (words in answer.text, "Content-Security-Policy" in answer.headers) == (True, True)


@pytest.mark.parametrize("path", ["//v1/products", "/v1//products", "//cart"])
async def test_a_program_is_told_the_same_as_a_problem(visitor: Visitor, path: str):
    answer = await visitor.client.get(f"http://shop.test{path}", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert (answer.json()["code"], answer.json()["request_id"]) == ("not_found", answer.headers["Request-Id"])


async def test_how_many_are_left_is_told_without_script(visitor: Visitor):
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="9")
    assert (answer.status_code, "Only 3 left: please choose fewer." in answer.text) == (409, True)


async def test_signing_in_never_leads_to_an_address_that_only_takes_forms(visitor: Visitor):
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="M", quantity="1")
    assert '<a href="/sign-in">' in answer.text


async def test_a_return_that_is_refused_keeps_what_was_chosen(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    visitor.behind.orders.deliver("ord_0")
    answer = await visitor.send("/orders/ord_0/returns", reason="I changed my mind", **{"quantity.itm_var_1S": "0"})
    assert (answer.status_code, '<details class="disclosure" open>' in answer.text) == (422, True)
    assert '<option value="0" selected>0</option>' in answer.text
    assert "<option selected>I changed my mind</option>" in answer.text


@pytest.mark.parametrize(
    ("status", "refund", "detail", "said"),
    [
        ("approved", 5_000, "", "₹50 will be given back once it is here."),
        ("rejected", 5_000, "It is <worn>", "It is &lt;worn&gt;"),
        ("refunded", 5_000, "", "₹50 was given back."),
        ("refunded", 0, "", "It is here. What you paid was given back before."),
        ("refunded", 0, "its money did not go through", "It is here. Its money did not go through yet: we see to it."),
    ],
)
async def test_what_became_of_a_return_is_told(visitor: Visitor, status: str, refund: int, detail: str, said: str):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    orders = visitor.behind.orders
    orders.deliver("ord_0")
    await visitor.send("/orders/ord_0/returns", reason="It does not fit", **{"quantity.itm_var_1S": "1"})
    order = orders.placed["ord_0"]
    last = TimelineEntry(at=order.placed_at, type=status, detail=detail)
    ended = msgspec.structs.replace(order.returns[0], status=status, refund=Money(refund), timeline=[last])
    orders.placed["ord_0"] = msgspec.structs.replace(order, returns=[ended])
    assert f"</h2><p>{said}</p>" in (await visitor.see("/orders/ord_0")).text


async def test_a_full_address_book_is_told_and_the_address_kept(visitor: Visitor):
    async def full(_: object) -> None:
        raise AddressBookFull(limit=50)

    await visitor.register()
    vars(visitor.behind.identity)["save_address"] = full
    answer = await visitor.send("/account/addresses", **FIELDS)
    assert (answer.status_code, "The address book holds 50 addresses already" in answer.text) == (409, True)
    assert f'value="{FIELDS["line1"]}"' in answer.text


@pytest.mark.parametrize(("path", "more"), [("/register", {}), ("/account/profile", {"current_password": "old"})])
async def test_a_password_longer_than_signing_in_reads_is_refused(visitor: Visitor, path: str, more: dict[str, str]):
    await visitor.register()
    typed = {"name": "Asha", "email": "asha.rao@example.com", "password": "x" * 1025, **more}
    answer = await visitor.send(path, **typed)
    assert (answer.status_code, "At most 1024 characters" in answer.text) == (422, True)
    assert [password for _, password in visitor.behind.identity.users.values()] == ["namaste-haat"]


async def test_a_name_that_is_too_long_is_told_by_its_own_field(visitor: Visitor):
    await visitor.register()
    answer = await visitor.send("/account/profile", name="A" * 121)
    assert (answer.status_code, '<a href="#f-name">At most 120 characters</a>' in answer.text) == (422, True)


async def test_a_password_that_is_not_theirs_is_told_by_its_own_field(visitor: Visitor):
    await visitor.register()
    typed = {"name": "Asha", "password": "an entirely new one", "current_password": "a guess"}
    answer = await visitor.send("/account/profile", **typed)
    told = '<a href="#f-current_password">This is not your password</a>' in answer.text
    assert (answer.status_code, told) == (422, True)


async def test_a_phone_that_was_taken_out_of_the_form_is_forgotten(visitor: Visitor):
    await visitor.register()
    for phone in ("98123 45678", ""):
        await visitor.send("/account/profile", name="Asha", phone=phone)
    asked = [each.phone for each in visitor.behind.identity.asked if isinstance(each, ChangeProfile)]
    assert asked == ["+919812345678", None]


async def test_an_account_form_that_is_sent_twice_opens_one_account_and_signs_in(visitor: Visitor):
    typed = {"name": "Asha", "email": "asha@example.com", "password": "namaste-haat"}
    twice = [await visitor.send("/register", **typed) for _ in range(2)]
    assert [answer.headers.get("Location") for answer in twice] == ["/?said=welcome"] * 2


async def test_somebody_elses_account_is_not_opened_by_registering_again(visitor: Visitor):
    await visitor.register()
    visitor.client.cookies.clear()
    typed = {"name": "Asha", "email": "asha@example.com", "password": "a guess of mine"}
    answer = await visitor.send("/register", **typed)
    assert (answer.status_code, "There is an account with this e-mail already" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("given", "led"),
    [
        ("/search?q=%E0%A4%B9", "/search?q=%E0%A4%B9"),
        ("/search%3Fq%3D%25E0%25A4%25B9%26page%3D2%23a", "/search?q=%E0%A4%B9&page=2#a"),
    ],
)
async def test_signing_in_leads_back_to_an_address_in_any_script(visitor: Visitor, given: str, led: str):
    await visitor.register()
    answer = await visitor.see(f"/sign-in?next={given}")
    assert (answer.status_code, answer.headers["Location"]) == (303, led)


async def test_a_link_that_would_write_headers_writes_none(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    await visitor.see("/checkout")
    await buy(visitor, payment="cod")
    answer = await visitor.send("/orders/ord_0/cancel", token="x\r\nSet-Cookie: a=b")
    assert answer.headers["Location"] == "/orders/ord_0?said=canceled&token=x%0D%0ASet-Cookie:%20a=b"


async def test_an_address_that_is_sent_twice_is_added_once(visitor: Visitor):
    await visitor.register()
    form = await visitor.see("/account/addresses/new")
    attempt = re.findall(r'name="attempt" value="([^"]+)"', form.text)
    twice = [await visitor.send("/account/addresses", **FIELDS, attempt="".join(attempt)) for _ in range(2)]
    assert [answer.headers.get("Location") for answer in twice] == ["/account?said=saved#addresses"] * 2
    assert len(visitor.behind.identity.book) == 1


async def test_the_second_click_does_not_mind_that_the_first_is_not_through_yet(visitor: Visitor):
    async def under_way(_: object) -> None:
        raise IdempotencyInFlight()

    await visitor.register()
    vars(visitor.behind.identity)["save_address"] = under_way
    answer = await visitor.send("/account/addresses", **FIELDS, attempt="of-the-form")
    assert answer.headers["Location"] == "/account?said=saved#addresses"


async def test_an_address_that_is_changed_after_the_back_button_is_another(visitor: Visitor):
    await visitor.register()
    form = await visitor.see("/account/addresses/new")
    attempt = re.findall(r'name="attempt" value="([^"]+)"', form.text)
    for line in ("12 MG Road", "7 Park Street"):
        await visitor.send("/account/addresses", **FIELDS | {"line1": line}, attempt="".join(attempt))
    assert [each.address.line1 for each in visitor.behind.identity.book.values()] == ["12 MG Road", "7 Park Street"]


async def test_a_refusal_that_no_page_tells_is_told_in_the_services_words(visitor: Visitor):
    async def refuse(_: object) -> None:
        raise OrderStateError("This order has gone another way", state="placed")

    vars(visitor.behind.orders)["order"] = refuse
    answer = await visitor.see("/orders/ord_0")
    assert (answer.status_code, "This order has gone another way" in answer.text) == (409, True)


async def withdrawn_lamp(visitor: Visitor) -> None:
    """A laptop and two lamps in the cart; then lamps are sold no more."""
    await visitor.take_laptop()
    await visitor.send("/cart/items", product="brass-lamp", o__Size="S", quantity="2")
    visitor.behind.cart.withdrawn.add("prd_3")


async def test_what_is_not_sold_any_more_is_shown_and_the_rest_ordered_once_it_is_removed(visitor: Visitor):
    await withdrawn_lamp(visitor)
    page = (await visitor.see("/cart")).text
    assert ("Brass lamp is not sold any more" in page, "₹45,999" in page, units(page)) == (True, True, "3")
    kept = await buy(visitor, payment="cod")
    assert (kept.status_code, "Change the cart" in kept.text) == (422, True)
    gone = await visitor.send(removal(page), remove="1")
    page = (await visitor.see("/cart")).text
    assert (gone.headers["Location"], "not sold any more" in page, units(page)) == ("/cart?said=removed", False, "1")
    await visitor.see("/checkout")
    assert (await buy(visitor, payment="cod")).headers["Location"] == "/orders/ord_0/thanks"


async def test_what_is_not_sold_any_more_is_counted_and_removed_with_script(visitor: Visitor):
    await withdrawn_lamp(visitor)
    visitor.client.headers["HX-Request"] = "true"
    seen = (await visitor.send("/cart/items/itm_var_1S", quantity="2")).text
    after = (await visitor.send(removal(seen), remove="1")).text
    assert (units(seen), "<html" in seen, units(after), "not sold any more" in after) == ("4", False, "2", False)


async def test_a_cart_of_nothing_that_is_sold_can_be_emptied(visitor: Visitor):
    await visitor.take_laptop()
    visitor.behind.cart.withdrawn.add("prd_1")
    assert (await visitor.see("/checkout")).headers["Location"] == "/cart"
    page = (await visitor.see("/cart")).text
    assert ("Go to checkout" in page, units(page)) == (False, "1")
    await visitor.send(removal(page), remove="1")
    assert "Nothing in it yet" in (await visitor.see("/cart")).text


def units(page: str) -> str:
    """How many things the head of a page counts."""
    found = re.search(r'id="count".*?</span>(\d+)<span', page)
    assert found is not None
    return found[1]


def removal(page: str) -> str:
    """Where the form of a line that is not sold any more leads."""
    found = re.search(r'class="line line-gone">.*?action="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return found[1]
