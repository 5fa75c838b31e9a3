"""What is done to orders: by whom, once, with every fault told, and never before it was said what will happen."""

from __future__ import annotations

import msgspec
import pytest

from haat.contracts.orders import (
    ApproveReturn,
    CancelOrder,
    ListOrders,
    OrderStateError,
    ReceiveReturn,
    RefundOrder,
    RejectReturn,
    ShipItem,
    ShipOrder,
    TakeBack,
    TimelineEntry,
)
from haat.contracts.shipping import Parcel, Shipment
from haat.kit.money import Money
from haat.web.backoffice.order_view import (
    Refunding,
    acts_of,
    cancel_consequences,
    money_rows,
    refund_consequences,
    refunding,
    shipped_units,
    steps_of,
)
from tests.web.backoffice.conftest import Enter, House, field
from tests.web.backoffice.neighbours import MOMENT, order, returned


def parcel(units: int, status: str = "created", direction: str = "outbound") -> Shipment:
    return Shipment(
        id="shp_1",
        order_id="ord_1",
        carrier="sandbox",
        tracking_number="T1",
        status=status,
        items=[Parcel(sku="SKU-1", title="Thing", quantity=units, item_id="itm_1")],
        events=[],
        created_at=MOMENT,
        direction=direction,
    )


def test_units_in_called_off_and_returning_parcels_are_not_shipped() -> None:
    one = order(shipments=[parcel(1), parcel(1, "canceled"), parcel(2, direction="return")])

    assert shipped_units(one) == {"itm_1": 1}


def test_what_is_left_to_ship_is_what_no_parcel_holds() -> None:
    acts = acts_of(order(shipments=[parcel(2)]), None, lambda _: True)

    assert acts.unshipped == {"itm_1": 1, "itm_2": 1}


def test_a_held_order_is_not_shipped() -> None:
    assert not acts_of(order("placed", on_hold=True), None, lambda _: True).ship


@pytest.mark.parametrize("status", ["shipped", "delivered", "canceled"])
def test_an_order_that_has_left_is_not_canceled(status: str) -> None:
    assert not acts_of(order(status), None, lambda _: True).cancel


def test_what_may_go_back_is_what_was_taken_and_not_returned() -> None:
    paid = msgspec.structs.replace(order().payment, refunded=Money(33_333))

    assert acts_of(order(payment=paid), None, lambda _: True).refund == 300_000


def test_a_refund_of_lines_is_worth_what_was_paid_for_them() -> None:
    wanted, faults = refunding(order(), {"by": "lines", "units.itm_1": "2", "reason": "broken"})

    assert faults == {}
    assert wanted is not None
    assert wanted.amount == Money(200_000)


def test_units_in_a_return_or_refunded_cannot_be_refunded_again() -> None:
    one = order(returned={"itm_1": 2, "itm_2": 1})
    _, faults = refunding(one, {"by": "lines", "units.itm_1": "2", "reason": "broken"})

    assert list(faults) == ["units.itm_1"]
    assert acts_of(one, None, lambda _: True).unreturned == {"itm_1": 1}


def test_a_refund_tells_all_its_faults_at_once() -> None:
    _, faults = refunding(order(), {"by": "amount", "amount": "lots", "reason": ""})

    assert set(faults) == {"amount", "reason"}
    assert faults["reason"] == "Say why, in 1 to 200 characters: the timeline and the books show it"


def test_no_more_goes_back_than_was_taken() -> None:
    _, faults = refunding(order(), {"by": "amount", "amount": "3,333.34", "reason": "goodwill"})

    assert list(faults) == ["amount"]


def test_all_that_was_taken_may_go_back() -> None:
    wanted, _ = refunding(order(), {"by": "amount", "amount": "3,333.33", "reason": "goodwill"})

    assert wanted is not None
    assert wanted.amount == Money(333_333)


def test_a_canceled_order_walked_no_further() -> None:
    assert [(step.name, step.state) for step in steps_of(order("canceled"))] == [
        ("placed", "done"),
        ("canceled", "now"),
    ]


def test_money_that_was_only_authorised_is_let_go_by_canceling() -> None:
    held = msgspec.structs.replace(order().payment, status="authorized", captured=Money(0))

    assert cancel_consequences(order(payment=held))[0] == (
        "The money that the bank holds is let go; nothing was taken."
    )


