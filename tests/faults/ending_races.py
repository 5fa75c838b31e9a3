"""T-RACE-06: many ends of one sale at once. Whoever wins, shop and bank agree, and the stock is where the sale says."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from tests.faults.lab import REST_SECONDS, Lab, Stubborn, decided, posted
from tests.faults.money_races import KEPT, Answer, left_of, rested
from tests.faults.races import Full, Numbers, Race, ready

Heard = Mapping[str, Answer]
Asks = dict[str, Awaitable[Answer]]
# After this a hold, or a shopper's time to act, has run out at the bank.
HELD_SECONDS, ACTION_SECONDS = 7 * 86_400, 301
SPREAD_SECONDS = 0.1
UNITS = 3
# So many units for a stranger with such an address are looked at by a person: the money waits.
STRANGE = {"email": "asha@mailinator.com"}
# What is still to be decided: attempts at an order, orders that are neither paid nor canceled, work on them.
UNDECIDED = """
SELECT (SELECT count(*) FROM checkout.attempts WHERE checkout_id = ANY($1) AND state NOT IN ('placed', 'failed'))
     + (SELECT count(*) FROM orders.orders o JOIN payments.payments p USING (payment_id)
        WHERE o.checkout_id = ANY($1) AND (o.status <> 'canceled' AND p.captured_minor < p.amount_minor
            OR EXISTS (SELECT FROM orders.tasks t WHERE t.order_id = o.id AND NOT t.done)))
"""
# How each sale ended; `sent` are parcels of it that nobody stopped.
SALES = """
SELECT c.id AS checkout_id, c.status, o.id, coalesce(o.status <> 'canceled', false) AS stands, o.total_minor,
       (SELECT count(*) FROM shipping.shipments s
        WHERE s.order_id = o.id AND s.status NOT IN ('canceled', 'failed')) AS sent
FROM checkout.checkouts c LEFT JOIN orders.orders o ON o.checkout_id = c.id WHERE c.id = ANY($1)
"""


async def after_the_order(lab: Lab, seed: int, how: str, times: int = 50) -> Numbers:
    """An order just placed, `fresh` or `held` for a review, is captured, sent, canceled, completed again."""
    return await _race(lab, seed, times, HELD_SECONDS, _ends_of_an_order, STRANGE if how == "held" else {})


async def before_the_order(lab: Lab, seed: int, times: int = 50) -> Numbers:
    """A shopper who has to act at the bank does, gives up, pays by card instead, asks again, and the time runs out."""
    return await _race(lab, seed, times, ACTION_SECONDS, _ends_of_a_payment, {})


async def _race(
    lab: Lab,
    seed: int,
    times: int,
    seconds: int,
    ends: Callable[[Lab, Stubborn, Random], Awaitable[Asks]],
    choices: Mapping[str, Any],
) -> Numbers:
    rng, half = Random(seed), asyncio.Semaphore(0)
    variant, sku = await lab.shelve(times * UNITS)

    async def one(shopper: Stubborn) -> Heard:
        asks = await ends(lab, shopper, rng)
        half.release()
        heard = await asyncio.gather(*(_soon(ask, rng) for ask in asks.values()))
        return dict(zip(asks, heard, strict=True))

    async def run_out() -> None:
        await lab.staff.call("POST", f"{lab.shop.urls['provider']}/sandbox/clock", {"advance_seconds": seconds})

    async def run_out_amid() -> None:
        for _ in range(times // 2):
            await half.acquire()
        await asyncio.sleep(rng.random() * 2 * SPREAD_SECONDS)
        await run_out()

    async with ready(lab, variant, times, quantity=UNITS, **choices) as shoppers:
        running_out = asyncio.create_task(run_out_amid())
        heard = await asyncio.gather(*(one(shopper) for shopper in shoppers))
        await running_out
        # Those who came late, and whom nobody has decided about.
        await run_out()
        checkouts = [shopper.checkout for shopper in shoppers]
    # Before the order a shopper may pay another way while the first is open; what comes of that one goes back.
    return await _reckoned(lab, sku, checkouts, heard, again=ends is _ends_of_a_payment)


async def _soon(ask: Awaitable[Answer], rng: Random) -> Answer:
    await asyncio.sleep(rng.random() * SPREAD_SECONDS)
    return await ask


async def _ends_of_an_order(lab: Lab, shopper: Stubborn, rng: Random) -> Asks:
    client, path, key = shopper.client, f"/v1/checkouts/{shopper.checkout}", str(uuid.uuid4())
    card, other = await shopper.card(), await shopper.card()
    done = await shopper.until("POST", f"{path}/complete", {"payment": card}, 200, 402, key=key)
    if done["status"] == 402:
        # The hold ran out before there was an order to stand on it.
        return {"same key": decided(partial(client.complete, shopper.checkout, card, key))}
    order = f"/v1/orders/{done['order']['id']}"
    asks: Asks = {
        "capture": posted(lab.staff, f"{order}/captures", {}),
        "ship": posted(lab.staff, f"{order}/shipments"),
        "same key": _the_same(decided(partial(client.complete, shopper.checkout, card, key)), done),
        "other key": decided(partial(client.complete, shopper.checkout, other, str(uuid.uuid4()))),
        "give up": posted(client, f"{path}/cancel"),
    }
    return asks | {"cancel": posted(client, f"{order}/cancel", {})} if rng.random() < 0.6 else asks


async def _the_same(ask: Awaitable[Answer], first: Any) -> Answer:
    """The answer, provided that it is the first one's."""
    status, answer = await ask
    return (status, answer) if answer == first else (0, {"first": first, "then": answer})


