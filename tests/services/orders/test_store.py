"""The SQL of orders, on real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from haat.contracts.orders import PlaceOrder
from haat.engines.database.pool import PostgresDatabase
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.services.orders.model import StoredOrder
from haat.services.orders.store import OrderStore, Refusal, Task, queries
from tests.services.orders.asking import STAFF, line, placed_event, placing


@pytest.fixture
def store(database: PostgresDatabase) -> OrderStore:
    return OrderStore(database)


async def place(store: OrderStore, ask: PlaceOrder) -> str:
    order_id = new_id("ord")
    return (await store.place(order_id, order_id[-10:], ask, placed_event(order_id, ask))).id


async def stored(store: OrderStore, order_id: str) -> StoredOrder:
    found = await store.load(order_id)
    assert found is not None
    return found


async def begun(store: OrderStore, order_id: str, kind: str = "ship", lease_seconds: float = 60) -> Task | None:
    # Whole, so that a sweep of another test can finish it.
    task = Task(new_id("tsk"), order_id, kind, {"actor": STAFF, "units": {"itm_a": 1}})
    async with store.connection() as connection:
        return task if await store.begin_task(connection, task, lease_seconds) else None


async def kinds_left(store: OrderStore, order_id: str) -> list[str]:
    async with store.connection() as connection:
        rows = await connection.fetch("SELECT kind FROM orders.tasks WHERE order_id = $1 AND NOT done", order_id)
    return [row["kind"] for row in rows]


async def outbox(store: OrderStore, order_id: str) -> list[str]:
    async with store.connection() as connection:
        rows = await connection.fetch("SELECT name FROM orders.outbox WHERE key = $1", order_id)
    return [row["name"] for row in rows]


async def test_an_order_comes_back_as_it_was_placed(store: OrderStore):
    ask = placing(line("itm_a", 3, 1000), line("itm_b", 1, 500), user_id=new_id("usr"), coupon_codes=["TEN"])
    order = await stored(store, await place(store, ask))
    assert (order.body.items, order.body.totals, order.body.coupon_codes) == (ask.items, ask.totals, ["TEN"])
    assert (order.total_minor, order.captured_minor, order.status, order.version) == (1500, 1500, "confirmed", 1)


async def test_placing_twice_is_one_order_told_once(store: OrderStore):
    ask = placing()
    first, again = await place(store, ask), await place(store, ask)
    assert (again, await outbox(store, first)) == (first, ["orders.OrderPlaced"])


async def test_of_twenty_who_place_at_once_all_are_told_the_one_order(store: OrderStore):
    ask = placing()
    assert len(set(await asyncio.gather(*(place(store, ask) for _ in range(20))))) == 1
    async with store.connection() as connection:
        count = await connection.fetchval("SELECT count(*) FROM orders.orders WHERE checkout_id = $1", ask.checkout_id)
    assert count == 1


async def test_bought_is_what_was_ordered_and_not_canceled(store: OrderStore):
    user_id, other = new_id("usr"), new_id("usr")
    order = await stored(store, await place(store, placing(user_id=user_id)))
    assert await store.bought(user_id, "prd_itm_a")
    assert not await store.bought(other, "prd_itm_a")
    assert not await store.bought(user_id, "prd_itm_z")
    async with store.connection() as connection:
        await store.update(connection, msgspec.structs.replace(order, status="canceled"))
    assert not await store.bought(user_id, "prd_itm_a")


async def test_a_users_orders_come_newest_first_and_page_on(store: OrderStore):
    user_id = new_id("usr")
    ids = sorted([await place(store, placing(user_id=user_id)) for _ in range(3)], reverse=True)
    first = await store.list_of_user(user_id, None, None, 2)
    rest = await store.list_of_user(user_id, None, first[-1].id, 2)
    assert [order.id for order in [*first, *rest]] == ids


async def test_lists_can_be_narrowed_to_a_status(store: OrderStore):
    user_id = new_id("usr")
    held = await place(store, placing(user_id=user_id, on_hold=True))
    await place(store, placing(user_id=user_id))
    assert [order.id for order in await store.list_of_user(user_id, "placed", None, 10)] == [held]


async def test_staff_find_by_number_id_and_email(store: OrderStore):
    email = f"{new_id('asha')}@example.com"
    order_id = await place(store, placing(email=email))
    known = await stored(store, order_id)
    async with store.connection() as connection:
        await connection.execute("UPDATE orders.orders SET number = upper(number) WHERE id = $1", order_id)
    for text in (order_id, known.number.lower(), email.upper(), known.checkout_id):
        assert [order.id for order in await store.list_all(None, text, None, 10)] == [order_id]


async def test_staff_find_an_email_however_it_was_typed(store: OrderStore):
    name = new_id("asha")
    typed = [f"{name}@example.com", f"{name.title()}@Example.com", f"{name.upper()}@EXAMPLE.COM"]
    ids = [await place(store, placing(email=email)) for email in typed]
    for text in typed:
        assert [order.id for order in await store.list_all(None, text, None, 10)] == sorted(ids, reverse=True)


async def test_an_email_is_found_by_its_index(store: OrderStore):
    async with store.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        asked = "PREPARE asked AS " + queries.list_all.sql
        await connection.execute(asked)
        rows = await connection.fetch("EXPLAIN EXECUTE asked(NULL, 'asha@example.com', NULL, 10)")
        await connection.execute("DEALLOCATE asked")
    assert [row[0].strip() for row in rows if "orders_lower_email" in row[0]] != []


async def test_of_ten_tasks_begun_at_once_one_runs(store: OrderStore):
    order_id = await place(store, placing())
    tasks = await asyncio.gather(*(begun(store, order_id) for _ in range(10)))
    assert sum(task is not None for task in tasks) == 1


async def test_a_task_can_begin_when_the_one_before_is_over(store: OrderStore):
    order_id = await place(store, placing())
    first = await begun(store, order_id)
    assert first is not None
    async with store.connection() as connection:
        await store.end_task(connection, first)
    assert await begun(store, order_id) is not None


async def test_a_task_ends_once(store: OrderStore):
    order_id = await place(store, placing())
    task = await begun(store, order_id)
    assert task is not None

    async def end() -> bool:
        async with store.connection() as connection:
            return await store.end_task(connection, task)

    assert sorted(await asyncio.gather(*(end() for _ in range(5)))) == [False] * 4 + [True]


async def test_what_follows_begins_when_the_task_under_way_is_over(store: OrderStore):
    order_id = await place(store, placing())
    task = await begun(store, order_id)
    assert task is not None
    async with store.transaction() as transaction:
        await store.follow(transaction.connection, Task(new_id("tsk"), order_id, "capture", {"amount": 0}))
        await store.follow(transaction.connection, Task(new_id("tsk"), order_id, "cancel", {}))
    seen = []
    while await kinds_left(store, order_id):
        seen += await kinds_left(store, order_id)
        async with store.connection() as connection:
            row = await connection.fetchrow("SELECT * FROM orders.tasks WHERE order_id = $1 AND NOT done", order_id)
            await store.end_task(connection, Task(row["id"], order_id, row["kind"], row["data"]))
    assert seen == ["ship", "capture", "cancel"]


async def test_the_amount_that_was_decided_first_stands(store: OrderStore):
    task = await begun(store, await place(store, placing()))
    assert task is not None
    assert [await store.decide_amount(task.id, amount) for amount in (800, 0, 1000)] == [800, 800, 800]


async def test_a_refusal_is_kept_with_its_facts(store: OrderStore):
    task = await begun(store, await place(store, placing()))
    assert task is not None
    refusal = Refusal("payment_state", "Not that much", {"available": {"amount": 5, "currency": "INR"}})
    async with store.connection() as connection:
        await store.end_task(connection, task, refusal)
    assert await store.end_of(task.id) == (False, refusal)


async def test_a_task_is_under_way_until_it_is_put_off_or_done(store: OrderStore):
    task = await begun(store, await place(store, placing()))
    assert task is not None
    assert await store.end_of(task.id) == (True, None)
    await store.put_off_task(task.id, 1, "nobody answers")
    assert await store.end_of(task.id) == (False, None)


async def test_a_leased_task_is_nobody_elses_until_the_lease_runs_out(store: OrderStore):
    leased = await begun(store, await place(store, placing()))
    due = await begun(store, await place(store, placing()), lease_seconds=0)
    assert leased is not None and due is not None
    found = await asyncio.gather(*(store.lease_tasks(60, 1000) for _ in range(4)))
    ids = [task.id for tasks in found for task in tasks]
    assert (ids.count(due.id), ids.count(leased.id)) == (1, 0)


async def test_only_confirmed_orders_without_work_are_to_be_packed(store: OrderStore):
    waiting, held = await place(store, placing()), await place(store, placing(on_hold=True))
    busy = await place(store, placing())
    await begun(store, busy)
    found = await store.to_fulfil(now() + timedelta(seconds=5), 10_000)
    assert (waiting in found, held in found, busy in found) == (True, False, False)


async def test_a_write_decided_on_an_older_version_changes_nothing(store: OrderStore):
    old = await stored(store, await place(store, placing()))
    async with store.connection() as connection:
        assert await store.update(connection, msgspec.structs.replace(old, status="packed"))
        assert not await store.update(connection, msgspec.structs.replace(old, status="canceled"))
    assert (await stored(store, old.id)).status == "packed"


async def test_money_taken_confirms_the_order(store: OrderStore):
    ask = placing(paid=False)
    order_id = await place(store, ask)
    async with store.connection() as connection:
        await store.paid(connection, [(ask.checkout_id, ask.payment_id, 1000)])
    order = await stored(store, order_id)
    assert (order.status, order.payment_status, order.captured_minor) == ("confirmed", "paid", 1000)


async def test_money_taken_does_not_release_a_held_order(store: OrderStore):
    ask = placing(paid=False, on_hold=True)
    order_id = await place(store, ask)
    async with store.connection() as connection:
        await store.paid(connection, [(ask.checkout_id, ask.payment_id, 1000)])
    order = await stored(store, order_id)
    assert (order.status, order.payment_status) == ("placed", "paid")