def test_the_sums_end_with_what_is_kept() -> None:
    paid = msgspec.structs.replace(order().payment, refunded=Money(33_333))

    assert money_rows(order(payment=paid))[-1] == ("Kept", Money(300_000), "strong")


async def test_the_first_page_tells_today_and_yesterday(enter: Enter) -> None:
    page = (await enter("support").see("/admin")).text

    assert "₹33,333" in page and "12 orders" in page and "yesterday 1 for ₹999" in page


async def test_returns_that_ended_are_apart_from_those_that_wait(enter: Enter, house: House) -> None:
    done = msgspec.structs.replace(returned(1), id="ret_0", status="refunded")
    house.orders.one = order("delivered", returns=[returned(1), done])

    waiting = (await enter("fulfilment").see("/admin/returns")).text
    ended = (await enter("fulfilment").see("/admin/returns?show=done")).text

    assert ("/admin/returns/ret_1" in waiting, "refunded" in waiting) == (True, False)
    assert ("/admin/returns/ret_1" in ended, "refunded" in ended) == (False, True)


def test_a_part_on_its_way_is_shown_as_a_part() -> None:
    assert [step.name for step in steps_of(order("partially_shipped"))][3] == "partially_shipped"
    assert [step.state for step in steps_of(order("partially_delivered"))][-1] == "now"


async def test_the_list_asks_for_the_tab_the_text_and_the_page(enter: Enter, house: House) -> None:
    await enter("support").see("/admin/orders?status=packed&q=asha@example.com&cursor=abc")

    assert house.orders.asked == [ListOrders(status="packed", text="asha@example.com", cursor="abc", limit=25)]


async def test_a_number_that_is_found_opens_its_order(enter: Enter) -> None:
    answer = await enter("support").see("/admin/orders?q=HT-1234ABCD")

    assert answer.headers["location"] == "/admin/orders/ord_1"


async def test_a_part_of_an_order_is_shipped(enter: Enter, house: House) -> None:
    fields = {"which": "some", "units.itm_1": "2"}

    answer = await enter("fulfilment").send("/admin/orders/ord_1/ship", **fields)

    (ask,) = house.orders.asked
    assert isinstance(ask, ShipOrder)
    assert (ask.items, ask.actor) == ([ShipItem(item_id="itm_1", quantity=2)], "usr_fulfilment")
    assert answer.headers["location"] == "/admin/orders/ord_1?said=shipped"


async def test_a_parcel_that_came_back_undelivered_is_taken_back(enter: Enter, house: House) -> None:
    house.orders.one = order("out_for_delivery", shipments=[parcel(3, "failed")], undelivered=["shp_1"])
    person = enter("fulfilment")

    before = await person.see("/admin/orders/ord_1")
    answer = await person.send("/admin/orders/ord_1/parcels/shp_1/take-back")

    (ask,) = house.orders.asked
    assert isinstance(ask, TakeBack)
    assert (ask.shipment_id, ask.actor) == ("shp_1", "usr_fulfilment")
    assert answer.headers["location"] == "/admin/orders/ord_1?said=taken_back"
    assert ("It is here again" in before.text, "1 unit to hand over" in before.text) == (True, True)


async def test_a_form_sent_twice_carries_the_same_key_and_print(enter: Enter, house: House) -> None:
    person = enter("fulfilment")

    await person.send("/admin/orders/ord_1/ship", which="all")
    await person.send("/admin/orders/ord_1/ship", which="all")

    first, second = house.orders.asked
    assert first.idempotency == second.idempotency
    assert first.idempotency.account == "usr_fulfilment"


async def test_another_wish_under_the_same_key_has_another_print(enter: Enter, house: House) -> None:
    person = enter("fulfilment")

    await person.send("/admin/orders/ord_1/ship", which="all")
    await person.send("/admin/orders/ord_1/ship", **{"which": "some", "units.itm_1": "1"})

    first, second = house.orders.asked
    assert first.idempotency.fingerprint != second.idempotency.fingerprint


