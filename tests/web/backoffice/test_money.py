"""Gift cards, breaks, facts put aside, parked checkouts: what pages show of them, and what forms ask for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import msgspec
import pytest

from haat.contracts.checkout import GoOn, OrderRef
from haat.contracts.payments import (
    ExplainBreak,
    ExplainFact,
    GrantCredit,
    IssueGiftCard,
    ListBreaks,
    ListGiftCards,
    VoidGiftCard,
    WithdrawCredit,
)
from haat.kit.clock import now
from haat.kit.money import Money
from haat.web.backoffice import gift_cards, parked, reconciliation
from haat.web.backoffice.order_view import acts_of
from tests.web.backoffice.books import CODE, a_break, fact, payment
from tests.web.backoffice.conftest import Enter, House
from tests.web.backoffice.neighbours import order


def cells(page: httpx.Response) -> list[list[str]]:
    """The table's rows as people read them."""
    rows = re.findall(r"<tr role=\"row\">(.*?)</tr>", page.text, re.DOTALL)[1:]
    plain = [re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in row] for row in plain]


async def test_a_break_tells_both_sums_and_leads_to_the_order(enter: Enter, house: House) -> None:
    page = (await enter("owner").see("/admin/reconciliation")).text

    assert re.findall(r'<dd class="number">(.*?)</dd>', page) == ["₹1,000", "₹0", "₹1,000"]
    assert ("They do not report it" in page, 'href="/admin/orders?q=chk_1"' in page) == (True, True)
    assert ListBreaks(state="open", limit=25) in house.payments.asked


@pytest.mark.parametrize(
    ("query", "state"), [("?state=explained", "explained"), ("?state=all", None), ("?state=nonsense", "open")]
)
async def test_breaks_are_narrowed_to_a_state(enter: Enter, house: House, query: str, state: str | None) -> None:
    await enter("finance").see(f"/admin/reconciliation{query}")

    assert house.payments.asked == [ListBreaks(state=state, limit=25)]  # type: ignore[arg-type]


async def test_a_break_is_explained_by_whoever_signed_in(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/reconciliation/breaks/brk_1", note="their outage")

    assert answer.headers["location"] == "/admin/reconciliation?said=explained"
    assert house.payments.asked == [ExplainBreak(break_id="brk_1", note="their outage", actor="usr_finance")]


async def test_an_explanation_must_say_something(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/reconciliation/breaks/brk_1", note=" ")

    assert answer.status_code == 422
    assert 'aria-describedby="note-brk_1-told"' in answer.text
    assert [ask for ask in house.payments.asked if isinstance(ask, ExplainBreak)] == []


async def test_a_break_that_healed_meanwhile_is_told_and_nothing_is_lost(enter: Enter) -> None:
    answer = await enter("finance").send("/admin/reconciliation/breaks/brk_gone", note="their outage")

    assert answer.status_code == 404
    assert "There is no such break, or it has healed" in answer.text


async def test_an_explanation_is_shown_with_the_name_of_who_gave_it(enter: Enter, house: House) -> None:
    who = "usr_01jd8z4n3v7c2m9q5x1k6t0hbw"
    house.payments.broken = a_break(state="explained", note=f"{who}: their outage: long")

    page = (await enter("finance").see("/admin/reconciliation?state=explained")).text

    assert ("their outage: long" in page, "Asha Rao" in page, who in page) == (True, True, False)
    assert '<button class="button main">Explain' not in page


@pytest.mark.parametrize("text", ["their outage", "", "late: again"])
def test_a_note_without_a_signature_stays_whole(text: str) -> None:
    assert reconciliation.noted(text) == reconciliation.Note("", text)


async def test_a_fact_is_shown_in_its_own_words_and_explained(enter: Enter, house: House) -> None:
    page = (await enter("finance").see("/admin/reconciliation/facts")).text
    answer = await enter("finance").send("/admin/reconciliation/facts/fct_1", note="refunded by hand")

    assert ("another amount than was agreed" in page, "&lt;script&gt;" in page) == (True, True)
    assert answer.headers["location"] == "/admin/reconciliation/facts?said=explained"
    assert house.payments.asked == [ExplainFact(fact_id="fct_1", note="refunded by hand", actor="usr_finance")]


async def test_an_explained_fact_has_no_form(enter: Enter, house: House) -> None:
    house.payments.aside = fact(state="explained", note="seen")

    page = (await enter("finance").see("/admin/reconciliation/facts?state=all")).text

    assert ("seen" in page, "Why is it so?" in page) == (True, False)


async def test_a_card_is_issued_once_and_its_code_is_shown_once(enter: Enter, house: House) -> None:
    person = enter("finance")

    first = await person.send("/admin/gift-cards", amount="1,500", until="2099-12-31")
    again = await person.send("/admin/gift-cards", amount="1,500", until="2099-12-31")

    ask = house.payments.asked[0]
    assert isinstance(ask, IssueGiftCard)
    assert (ask.amount, ask.actor) == (Money(150_000), "usr_finance")
    assert ask.expires_at == datetime(2099, 12, 31, 18, 29, 59, tzinfo=UTC)
    assert (CODE in first.text, CODE in again.text) == (True, False)
    assert "its code was shown then" in again.text


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, {"amount"}),
        ({"amount": "0"}, {"amount"}),
        ({"amount": "1e3", "until": "soon"}, {"amount", "until"}),
        ({"amount": "5", "until": "2020-01-01"}, {"until"}),
        ({"amount": "5"}, set()),
    ],
)
def test_a_card_tells_all_its_faults(fields: dict[str, str], faults: set[str]) -> None:
    ask, told = gift_cards.read(fields, "INR")

    assert (set(told), ask is None) == (faults, bool(faults))


