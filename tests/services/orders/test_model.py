"""The rules of an order: what is left, what comes back, who may look."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.contracts.checkout import QuoteLine, Totals
from haat.contracts.orders import OrderOf, OrderStateError, ShipItem
from haat.kit.clock import now
from haat.kit.message import Invalid
from haat.kit.money import Money
from haat.services.orders.model import (
    RANK,
    Body,
    StoredOrder,
    added,
    check_cancelable,
    first_status,
    forward,
    may_see,
    new_number,
    parcels,
    sign,
    units,
)
from haat.services.orders.worth import shares_of, with_returned
from tests.services.orders.asking import line, placing
from tests.services.shopfloor import ADDRESS

SECRET = "only-for-tests"
TOKEN = "crt_guest.a-secret-of-the-guest"


def order(*lines: QuoteLine, **changes: Any) -> StoredOrder:
    items = list(lines or [line("a", 3, 1000), line("b", 1, 500)])
    total = Money(sum(each.total.amount for each in items))
    totals = Totals(subtotal=total, discount=Money(0), shipping=Money(0), tax=Money(0), total=total, tax_lines=[])
    kept = {
        "id": "ord_1",
        "number": "HT-1",
        "checkout_id": "chk_1",
        "attempt_id": "att_1",
        "email": "asha@example.com",
        "status": "confirmed",
        "on_hold": False,
        "body": Body(items, totals, ADDRESS, "standard", "card", "Visa •••• 4242"),
        "payment_id": "pay_1",
        "payment_status": "paid",
        "currency": "INR",
        "total_minor": total.amount,
        "captured_minor": total.amount,
        "refunded_minor": 0,
        "shipped": {},
        "returned": {},
        "placed_at": now(),
        "version": 1,
    }
    return StoredOrder(**{**kept, **changes})


def asked(**units_: int) -> list[ShipItem]:
    return [ShipItem(item_id=item_id, quantity=quantity) for item_id, quantity in units_.items()]


@given(
    total=st.integers(min_value=0, max_value=10**12),
    portions=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30),
)
def test_refunds_of_a_line_in_any_portions_sum_to_its_total(total: int, portions: list[int]):
    quantity, returned, refunds = sum(portions), 0, []
    for portion in portions:
        refunds.append(shares_of(order(line("a", quantity, total), returned={"a": returned}), {"a": portion})["a"])
        returned += portion
    assert sum(refunds) == total
    assert min(refunds) >= 0


def test_a_refund_of_several_lines_is_the_sum_of_their_shares():
    assert shares_of(order(returned={"a": 1}), {"a": 1, "b": 1}) == {"a": 333, "b": 500}


@given(
    total=st.integers(min_value=0, max_value=10**12) | st.integers(min_value=0, max_value=9),
    portions=st.lists(st.integers(min_value=1, max_value=4), min_size=1, max_size=8),
    rounds=st.lists(st.lists(st.integers(min_value=0, max_value=7), min_size=1, unique=True), max_size=6),
)
def test_returns_sum_to_the_lines_total_however_often_some_are_rejected(
    total: int, portions: list[int], rounds: list[list[int]]
):
    one, shares = order(line("a", sum(portions), total)), dict[int, int]()
    for rejected in [[], *rounds]:
        known = [n for n in rejected if n in shares]
        for n in known:
            one = with_returned(one, {"a": -portions[n]}, {"a": -shares.pop(n)})
        for n in sorted(set(range(len(portions))) - set(shares)):
            asked_for = shares_of(one, {"a": portions[n]})
            one, shares[n] = with_returned(one, {"a": portions[n]}, asked_for), asked_for["a"]
        assert (sum(shares.values()), one.returned, one.uneven) == (total, {"a": sum(portions)}, {})
        assert min(shares.values()) >= 0


def test_a_unit_that_is_asked_for_again_costs_what_was_freed():
    one = order(returned={"a": 2})
    freed = with_returned(one, {"a": -1}, {"a": -333})
    assert (freed.returned, freed.uneven, shares_of(freed, {"a": 1})) == ({"a": 1}, {}, {"a": 333})
    whole = order(line("a", 2, 3), returned={"a": 2})
    first = with_returned(whole, {"a": -1}, {"a": -1})
    assert (first.uneven, shares_of(first, {"a": 1})) == ({"a": 1}, {"a": 1})


def test_what_was_counted_before_shares_were_kept_costs_what_it_did():
    assert with_returned(order(returned={"a": 2}), {"a": -1}, {}).uneven == {}


def test_without_items_all_that_is_left_is_meant():
    assert units(order(), None, {"a": 1, "b": 1}) == {"a": 2}


def test_when_nothing_is_left_there_is_nothing_to_do():
    with pytest.raises(OrderStateError, match="Nothing is left"):
        units(order(), None, {"a": 3, "b": 1})


def test_an_item_named_twice_counts_twice():
    assert units(order(), [*asked(a=1), *asked(a=2)], {}) == {"a": 3}


def test_every_item_asked_for_too_often_is_named():
    with pytest.raises(Invalid) as refused:
        units(order(), asked(a=3, b=1, c=1), {"a": 1})
    assert refused.value.facts["errors"] == [
        {"pointer": "/items/0", "code": "too_many", "detail": "2 left of this item"},
        {"pointer": "/items/2", "code": "too_many", "detail": "0 left of this item"},
    ]


def test_an_item_named_twice_cannot_pass_the_limit_in_two_halves():
    with pytest.raises(Invalid) as refused:
        units(order(), [*asked(a=2), *asked(a=2)], {})
    assert [error["pointer"] for error in refused.value.facts["errors"]] == ["/items/0", "/items/1"]


@given(st.lists(st.sampled_from(sorted(RANK))))
def test_an_order_never_moves_back(notices: list[str]):
    status = "placed"
    for notice in notices:
        moved = forward(status, notice)
        assert RANK[moved] >= RANK[status]
        status = moved


@pytest.mark.parametrize("notice", sorted(RANK))
def test_nothing_leads_out_of_canceled(notice: str):
    assert forward("canceled", notice) == "canceled"


@pytest.mark.parametrize("status", ["placed", "confirmed", "packed"])
def test_what_has_not_left_can_be_canceled(status: str):
    check_cancelable(order(status=status))


@pytest.mark.parametrize("status", ["shipped", "out_for_delivery", "delivered", "returned", "canceled"])
def test_what_has_left_cannot_be_canceled(status: str):
    with pytest.raises(OrderStateError) as refused:
        check_cancelable(order(status=status))
    assert refused.value.facts == {"state": status}


@pytest.mark.parametrize(
    ("method", "paid", "on_hold", "statuses"),
    [
        ("card", True, False, ("confirmed", "paid")),
        ("card", True, True, ("placed", "paid")),
        ("card", False, False, ("placed", "authorized")),
        ("cod", False, False, ("confirmed", "cash_on_delivery")),
        ("cod", False, True, ("placed", "cash_on_delivery")),
    ],
)
def test_where_an_order_begins(method: str, paid: bool, on_hold: bool, statuses: tuple[str, str]):
    assert first_status(placing(payment_method=method, paid=paid, on_hold=on_hold)) == statuses


def of_user() -> StoredOrder:
    return order(user_id="usr_asha")


def of_guest() -> StoredOrder:
    return order(guest_hash=hashlib.sha256(TOKEN.encode()).hexdigest())


@pytest.mark.parametrize(
    ("whose", "who", "allowed"),
    [
        (of_user, {"user_id": "usr_asha"}, True),
        (of_user, {"user_id": "usr_ravi"}, False),
        (of_user, {"user_id": "usr_ravi", "any_owner": True}, True),
        (of_user, {"link": sign("ord_1", SECRET)}, True),
        (of_user, {"link": sign("ord_2", SECRET)}, False),
        (of_user, {"link": sign("ord_1", "another secret")}, False),
        (of_user, {"link": "ungültig"}, False),
        (of_user, {"cart_token": TOKEN}, False),
        (of_user, {}, False),
        (of_guest, {"cart_token": TOKEN}, True),
        (of_guest, {"cart_token": TOKEN + "x"}, False),
        (of_guest, {"user_id": "usr_asha"}, False),
        (of_guest, {"link": sign("ord_1", SECRET)}, True),
        (of_guest, {}, False),
    ],
)
def test_who_may_see_an_order(whose: Any, who: dict[str, Any], allowed: bool):
    assert may_see(whose(), OrderOf(order="ord_1", **who), SECRET) is allowed


def test_a_signed_link_has_no_room_for_guessing():
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", sign("ord_1", SECRET))


def test_a_number_can_be_read_out():
    assert re.fullmatch(r"HT-[0-9A-HJKMNP-TV-Z]{8}", new_number())


def test_a_parcel_weighs_what_is_in_it():
    items, weight = parcels(order(), {"a": 2, "b": 1})
    assert ([(each.sku, each.quantity) for each in items], weight) == ([("SKU-a", 2), ("SKU-b", 1)], 2700)


def test_counts_add_up_by_item():
    assert added({"a": 1, "b": 2}, {"b": 1, "c": 4}) == {"a": 1, "b": 3, "c": 4}