async def test_a_money_form_without_its_key_is_refused(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/orders/ord_1/capture", key="")

    assert answer.status_code == 400
    assert house.orders.asked == []


async def test_a_refund_says_first_what_it_will_do(enter: Enter, house: House) -> None:
    fields = {"by": "lines", "units.itm_1": "1", "reason": "broken"}

    answer = await enter("finance").send("/admin/orders/ord_1/refund", **fields)

    assert "₹1,000 goes back by Visa •••• 4242." in answer.text
    assert house.orders.asked == []


def test_a_refund_tells_what_a_return_will_give_back_besides() -> None:
    one = order("delivered", returns=[returned(1)])
    wanted, _ = refunding(one, {"by": "amount", "amount": "100", "reason": "goodwill"})

    assert wanted is not None
    assert "A return under way gives back another ₹1,000 when it is received." in refund_consequences(one, wanted)


def test_cash_that_goes_back_is_told_to_be_paid_out_by_hand() -> None:
    paid = order().payment
    told = [
        "by hand" in " ".join(refund_consequences(order(payment=each), Refunding(Money(100), None, "x")))
        for each in (msgspec.structs.replace(paid, method="cod"), paid)
    ]

    assert told == [True, False]


async def test_the_page_of_an_order_in_cash_says_that_its_refunds_are_paid_out_by_hand(
    enter: Enter, house: House
) -> None:
    cash = msgspec.structs.replace(order().payment, method="cod", refunded=Money(100))
    house.orders.one = order("delivered", payment=cash)

    assert "is paid out by hand" in (await enter("support").see("/admin/orders/ord_1")).text


async def test_a_confirmed_refund_is_the_one_that_was_shown(enter: Enter, house: House) -> None:
    person = enter("finance")
    fields = {"by": "lines", "units.itm_1": "1", "reason": "broken"}
    question = await person.send("/admin/orders/ord_1/refund", **fields)

    await person.send("/admin/orders/ord_1/refund", **fields, confirmed=field(question, "confirmed"))

    (ask,) = house.orders.asked
    assert isinstance(ask, RefundOrder)
    assert (ask.items, ask.amount, ask.reason) == ([ShipItem(item_id="itm_1", quantity=1)], None, "broken")


async def test_a_refund_changed_after_it_was_shown_is_asked_again(enter: Enter, house: House) -> None:
    person = enter("finance")
    question = await person.send("/admin/orders/ord_1/refund", by="amount", amount="10", reason="sorry")

    answer = await person.send(
        "/admin/orders/ord_1/refund", by="amount", amount="1000", reason="sorry", confirmed=field(question, "confirmed")
    )

    assert "Refund ₹1,000?" in answer.text
    assert house.orders.asked == []


async def test_canceling_needs_a_reason_and_a_second_look(enter: Enter, house: House) -> None:
    person = enter("support")

    without = await person.send("/admin/orders/ord_1/cancel")
    question = await person.send("/admin/orders/ord_1/cancel", reason="changed mind")
    await person.send("/admin/orders/ord_1/cancel", reason="changed mind", confirmed=field(question, "confirmed"))

    assert without.status_code == 422
    (ask,) = house.orders.asked
    assert isinstance(ask, CancelOrder)
    assert (ask.reason, ask.any_owner) == ("changed mind", True)


async def test_a_refusal_is_told_in_the_form_with_a_new_key(enter: Enter, house: House) -> None:
    house.orders.refusal = OrderStateError("Other work on this order is under way; try again")

    answer = await enter("fulfilment").send("/admin/orders/ord_1/ship", which="all")

    assert answer.status_code == 409
    assert "Other work on this order is under way" in answer.text
    assert field(answer, "key") not in ("", "key-1")


async def test_a_return_is_received_as_damaged(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])

    answer = await enter("fulfilment").send("/admin/returns/ret_1", state="damaged")

    (ask,) = house.orders.asked
    assert isinstance(ask, ReceiveReturn)
    assert (ask.return_id, ask.restock) == ("ret_1", False)
    assert answer.headers["location"] == "/admin/returns?said=received"


async def test_a_return_for_which_no_money_went_is_not_told_as_refunded(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[msgspec.structs.replace(returned(1), refund=Money(0))])

    answer = await enter("fulfilment").send("/admin/returns/ret_1", state="good")

    assert answer.headers["location"] == "/admin/returns?said=received-unpaid"


