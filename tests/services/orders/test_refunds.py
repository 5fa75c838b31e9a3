"""Money that is taken and goes back, with a real provider."""

from __future__ import annotations

import pytest

from haat.contracts.orders import (
    CaptureOrder,
    Order,
    RefundOrder,
)
from haat.contracts.payments import CashMethod, PaymentStateError
from haat.kit.ids import new_id
from haat.kit.message import Invalid
from haat.kit.money import Money
from tests.services.orders.asking import (
    STAFF,
    OlderLook,
    key,
    orders_without,
    received,
    refund,
    refunded,
    sent_back,
    types,
)
from tests.services.shopfloor import Floor, outcomes


async def test_lines_are_refunded_to_their_last_paisa(floor: Floor):
    order = await floor.bought((await floor.variant(amount=33_333), 3))
    for left in (2, 1, 0):
        seen = await floor.orders.refund(refund(order, quantity=1))
        assert seen.payment.status == ("partially_refunded" if left or seen.totals.shipping.amount else "refunded")
    assert seen.payment.refunded == order.items[0].total
    with pytest.raises(Invalid):
        await floor.orders.refund(refund(order, quantity=1))


async def test_an_amount_is_refunded_and_noted(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    seen = await floor.orders.refund(refund(order, amount=5_000))
    assert (seen.payment.refunded, types(seen)[-1], seen.timeline[-1].actor) == (Money(5_000), "refunded", STAFF)
    assert await refunded(floor, order) == 5_000


async def test_refunds_at_once_never_exceed_what_was_taken(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    half = order.payment.captured.amount // 2 + 1
    for _ in range(3):
        await outcomes([floor.orders.refund(refund(order, amount=half)) for _ in range(5)])
    seen = await floor.order(order.id)
    assert (seen.payment.refunded.amount, await refunded(floor, order)) == (half, half)


async def test_one_unit_is_not_refunded_twice_on_an_older_look(floor: Floor):
    order = await floor.bought((await floor.variant(), 2))
    store = OlderLook(floor.database)
    await store.look(order)
    await floor.orders.refund(refund(order, quantity=2))
    with pytest.raises(Invalid):
        await orders_without(floor, store)[0].refund(refund(order, quantity=1))
    assert await refunded(floor, order) == order.items[0].total.amount


async def test_too_much_is_refused_with_what_is_left(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(PaymentStateError) as refused:
        await floor.orders.refund(refund(order, amount=order.payment.captured.amount + 1))
    left = order.payment.captured
    assert refused.value.facts["available"] == {"amount": left.amount, "currency": left.currency}


async def test_the_same_key_is_refused_again(floor: Floor):
    order, same = await floor.bought((await floor.variant(), 1)), key()
    ask = refund(order, amount=order.payment.captured.amount + 1, idempotency=same)
    facts = []
    for _ in range(2):
        with pytest.raises(PaymentStateError) as refused:
            await floor.orders.refund(ask)
        facts.append((refused.value.detail, refused.value.facts))
    assert facts[0] == facts[1]


async def test_nobody_is_told_yes_under_a_key_whose_refund_is_still_to_be_refused(floor: Floor):
    order, same = await floor.bought((await floor.variant(), 1)), key()
    ask = refund(order, amount=order.payment.captured.amount + 1, idempotency=same)
    heard = await outcomes([floor.orders.refund(ask) for _ in range(20)])
    assert set(heard) <= {"payment_state", "idempotency_in_flight"}


async def test_a_refund_that_waits_for_a_neighbour_is_answered_alike_under_its_key(floor: Floor):
    order, same = await floor.bought((await floor.variant(), 1)), key()
    service, _ = orders_without(floor, payments="refund")
    answers = [await service.refund(refund(order, amount=700, idempotency=same)) for _ in range(2)]
    assert [answer.payment.refunded for answer in answers] == [Money(0), Money(0)]


async def test_after_a_refusal_other_work_can_begin(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(PaymentStateError):
        await floor.orders.refund(refund(order, amount=order.payment.captured.amount + 1))
    assert (await floor.orders.refund(refund(order, amount=100))).payment.refunded == Money(100)


async def test_the_same_key_refunds_once(floor: Floor):
    order, same = await floor.bought((await floor.variant(), 1)), key()
    for _ in range(3):
        await floor.orders.refund(refund(order, amount=700, idempotency=same))
    assert await refunded(floor, order) == 700


@pytest.mark.parametrize(
    "asked",
    [
        {"amount": 0},
        {"amount": -5},
        {},
        {"amount": 5, "quantity": 1},
    ],
)
async def test_a_senseless_refund_is_invalid(floor: Floor, asked: dict[str, int]):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(Invalid):
        await floor.orders.refund(refund(order, **asked))


async def test_another_currency_is_invalid(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    dollars = RefundOrder(order_id=order.id, actor=STAFF, reason="goodwill", amount=Money(5, "USD"))
    with pytest.raises(Invalid):
        await floor.orders.refund(dollars)


async def test_money_is_captured_in_parts(floor: Floor):
    owner = await floor.guest((await floor.variant(), 1))
    done = await floor.complete(owner, (await floor.open(owner)).id, await floor.card())
    order = await floor.order(done.order.id)
    part = await floor.orders.capture(CaptureOrder(order_id=order.id, actor=STAFF, amount=Money(1_000)))
    rest = await floor.orders.capture(CaptureOrder(order_id=order.id, actor=STAFF))
    assert (part.payment.captured, part.payment.status) == (Money(1_000), "authorized")
    assert (rest.payment.captured, rest.payment.status) == (order.totals.total, "paid")


async def test_money_goes_back_in_full_after_a_delivery_in_cash(floor: Floor):
    order = await floor.delivered((await floor.variant(), 1), payment=CashMethod())
    await floor.house.service("orders").finish_tasks()
    seen = await floor.orders.refund(refund(order, quantity=1))
    assert seen.payment.refunded == order.items[0].total


async def returned_at_the_bank(floor: Floor, order: Order) -> None:
    """All of it goes back at the provider's own desk, and we do not hear of it."""
    (row,) = await floor.books(await floor.value("SELECT checkout_id FROM orders.orders WHERE id = $1", order.id))
    url = f"{floor.house.settings.provider_url}/v1/payments/{row['id']}/refunds"
    whole, keyed = {"amount": row["captured"]}, {"Idempotency-Key": new_id("key")}
    async with floor.session.post(url, json=whole, headers=keyed) as answer:
        assert answer.status < 300, await answer.text()


async def test_a_refund_that_the_provider_refuses_is_not_told_as_money_sent_back(floor: Floor):
    order = await floor.bought((await floor.variant(), 2))
    await returned_at_the_bank(floor, order)
    seen = await floor.orders.refund(refund(order, quantity=1))
    assert (types(seen), seen.payment.refunded, seen.returned) == (["placed", "paid"], Money(0), {})


async def test_a_return_whose_refund_the_provider_refuses_says_so(floor: Floor):
    order = await floor.delivered((await floor.variant(), 2))
    made = await floor.orders.request_return(sent_back(order))
    await returned_at_the_bank(floor, order)
    seen = await floor.orders.receive_return(received(made))
    assert (seen.timeline[-1].detail, seen.refund) == ("Parcel received, its money did not go through", Money(0))
