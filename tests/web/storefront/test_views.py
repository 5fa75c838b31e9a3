"""The pure parts of the pages: addresses, choices, forms, progress, words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.contracts.cart import AddItem, Owner
from haat.contracts.checkout import ChangeCheckout, OpenCheckout
from haat.contracts.identity import Address
from haat.contracts.orders import Order
from haat.contracts.payments import UpiMethod, WalletMethod
from haat.contracts.search import Facets, FacetValue
from haat.kit.clock import now
from haat.kit.message import DomainError
from haat.kit.money import Money
from haat.web import words
from haat.web.storefront import choosing, finding, forms, paying, progress, templates
from tests.web.storefront.conftest import PRODUCTS
from tests.web.storefront.neighbours import MemoryCart, MemoryCatalog
from tests.web.storefront.ordering import MemoryCheckouts, MemoryOrders, address

NO_FACETS = Facets(category=[], brand=[], price=[], rating=[])
TYPED = {
    "name": "Asha Rao",
    "line1": "12 Lake View Lane",
    "city": "Mumbai",
    "region": "Maharashtra",
    "postal_code": "400 001",
    "phone": "98200 12345",
}


def state(**fields: object) -> finding.Narrowed:
    return msgspec.structs.replace(finding.Narrowed(base="/search", q="laptop"), **fields)


def test_an_address_and_its_state_are_the_same():
    before = state(brands=("Nimbora", "Zeniyo"), low=30_000, high=60_000, rating=4, in_stock=True, sort="price_asc")
    assert before.address() == (
        "/search?q=laptop&brand=Nimbora&brand=Zeniyo&min=30000&max=60000&rating=4&stock=1&sort=price_asc"
    )


def test_rupees_of_the_address_are_paise_of_the_search():
    asked = state(low=30_000, high=60_000).asked()
    assert (asked.price_min, asked.price_max) == (3_000_000, 6_000_099)


@pytest.mark.parametrize(
    ("value", "asked"),
    [("0-49999", (None, 49_999)), ("50000-99999", (50_000, 99_999)), ("20000000-", (20_000_000, None))],
)
def test_a_price_facet_leads_to_just_what_it_counts(value: str, asked: tuple[int | None, int | None]):
    facets = msgspec.structs.replace(NO_FACETS, price=[FacetValue(value=value, label="", count=1)])
    (choice,) = finding.panel(state(), facets).prices
    params = dict(parse_qsl(urlsplit(choice.address).query))
    search = finding.narrowed("/search", params, [], None).asked()
    assert (search.price_min, search.price_max) == asked


def test_another_filter_begins_on_the_first_page():
    assert state(cursor="abc").address(in_stock=True) == "/search?q=laptop&stock=1"


def test_a_range_typed_the_wrong_way_round_is_turned():
    found = finding.narrowed("/search", {"min": "60000", "max": "30,000"}, [], None)
    assert (found.low, found.high) == (30_000, 60_000)


@pytest.mark.parametrize(
    ("typed", "text", "low", "high"),
    [
        ("laptop under 50000", "laptop", None, 50_000),
        ("earbuds below ₹2,000", "earbuds", None, 2_000),
        ("Laptop Under 50k with SSD", "Laptop with SSD", None, 50_000),
        ("tv less than rs. 1.5 lakh", "tv", None, 150_000),
        ("phone above 20000", "phone", 20_000, None),
        ("laptop between 60k and 30k", "laptop", 30_000, 60_000),
        ("saree from 1,000 to 2,500 rupees", "saree", 1_000, 2_500),
        ("under 500", "", None, 500),
        ("toys under 5", "toys under 5", None, None),
        ("bottle under 500 ml", "bottle under 500 ml", None, None),
        # Litres and inches.
        ("fridge above 200 l", "fridge above 200 l", None, None),
        ("tv under 55 in", "tv under 55 in", None, None),
        ("tv under 55 in with stand", "tv under 55 in with stand", None, None),
        ("saree under 5000 in silk", "saree in silk", None, 5_000),
        ("necklace under 2 Lakhs", "necklace", None, 200_000),
        ("laptop not more than 50000", "laptop", None, 50_000),
        ("laptop no less than 50000", "laptop", 50_000, None),
        ("laptop not above 50k", "laptop", None, 50_000),
        ("laptop not under 50k", "laptop", 50_000, None),
        ("over the door hook", "over the door hook", None, None),
        ("book from 1984 to now", "book from 1984 to now", None, None),
        ("under " + "9" * 199, "under " + "9" * 194, None, None),
    ],
)
def test_a_price_that_is_said_is_meant(typed: str, text: str, low: int | None, high: int | None):
    found = finding.narrowed("/search", {"q": typed}, [], None)
    assert (found.q, found.low, found.high) == (text, low, high)


def test_a_price_of_the_form_counts_more_than_one_that_is_said():
    found = finding.narrowed("/search", {"q": "laptop under 50000", "max": "40000"}, [], None)
    assert (found.q, found.low, found.high) == ("laptop under 50000", None, 40_000)


@given(st.dictionaries(st.sampled_from(["q", "min", "max", "rating", "stock", "sort", "cursor"]), st.text(max_size=30)))
def test_no_address_is_refused(params: dict[str, str]):
    asked = finding.narrowed("/search", params, list(params.values()), None).asked()
    assert asked.limit == finding.PAGE_SIZE


def test_the_longest_category_is_asked_for_whole():
    slug = "-".join(["kettles"] * 25)
    assert finding.narrowed("/search", {"category": slug}, [], None).asked().category == slug


def test_each_chip_leads_to_the_list_without_it():
    shown = finding.chips(state(brands=("Nimbora",), low=30_000), NO_FACETS)
    assert [(chip.label, chip.address) for chip in shown] == [
        ("Nimbora", "/search?q=laptop&min=30000"),
        ("₹30,000 and more", "/search?q=laptop&brand=Nimbora"),
    ]


@pytest.mark.parametrize("written", ["Nimbora", "NIMBORA"])
def test_a_brand_that_is_on_is_switched_off_by_its_link(written: str):
    facets = msgspec.structs.replace(NO_FACETS, brand=[FacetValue(value="Nimbora", label="Nimbora", count=2)])
    (choice,) = finding.panel(state(brands=(written,)), facets).brands
    assert (choice.on, choice.address) == (True, "/search?q=laptop")


@pytest.mark.parametrize(
    ("value", "label"),
    [("0-49999", "Under ₹499"), ("3000000-6000000", "₹30,000 – ₹60,000"), ("10000000-", "₹1,00,000 and more")],
)
def test_price_facets_are_told_in_rupees(value: str, label: str):
    assert finding.price_label(*finding.band(value)) == label


def test_the_choice_falls_on_what_can_be_bought():
    assert choosing.chosen_variant(PRODUCTS[0], {}).sku == "SKU-1-S"


def test_the_choice_of_the_shopper_counts_even_when_it_is_sold_out():
    assert choosing.chosen_variant(PRODUCTS[0], {"o.Size": "M"}).sku == "SKU-1-M"


def test_values_that_are_sold_out_are_shown_as_such():
    (group,) = choosing.option_groups(PRODUCTS[0], {"Size": "S"})
    assert [(each.value, each.chosen, each.available) for each in group.values] == [
        ("S", True, True),
        ("M", False, False),
    ]


def test_what_is_saved_is_told_in_whole_percent():
    assert choosing.saved_percent(PRODUCTS[0].variants[0]) == 20


def test_an_address_is_taken_as_typed():
    assert forms.address_in(TYPED) == (
        Address(
            name="Asha Rao",
            line1="12 Lake View Lane",
            city="Mumbai",
            region="Maharashtra",
            postal_code="400001",
            phone="+919820012345",
        ),
        {},
    )


def test_every_fault_of_an_address_is_told_at_once():
    _, faults = forms.address_in({"postal_code": "012345", "phone": "12"})
    assert sorted(faults) == ["city", "line1", "name", "phone", "postal_code", "region"]


@pytest.mark.parametrize(("pin", "region"), [("560025", "Karnataka"), ("110 001", "Delhi"), ("99", "")])
def test_a_pin_code_tells_the_state(pin: str, region: str):
    assert forms.state_of_pin(pin) == region


@pytest.mark.parametrize(
    "address", ["//evil.test", "https://evil.test", "/\\evil.test", "/ok\\..", "/a\nb", "javascript:alert(1)", "", None]
)
def test_nobody_is_led_out_of_the_shop(address: str | None):
    assert forms.inside(address) == "/"


def test_a_way_inside_the_shop_is_kept():
    assert forms.inside("/p/book?o.Size=M") == "/p/book?o.Size=M"


@pytest.mark.parametrize(
    ("fields", "method", "faults"),
    [
        ({"payment": "upi"}, UpiMethod(flow="qr"), []),
        ({"payment": "upi", "vpa": "ok@sandbox"}, UpiMethod(flow="qr", vpa="ok@sandbox"), []),
        ({"payment": "upi", "vpa": "no at sign"}, None, ["vpa"]),
        ({"payment": "wallet"}, WalletMethod(provider="purse"), []),
        ({"payment": "card"}, None, []),
        ({}, None, ["payment"]),
    ],
)
def test_the_way_to_pay_is_read_from_the_form(fields: dict[str, str], method: object, faults: list[str]):
    found, told = paying.method_of(fields, {"purse": "Purse"})
    assert (found, list(told)) == (method, faults)


def test_a_refusal_says_that_nothing_was_charged():
    class Refused(DomainError):
        code = "refused_in_a_test"
        title = "We cannot take this order"

    assert paying.told_refusal(Refused()) == "We cannot take this order. Nothing was charged."


@pytest.fixture
async def visited() -> MemoryOrders:
    """Orders after one was placed for two laptops."""
    cart, orders = MemoryCart(MemoryCatalog(PRODUCTS, [])), MemoryOrders()
    owner, checkouts = Owner(token="crt_1"), MemoryCheckouts(cart, orders)
    await cart.add_item(AddItem(owner=owner, variant_id="var_1S", quantity=2))
    opened = await checkouts.open(OpenCheckout(owner=owner))
    await checkouts.change(ChangeCheckout(owner=owner, checkout_id=opened.id, shipping_address=address()))
    checkouts.act(opened.id)
    return orders


@pytest.fixture
def order(visited: MemoryOrders) -> Order:
    return visited.placed["ord_0"]


def test_the_way_of_an_order_is_told_in_steps(order: Order):
    assert [step.state for step in progress.steps_of(order)] == ["done", "current", *["ahead"] * 4]


def test_a_cancelled_order_ends_where_it_was_stopped(order: Order):
    stopped = msgspec.structs.replace(order, status="canceled")
    assert [step.title for step in progress.steps_of(stopped)] == ["Ordered", "Cancelled"]


@pytest.mark.parametrize(
    ("status", "title", "states"),
    [
        ("partially_shipped", "Partly on its way", ["done"] * 3 + ["current"] + ["ahead"] * 2),
        ("partially_delivered", "Partly delivered", ["done"] * 5 + ["current"]),
    ],
)
def test_a_part_of_an_order_is_told_as_a_part(order: Order, status: str, title: str, states: list[str]):
    steps = progress.steps_of(msgspec.structs.replace(order, status=status))
    assert [step.state for step in steps] == states
    assert [step.title for step in steps if step.state == "current"] == [title]


def test_of_a_partly_delivered_order_what_arrived_can_be_sent_back(visited: MemoryOrders):
    visited.deliver("ord_0")
    order = visited.placed["ord_0"]
    (parcel,) = order.shipments
    one = msgspec.structs.replace(parcel, items=[msgspec.structs.replace(parcel.items[0], quantity=1)])
    partly = msgspec.structs.replace(order, status="partially_delivered", shipments=[one])
    assert (progress.may_return(partly), progress.returnable(partly)) == (True, {"itm_var_1S": 1})


def test_a_delivered_order_can_be_sent_back_but_not_cancelled(visited: MemoryOrders):
    visited.deliver("ord_0")
    order = visited.placed["ord_0"]
    assert (progress.may_return(order), progress.may_cancel(order), progress.returnable(order)) == (
        True,
        False,
        {"itm_var_1S": 2},
    )


def test_what_was_refunded_or_asked_back_already_is_not_offered_to_be_sent_back(visited: MemoryOrders):
    visited.deliver("ord_0")
    order = visited.placed["ord_0"]
    shown = [msgspec.structs.replace(order, returned={"itm_var_1S": units}) for units in (1, 2)]
    assert [progress.returnable(each) for each in shown] == [{"itm_var_1S": 1}, {}]


@pytest.mark.parametrize(("amount", "text"), [(4_599_900, "₹45,999"), (12_345_678_50, "₹1,23,45,678.50"), (0, "₹0")])
def test_money_is_written_the_indian_way(amount: int, text: str):
    assert words.money(Money(amount)) == text


def test_a_moment_is_told_in_the_shops_own_time():
    year = now().astimezone(words.SHOP_ZONE).year
    assert words.moment(datetime(year, 11, 24, 18, 35, tzinfo=UTC)) == "25 Nov, 12:05 am"
    assert words.moment(datetime(2020, 12, 31, 18, 29, tzinfo=UTC)) == "31 Dec 2020, 11:59 pm"


def test_another_year_is_named():
    assert templates.day(date(2020, 1, 5)) == "Sun 5 Jan 2020"


@given(st.text(max_size=50))
def test_linked_data_cannot_leave_its_script(text: str):
    written = str(templates.linked_data({"name": text}))
    assert json.loads(written) == {"name": text}
    assert "<" not in written


def test_pictures_of_the_media_service_come_in_small_formats():
    address = f"/media/{'a' * 40}/800.jpg"
    assert [kind for kind, _ in templates.sources(address)] == ["image/avif", "image/webp"]


def test_pictures_from_elsewhere_come_as_they_are():
    assert templates.sources("https://elsewhere.test/a.jpg") == []


@pytest.mark.parametrize(
    ("name", "text"), [("ram_gb", "RAM (GB)"), ("screen_inch", "Screen (inches)"), ("fabric", "Fabric")]
)
def test_attributes_are_named_for_people(name: str, text: str):
    assert templates.worded(name) == text


@pytest.mark.parametrize(
    ("number", "exact", "words"),
    [
        (12_345, True, "12,345"),
        (10_592, False, "about 11,000"),
        (1_04_900, False, "about 1,00,000"),
        (7, False, "about 7"),
    ],
)
def test_a_count_is_told_as_far_as_it_is_known(number: int, exact: bool, words: str):
    assert templates.about(number, exact) == words