@pytest.mark.parametrize(
    ("path", "typed", "back_at"),
    [
        ("/admin/orders/ord_1/cancel", {"reason": "changed mind", "confirmed": "yes"}, "/admin/orders/ord_1"),
        ("/admin/orders/ord_1/ship", {}, "/admin/orders/ord_1"),
        ("/admin/orders/ord_1/capture", {}, "/admin/orders/ord_1"),
        ("/admin/returns/ret_1", {"state": "good"}, "/admin/returns"),
        ("/admin/returns/ret_1/approve", {}, "/admin/returns"),
    ],
)
async def test_what_waits_for_a_neighbour_is_not_called_done(
    enter: Enter, house: House, path: str, typed: dict[str, str], back_at: str
) -> None:
    house.orders.one = msgspec.structs.replace(order(), returns=[returned(1)])
    house.orders.waits = True

    answer = await enter("owner").send(path, **typed)

    assert answer.headers["location"] == f"{back_at}?said=trying"


@pytest.mark.parametrize(("waits", "said"), [(True, "trying"), (False, "refunded")])
async def test_a_refund_that_has_not_gone_is_not_called_refunded(
    enter: Enter, house: House, waits: bool, said: str
) -> None:
    person, house.orders.waits = enter("finance"), waits
    fields = {"by": "amount", "amount": "1", "reason": "sorry"}
    question = await person.send("/admin/orders/ord_1/refund", **fields)

    answer = await person.send("/admin/orders/ord_1/refund", **fields, confirmed=field(question, "confirmed"))

    assert answer.headers["location"] == f"/admin/orders/ord_1?said={said}"


async def test_a_return_is_not_received_before_its_state_is_told(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])

    answer = await enter("fulfilment").send("/admin/returns/ret_1")

    assert answer.status_code == 422
    assert "Choose whether the items can be sold again" in answer.text


async def test_a_return_is_approved(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])
    staff = enter("fulfilment")
    page = (await staff.see("/admin/returns")).text

    answer = await staff.send("/admin/returns/ret_1/approve")

    (ask,) = [each for each in house.orders.asked if isinstance(each, ApproveReturn)]
    assert ("/admin/returns/ret_1/approve" in page, "/admin/returns/ret_1/reject" in page) == (True, True)
    assert (ask.return_id, ask.actor) == ("ret_1", "usr_fulfilment")
    assert answer.headers["location"] == "/admin/returns?said=approved"


async def test_a_return_on_its_way_is_not_approved_again(enter: Enter, house: House) -> None:
    coming = TimelineEntry(at=MOMENT, type="in_transit", detail="The carrier has the parcel")
    moving = msgspec.structs.replace(returned(1), status="in_transit", timeline=[coming])
    house.orders.one = order("delivered", returns=[moving])

    page = (await enter("fulfilment").see("/admin/returns")).text

    assert ("/admin/returns/ret_1/approve" in page, "The carrier has the parcel" in page) == (False, True)


async def test_a_return_is_rejected_with_a_reason(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])

    answer = await enter("fulfilment").send("/admin/returns/ret_1/reject", reason="It never came")

    (ask,) = house.orders.asked
    assert isinstance(ask, RejectReturn)
    assert (ask.return_id, ask.reason, ask.actor) == ("ret_1", "It never came", "usr_fulfilment")
    assert answer.headers["location"] == "/admin/returns?said=rejected"


async def test_a_return_is_not_rejected_without_a_word(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])

    answer = await enter("fulfilment").send("/admin/returns/ret_1/reject", reason=" ")

    assert answer.status_code == 422
    assert "Say why, in 1 to 200 characters" in answer.text
    assert [each for each in house.orders.asked if isinstance(each, RejectReturn)] == []


async def test_a_rejection_that_is_refused_keeps_its_reason(enter: Enter, house: House) -> None:
    house.orders.one = order("delivered", returns=[returned(1)])
    house.orders.refusal = OrderStateError("This return was received already")

    answer = await enter("fulfilment").send("/admin/returns/ret_1/reject", reason="It never came")

    assert answer.status_code == 409
    assert ("This return was received already" in answer.text, 'value="It never came"' in answer.text) == (True, True)
