"""Gift cards and store credit at the checkout, as a visitor without script meets them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from haat.contracts.payments import CardMethod, CashMethod, CreditMethod, digest
from haat.kit.money import Money
from tests.web.storefront.conftest import Visitor
from tests.web.storefront.ordering import GIFT_CODE
from tests.web.storefront.test_pages import FIELDS, buy

# A laptop with its delivery.
TOTAL = 4_604_800
LAST_YEAR = datetime(2020, 11, 3, tzinfo=UTC)
OTHER_CODE = "1111-2222-3333-4444"
KEY = digest(GIFT_CODE).removeprefix("sha256:")[:12]


async def enter(visitor: Visitor, code: str = GIFT_CODE, **fields: str):
    """Type the address and a code, and press Apply."""
    return await visitor.send("/checkout", **{**FIELDS, "do": "gift", "gift_code": code, **fields})


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page)
    return found[1] if found else ""


def sums(page: str) -> list[str]:
    """The rows of the order's sums."""
    found = re.search(r'<dl class="sums">(.*?)</dl>', page, re.DOTALL)
    return re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", found[1]) if found else []


@pytest.fixture
async def shopper(visitor: Visitor) -> Visitor:
    """A guest with a laptop in the cart, and a gift card of ₹400 in the pocket."""
    await visitor.take_laptop()
    visitor.behind.payments.give(GIFT_CODE, Money(40_000))
    return visitor


async def test_a_gift_card_pays_first_and_the_rest_is_told(shopper: Visitor):
    page = (await enter(shopper)).text
    assert sums(page)[-3:] == [
        ("GST included", "₹7,024.27"),
        ("Gift card •••• HWB3", "−₹400"),
        ("Left to pay", "₹45,648"),
    ]
    assert ("Place order, ₹45,648" in page, 'value="12 Lake View Lane"' in page) == (True, True)


async def test_a_code_is_read_as_people_write_it(shopper: Visitor):
    page = (await enter(shopper, " 5wj8 3rtn 9Ice hwb3 ")).text
    assert field(page, "seen_credit") == "40000"


async def test_the_browser_keeps_a_digest_and_never_the_code(shopper: Visitor):
    answer = await enter(shopper)
    kept = [line for line in answer.headers.get_list("set-cookie") if line.startswith("haat_credit")]
    assert [line.split(".")[0] for line in kept] == [f"haat_credit={digest(GIFT_CODE).removeprefix('sha256:')}"]
    assert ("HttpOnly" in kept[0], GIFT_CODE in answer.text) == (True, False)


async def test_a_digest_that_was_not_entered_here_pays_nothing(shopper: Visitor):
    shopper.client.cookies.set("haat_credit", digest(GIFT_CODE).removeprefix("sha256:") + ".0" * 2)
    page = (await shopper.see("/checkout")).text
    assert (field(page, "seen_credit"), "•••• HWB3" in page) == ("0", False)


async def test_the_rest_is_paid_by_the_method_and_both_are_named(shopper: Visitor):
    await enter(shopper)
    seen = (await shopper.see("/checkout")).text
    answer = await shopper.send(
        "/checkout",
        **{**FIELDS, "do": "place", "payment": "cod"},
        seen_total=field(seen, "seen_total"),
        seen_credit="40000",
    )
    (asked,) = shopper.behind.checkout.completed
    assert (answer.status_code, asked.payment) == (303, CashMethod(gift_cards=[digest(GIFT_CODE)]))
    assert 'haat_credit=""' in "".join(answer.headers.get_list("set-cookie"))


async def test_when_all_is_covered_no_other_way_to_pay_is_asked_for(shopper: Visitor):
    shopper.behind.payments.give(OTHER_CODE, Money(10_000_000))
    page = (await enter(shopper, OTHER_CODE)).text
    assert re.findall(r'<fieldset class="methods" id="f-payment"( hidden)?>', page) == [" hidden"]
    assert ("All of it is paid" in page, "Place order, all paid" in page) == (True, True)
    answer = await shopper.send("/checkout", **FIELDS, do="place", seen_total=str(TOTAL), seen_credit=str(TOTAL))
    (asked,) = shopper.behind.checkout.completed
    assert (answer.headers["Location"], asked.payment) == (
        "/orders/ord_0/thanks",
        CreditMethod(gift_cards=[digest(OTHER_CODE)]),
    )


async def test_where_nothing_is_to_be_paid_no_way_to_pay_is_asked_for(visitor: Visitor):
    await visitor.take_laptop()
    page = (await visitor.send("/checkout", **FIELDS, do="update", coupon="FREE")).text
    assert re.findall(r'<fieldset class="methods" id="f-payment"( hidden)?>', page) == [" hidden"]
    assert ("There is nothing to pay." in page, "Place order, nothing to pay" in page) == (True, True)
    answer = await visitor.send("/checkout", **FIELDS, do="place", coupon="FREE", seen_total="0", payment="card")
    (asked,) = visitor.behind.checkout.completed
    assert (answer.headers["Location"], asked.payment) == ("/orders/ord_0/thanks", CreditMethod())


