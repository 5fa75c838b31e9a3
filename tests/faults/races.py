"""Races through the real gateway: many at the same counter, the same checkout, the same coupon, the same product."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from random import Random
from typing import Any

from haat.services.inventory.crowds import COOL_SECONDS
from tests.faults.lab import PASSWORD, Lab, Stubborn, decided
from tests.journeys.client import PRICE

Numbers = dict[str, Any]
CASH = {"method": "cod"}
SOLD = """
SELECT coalesce(-sum(f.on_hand * e.quantity), 0)::bigint FROM inventory.events e JOIN inventory.effects f USING (type)
JOIN inventory.stock s USING (stream) WHERE s.sku = $1 AND e.type = 'committed'
"""
# Units that were reserved in one transaction with others.
TOGETHER = """
SELECT coalesce(sum(n), 0)::bigint FROM (
    SELECT count(*) AS n FROM inventory.events e JOIN inventory.stock s USING (stream)
    WHERE s.sku = $1 AND e.type = 'reserved' GROUP BY e.at HAVING count(*) > 1) batches
"""
FORGOTTEN_SECONDS = COOL_SECONDS + 0.2
LOSING = {"out_of_stock", "checkout_state", "idempotency_in_flight", "coupon_refused"}


@asynccontextmanager
async def ready(
    lab: Lab, variant: str, how_many: int, at_once: int = 32, **choices: Any
) -> AsyncIterator[list[Stubborn]]:
    """So many shoppers, each with a unit of the variant in an open checkout."""
    gate = asyncio.Semaphore(at_once)

    async def one(shopper: Stubborn) -> Stubborn:
        async with gate:
            await shopper.begin(variant, **choices)
        return shopper

    async with AsyncExitStack() as stack:
        shoppers = [await stack.enter_async_context(lab.shopper()) for _ in range(how_many)]
        yield list(await asyncio.gather(*(one(shopper) for shopper in shoppers)))


async def drop(
    lab: Lab, seed: int, buyers: int, units: int, mode: str = "normal", waves: int = 1, at_once: int = 200
) -> Numbers:
    """T-INV-01: so many buyers for so many units; exactly those are sold, and nobody hears both yes and no.

    A drop is announced before (`hot`), or announced and called off all along (`switching`): then buyers come in waves,
    few at a time, and between two waves every process forgets the crowd.
    """
    variant, sku = await lab.shelve(units)
    gate, rng, seconds = asyncio.Semaphore(at_once), Random(seed), list[float]()

    async def buy(shopper: Stubborn) -> tuple[int, Any]:
        async with gate:
            began = time.monotonic()
            answer = await shopper.client.complete_surely(shopper.checkout, CASH)
            seconds.append(time.monotonic() - began)
            return answer

    answers: list[tuple[int, Any]] = []
    async with ready(lab, variant, buyers) as shoppers, _announced(lab, sku, mode, rng):
        rng.shuffle(shoppers)
        for wave in range(waves):
            await asyncio.sleep(FORGOTTEN_SECONDS if wave else 0)
            answers += await asyncio.gather(*(buy(shopper) for shopper in shoppers[wave::waves]))
        seen = Counter(status for shopper in shoppers for status in shopper.client.seen)
        checkouts = [shopper.checkout for shopper in shoppers]
    codes = Counter(answer.get("code", answer.get("status")) for _, answer in answers)
    sold, together = await lab.value(SOLD, sku), await lab.value(TOGETHER, sku)
    orders = await lab.value("SELECT count(*) FROM orders.orders WHERE checkout_id = ANY($1)", checkouts)
    wrong = [] if codes == {"completed": units, "out_of_stock": buyers - units} else [f"answers: {dict(codes)}"]
    if (sold, orders) != (units, units):
        wrong.append(f"{sold} units sold, {orders} orders")
    if mode != "normal" and units > 1 and not together:
        wrong.append(f"{mode}, and no two units were granted together")
    wrong += [f"{number} answers of {status}" for status, number in seen.items() if status >= 500 and status != 503]
    wrong += await lab.faults(checkouts, charges=0)
    slow = sorted(seconds)[int(len(seconds) * 0.99)]
    return {
        "buyers": buyers, "units": units, "mode": mode, "sold": sold, "granted_together": together,
        "p99_seconds": round(slow, 2), "wrong": wrong,
    }  # fmt: skip


@asynccontextmanager
async def _announced(lab: Lab, sku: str, mode: str, rng: Random) -> AsyncIterator[None]:
    """Staff expect a crowd for the SKU, or do not, or change their minds without end."""

    async def say(hot: bool) -> None:
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat() if hot else None
        status, answer = await lab.staff.call("PUT", f"/v1/inventory/{sku}/drop", {"until": until})
        assert status == 200, answer

    async def change() -> None:
        for hot in cycle((True, False)):
            await say(hot)
            await asyncio.sleep(rng.random() * 0.2)

    if mode != "normal":
        await lab.staff.sign_in_as_staff()
        await say(True)
    changing = [asyncio.create_task(change())] if mode == "switching" else []
    yield
    for task in changing:
        # What it met ends the race.
        assert not task.done(), task
        task.cancel()


async def same_checkout(lab: Lab, seed: int, how: str, times: int = 50) -> Numbers:
    """T-RACE-01: one checkout completed many times at once.

    With `one key`, `a key each`, from `two tabs` of one cart, or from the `other device` of a member as well.
    """
    variant, sku = await lab.shelve(50)
    async with lab.shopper() as shopper, lab.shopper() as other:
        devices = [shopper.client]
        if how == "other device":
            await shopper.register()
            await other.client.sign_in(shopper.client.email, PASSWORD)
            devices.append(other.client)
        client, first = shopper.client, await shopper.begin(variant)
        tabs = [first, (await client.checkout())["id"]] if how == "two tabs" else [first]
        key = str(uuid.uuid4()) if how == "one key" else None
        card = {"method": "card", "token": await client.card()}
        cards = [card if how != "two tabs" else {"method": "card", "token": await client.card()} for _ in range(times)]
        asks = [
            decided(
                partial(devices[i % len(devices)].complete, tabs[i % len(tabs)], cards[i], key or str(uuid.uuid4()))
            )
            for i in range(times)
        ]
        answers = await asyncio.gather(*asks)
        # A key that was answered is answered in the same words.
        later = (
            [await decided(partial(client.complete, first, card, key)) for _ in range(2)] if how == "one key" else []
        )
    good = [answer for status, answer in answers if status == 200]
    orders = {answer["order"]["id"] for answer in good}
    refusals = {answer["code"] for status, answer in answers if status not in (200, 202)}
    wrong = [] if len(orders) == 1 else [f"orders told: {orders}"]
    wrong += [f"refused by {code}" for code in refusals - LOSING]
    if later and any(each != later[0] for each in later):
        wrong.append("one key, two answers")
    counts = [
        await lab.value(f"SELECT count(*) FROM {table} WHERE checkout_id = ANY($1)", tabs)
        for table in ("orders.orders", "payments.payments")
    ]
    if [*counts, await lab.value(SOLD, sku)] != [1, 1, 1]:
        wrong.append(f"orders, payments: {counts}")
    wrong += await lab.faults(tabs)
    return {"how": how, "answers": dict(Counter(status for status, _ in answers)), "wrong": wrong}


async def cart_while_completing(lab: Lab, seed: int, times: int = 20) -> Numbers:
    """T-RACE-02: cart and checkout are changed while it is completed: the order is one quote or the other, never a mix.

    A change that comes too late hears 409.
    """
    rng = Random(seed)
    variant, sku = await lab.shelve(times * 10)
    other, _ = await lab.shelve(times * 10)
    wrong, lost = list[str](), Counter[str]()
    async with ready(lab, variant, times) as shoppers:

        async def one(shopper: Stubborn) -> None:
            client, path = shopper.client, f"/v1/checkouts/{shopper.checkout}"
            _, quoted = await client.call("GET", path)

            async def add() -> None:
                await asyncio.sleep(rng.random() * 0.1)
                await client.add(other, 2)

            async def dispatch() -> tuple[int, Any]:
                await asyncio.sleep(rng.random() * 0.06)
                return await client.call("PATCH", path, {"shipping_method": "express"})

            async def complete() -> tuple[int, Any]:
                await asyncio.sleep(rng.random() * 0.04)
                return await client.complete_surely(shopper.checkout, CASH)

            (status, answer), (changed, told), _ = await asyncio.gather(complete(), dispatch(), add())
            lost[told.get("code", "")] += changed == 409
            if status != 200 or _agreed(answer) != _agreed(told if changed == 200 else quoted):
                wrong.append(f"{status}, the change {changed}: {answer}")

        await asyncio.gather(*(one(shopper) for shopper in shoppers))
        checkouts = [shopper.checkout for shopper in shoppers]
    if await lab.value(SOLD, sku) != times:
        wrong.append("units sold are not the orders'")
    if set(lost) - {"", "checkout_state"}:
        wrong.append(f"refused otherwise: {dict(lost)}")
    return {"times": times, "lost": dict(lost), "wrong": wrong + await lab.faults(checkouts, charges=0)}


def _agreed(checkout: dict[str, Any]) -> tuple[Any, ...]:
    """What of a checkout an order must be."""
    lines = sorted((line["sku"], line["quantity"], line["total"]["amount"]) for line in checkout["items"])
    return lines, checkout["totals"], checkout["shipping_method"]


async def coupon(lab: Lab, seed: int, how: str, carts: int = 200) -> Numbers:
    """T-RACE-03: a coupon with a limit of one, of three, or of one a customer, over many carts at once."""
    variant, _ = await lab.shelve(carts * 2)
    limit = {"one": 1, "three": 3, "one a customer": 1}[how]
    if how == "one a customer":
        return await _one_a_customer(lab, variant, carts)
    code = await lab.coupon(limit=limit)
    async with ready(lab, variant, carts, coupon_codes=[code]) as shoppers:
        answers = await asyncio.gather(*(one.client.complete_surely(one.checkout, CASH) for one in shoppers))
        checkouts = [shopper.checkout for shopper in shoppers]
    codes = Counter(answer.get("code", answer.get("status")) for _, answer in answers)
    used = await lab.value("SELECT used FROM promotions.coupons WHERE code = $1", code)
    noted = await lab.value("SELECT count(*) FROM promotions.redemptions WHERE code = $1", code)
    wrong = [] if codes == {"completed": limit, "coupon_refused": carts - limit} else [f"answers: {dict(codes)}"]
    if (used, noted) != (limit, limit):
        wrong.append(f"used {used}, noted {noted}")
    return {"how": how, "carts": carts, "wrong": wrong + await lab.faults(checkouts, charges=0)}


async def _one_a_customer(lab: Lab, variant: str, carts: int) -> Numbers:
    """Ten customers with many devices each: every device pays at once, a declined card gives the use back."""
    code = await lab.coupon(limit=carts, limit_per_user=1)
    people, devices = 10, max(2, carts // 10)
    answers: list[int] = []
    checkouts: list[str] = []
    async with AsyncExitStack() as stack:

        async def person() -> None:
            shopper = await stack.enter_async_context(lab.shopper())
            client = shopper.client
            await client.register()
            opened = []
            for _ in range(devices):
                await client.add(variant)
                opened.append((await client.checkout(coupon_codes=[code]))["id"])
            bad = {"method": "card", "token": await client.card("4000 0000 0000 0002")}
            await client.complete_surely(opened[0], bad)
            done = await asyncio.gather(*(client.complete_surely(each, CASH) for each in opened))
            answers.append(Counter(answer.get("code", answer.get("status")) for _, answer in done)["completed"])
            checkouts.extend(opened)

        await asyncio.gather(*(person() for _ in range(people)))
    most = await lab.value("SELECT max(used) FROM promotions.uses WHERE code = $1", code)
    used = await lab.value("SELECT used FROM promotions.coupons WHERE code = $1", code)
    wrong = [] if (most, used, answers) == (1, people, [1] * people) else [f"used {used}, by one {most}: {answers}"]
    return {"how": "one a customer", "carts": people * devices, "wrong": wrong + await lab.faults(checkouts, charges=0)}


async def two_admins(lab: Lab, seed: int, times: int = 10) -> Numbers:
    """T-RACE-07: two of the staff change the same title, price and low mark as they read it: one wins, one hears 412.

    Of two who take three of five units, one does, and the other hears that they are not there.
    """
    wrong: list[str] = []
    for nth in range(times):
        sku = uuid.uuid4().hex
        made = await lab.staff.sell(sku, 5)
        product, stock = f"/v1/products/{made['id']}", f"/v1/inventory/{sku}"
        titles = {title: {"title": title} for title in (f"Title {nth} of one", f"Title {nth} of two")}
        prices = {paise: {"variants": [_variant(sku, paise)]} for paise in (PRICE + 100, PRICE - 100)}
        marks = {mark: {"low_stock_at": mark} for mark in (1, 2)}
        wrong += await _edited(lab, product, titles, lambda now: now["title"])
        wrong += await _edited(lab, product, prices, lambda now: now["variants"][0]["price"]["amount"])
        wrong += await _edited(lab, stock, marks, lambda now: now["locations"][0]["low_stock_at"])
        wrong += await _taken(lab, stock)
    return {"times": times, "wrong": wrong + await lab.faults([])}


def _variant(sku: str, paise: int) -> dict[str, Any]:
    return {"sku": sku, "price": {"amount": paise, "currency": "INR"}, "weight_grams": 1400}


async def _edited(lab: Lab, path: str, asks: Mapping[Any, Any], seen: Callable[[Any], Any]) -> list[str]:
    """Several change what all have read, each to a value of their own: what is seen then is that of the only winner."""
    async with lab.staff.session.get(lab.shop.url + path, headers=lab.staff.headers) as answer:
        etag = answer.headers["ETag"]
    found = await asyncio.gather(*(lab.staff.call("PATCH", path, ask, If_Match=etag) for ask in asks.values()))
    told = dict(zip(asks, (status for status, _ in found), strict=True))
    now = seen((await lab.staff.call("GET", path))[1])
    right = sorted(told.values()) == [200, 412] and told.get(now) == 200
    return [] if right else [f"{path}: {told}, and it is {now}"]


async def _taken(lab: Lab, stock: str) -> list[str]:
    """Two count three units less of five."""
    ask = {"quantity": -3, "reason": "counted"}
    found = await asyncio.gather(*(lab.staff.post(f"{stock}/adjustments", ask) for _ in range(2)))
    told = sorted((status, answer.get("code", "")) for status, answer in found)
    _, now = await lab.staff.call("GET", stock)
    left = (now["on_hand"], now["reserved"], now["available"])
    right = (told, left) == ([(201, ""), (409, "out_of_stock")], (2, 0, 2))
    return [] if right else [f"{stock}: {told}, {left} left"]


Race = tuple[str, Callable[..., Awaitable[Numbers]], Sequence[Any]]
# With how many seeds.
Full = tuple[str, Callable[..., Awaitable[Numbers]], Sequence[Any], int]
SMALL: tuple[Race, ...] = (
    ("T-INV-01/normal", drop, (200, 50)),
    ("T-INV-01/hot", drop, (200, 50, "hot")),
    ("T-INV-01/switching", drop, (80, 40, "switching", 2, 6)),
    ("T-RACE-01/one key", same_checkout, ("one key",)),
    ("T-RACE-01/a key each", same_checkout, ("a key each",)),
    ("T-RACE-01/two tabs", same_checkout, ("two tabs",)),
    ("T-RACE-01/other device", same_checkout, ("other device",)),
    ("T-RACE-02", cart_while_completing, (10,)),
    ("T-RACE-03/one", coupon, ("one", 30)),
    ("T-RACE-03/three", coupon, ("three", 30)),
    ("T-RACE-03/one a customer", coupon, ("one a customer", 30)),
    ("T-RACE-07", two_admins, (5,)),
)
FULL: tuple[Full, ...] = (
    ("T-INV-01/100", drop, (10_000, 100), 20),
    ("T-INV-01/100 hot", drop, (10_000, 100, "hot"), 20),
    ("T-INV-01/100 switching", drop, (10_000, 100, "switching"), 20),
    ("T-INV-01/switching", drop, (2_000, 1_000, "switching", 8, 24), 10),
    ("T-INV-01/1", drop, (500, 1), 200),
    ("T-INV-01/1 hot", drop, (500, 1, "hot"), 200),
    ("T-INV-01/1 switching", drop, (500, 1, "switching"), 200),
    ("T-RACE-01/one key", same_checkout, ("one key",), 20),
    ("T-RACE-01/a key each", same_checkout, ("a key each",), 20),
    ("T-RACE-01/two tabs", same_checkout, ("two tabs",), 20),
    ("T-RACE-01/other device", same_checkout, ("other device",), 20),
    ("T-RACE-02", cart_while_completing, (50,), 20),
    ("T-RACE-03/one", coupon, ("one", 200), 10),
    ("T-RACE-03/three", coupon, ("three", 200), 10),
    ("T-RACE-03/one a customer", coupon, ("one a customer", 200), 10),
    ("T-RACE-07", two_admins, (20,), 10),
)
