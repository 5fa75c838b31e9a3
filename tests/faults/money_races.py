"""Races for money through the real gateway: one gift card in many carts, many refunds of one order."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from tests.faults.lab import GOOD, REST_SECONDS, Lab, Stubborn
from tests.faults.races import Full, Numbers, Race, ready
from tests.journeys.client import DECLINED, Client
from tests.journeys.shops import eventually

Answer = tuple[int, Any]
VALUE = 10_000
# An order's price with a coupon that leaves little of it, delivered for nothing; and one above the card's value.
PRICES = {"alone": (99_900, 99_200), "before a card": (15_000, 0)}
# What losers of a race for a checkout keep: units, uses of coupons, credit, holds at the bank.
KEPT = """
SELECT (SELECT count(*) FROM inventory.reservations r JOIN checkout.attempts a USING (attempt_id)
        WHERE a.checkout_id = ANY($1) AND r.state IN ('held', 'filling'))
     + (SELECT count(*) FROM promotions.redemptions r JOIN checkout.attempts a USING (attempt_id)
        WHERE a.checkout_id = ANY($1) AND a.state <> 'placed')
     + (SELECT count(*) FROM payments.payments p LEFT JOIN orders.orders o USING (payment_id)
        WHERE p.checkout_id = ANY($1) AND o.id IS NULL
          AND (p.credit_state IN ('held', 'taken') OR p.captured_minor > p.refunded_minor OR p.state = 'authorized'))
"""
SPENT = """
SELECT coalesce(sum(p.credit_minor), 0)::bigint FROM payments.payments p JOIN orders.orders o USING (payment_id)
WHERE p.checkout_id = ANY($1)
"""


async def gift_card(lab: Lab, seed: int, how: str, carts: int = 50) -> Numbers:
    """T-RACE-04: a gift card of 100.00 in many carts at once, `alone` or `before a card`; of these a third is bad."""
    price, off = PRICES[how]
    variant, sku = await lab.shelve(carts, price)
    codes = [await lab.coupon(carts, percent_basis_points=None, amount_minor=off)] if off else []
    _, card = await lab.staff.post("/v1/gift-cards", {"amount": {"amount": VALUE, "currency": "INR"}})
    bad = carts // 3 if how == "before a card" else 0
    rng = Random(seed)

    async def buy(nth: int, shopper: Stubborn) -> Answer:
        method = {"method": "credit"} if how == "alone" else await shopper.card(DECLINED if nth < bad else GOOD)
        # The first to hold the card's money are some who will lose it.
        await asyncio.sleep(rng.random() * 0.05 if nth < bad else 0.05)
        return await shopper.client.complete_surely(shopper.checkout, method | {"gift_cards": [card["code"]]})

    async with ready(lab, variant, carts, coupon_codes=codes) as shoppers:
        _, opened = await shoppers[0].client.call("GET", f"/v1/checkouts/{shoppers[0].checkout}")
        answers = await asyncio.gather(*(buy(nth, shopper) for nth, shopper in enumerate(shoppers)))
        checkouts = [shopper.checkout for shopper in shoppers]
    winners = VALUE // opened["totals"]["total"]["amount"] if how == "alone" else carts - bad
    told = Counter(answer.get("code", answer.get("status")) for _, answer in answers)
    wrong = [] if told == {"completed": winners, "payment_declined": carts - winners} else [f"answers: {dict(told)}"]
    wrong += await rested(lab) + await _of_the_card(lab, card, checkouts)
    left, kept = await left_of(lab, sku), await lab.value(KEPT, checkouts)
    if (left, kept) != (carts - winners, 0):
        wrong.append(f"{left} units left, {kept} kept by losers")
    wrong += await lab.faults(checkouts, charges=0 if how == "alone" else 1)
    return {"how": how, "carts": carts, "orders": winners, "wrong": wrong}


async def _of_the_card(lab: Lab, card: dict[str, Any], checkouts: Sequence[str]) -> list[str]:
    """Balance, the orders' use and the ledger say the same."""
    spent = await lab.value(SPENT, checkouts)
    _, seen = await lab.staff.call("POST", "/v1/gift-cards/balance", {"code": card["code"]})
    _, account = await lab.staff.call("GET", f"/v1/ledger/accounts/gift_liability:{card['id']}")
    (owed,) = account["balances"]
    found = (seen["balance"]["amount"], -owed["posted"]["amount"], owed["pending"]["amount"])
    right = found == (VALUE - spent, VALUE - spent, 0) and 0 <= spent <= VALUE
    return [] if right else [f"{spent} spent of {VALUE}; balance, ledger, pending: {found}"]