async def test_several_cards_pay_in_turn_and_one_is_taken_off(shopper: Visitor):
    shopper.behind.payments.give(OTHER_CODE, Money(10_000))
    await enter(shopper)
    both = (await enter(shopper, OTHER_CODE)).text
    one = (await shopper.send("/checkout", **FIELDS, do=f"ungift.{KEY}")).text
    assert (field(both, "seen_credit"), field(one, "seen_credit")) == ("50000", "10000")
    assert re.findall(r"•••• (\w+)</span></strong>", one) == ["4444"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("7K2M", "has 16 letters and digits"),
        ("", "has 16 letters and digits"),
        ("0000-0000-0000-0000", "We do not know this code"),
        ("SPENT-0000-0000-000", "Nothing is left on this gift card"),
        ("PAST-0000-0000-0000", "This gift card ran out on 3 Nov 2020"),
        ("DOLLAR-0000-000-000", "holds $5, and this shop sells in INR only"),
        (f"sha256:{'0' * 64}", "has 16 letters and digits"),
    ],
)
async def test_a_card_that_cannot_pay_is_told_why_and_nothing_is_lost(shopper: Visitor, code: str, told: str):
    shopper.behind.payments.give("SPENT00000000000", Money(0))
    shopper.behind.payments.give("PAST000000000000", Money(500), LAST_YEAR)
    shopper.behind.payments.give("DOLLAR0000000000", Money(500, "USD"))
    answer = await enter(shopper, code, coupon="WELCOME10")
    assert (answer.status_code, told in answer.text) == (422, True)
    kept = [field(answer.text, name) for name in ("gift_code", "line1", "email", "coupon", "seen_credit")]
    assert kept == [code, "12 Lake View Lane", "asha@example.com", "WELCOME10", "0"]


async def test_the_same_card_is_not_entered_twice(shopper: Visitor):
    await enter(shopper)
    answer = await enter(shopper, GIFT_CODE.lower())
    assert ("entered this gift card already" in answer.text, field(answer.text, "seen_credit")) == (True, "40000")


async def test_one_order_takes_five_cards(shopper: Visitor):
    codes = [f"{n}000000000000000" for n in range(6)]
    for code in codes:
        shopper.behind.payments.give(code, Money(100))
    answers = [await enter(shopper, code) for code in codes]
    assert [answer.status_code for answer in answers] == [200] * 5 + [422]
    assert "at most 5 gift cards" in answers[-1].text


async def test_a_card_beyond_the_total_stays_untouched(shopper: Visitor):
    shopper.behind.payments.give(OTHER_CODE, Money(10_000_000))
    await enter(shopper, OTHER_CODE)
    answer = await enter(shopper)
    assert "There is nothing left to pay" in answer.text


async def test_a_card_typed_but_not_applied_is_looked_at_before_anything_is_charged(shopper: Visitor):
    answer = await shopper.send(
        "/checkout", **FIELDS, do="place", payment="cod", gift_code=GIFT_CODE, seen_total=str(TOTAL), seen_credit="0"
    )
    assert (answer.status_code, "What is left to pay has changed" in answer.text) == (200, True)
    assert (shopper.behind.checkout.completed, field(answer.text, "seen_credit")) == ([], "40000")


async def test_a_card_spent_elsewhere_meanwhile_is_told_before_more_is_charged(shopper: Visitor):
    await enter(shopper)
    shopper.behind.payments.give(GIFT_CODE, Money(0))
    answer = await shopper.send(
        "/checkout", **FIELDS, do="place", payment="cod", seen_total=str(TOTAL), seen_credit="40000"
    )
    assert ("What is left to pay has changed" in answer.text, "Nothing is left on this" in answer.text) == (True, True)
    assert shopper.behind.checkout.completed == []


async def test_payments_that_do_not_answer_keep_the_checkout_open(shopper: Visitor):
    await enter(shopper)
    shopper.behind.payments.silent = True
    page = await shopper.see("/checkout")
    assert (page.status_code, "cannot be looked up at the moment" in page.text) == (200, True)
    shopper.behind.payments.silent = False
    assert field((await shopper.see("/checkout")).text, "seen_credit") == "40000"


async def test_cards_stay_while_the_card_is_typed_at_the_vault(shopper: Visitor):
    await enter(shopper)
    away = await shopper.send(
        "/checkout", **FIELDS, do="place", payment="card", seen_total=str(TOTAL), seen_credit="40000"
    )
    back = (await shopper.see("/checkout?token=tok_1")).text
    await shopper.send(
        "/checkout",
        **{**FIELDS, "do": "place", "payment": "card", "card_token": "tok_1"},
        seen_total=field(back, "seen_total"),
        seen_credit=field(back, "seen_credit"),
    )
    (asked,) = shopper.behind.checkout.completed
    assert "/card-form?" in away.headers["Location"]
    assert asked.payment == CardMethod(token="tok_1", gift_cards=[digest(GIFT_CODE)])


async def test_a_decline_keeps_the_gift_card(shopper: Visitor):
    await enter(shopper)
    answer = await buy(shopper, payment="card", card_token="decline-1", seen_credit="40000")
    assert (answer.status_code, field(answer.text, "seen_credit")) == (402, "40000")