async def test_a_card_with_faults_keeps_what_was_typed(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/gift-cards", amount="many", until="2099-12-31")

    assert answer.status_code == 422
    assert ('value="many"' in answer.text, 'value="2099-12-31"' in answer.text) == (True, True)
    assert [ask for ask in house.payments.asked if isinstance(ask, IssueGiftCard)] == []


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (CODE.lower(), "/admin/gift-cards/gft_1"),
        (CODE.replace("-", " "), "/admin/gift-cards/gft_1"),
        ("•••• hwb3", "/admin/gift-cards?ending=HWB3"),
    ],
)
async def test_a_card_is_found_by_its_code_or_the_end_of_it(enter: Enter, typed: str, address: str) -> None:
    answer = await enter("finance").send("/admin/gift-cards/look-up", code=typed)

    assert answer.headers["location"] == address


@pytest.mark.parametrize(
    ("typed", "told"), [("0000-0000-0000-0000", "No gift card has this code"), ("12X", "or its last four")]
)
async def test_a_code_that_leads_nowhere_is_told(enter: Enter, typed: str, told: str) -> None:
    answer = await enter("finance").send("/admin/gift-cards/look-up", code=typed)

    assert (answer.status_code, told in answer.text, typed in answer.text) == (422, True, False)


async def test_cards_are_narrowed_to_the_end_of_their_code(enter: Enter, house: House) -> None:
    page = await enter("finance").see("/admin/gift-cards?ending=hwb3")

    assert house.payments.asked == [ListGiftCards(ending="HWB3", limit=25)]
    assert [row[:3] for row in cells(page)] == [["•••• HWB3", "usable", "₹300"]]


async def test_the_history_of_a_card_tells_what_was_left_after_each_step(enter: Enter) -> None:
    page = await enter("finance").see("/admin/gift-cards/gft_1")

    assert [row[1:4] for row in cells(page)] == [
        ["Refunded to it", "+₹300", "₹300"],
        ["Taken: it was held before", "·", "₹0"],
        ["Held for a payment", "−₹500", "₹0"],
        ["Issued", "+₹500", "₹500"],
    ]


@pytest.mark.parametrize(
    ("balance", "days", "state"), [(1, 1, "usable"), (0, 1, "spent"), (1, -1, "expired"), (0, None, "spent")]
)
async def test_a_cards_state(house: House, balance: int, days: int | None, state: str) -> None:
    until = None if days is None else now() + timedelta(days=days)
    card = msgspec.structs.replace(house.payments.card, balance=Money(balance), expires_at=until)

    assert gift_cards.state_of(card) == state