async def _ends_of_a_payment(lab: Lab, shopper: Stubborn, rng: Random) -> Asks:
    client, path, key = shopper.client, f"/v1/checkouts/{shopper.checkout}", str(uuid.uuid4())
    upi, card = {"method": "upi", "flow": "qr"}, await shopper.card()
    waiting = await shopper.asked_to_act(upi, key)
    asks: Asks = {
        "same key": decided(partial(client.complete, shopper.checkout, upi, key)),
        "look": decided(partial(client.call, "GET", path)),
    }
    if rng.random() < 0.7:
        asks["approve"] = _approved(client.session, waiting["action"]["url"])
    if rng.random() < 0.5:
        asks["other key"] = decided(partial(client.complete, shopper.checkout, card, str(uuid.uuid4())))
    if rng.random() < 0.4:
        asks["give up"] = posted(client, f"{path}/cancel")
    return asks


async def _approved(session: Any, url: str) -> Answer:
    async with session.post(url, data={"outcome": "approve"}) as answer:
        return answer.status, {}


async def _reckoned(lab: Lab, sku: str, checkouts: Sequence[str], heard: Sequence[Heard], again: bool) -> Numbers:
    wrong = await _decided(lab, checkouts) + await rested(lab)
    sales = {row["checkout_id"]: row for row in await lab.rows(SALES, checkouts)}
    books = Counter[tuple[str, str]]()
    for row in await lab.books():
        for what in ("captured", "refunded"):
            books[row["reference"], what] += row[what]
    for checkout, answers in zip(checkouts, heard, strict=True):
        money = books[checkout, "captured"], books[checkout, "refunded"]
        wrong += [f"{checkout}: {fault}" for fault in _contradictions(answers, sales[checkout], *money)]
    standing = [checkout for checkout in checkouts if sales[checkout]["stands"]]
    left, kept = await left_of(lab, sku), await lab.value(KEPT, checkouts)
    if (left, kept) != ((len(checkouts) - len(standing)) * UNITS, 0):
        wrong.append(f"{left} units left with {len(standing)} orders standing of {len(checkouts)}; {kept} kept")
    wrong += await lab.faults(checkouts, charges=dict.fromkeys(standing, 1), again=again)
    told = Counter(f"{what}: {status}" for answers in heard for what, (status, _) in answers.items())
    orders = sum(sale["id"] is not None for sale in sales.values())
    return {"times": len(checkouts), "orders": orders, "standing": len(standing), "answers": told, "wrong": wrong}


async def _decided(lab: Lab, checkouts: Sequence[str]) -> list[str]:
    deadline = time.monotonic() + REST_SECONDS
    while undecided := await lab.value(UNDECIDED, checkouts):
        if time.monotonic() > deadline:
            return [f"{undecided} undecided after {REST_SECONDS} s"]
        await asyncio.sleep(0.2)
    return []


def _contradictions(heard: Heard, sale: Any, captured: int, refunded: int) -> list[str]:
    """What was told, and is not so."""
    said = {what: status for what, (status, _) in heard.items()}
    ordered, stands = sale["id"] is not None, sale["stands"]
    named = {answer["order"]["id"] for _, answer in heard.values() if answer.get("order")}
    checks = {
        "refused otherwise than by 402 or 409": set(said.values()) <= {200, 201, 202, 402, 409},
        "an order is told that is not there": named <= ({sale["id"]} if ordered else set()),
        "canceled, and it stands": said.get("cancel") != 200 or not stands,
        "canceled, and on its way": not ordered or stands or not sale["sent"],
        "canceled by nobody": not ordered or stands or said.get("cancel") == 200 or captured == 0,
        "given up, and not": said.get("give up") != 200 or (sale["status"], ordered) == ("canceled", False),
        "told as captured, and the bank knows nothing of it": not _told_taken(heard) or captured > 0,
        f"{captured} taken and {refunded} given back": captured - refunded == (sale["total_minor"] if stands else 0),
    }
    return [f"{fault}: {said}" for fault, holds in checks.items() if not holds]


def _told_taken(heard: Heard) -> bool:
    """Whether staff were shown that money was taken: a capture that waits for another one is a 201 without any."""
    status, answer = heard.get("capture", (0, {}))
    return status == 201 and answer["payment"]["captured"]["amount"] > 0


HOWS = ("fresh", "held")
SMALL: tuple[Race, ...] = (
    *((f"T-RACE-06/{how}", after_the_order, (how, 20)) for how in HOWS),
    ("T-RACE-06/waiting", before_the_order, (20,)),
)
FULL: tuple[Full, ...] = (
    *((f"T-RACE-06/{how}", after_the_order, (how,), 20) for how in HOWS),
    ("T-RACE-06/waiting", before_the_order, (), 20),
)