async def rested(lab: Lab) -> list[str]:
    return [] if await lab.at_rest(time.monotonic()) is not None else ["not at rest after 120 s"]


async def left_of(lab: Lab, sku: str) -> int:
    return int(await lab.value("SELECT sum(available) FROM inventory.stock WHERE sku = $1", sku))


# Of what was captured, in percent, and whether all ask under one key.
REFUNDS = {
    "full": (100, False),
    "parts": (3, False),
    "60 and 60": (60, False),
    "one key": (60, True),
    "one key too much": (101, True),
}
SENSELESS = (0, -1)
GIVEN_BACK = """
SELECT coalesce(sum(r.amount_minor) FILTER (WHERE r.state <> 'failed'), 0)::bigint AS refunds, p.refunded_minor,
       p.captured_minor, count(r.refund_id) AS number
FROM payments.payments p LEFT JOIN payments.refunds r USING (payment_id) WHERE p.checkout_id = $1
GROUP BY p.payment_id
"""


async def refunds(lab: Lab, seed: int, how: str, times: int = 100) -> Numbers:
    """T-RACE-05: the payment of one order is refunded many times at once; between them, sums that make no sense."""
    percent, one_key = REFUNDS[how]
    checkout, order, total = await _bought(lab)
    part, shared = total * percent // 100, str(uuid.uuid4())
    asked = [part] * times + list(SENSELESS) * (times // 10)
    Random(seed).shuffle(asked)
    keys = [shared if one_key and amount == part else str(uuid.uuid4()) for amount in asked]
    asks = [_refund(lab.staff, order, amount, key) for amount, key in zip(asked, keys, strict=True)]
    answers = await asyncio.gather(*asks)
    fitting = total // part
    good = (times if fitting else 0) if one_key else min(times, fitting)
    told = Counter(status for status, _ in answers)
    expected = Counter({201: good, 409: times - good, 422: len(asked) - times})
    wrong = [] if told == expected else [f"answers: {dict(told)} instead of {dict(expected)}"]
    if one_key:
        wrong += _all_the_same([answer for amount, answer in zip(asked, answers, strict=True) if amount == part])
    wrong += await _given_back(lab, checkout, order, [part] * min(1 if one_key else times, fitting))
    wrong += await lab.faults([checkout], charges=0 if how == "full" else 1)
    return {"how": how, "times": times, "answers": dict(told), "wrong": wrong}


async def _bought(lab: Lab) -> tuple[str, str, int]:
    """A checkout whose order is paid for, the order, and its price."""
    variant, _ = await lab.shelve(1)
    async with lab.shopper() as shopper:
        checkout = await shopper.begin(variant)
        _, done = await shopper.pay()

        async def paid() -> bool:
            _, seen = await shopper.client.call("GET", f"/v1/orders/{done['order']['id']}")
            return bool(seen["payment"]["status"] == "paid")

        assert await eventually(paid)
    return checkout, done["order"]["id"], done["totals"]["total"]["amount"]


async def _refund(staff: Client, order: str, amount: int, key: str) -> Answer:
    """Ask until it is decided: work of others on the order, or under the key, is no answer."""
    body = {"amount": {"amount": amount, "currency": "INR"}, "reason": "goodwill"}
    deadline = time.monotonic() + REST_SECONDS
    while True:
        status, answer = await staff.call("POST", f"/v1/orders/{order}/refunds", body, Idempotency_Key=key)
        undecided = status == 503 or answer.get("code") in ("order_state", "idempotency_in_flight")
        if not undecided or time.monotonic() > deadline:
            return status, answer
        await asyncio.sleep(0.1)


def _all_the_same(answers: Sequence[Answer]) -> list[str]:
    """Answers under one key; only the number of the request differs."""
    told = [(status, {**answer, "request_id": ""}) for status, answer in answers]
    return [] if all(each == told[0] for each in told) else [f"one key, several answers: {told[0]}, {told[-1]}"]


async def _given_back(lab: Lab, checkout: str, order: str, expected: Sequence[int]) -> list[str]:
    """Refunds, payment, order and the bank's books say what was expected."""
    (row,) = await lab.rows(GIVEN_BACK, checkout)
    _, seen = await lab.staff.call("GET", f"/v1/orders/{order}")
    (theirs,) = [each for each in await lab.books() if each["reference"] == checkout]
    sums = (row["refunds"], row["refunded_minor"], seen["payment"]["refunded"]["amount"], theirs["refunded"])
    right = set(sums) == {sum(expected)} and row["number"] == len(expected) and sum(expected) <= row["captured_minor"]
    return [] if right else [f"refunds, payment, order, bank: {sums} in {row['number']} of {row['captured_minor']}"]


LEARNED = """
SELECT (SELECT count(*) FROM orders.orders WHERE checkout_id = $1),
       (SELECT count(*) FROM payments.ledger_txns t JOIN payments.payments p USING (payment_id)
        WHERE p.checkout_id = $1 AND t.kind = 'capture' AND t.phase = 'posted'),
       (SELECT count(*) FROM notifications.mails m JOIN orders.orders o ON o.id = m.about
        WHERE o.checkout_id = $1 AND m.kind = 'order_placed')
"""


async def learned(lab: Lab, seed: int, times: int = 50) -> Numbers:
    """T-PAY-02: shoppers come back from the bank in two windows, while its notices come, twice, and workers look.

    Each is one order, whose money is taken once and which is told in one mail.
    """
    rng = Random(seed)
    variant, _ = await lab.shelve(times)
    upi = {"method": "upi", "flow": "qr"}

    async def one(shopper: Stubborn) -> bool:
        client, path = shopper.client, f"/v1/checkouts/{shopper.checkout}"
        key = str(uuid.uuid4())
        waiting = await shopper.asked_to_act(upi, key)
        async with client.session.post(waiting["action"]["url"], data={"outcome": "approve"}) as pressed:
            assert pressed.status == 200
        await asyncio.sleep(rng.random() * 0.2)
        looks = [client.call("GET", path) for _ in range(3)]
        await asyncio.gather(*looks, client.complete(shopper.checkout, upi, key))
        return bool(await eventually(partial(completed, client, path), seconds=REST_SECONDS))

    async def completed(client: Client, path: str) -> bool:
        return bool((await client.call("GET", path))[1]["status"] == "completed")

    async with ready(lab, variant, times) as shoppers:
        await lab.fault("webhook", "duplicate", times=times * 2)
        ended = await asyncio.gather(*(one(shopper) for shopper in shoppers))
        checkouts = [shopper.checkout for shopper in shoppers]
    wrong = [] if all(ended) else [f"{ended.count(False)} have no order"]
    wrong += await rested(lab)

    async def mailed() -> bool:
        return all([tuple((await lab.rows(LEARNED, each))[0]) == (1, 1, 1) for each in checkouts])

    if not await eventually(mailed):
        found = Counter([tuple((await lab.rows(LEARNED, each))[0]) for each in checkouts])
        wrong.append(f"orders, captures, mails: {dict(found)}")
    return {"times": times, "wrong": wrong + await lab.faults(checkouts)}


SMALL: tuple[Race, ...] = (
    ("T-PAY-02/shops", learned, (10,)),
    *((f"T-RACE-04/{how}", gift_card, (how, 20)) for how in PRICES),
    *((f"T-RACE-05/{how}", refunds, (how, 40)) for how in REFUNDS),
)
FULL: tuple[Full, ...] = (
    ("T-PAY-02/shops", learned, (), 10),
    *((f"T-RACE-04/{how}", gift_card, (how,), 20) for how in PRICES),
    *((f"T-RACE-05/{how}", refunds, (how,), 20) for how in REFUNDS),
)