async def test_a_card_held_by_a_payment_under_way_is_not_called_empty(shopper: Visitor):
    await enter(shopper)
    await buy(shopper, payment="upi", seen_credit="40000")
    shopper.behind.payments.give(GIFT_CODE, Money(0))
    page = (await shopper.see("/checkout")).text
    assert ("waits for the payment that is under way" in page, "Nothing is left on" in page) == (True, False)


async def test_while_somebody_types_a_script_only_asks_for_prices(shopper: Visitor):
    headers = {"HX-Request": "true", "Accept": "text/html", "Origin": "http://shop.test"}
    token = re.search(r'name="_csrf_token" value="([0-9a-f]+)"', (await shopper.see("/checkout")).text)
    assert token is not None
    fields = {**FIELDS, "_csrf_token": token[1], "gift_code": "7K2M"}
    typing = await shopper.client.post("/checkout", data={**fields, "do": "update"}, headers=headers)
    applied = await shopper.client.post("/checkout", data={**fields, "do": "gift"}, headers=headers)
    assert ("16 letters and digits" in typing.text, "16 letters and digits" in applied.text) == (False, True)
    assert (typing.status_code, applied.status_code, "<html" in applied.text) == (200, 200, False)


async def test_store_credit_is_used_when_it_is_ticked_and_shown_on_the_account(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    visitor.behind.payments.credit = Money(30_000)
    before = (await visitor.see("/checkout")).text
    ticked = await visitor.send("/checkout", **FIELDS, do="update", credit_asked="1", store_credit="1")
    account = (await visitor.see("/account")).text
    await buy(visitor, payment="cod", credit_asked="1", store_credit="1", seen_credit="30000")
    (asked,) = visitor.behind.checkout.completed
    assert (field(before, "seen_credit"), field(ticked.text, "seen_credit")) == ("0", "30000")
    assert ("Use my store credit" in before, '<p class="big-sum">₹300</p>' in account) == (True, True)
    assert asked.payment == CashMethod(store_credit=True)


async def test_unticked_store_credit_is_left_alone(visitor: Visitor):
    await visitor.register()
    await visitor.take_laptop()
    visitor.behind.payments.credit = Money(30_000)
    await visitor.send("/checkout", **FIELDS, do="update", credit_asked="1", store_credit="1")
    page = (await visitor.send("/checkout", **FIELDS, do="update", credit_asked="1")).text
    assert field(page, "seen_credit") == "0"


async def test_signing_out_empties_the_purse(shopper: Visitor):
    await shopper.register()
    await enter(shopper)
    await shopper.send("/sign-out")
    assert "haat_credit" not in shopper.client.cookies


async def test_the_courier_is_given_what_credit_does_not_pay(shopper: Visitor):
    await buy(shopper, payment="cod")
    shopper.behind.payments.by_credit = Money(40_000)
    page = (await shopper.see("/orders/ord_0/thanks")).text
    assert "Please keep <strong>₹45,648</strong> ready" in page
    assert "<strong>₹45,648</strong> in cash to the courier" in (await shopper.see("/orders/ord_0")).text


async def test_nothing_is_due_at_the_door_once_everything_was_delivered(shopper: Visitor):
    await buy(shopper, payment="cod")
    shopper.behind.orders.deliver("ord_0")
    assert "in cash to the courier" not in (await shopper.see("/orders/ord_0")).text


async def test_no_sum_is_named_for_the_courier_while_payments_are_silent(shopper: Visitor):
    await buy(shopper, payment="cod")
    shopper.behind.payments.away = True
    thanks, order = [(await shopper.see(f"/orders/ord_0{page}")).text for page in ("/thanks", "")]
    assert ("You pay the courier." in thanks, "ready for the courier" in thanks, "to the courier" in order) == (
        True, False, False,
    )  # fmt: skip


async def test_the_courier_is_given_nothing_where_credit_pays_for_all(shopper: Visitor):
    await buy(shopper, payment="cod")
    shopper.behind.payments.by_credit = Money(4_604_800)
    page = (await shopper.see("/orders/ord_0/thanks")).text
    assert ("for the courier" in page, "Paid with" in page) == (False, True)


async def test_a_balance_is_told_to_whoever_has_the_code(shopper: Visitor):
    known = await shopper.send("/gift-card", gift_code=GIFT_CODE)
    unknown = await shopper.send("/gift-card", gift_code="0000-0000-0000-0000")
    assert ("<h1>₹400</h1>" in known.text, "•••• HWB3" in known.text, GIFT_CODE in known.text) == (True, True, False)
    assert (unknown.status_code, "We do not know this code" in unknown.text) == (422, True)


async def test_a_card_that_ran_out_says_so(visitor: Visitor):
    visitor.behind.payments.give(GIFT_CODE, Money(40_000), LAST_YEAR)
    page = (await visitor.send("/gift-card", gift_code=GIFT_CODE)).text
    assert ("when it ran out on 3 Nov 2020" in page, "Enter its code" in page) == (True, False)
