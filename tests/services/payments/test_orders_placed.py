"""A placed order is captured, also when the database goes away at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from haat.contracts.payments import CashMethod, PaymentRef, Void
from haat.kit.clock import now
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.services.payments.model import IN_FLIGHT
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from tests.services.shopfloor import waited_for


class Unplugged:
    """A database that does not answer the call of this number."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._left = number

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self._left -= 1
        if self._left == 0:
            raise Unavailable("the database does not answer")
        async with self._database.connection() as connection:
            yield connection

    def replica(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.replica()

    def transaction(self, schema: str) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction(schema)


async def test_a_capture_that_could_not_be_written_down_is_asked_for_again(shop: Any):
    payment = await shop.payments.authorize(shop.ask(await shop.card()))
    payments = PaymentsService(PaymentStore(Unplugged(shop.database, 1)), shop.provider, shop.vault)
    with pytest.raises(Unavailable):
        await payments.take_for_orders([payment.id])
    await payments.take_for_orders([payment.id])
    assert await state_of(shop, payment.id) == "captured"


async def test_an_answer_that_could_not_be_written_down_is_found_by_the_sweep(shop: Any):
    payment = await shop.payments.authorize(shop.ask(await shop.card()))
    payments = PaymentsService(PaymentStore(Unplugged(shop.database, 2)), shop.provider, shop.vault)
    await payments.take_for_orders([payment.id])
    assert await state_of(shop, payment.id) == "authorized"
    await shop.sweep(payment.id)
    assert await state_of(shop, payment.id) == "captured"


class Together:
    """A database whose every statement is part of one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        yield self._transaction.connection


WATCHED_SOON = "SELECT count(*) FROM payments.due WHERE payment_id = $1 AND at < now() + interval '1 minute'"


async def test_a_capture_that_begins_while_its_payment_is_looked_at_stays_watched(shop: Any):
    held = await shop.payments.authorize(shop.ask(await shop.card()))
    store, soon = PaymentStore(shop.database), now() + IN_FLIGHT
    payment = await store.load(payment_id=held.id)
    async with shop.database.transaction("payments") as transaction:
        await PaymentStore(Together(transaction)).begin_captures([held.id], "order_placed", soon)
        look = asyncio.create_task(store.look_again(payment, payment.decide_hold_at))
        await waited_for(transaction, look)
    await look
    assert await shop.rows(WATCHED_SOON, held.id) == [(1,)]


@pytest.mark.parametrize("later", [[timedelta(days=3)], []], ids=["until its hold runs out", "never"])
async def test_a_capture_that_begins_while_its_payment_is_put_off_is_watched(shop: Any, later: list[timedelta]):
    held = await shop.payments.authorize(shop.ask(await shop.card()))
    store, soon, off = PaymentStore(shop.database), now() + IN_FLIGHT, next((now() + each for each in later), None)
    payment = await store.load(payment_id=held.id)
    async with shop.database.transaction("payments") as transaction:
        await PaymentStore(Together(transaction)).look_again(payment, off)
        begin = asyncio.create_task(store.begin_captures([held.id], "order_placed", soon))
        await waited_for(transaction, begin)
    begun = await begin
    assert (len(begun), await shop.rows(WATCHED_SOON, held.id)) == (1, [(1,)])


async def test_many_orders_are_taken_together_and_each_only_once(shop: Any):
    asks = [shop.ask(await shop.card(), 1000 + i) for i in range(12)]
    cash = shop.ask(CashMethod())
    paid = [await shop.payments.authorize(ask) for ask in [*asks, cash]]
    ids = [each.id for each in paid]
    await asyncio.gather(*(shop.payments.take_for_orders(ids) for _ in range(3)))
    assert [await state_of(shop, each) for each in ids] == ["captured"] * 12 + ["authorized"]
    for ask in asks:
        assert [row["captured"] for row in await shop.books(ask.checkout_id)] == [ask.amount.amount]
        assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured"]
    assert await shop.rows("SELECT payment_id FROM payments.due WHERE payment_id = ANY($1)", ids[:12]) == []


async def test_one_bad_capture_among_many_holds_none_of_the_others(shop: Any):
    asks = [shop.ask(await shop.card()) for _ in range(4)]
    ids = [(await shop.payments.authorize(ask)).id for ask in asks]
    await shop.fault("capture", "drop_before", 2)
    await shop.payments.take_for_orders(ids)
    assert [await state_of(shop, each) for each in ids].count("captured") >= 2
    await shop.sweep(*ids)
    assert [await state_of(shop, each) for each in ids] == ["captured"] * 4


async def test_a_payment_whose_provider_is_not_set_up_any_more_holds_none_of_the_others(shop: Any):
    ids = sorted([(await shop.payments.authorize(shop.ask(await shop.card()))).id for _ in range(4)])
    await shop.rows("UPDATE payments.payments SET provider = 'former' WHERE payment_id = $1", ids[0])
    await shop.payments.take_for_orders(ids)
    assert [await state_of(shop, each) for each in ids] == ["authorized", "captured", "captured", "captured"]
    await shop.rows("UPDATE payments.payments SET provider = 'sandbox' WHERE payment_id = $1", ids[0])
    await shop.sweep(ids[0])
    assert await state_of(shop, ids[0]) == "captured"


@pytest.mark.parametrize("held_back", [False, True])
async def test_an_order_that_stands_on_a_payment_which_ended_before_is_told_so(shop: Any, held_back: bool):
    ask = shop.ask(await shop.card())
    payment = await shop.payments.authorize(ask)
    await shop.provider.void(new_id("key"), (await shop.books(ask.checkout_id))[0]["id"])
    await shop.payments.payment(PaymentRef(payment_id=payment.id, confirm=True))
    before = await shop.told(ask.attempt_id)
    await shop.payments.take_for_orders(*([], [payment.id]) if held_back else ([payment.id], []))
    assert before == ["PaymentAuthorized", "PaymentFailed"]
    assert await shop.told(ask.attempt_id) == [*before, "PaymentFailed"]


async def test_an_order_whose_payment_was_let_go_of_amid_is_told_so(shop: Any):
    ask = shop.ask(await shop.card())
    payment = await shop.payments.authorize(ask)
    await shop.fault("void", "drop_before", 2)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="running out"))
    await shop.payments.take_for_orders([payment.id])
    await shop.sweep(payment.id)
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentFailed"]
    assert [row["captured"] for row in await shop.books(ask.checkout_id)] == [0]


async def test_an_order_whose_payment_is_held_is_told_nothing(shop: Any):
    ask = shop.ask(await shop.card())
    payment = await shop.payments.authorize(ask)
    await shop.payments.take_for_orders([], [payment.id])
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized"]


async def state_of(shop: Any, payment_id: str) -> str:
    return (await shop.payments.payment(PaymentRef(payment_id=payment_id))).state