async def test_a_card_is_taken_back_with_a_reason(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/gift-cards/gft_1/void", reason=" lost ")

    ask = house.payments.asked[-1]
    assert isinstance(ask, VoidGiftCard)
    assert (ask.gift_card_id, ask.reason, ask.actor) == ("gft_1", "lost", "usr_finance")
    assert answer.headers["location"] == "/admin/gift-cards/gft_1?said=voided"


async def test_a_card_is_not_taken_back_without_a_reason(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/gift-cards/gft_1/void", reason=" ")

    assert (answer.status_code, "Say why" in answer.text) == (422, True)
    assert [ask for ask in house.payments.asked if isinstance(ask, VoidGiftCard)] == []


async def test_an_empty_card_is_told_and_offers_nothing_to_take_back(enter: Enter, house: House) -> None:
    house.payments.card = msgspec.structs.replace(house.payments.card, balance=Money(0))

    answer = await enter("finance").send("/admin/gift-cards/gft_1/void", reason="lost")

    assert (answer.status_code, "Take back what is left" in answer.text) == (409, False)


async def test_credit_tells_who_gave_it_and_why(enter: Enter) -> None:
    page = await enter("finance").see("/admin/customers/usr_1/credit")

    assert [row[1:4] for row in cells(page)] == [["Issued &lt;b&gt;late&lt;/b&gt; parcel", "+₹200", "₹200"]]


async def test_credit_is_given_with_a_reason(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/customers/usr_1/credit", amount="250", reason="late parcel")

    ask = house.payments.asked[-1]
    assert isinstance(ask, GrantCredit)
    assert (ask.user_id, ask.amount, ask.reason, ask.actor) == ("usr_1", Money(25_000), "late parcel", "usr_finance")
    assert answer.headers["location"] == "/admin/customers/usr_1/credit?said=given"


async def test_credit_with_faults_tells_them_all_and_gives_nothing(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/customers/usr_1/credit", amount="-1", reason="")

    told = ("An amount above zero" in answer.text, "Say why" in answer.text, 'value="-1"' in answer.text)
    assert (answer.status_code, told) == (422, (True, True, True))
    assert [ask for ask in house.payments.asked if isinstance(ask, GrantCredit)] == []


async def test_credit_given_by_mistake_is_taken_back_with_a_reason(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/customers/usr_1/credit/withdraw", amount="150", reason="wrong one")

    ask = house.payments.asked[-1]
    assert isinstance(ask, WithdrawCredit)
    assert (ask.user_id, ask.amount, ask.reason, ask.actor) == ("usr_1", Money(15_000), "wrong one", "usr_finance")
    assert answer.headers["location"] == "/admin/customers/usr_1/credit?said=withdrawn"


async def test_more_than_is_left_is_not_taken_back_and_what_was_typed_stays(enter: Enter) -> None:
    answer = await enter("finance").send("/admin/customers/usr_1/credit/withdraw", amount="201", reason="wrong one")

    told = ("Not that much credit is left" in answer.text, 'value="201"' in answer.text)
    assert (answer.status_code, told) == (409, (True, True))


async def test_credit_is_not_given_to_nobody(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/customers/usr_none/credit", amount="250", reason="late parcel")

    assert answer.status_code == 404
    assert [ask for ask in house.payments.asked if isinstance(ask, GrantCredit)] == []


async def test_a_parked_checkout_tells_why_and_what_is_at_stake(enter: Enter) -> None:
    person = enter("support")

    listed = await person.see("/admin/parked")
    page = (await person.see("/admin/parked/att_1")).text

    assert cells(listed)[0][1:3] == [
        "paid and sold, the order is still to be placed",
        "orders: &lt;b&gt;no answer&lt;/b&gt;",
    ]
    assert ("orders: &lt;b&gt;no answer" in page, "the order must be placed" in page) == (True, True)
    assert ("captured, Visa •••• 4242" in page, "tried 21 times" in page) == (True, True)


@pytest.mark.parametrize(
    ("state", "sold", "known", "told"),
    [
        ("claimed", False, False, ["perhaps held; the hold runs out by itself", "none is known of yet"]),
        ("paying", False, True, ["held until the hold runs out", "unknown, Visa •••• 4242"]),
        ("undo_stock", False, True, ["being given back", "unknown, Visa •••• 4242"]),
        ("beamed", False, False, ["not known: the hold, if there is one, runs out by itself", "none is known of yet"]),
    ],
)
def test_what_is_at_stake_is_not_guessed(house: House, state: str, sold: bool, known: bool, told: list[str]) -> None:
    attempt = msgspec.structs.replace(house.checkout.one.attempt, state=state)
    payment_id = "pay_1" if known else None
    one = msgspec.structs.replace(house.checkout.one, attempt=attempt, sold=sold, payment_id=payment_id)

    found = parked.stakes(one, payment(state="unknown", captured=Money(0)) if known else None)

    assert [stake.how for stake in found] == told


async def test_one_or_all_are_tried_again(enter: Enter, house: House) -> None:
    person = enter("support")

    one = await person.send("/admin/parked", attempt="att_1")
    every = await person.send("/admin/parked")

    assert one.headers["location"] == "/admin/parked/att_1?said=trying"
    assert every.headers["location"] == "/admin/parked?said=trying"
    assert house.checkout.asked == [GoOn(attempt_ids=["att_1"])] * 2


async def test_all_are_tried_again_on_whichever_page_they_are(
    enter: Enter, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked, "SHOWN", 2)
    house.checkout.others = [
        msgspec.structs.replace(house.checkout.one.attempt, attempt_id=f"att_{each}") for each in (2, 3)
    ]
    person = enter("support")

    first = (await person.see("/admin/parked")).text
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    last = await person.see(unescape(following))
    await person.send("/admin/parked")

    assert ("/admin/parked/att_2" in first, "/admin/parked/att_3" in first, len(cells(last))) == (True, False, 1)
    assert house.checkout.asked == [GoOn(attempt_ids=["att_1", "att_2"]), GoOn(attempt_ids=["att_3"])]


async def test_what_has_gone_on_meanwhile_is_not_asked_for_again_and_shows_its_order(
    enter: Enter, house: House
) -> None:
    order_ref = OrderRef(id="ord_1", number="HT-1234ABCD")
    house.checkout.one = msgspec.structs.replace(house.checkout.one, parked=False, order=order_ref)

    answer = await enter("support").send("/admin/parked", attempt="att_1")
    page = (await enter("support").see("/admin/parked/att_1")).text

    assert (answer.headers["location"], house.checkout.asked) == ("/admin/parked/att_1?said=moved-on", [])
    assert ('href="/admin/orders/ord_1">HT-1234ABCD</a>' in page, "Try again now" in page) == (True, False)


async def test_stuck_work_tells_which_order_why_and_how_often(enter: Enter) -> None:
    page = await enter("fulfilment").see("/admin/stuck")

    assert cells(page)[0][1:4] == ["cancel the order", "carrier: &lt;b&gt;no answer&lt;/b&gt;", "17"]
    assert 'href="/admin/orders/ord_1"' in page.text


@pytest.mark.parametrize(
    ("role", "cards"),
    [
        ("finance", ["Held for review", "Stuck work", "Breaks", "Facts put aside"]),
        ("support", ["Parked checkouts", "Stuck work", "Low stock", "Mails failed"]),
        ("fulfilment", ["To pack", "Stuck work", "Low stock"]),
    ],
)
async def test_home_tells_each_role_of_its_own_alarms(enter: Enter, role: str, cards: list[str]) -> None:
    page = (await enter(role).see("/admin")).text

    assert [title for title in re.findall(r'<span class="todo-title">(.*?)</span>', page) if title != "Today"] == cards


def test_cash_is_asked_for_less_what_credit_pays() -> None:
    cash = payment(method="cod", state="authorized", captured=Money(0), by_credit=Money(33_333))

    assert acts_of(order(), cash, lambda duty: True).capture == 300_000
    assert acts_of(order(), msgspec.structs.replace(cash, by_credit=None), lambda duty: True).capture == 333_333
