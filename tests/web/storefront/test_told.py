"""What pages say is so: words, sums, days and where links lead."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from haat.contracts.catalog import Review
from haat.contracts.checkout import Requirement
from haat.contracts.inventory import ReservationGone
from haat.contracts.orders import OrderStateError
from haat.contracts.recommendations import Recommend
from haat.kit import clock
from haat.kit.cursor import InvalidCursor
from haat.kit.message import Invalid, NotFound, Unavailable
from haat.kit.money import Money
from haat.web import storefront
from haat.web.storefront.forms import STATE_OF_PIN
from haat.web.storefront.paying import told_refusal
from haat.web.words import SHOP_ZONE
from tests.web.storefront.conftest import Visitor
from tests.web.storefront.test_pages import FIELDS, buy


async def bought(visitor: Visitor) -> None:
    """A laptop by cash on delivery."""
    await visitor.take_laptop()
    await buy(visitor, payment="cod")


@pytest.mark.parametrize(
    ("pointer", "name"),
    [("/items/0", "summary"), ("/coupon_codes", "coupon")],
)
async def test_every_fault_that_is_listed_leads_to_its_place(visitor: Visitor, pointer: str, name: str):
    await visitor.take_laptop()
    visitor.behind.checkout.told = [Requirement(code="short", pointer=pointer, detail="Only 2 left")]
    answer = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod"})
    assert f'<a href="#f-{name}">Only 2 left</a>' in answer.text
    assert f'id="f-{name}"' in answer.text


async def test_every_coupon_that_is_refused_is_told(visitor: Visitor):
    await visitor.take_laptop()
    answer = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod", "coupon": "ODD EVEN"})
    told = "We do not know the code ODD; We do not know the code EVEN"
    assert f'<p class="fault" id="f-coupon-told">{told}</p>' in answer.text


async def test_a_fault_of_the_delivery_leads_to_the_days(visitor: Visitor):
    await visitor.take_laptop()
    page = (await visitor.see("/checkout")).text
    assert '<legend id="f-shipping_method">' in page


async def test_two_sizes_of_one_thing_are_told_apart_when_they_are_sent_back(visitor: Visitor):
    await bought(visitor)
    visitor.behind.orders.deliver("ord_0")
    await visitor.send("/orders/ord_0/returns", reason="It does not fit", **{"quantity.itm_var_1S": "1"})
    order = visitor.behind.orders.placed["ord_0"]
    visitor.behind.orders.placed["ord_0"] = msgspec.structs.replace(order, returned={})
    page = (await visitor.see("/orders/ord_0")).text
    assert '<label for="back-itm_var_1S">Book 14 laptop, Size: S</label>' in page
    assert '<p class="soft">1 × Book 14 laptop, Size: S</p>' in page


async def test_what_was_given_back_before_goes_back_no_second_time(visitor: Visitor):
    await bought(visitor)
    order = visitor.behind.orders.placed["ord_0"]
    payment = msgspec.structs.replace(
        order.payment, summary="Visa •••• 4242", captured=Money(100_000), refunded=Money(30_000)
    )
    visitor.behind.orders.placed["ord_0"] = msgspec.structs.replace(order, payment=payment)
    page = (await visitor.see("/orders/ord_0")).text
    assert "<p>The whole order stops and ₹700 goes back to Visa •••• 4242.</p>" in page


async def test_who_had_nothing_to_pay_is_not_said_to_have_paid(visitor: Visitor):
    await bought(visitor)
    order = visitor.behind.orders.placed["ord_0"]
    payment = msgspec.structs.replace(order.payment, status="paid", method="credit", summary="Nothing to pay")
    totals = msgspec.structs.replace(order.totals, total=Money(0))
    visitor.behind.orders.placed["ord_0"] = msgspec.structs.replace(order, payment=payment, totals=totals)
    page = (await visitor.see("/orders/ord_0/thanks")).text
    assert ("Paid with" in page, "There is nothing to pay. A confirmation" in page) == (False, True)


async def test_no_money_is_promised_back_to_who_has_paid_none(visitor: Visitor):
    await bought(visitor)
    page = (await visitor.see("/orders/ord_0?said=canceled")).text
    assert "Your order is cancelled. What you have paid goes back the way it came." in page


async def test_an_order_that_is_on_its_way_is_not_headed_as_delivered(visitor: Visitor):
    await bought(visitor)
    page = (await visitor.see("/orders/ord_0")).text
    assert re.findall(r'<h2 id="to">([^<]+)</h2>', page) == ["Delivery address"]


async def test_headings_of_reviews_leave_out_no_level(visitor: Visitor):
    visitor.behind.catalog.written = [review()]
    whole = (await visitor.see("/p/book-14-laptop/reviews")).text
    beside = (await visitor.see("/p/book-14-laptop")).text
    assert [re.findall(r"<(h\d)>Quiet<", page) for page in (whole, beside)] == [["h2"], ["h3"]]


async def test_machines_are_told_the_day_that_people_read(visitor: Visitor):
    visitor.behind.catalog.written = [review()]
    page = (await visitor.see("/p/book-14-laptop")).text
    product = json.loads(re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)[0])
    assert ("Asha, 25 Nov" in page, product["review"][0]["datePublished"]) == (True, "2026-11-25")


def review() -> Review:
    """Written in India a quarter of an hour after midnight."""
    return Review(
        id="rev_1",
        product_id="prd_1",
        rating=5,
        title="Quiet",
        body="",
        author="Asha",
        verified=False,
        created_at=datetime(2026, 11, 24, 18, 45, tzinfo=UTC),
    )


async def test_choices_keep_their_names_in_the_page_so_that_the_keyboard_stays_on_them(visitor: Visitor):
    parts = [await visitor.see(f"/p/book-14-laptop?o.Size={size}", **{"HX-Request": "true"}) for size in ("S", "M")]
    named = [re.findall(r'<input type="radio" id="(\S+)" name="o.Size" value="(\w)"', part.text) for part in parts]
    assert named == [[("option-1-1", "S"), ("option-1-2", "M")]] * 2


async def test_every_cookie_of_the_shop_is_named_on_the_privacy_page(visitor: Visitor):
    await visitor.take_laptop()
    await visitor.see("/p/brass-lamp")
    await buy(visitor, payment="upi")
    await visitor.register()
    page = (await visitor.see("/help/privacy")).text
    assert set(visitor.client.cookies) - set(re.findall(r"\bhaat_[a-z]+", page)) == set()


async def test_an_address_that_only_takes_forms_is_not_said_to_be_our_failure(visitor: Visitor):
    page = await visitor.see("/cart/items")
    assert (page.status_code, "Something went wrong on our side" in page.text) == (405, False)
    assert "There is no page at this address" in page.text


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/account/addresses", "/sign-in?next=/account"),
        ("/wishlist/prd_1/remove", "/sign-in?next=/wishlist"),
    ],
)
async def test_who_was_signed_out_meanwhile_comes_back_to_where_they_were(visitor: Visitor, path: str, door: str):
    answer = await visitor.send(path, **FIELDS)
    assert (answer.status_code, answer.headers["Location"]) == (303, door)


async def test_whoever_comes_after_somebody_signed_out_is_another_to_the_recommender(visitor: Visitor):
    asked: list[str | None] = []
    recommend = visitor.behind.recommendations.recommend

    async def note(ask: Recommend) -> object:
        asked.append(ask.session_id)
        return await recommend(ask)

    vars(visitor.behind.recommendations)["recommend"] = note
    await visitor.register()
    await visitor.see("/")
    await visitor.send("/sign-out")
    await visitor.see("/")
    assert len(set(asked)) == 2


@pytest.mark.parametrize("path", ["/account", "/account/addresses/new", "/orders", "/orders/ord_0", "/wishlist"])
async def test_pages_about_a_person_are_kept_nowhere(visitor: Visitor, path: str):
    await visitor.register()
    await bought(visitor)
    page = await visitor.see(path)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "private, no-store")


async def test_the_year_at_the_foot_goes_on(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    shown, expected = [], []
    for days in (0, 366):
        monkeypatch.setattr(clock.lag, "ns", timedelta(days=days) // timedelta(microseconds=1) * 1000)
        shown += re.findall(r"© (\d{4}) haat", (await visitor.see("/help/contact")).text)
        expected.append(str(clock.now().astimezone(SHOP_ZONE).year))
    assert shown == expected


def test_the_script_and_the_server_take_a_pin_code_for_the_same_state():
    script = (Path(storefront.__file__).parent / "static" / "shop.js").read_text()
    (single,), (spans,) = (re.findall(rf"const {name} = [{{\[](.*?)[}}\]];", script) for name in ("pins", "spans"))
    told = {
        number: state
        for low, high, state in re.findall(r'\[(\d+), (\d+), "([^"]+)"', spans)[::-1]
        for number in range(int(low), int(high) + 1)
    }
    told |= {int(number): state for number, state in re.findall(r'(\d+): "([^"]+)"', single)}
    assert told == {int(digits): state for digits, state in STATE_OF_PIN.items()}


async def test_a_wishlist_shows_the_price_that_lists_show(visitor: Visitor):
    await visitor.register()
    book = visitor.behind.catalog.all[0]
    first, second = book.variants
    dear = msgspec.structs.replace(first, price=Money(4_999_900))
    visitor.behind.catalog.by_ref |= {book.id: msgspec.structs.replace(book, price=dear.price, variants=[dear, second])}
    await visitor.send("/wishlist", product="book-14-laptop")
    page = re.sub(r"<[^>]*>", "", (await visitor.see("/wishlist")).text)
    assert ("from ₹45,999" in page, "₹49,999" in page) == (True, False)


async def test_more_of_a_list_that_does_not_come_is_no_end_of_it(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("the search does not answer")

    vars(visitor.behind.search)["search"] = away
    answer = await visitor.see("/search?cursor=24", **{"HX-Request": "true"})
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("headers", "status", "where"), [({}, 303, "Location"), ({"HX-Request": "true"}, 200, "HX-Redirect")]
)
async def test_a_place_in_a_list_that_is_gone_leads_to_its_beginning(
    visitor: Visitor, headers: dict[str, str], status: int, where: str
):
    async def gone(_: object) -> None:
        raise InvalidCursor("the cursor belongs to another search")

    vars(visitor.behind.search)["search"] = gone
    answer = await visitor.see("/search?q=book&cursor=old", **headers)
    assert (answer.status_code, answer.headers.get(where)) == (status, "/search?q=book")


async def test_a_choice_that_a_seller_wrote_with_blanks_around_it_can_be_bought(visitor: Visitor):
    book = visitor.behind.catalog.all[0]
    blank = msgspec.structs.replace(book.variants[0], options={"Size": " S "})
    visitor.behind.catalog.by_ref |= {book.slug: msgspec.structs.replace(book, variants=[blank, book.variants[1]])}
    answer = await visitor.send("/cart/items", product=book.slug, o__Size=" S ", quantity="1")
    assert (answer.status_code, answer.headers.get("Location")) == (303, "/cart?said=added")


async def test_cards_that_cannot_be_looked_up_are_not_said_to_be_none(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("payments do not answer")

    await visitor.register()
    vars(visitor.behind.payments)["saved_cards"] = away
    page = (await visitor.see("/account")).text
    assert ("None. Tick" in page, "They cannot be looked up" in page) == (False, True)


@pytest.mark.parametrize(
    ("path", "call", "where"),
    [
        ("/account/addresses/adr_1/remove", "remove_address", "/account?said=saved#addresses"),
        ("/account/sessions/ses_2/end", "end_session", "/account?said=ended#devices"),
    ],
)
async def test_what_was_done_in_another_window_is_done(visitor: Visitor, path: str, call: str, where: str):
    async def gone(_: object) -> None:
        raise NotFound("There is no such thing")

    await visitor.register()
    vars(visitor.behind.identity)[call] = gone
    answer = await visitor.send(path)
    assert (answer.status_code, answer.headers.get("Location")) == (303, where)


async def test_an_address_that_was_removed_while_it_was_changed_is_not_lost(visitor: Visitor):
    async def gone(_: object) -> None:
        raise NotFound("There is no such address in the book")

    await visitor.register()
    vars(visitor.behind.identity)["save_address"] = gone
    answer = await visitor.send("/account/addresses", **FIELDS, address_id="adr_1")
    assert (answer.status_code, f'value="{FIELDS["line1"]}"' in answer.text) == (409, True)
    assert ("was taken out of your book" in answer.text, 'name="address_id" value=""' in answer.text) == (True, True)


async def test_a_link_that_was_used_is_not_said_to_have_changed_nothing(visitor: Visitor):
    page = await visitor.send("/account/email/confirm", token="ltr_1.used")
    assert "If you have used this one before, it has done what it was for." in page.text


async def test_an_order_counts_its_things_as_the_cart_does(visitor: Visitor):
    await visitor.register()
    await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="2")
    await buy(visitor, payment="cod")
    assert "· 2 things ·" in (await visitor.see("/orders")).text


SHORT = "Something in your cart has just sold out or is short. Please look at your cart."


async def test_an_order_that_is_looked_at_first_is_not_promised_to_be_packed_today(visitor: Visitor):
    await bought(visitor)
    order = visitor.behind.orders.placed["ord_0"]
    visitor.behind.orders.placed["ord_0"] = msgspec.structs.replace(order, on_hold=True)
    assert "We are looking at this order before it is packed." in (await visitor.see("/orders/ord_0/thanks")).text


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("out_of_stock", f"{SHORT} Nothing was charged."),
        ("reservation_gone", f"{SHORT} If you have paid already, your money goes back."),
        ("coupon_refused", "A coupon cannot be used any more. Please look at the new total, then pay. Nothing was"),
        ("checkout_refused", "We cannot take this order online; please contact us. Nothing was charged."),
        ("checkout_timed_out", "The order could not be completed in time. Please try again. If you have paid already,"),
        ("payment_declined", "The payment was declined, or not confirmed in time. Nothing was charged."),
    ],
)
async def test_a_bank_is_not_blamed_for_what_else_ended_an_order(visitor: Visitor, failure: str, said: str):
    await visitor.take_laptop()
    paying = (await buy(visitor, payment="upi")).headers["Location"]
    stored = visitor.behind.checkout.stored
    stored["chk_0"] = msgspec.structs.replace(stored["chk_0"], status="open", action=None, failure=failure)
    page = await visitor.see((await visitor.see(paying)).headers["Location"])
    assert f"<strong>{said}" in page.text


def test_units_that_were_not_held_any_more_are_told_as_sold_out():
    assert told_refusal(ReservationGone()) == f"{SHORT} If you have paid already, your money goes back."


async def test_an_order_that_left_meanwhile_is_not_refused_in_a_programs_words(visitor: Visitor):
    async def too_late(_: object) -> None:
        raise OrderStateError("An order that is out_for_delivery cannot be canceled", state="out_for_delivery")

    await bought(visitor)
    vars(visitor.behind.orders)["cancel"] = too_late
    answer = await visitor.send("/orders/ord_0/cancel")
    assert (answer.status_code, "out_for_delivery" in answer.text) == (409, False)
    assert "A parcel has left already, so this order cannot be cancelled any more." in answer.text


async def test_a_return_of_what_another_window_sends_back_is_told_in_plain_words(visitor: Visitor):
    async def too_many(_: object) -> None:
        raise Invalid(errors=[{"pointer": "/items/0", "code": "too_many", "detail": "0 left of this item"}])

    await bought(visitor)
    visitor.behind.orders.deliver("ord_0")
    vars(visitor.behind.orders)["request_return"] = too_many
    answer = await visitor.send("/orders/ord_0/returns", reason="It does not fit", **{"quantity.itm_var_1S": "1"})
    assert (answer.status_code, "Not that many can be sent back any more" in answer.text) == (422, True)


async def test_a_search_that_is_away_has_not_found_nothing(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("the search does not answer")

    vars(visitor.behind.search)["search"] = away
    page = await visitor.see("/search?q=book")
    assert (page.status_code, "0 things" in page.text, "taking a breath" in page.text) == (503, False, True)
