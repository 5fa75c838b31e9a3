"""What a visitor without script gets from each page."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from haat.contracts.catalog import CategoryNode
from haat.contracts.checkout import Requirement
from haat.contracts.payments import CardMethod, CashMethod
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.web.storefront.texts import TOPICS
from tests.web.storefront.conftest import SHOP, VAULT, Visitor, visiting

FIELDS = {
    "email": "asha@example.com",
    "name": "Asha Rao",
    "line1": "12 Lake View Lane",
    "city": "Mumbai",
    "region": "Maharashtra",
    "postal_code": "400001",
    "phone": "98200 12345",
}


async def buy(visitor: Visitor, **fields: str):
    """Send the checkout twice: the first brings the total with delivery, the second agrees to it."""
    seen = await visitor.send("/checkout", **{**FIELDS, "do": "place", **fields})
    total = re.search(r'name="seen_total" value="(\d+)"', seen.text)
    assert total is not None
    return await visitor.send("/checkout", **{**FIELDS, "do": "place", "seen_total": total[1], **fields})


PUBLIC = [
    "/",
    "/c/laptops",
    "/search?q=laptop",
    "/search?q=nothing-like-this",
    "/p/book-14-laptop",
    "/p/book-14-laptop/reviews",
    "/cart",
    "/sign-in",
    "/register",
    *(f"/help/{topic}" for topic in TOPICS),
]


@pytest.mark.parametrize("path", PUBLIC)
async def test_every_page_is_one_document_without_inline_script_or_style(visitor: Visitor, path: str):
    page = await visitor.see(path)
    scripts = re.findall(r"<script(?![^>]*(?:\ssrc=|ld\+json))", page.text)
    assert (page.status_code, page.text.count("<h1"), page.text.count("<main"), scripts) == (200, 1, 1, [])
    assert re.findall(r'\sstyle="|<style|\son[a-z]+="', page.text) == []


async def test_pages_forbid_everything_that_is_not_ours(visitor: Visitor):
    policy = (await visitor.see("/")).headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; frame-src 'none'"
    )


async def test_only_the_checkout_may_frame_the_vault(visitor: Visitor):
    await visitor.take_laptop()
    policy = (await visitor.see("/checkout")).headers["Content-Security-Policy"]
    assert policy.endswith(f"form-action 'self' {VAULT}; frame-src {VAULT}")


async def test_filters_are_read_from_the_address(visitor: Visitor):
    page = await visitor.see("/search?q=laptop&min=30000&max=60000")
    assert (page.text.count('class="card"'), "₹30,000 – ₹60,000" in page.text) == (1, True)


async def test_a_typing_error_is_answered_with_a_proposal(visitor: Visitor):
    page = await visitor.see("/search?q=laptpo")
    assert '<a href="/search?q=laptop"><strong>laptop</strong></a>' in page.text


async def test_a_product_is_told_to_machines(visitor: Visitor):
    page = await visitor.see("/p/book-14-laptop")
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page.text)
    product, way = (json.loads(each) for each in found)
    assert (product["@type"], product["offers"][0]["price"], product["offers"][1]["availability"]) == (
        "Product",
        "45999.00",
        "https://schema.org/OutOfStock",
    )
    assert [step["name"] for step in way["itemListElement"]] == ["Home", "Electronics", "Laptops"]


@pytest.mark.parametrize(("rupees", "shown"), [(45_999, "₹45,999"), (49_999, "from ₹45,999")])
async def test_a_price_in_a_list_says_from_when_some_variant_costs_more(visitor: Visitor, rupees: int, shown: str):
    book = visitor.behind.catalog.all[0]
    small, large = book.variants
    variants = [msgspec.structs.replace(large, price=Money(rupees * 100)), small]
    visitor.behind.search.products = [msgspec.structs.replace(book, variants=variants)]
    page = await visitor.see("/search")
    (price,) = re.findall(r'<p class="card-price">(.*?)</p>', page.text, re.DOTALL)
    assert " ".join(re.sub(r"<[^>]*>", "", price).split()).partition(" before")[0] == shown


async def test_a_product_without_a_brand_has_no_link_to_one_and_tells_machines_of_none(visitor: Visitor):
    plain = msgspec.structs.replace(visitor.behind.catalog.all[0], id="prd_plain", slug="plain", brand="")
    visitor.behind.catalog.by_ref |= {"plain": plain, "prd_plain": plain}
    page = await visitor.see("/p/plain")
    assert (re.findall(r"<a [^>]*></a>", page.text), '"brand"' in page.text) == ([], False)


async def test_what_a_seller_writes_cannot_become_markup(visitor: Visitor):
    page = await visitor.see("/p/book-14-laptop")
    assert ("<b>described</b>" in page.text, "&lt;b&gt;described" in page.text) == (False, True)


async def test_an_old_address_leads_to_the_product(visitor: Visitor):
    page = await visitor.see("/p/prd_1")
    assert (page.status_code, page.headers["Location"]) == (301, "/p/book-14-laptop")


async def test_an_old_address_leads_on_with_the_choices_in_it(visitor: Visitor):
    page = await visitor.see("/p/prd_1?o.Size=M&utm_source=mail")
    assert page.headers["Location"] == "/p/book-14-laptop?o.Size=M&utm_source=mail"


async def test_what_was_typed_under_an_old_address_is_kept_with_its_faults(visitor: Visitor):
    await visitor.register()
    answer = await visitor.send("/p/prd_1/reviews", rating="", body="Bright and light")
    assert (answer.status_code, "Choose one to five stars" in answer.text, "Bright and light" in answer.text) == (
        422,
        True,
        True,
    )


async def test_looking_at_a_product_is_told_to_the_recommender(visitor: Visitor):
    await visitor.see("/p/book-14-laptop")
    (told,) = visitor.behind.recommendations.recorded
    assert [(event.type, event.product_id) for event in told.events] == [("view", "prd_1")]


async def test_home_shows_what_was_looked_at(visitor: Visitor):
    await visitor.see("/p/brass-lamp")
    assert "You looked at" in (await visitor.see("/")).text


async def test_a_guest_keeps_the_cart_by_a_cookie(visitor: Visitor):
    answer = await visitor.send("/cart/items", product="book-14-laptop", o__Size="S", quantity="2")
    assert (answer.status_code, answer.headers["Location"], answer.cookies["haat_cart"]) == (
        303,
        "/cart?said=added",
        "crt_new",
    )
    assert "₹91,998" in (await visitor.see("/cart")).text


async def test_htmx_gets_the_part_and_the_count(visitor: Visitor):
    await visitor.take_laptop()
    page = await visitor.see("/p/book-14-laptop?o.Size=M", **{"HX-Request": "true"})
    assert ("<html" in page.text, "Sold out in this choice" in page.text) == (False, True)


@pytest.mark.parametrize("origin", ["https://evil.test", "https://[", "https://[evil]"])
async def test_a_form_from_another_site_is_refused(visitor: Visitor, origin: str):
    answer = await visitor.send("/cart/items", origin=origin, product="book-14-laptop")
    assert (answer.status_code, visitor.behind.cart.lines) == (403, {})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]"])
async def test_a_page_under_another_name_of_this_machine_is_read_at_the_shops_own(visitor: Visitor, host: str):
    page = await visitor.see("/p/book-14-laptop?q=a%20b&said=%E2%9C%93", Host=host)
    assert (page.status_code, page.headers["Location"]) == (307, f"{SHOP}/p/book-14-laptop?q=a%20b&said=%E2%9C%93")
    assert "haat_session" not in page.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("host", ["shop.test", "localhost:9000", "192.168.1.5", "[::1"])
async def test_a_page_is_shown_where_nothing_is_known_to_be_better(visitor: Visitor, host: str):
    assert (await visitor.see("/p/book-14-laptop", Host=host)).status_code == 200


@pytest.mark.parametrize(
    ("own", "host", "status"),
    [
        ("http://localhost:8000", "127.0.0.1:8000", 307),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        # Seen through a proxy that does not say for whom it asks, which would come here again and again.
        ("https://shop.example", "localhost:443", 200),
        ("http://shop.example", "localhost:8000", 200),
    ],
)
async def test_where_the_shop_is_at_home_decides(own: str, host: str, status: int):
    async with visiting(own) as visitor:
        assert (await visitor.see("/cart", Host=host)).status_code == status


async def test_a_form_without_its_token_is_refused_with_a_page(visitor: Visitor):
    await visitor.see("/")
    answer = await visitor.client.post(
        "/cart/items", data={"product": "book-14-laptop"}, headers={"Accept": "text/html"}
    )
    assert (answer.status_code, "This form has expired" in answer.text) == (403, True)


async def test_a_category_is_not_called_missing_while_the_catalogue_is_away(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("the catalogue does not answer")

    vars(visitor.behind.catalog)["categories"] = away
    assert (await visitor.see("/c/laptops")).status_code == 503


async def test_a_new_category_has_its_page_before_the_menu_has_it(visitor: Visitor):
    assert (await visitor.see("/c/kettles")).status_code == 404
    kettles = CategoryNode(id="kettles", slug="kettles", title="Kettles", path=["kettles"], count=0, children=[])
    visitor.behind.catalog.tree = [*visitor.behind.catalog.tree, kettles]
    assert (await visitor.see("/c/kettles")).status_code == 200


async def test_a_missing_page_is_a_page_for_people_and_a_problem_for_programs(visitor: Visitor):
    page = await visitor.see("/no/such/stall")
    program = await visitor.client.get("/v1/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, "This stall is empty" in page.text) == (404, True)
    assert (program.status_code, program.headers["Content-Type"]) == (404, "application/problem+json")


async def test_signing_in_brings_the_cart_and_hides_the_tokens(visitor: Visitor):
    await visitor.take_laptop()
    answer = await visitor.send("/register", name="Asha", email="a@example.com", password="namaste-haat", next="/cart")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cart?said=welcome")
    kept = [line for line in answer.headers.get_list("set-cookie") if line.startswith("haat_access")]
    assert "HttpOnly" in kept[0] and "samesite=lax" in kept[0].lower()
    assert list(visitor.behind.cart.lines) == ["usr_0"]


async def test_a_wrong_password_says_nothing_about_the_account(visitor: Visitor):
    answer = await visitor.send("/sign-in", email="nobody@example.com", password="wrong-password")
    assert (answer.status_code, "E-mail or password is wrong" in answer.text) == (401, True)
    assert "wrong-password" not in answer.text


async def test_nobody_is_led_to_another_site_after_signing_in(visitor: Visitor):
    await visitor.register()
    answer = await visitor.see("/sign-in?next=//evil.test/")
    assert answer.headers["Location"] == "/"


async def test_an_expired_access_token_is_renewed_without_a_word(visitor: Visitor):
    await visitor.register()
    visitor.client.cookies.delete("haat_access")
    page = await visitor.see("/account")
    assert (page.status_code, visitor.behind.identity.refreshed) == (200, 1)
    assert page.cookies["haat_access"] == "access-usr_0"


async def test_a_guest_who_signs_in_while_a_payment_waits_is_led_to_the_order(visitor: Visitor):
    await visitor.take_laptop()
    page = (await buy(visitor, payment="upi")).headers["Location"]
    await visitor.register()
    assert "haat_cart" not in visitor.client.cookies
    assert (await visitor.see(page)).status_code == 200
    visitor.behind.checkout.act("chk_0")
    assert (await visitor.see(page)).headers["Location"] == "/orders/ord_0/thanks"
    await visitor.send("/sign-out")
    assert "haat_guest" not in visitor.client.cookies


async def test_tokens_renewed_by_the_poll_of_a_payment_are_not_lost(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    page = (await buy(visitor, payment="upi")).headers["Location"]
    visitor.client.cookies.delete("haat_access")
    polled = await visitor.see(page, **{"HX-Request": "true"})
    assert (polled.status_code, polled.cookies["haat_access"], polled.cookies["haat_refresh"]) == (
        204,
        "access-usr_0",
        "refresh-usr_0",
    )
    assert polled.headers["Cache-Control"] == "private, no-cache"
    visitor.client.cookies.delete("haat_access")
    visitor.behind.checkout.act("chk_0")
    done = await visitor.see(page, **{"HX-Request": "true"})
    assert (done.headers["HX-Redirect"], done.cookies["haat_access"]) == ("/orders/ord_0/thanks", "access-usr_0")


async def test_tokens_renewed_before_a_refusal_that_is_no_page_are_not_lost(visitor: Visitor):
    await visitor.register()
    visitor.client.cookies.delete("haat_access")
    answer = await visitor.see("/orders/ord_none", Accept="*/*")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.cookies["haat_access"] == "access-usr_0"


async def test_tokens_are_kept_when_nobody_can_say_whose_they_are(visitor: Visitor):
    async def away(_: object) -> None:
        raise Unavailable("identity does not answer")

    await visitor.register()
    visitor.client.cookies.delete("haat_access")
    vars(visitor.behind.identity)["authenticate"] = away
    page = await visitor.see("/")
    assert (page.status_code, page.cookies["haat_refresh"]) == (200, "refresh-usr_0")


async def test_a_refused_refresh_token_is_forgotten(visitor: Visitor):
    visitor.client.cookies.set("haat_refresh", "refresh-of-nobody")
    page = await visitor.see("/")
    assert [line for line in page.headers.get_list("set-cookie") if line.startswith('haat_refresh=""')] != []


async def test_all_faults_of_a_checkout_are_told_at_once_and_what_was_typed_stays(visitor: Visitor):
    await visitor.take_laptop()
    answer = await visitor.send("/checkout", do="place", email="asha@", name="Asha Rao", payment="cod")
    assert answer.status_code == 422
    assert re.findall(r'<a href="#f-([a-z_0-9]+)">', answer.text) == ["email", "line1", "city", "postal_code", "region"]
    assert 'value="Asha Rao"' in answer.text


@pytest.mark.parametrize(
    ("visitor", "ways", "asks_by_id"),
    [
        ("sandbox", ["card", "upi", "wallet", "cod"], True),
        ("stripe", ["card", "upi", "cod"], False),
        ("stripe,razorpay", ["card", "upi", "wallet", "cod"], False),
    ],
    indirect=["visitor"],
)
async def test_the_checkout_offers_what_the_providers_take(visitor: Visitor, ways: list[str], asks_by_id: bool):
    await visitor.take_laptop()
    page = (await visitor.see("/checkout")).text
    assert re.findall(r'name="payment" value="(\w+)"', page) == ways
    assert ('name="vpa"' in page) is asks_by_id


async def test_nobody_pays_a_total_they_have_not_seen(visitor: Visitor):
    await visitor.take_laptop()
    answer = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod", "seen_total": "4599900"})
    assert (answer.status_code, "The total has changed" in answer.text) == (200, True)
    assert visitor.behind.checkout.completed == []


async def test_the_page_shows_the_cart_of_today_and_its_form_orders_what_it_showed(visitor: Visitor):
    await visitor.take_laptop()
    await visitor.see("/checkout")
    await visitor.send("/cart/items", product="brass-lamp", o__Size="S", quantity="1")
    assert "Brass lamp" in (await visitor.see("/checkout")).text
    await visitor.send("/cart/items", product="book-15-laptop", o__Size="S", quantity="1")
    await buy(visitor, payment="cod")
    assert [item.title for item in visitor.behind.orders.placed["ord_0"].items] == ["Book 14 laptop", "Brass lamp"]


async def test_prices_that_changed_with_a_renewed_quote_are_told_and_hold_nobody_up(visitor: Visitor):
    await visitor.take_laptop()
    await visitor.see("/checkout")
    visitor.behind.checkout.told = [Requirement(code="price_changed", pointer="/items", detail="Prices have changed")]
    assert "Prices have changed" in (await visitor.see("/checkout")).text
    assert (await buy(visitor, payment="cod")).headers["Location"] == "/orders/ord_0/thanks"


async def test_cash_on_delivery_gives_an_order(visitor: Visitor):
    await visitor.take_laptop()
    answer = await buy(visitor, payment="cod")
    (asked,) = visitor.behind.checkout.completed
    assert (answer.headers["Location"], asked.payment) == ("/orders/ord_0/thanks", CashMethod())
    assert "H4100" in (await visitor.see("/orders/ord_0/thanks")).text


async def test_without_script_a_card_is_typed_at_the_vault(visitor: Visitor):
    await visitor.take_laptop()
    answer = await buy(visitor, payment="card")
    assert answer.headers["Location"] == f"{VAULT}/card-form?return_to=http%3A%2F%2Fshop.test%2Fcheckout"
    back = await visitor.see("/checkout?token=tok_1")
    assert ('name="card_token" value="tok_1"' in back.text, "Your card is ready" in back.text) == (True, True)
    await buy(visitor, payment="card", card_token="tok_1")
    (asked,) = visitor.behind.checkout.completed
    assert asked.payment == CardMethod(token="tok_1")


async def test_a_decline_keeps_everything_but_the_card(visitor: Visitor):
    await visitor.take_laptop()
    answer = await buy(visitor, payment="card", card_token="decline-1")
    assert (answer.status_code, "not enough money" in answer.text) == (402, True)
    assert ('value="12 Lake View Lane"' in answer.text, 'name="card_token" value=""' in answer.text) == (True, True)


async def test_a_form_sent_twice_is_one_attempt(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="card", card_token="decline-1", attempt="first")
    await buy(visitor, payment="card", card_token="decline-1", attempt="first")
    one, two = visitor.behind.checkout.completed
    assert one.idempotency == two.idempotency


async def test_a_form_sent_twice_leads_to_the_order_both_times(visitor: Visitor):
    await visitor.take_laptop()
    await visitor.see("/checkout")
    both = visitor.client.cookies.get("haat_checkout")
    first = await buy(visitor, payment="cod", attempt="first")
    # The second press left before the first was answered.
    visitor.client.cookies.set("haat_checkout", both)
    second = await visitor.send("/checkout", **FIELDS, do="place", payment="cod", attempt="first")
    onward = await visitor.see(second.headers["Location"])
    assert (first.headers["Location"], onward.headers["Location"]) == ("/orders/ord_0/thanks", "/orders/ord_0/thanks")


async def test_upi_shows_a_code_and_goes_on_once_it_is_paid(visitor: Visitor):
    await visitor.take_laptop()
    answer = await buy(visitor, payment="upi")
    waiting = await visitor.see(answer.headers["Location"])
    assert ('class="qr"' in waiting.text, 'http-equiv="refresh"' in waiting.text) == (True, True)
    polled = await visitor.see(answer.headers["Location"], **{"HX-Request": "true"})
    visitor.behind.checkout.act("chk_0")
    done = await visitor.see(answer.headers["Location"], **{"HX-Request": "true"})
    assert (polled.status_code, done.headers["HX-Redirect"]) == (204, "/orders/ord_0/thanks")


async def test_a_scripts_answer_is_not_kept_for_the_page_of_the_same_address(visitor: Visitor):
    await visitor.take_laptop()
    paying = (await buy(visitor, payment="upi")).headers["Location"]
    polled = await visitor.see(paying, **{"HX-Request": "true"})
    page = await visitor.see(paying)
    assert (polled.status_code, polled.headers["Vary"], page.headers["Vary"]) == (204, "HX-Request", "HX-Request")


BILL = {
    "billing_asked": "1",
    "billing_name": "Rao & Co",
    "billing_line1": "1 Fort Street",
    "billing_city": "Delhi",
    "billing_postal_code": "110001",
}


async def test_the_bill_goes_elsewhere_when_asked(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod", **BILL)
    order = visitor.behind.orders.placed["ord_0"]
    assert (order.billing_address.name, order.billing_address.region) == ("Rao & Co", "Delhi")
    assert order.shipping_address.name == "Asha Rao"
    assert "Billed to" in (await visitor.see("/orders/ord_0")).text


async def test_the_bill_goes_to_the_parcel_unless_asked(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod", **BILL, billing_same="1")
    order = visitor.behind.orders.placed["ord_0"]
    assert order.billing_address == order.shipping_address


async def test_what_a_bill_misses_is_told_by_its_own_fields(visitor: Visitor):
    await visitor.take_laptop()
    answer = await visitor.send("/checkout", **{**FIELDS, "do": "place", "payment": "cod", "billing_asked": "1"})
    assert answer.status_code == 422
    assert '<a href="#f-billing_postal_code">Enter the PIN code</a>' in answer.text
    assert '<a href="#f-billing_name">Enter the name on the bill</a>' in answer.text
    assert 'name="billing_same" value="1">' in answer.text


async def test_a_stranger_needs_the_signed_link(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    visitor.client.cookies.clear()
    with_link = await visitor.see("/orders/ord_0?token=link-ord_0")
    without = await visitor.see("/orders/ord_0")
    assert (with_link.status_code, without.status_code) == (200, 404)


async def test_an_order_is_cancelled_from_its_page(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    await visitor.send("/orders/ord_0/cancel")
    assert visitor.behind.orders.placed["ord_0"].status == "canceled"


async def test_an_order_whose_parcel_cannot_be_stopped_now_is_not_called_cancelled(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    visitor.behind.orders.waits = True
    answer = await visitor.send("/orders/ord_0/cancel")
    assert answer.headers["Location"] == "/orders/ord_0?said=canceling"
    page = (await visitor.see("/orders/ord_0?said=canceling")).text
    assert ("Your order is cancelled" in page, "We mail you as soon as it is cancelled" in page) == (False, True)


async def test_a_return_that_is_sent_twice_is_asked_for_once(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    visitor.behind.orders.deliver("ord_0")
    pages = [(await visitor.see("/orders/ord_0")).text for _ in range(2)]
    first, second = (re.findall(r'name="attempt" value="([^"]+)"', page) for page in pages)
    for attempt in (*first, *first, *second):
        fields = {"reason": "It does not fit", "quantity.itm_var_1S": "1", "attempt": attempt}
        answer = await visitor.send("/orders/ord_0/returns", **fields)
        assert answer.headers["Location"] == "/orders/ord_0?said=return"
    assert [each.id for each in visitor.behind.orders.placed["ord_0"].returns] == ["ret_1", "ret_2"]


@pytest.mark.parametrize(
    ("status", "told"),
    [("created", ["Waiting for the carrier", "Sandbox"]), ("failed", [])],
)
async def test_a_parcel_without_a_number_claims_no_label_and_one_refused_is_not_shown(
    visitor: Visitor, status: str, told: list[str]
):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    orders = visitor.behind.orders
    orders.deliver("ord_0")
    order = orders.placed["ord_0"]
    (parcel,) = order.shipments
    waiting = msgspec.structs.replace(parcel, status=status, tracking_number="", events=[], estimated_delivery=None)
    orders.placed["ord_0"] = msgspec.structs.replace(order, status="packed", shipments=[waiting])
    page = (await visitor.see("/orders/ord_0")).text
    shown = re.findall(r'Parcel: ([^<]+)</h2>\s*<p class="soft">([^<]+)</p>', page)
    assert ([*sum(shown, ())], "Label printed" in page, "Delivery failed" in page) == (told, False, False)


async def test_a_delivered_thing_is_sent_back(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    visitor.behind.orders.deliver("ord_0")
    await visitor.send("/orders/ord_0/returns", reason="It does not fit", **{"quantity.itm_var_1S": "1"})
    (made,) = visitor.behind.orders.placed["ord_0"].returns
    assert [msgspec.structs.astuple(item) for item in made.items] == [("itm_var_1S", 1, "It does not fit")]
    assert "1 × Book 14 laptop, Size: S</p>" in (await visitor.see("/orders/ord_0")).text


async def test_a_review_is_shown_with_the_mark_of_who_bought_the_thing(visitor: Visitor):
    await visitor.register()
    answer = await visitor.send("/p/book-14-laptop/reviews", rating="5", title="Quiet", body="Good keys")
    (written,) = visitor.behind.catalog.written
    visitor.behind.catalog.written = [msgspec.structs.replace(written, verified=True)]
    assert answer.headers["Location"] == "/p/book-14-laptop?said=review#reviews"
    assert "Bought here" in (await visitor.see("/p/book-14-laptop")).text


async def test_the_stars_of_a_review_are_told_to_the_recommender(visitor: Visitor):
    await visitor.register()
    await visitor.send("/p/book-14-laptop/reviews", rating="4", title="Quiet", body="Good keys")
    # The answer does not wait for it.
    await visitor.see("/cart")
    (told,) = visitor.behind.recommendations.recorded
    assert [(each.type, each.product_id, each.value) for each in told.events] == [("rate", "prd_1", 4)]


async def test_an_address_is_kept_for_the_next_checkout(visitor: Visitor):
    await visitor.register()
    await visitor.send("/account/addresses", **FIELDS)
    await visitor.take_laptop()
    assert 'value="12 Lake View Lane"' in (await visitor.see("/checkout")).text


async def test_after_paying_the_cart_is_shown_empty(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    page = await visitor.see("/orders/ord_0/thanks")
    assert '<span id="count" class="count" hidden>' in page.text


async def test_the_invoice_opens_once_there_is_one(visitor: Visitor):
    await visitor.take_laptop()
    await buy(visitor, payment="cod")
    early = await visitor.see("/orders/ord_0/invoice.pdf")
    before = (await visitor.see("/orders/ord_0")).text
    visitor.behind.orders.deliver("ord_0")
    visitor.client.cookies.clear()
    page = (await visitor.see("/orders/ord_0?token=link-ord_0")).text
    answer = await visitor.see("/orders/ord_0/invoice.pdf?token=link-ord_0")
    assert ("invoice.pdf" in before, 'href="/orders/ord_0/invoice.pdf?token=link-ord_0"' in page) == (False, True)
    assert (early.status_code, "made when the order is packed" in early.text) == (409, True)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"%PDF-", "application/pdf")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert (await visitor.see("/orders/ord_0/invoice.pdf")).status_code == 404


async def test_a_thing_is_put_on_the_wishlist_and_taken_off(visitor: Visitor):
    stranger = await visitor.send("/wishlist", product="book-14-laptop")
    await visitor.register()
    await visitor.send("/wishlist", product="brass-lamp")
    await visitor.send("/wishlist", product="book-14-laptop")
    page = (await visitor.see("/wishlist")).text
    assert stranger.headers["Location"] == "/sign-in?next=/p/book-14-laptop"
    assert page.index("Book 14 laptop") < page.index("Brass lamp")
    await visitor.send("/wishlist/prd_1/remove")
    assert ("Book 14 laptop" in (await visitor.see("/wishlist")).text, visitor.behind.cart.wished) == (
        False,
        {"usr_0": ["prd_3"]},
    )


async def test_a_wishlist_says_that_what_is_sold_out_will_be_told_of(visitor: Visitor):
    await visitor.register()
    lamp = visitor.behind.catalog.by_ref["brass-lamp"]
    gone = msgspec.structs.replace(
        lamp, variants=[msgspec.structs.replace(each, available=0) for each in lamp.variants]
    )
    visitor.behind.catalog.by_ref = {**visitor.behind.catalog.by_ref, lamp.id: gone}
    for slug in ("brass-lamp", "book-14-laptop"):
        await visitor.send("/wishlist", product=slug)
    page = (await visitor.see("/wishlist")).text
    assert page.count("We mail you when it is back") == 1


async def test_a_wish_for_what_is_not_sold_any_more_can_be_taken_off(visitor: Visitor):
    """It counts against the end of the list."""
    await visitor.register()
    for slug in ("brass-lamp", "book-14-laptop"):
        await visitor.send("/wishlist", product=slug)
    catalog = visitor.behind.catalog
    lamp = catalog.by_ref["brass-lamp"]
    catalog.by_ref = {lamp.id: msgspec.structs.replace(lamp, status="archived")}
    page = (await visitor.see("/wishlist")).text
    assert ("Brass lamp" in page, "Not sold at the moment" in page, "/p/brass-lamp" in page) == (True, True, False)
    assert "Not sold any more" in page
    assert ("/wishlist/prd_1/remove" in page, "/wishlist/prd_3/remove" in page) == (True, True)


async def test_a_wishlist_needs_an_account(visitor: Visitor):
    assert (await visitor.see("/wishlist")).headers["Location"] == "/sign-in?next=/wishlist"
