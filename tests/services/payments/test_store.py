"""SQL of payments: a call is closed once, a step is decided on what is there, leases keep sweeps apart."""

import asyncio
from typing import Any

from haat.contracts.payments import CashMethod
from haat.contracts.vault import Card
from haat.kit.clock import now
from haat.kit.ids import new_id
from haat.services.payments.sql import queries
from haat.services.payments.statements import CallResult
from haat.services.payments.store import PaymentStore


async def test_a_call_teaches_us_once(shop: Any):
    store = PaymentStore(shop.database)
    paid = await shop.payments.authorize(shop.ask(CashMethod(), 1000))
    payment = await store.load(payment_id=paid.id)
    assert payment is not None
    assert await store.begin_capture(payment, "key-" + paid.id, 400, now())
    for expected in (True, False):
        current = await store.load(payment_id=paid.id)
        assert current is not None
        saved = await store.save(current, current, CallResult("key-" + paid.id, "OK"), None)
        assert (saved is not None) == expected


async def test_a_step_decided_on_an_older_version_is_not_written(shop: Any):
    store = PaymentStore(shop.database)
    paid = await shop.payments.authorize(shop.ask(CashMethod()))
    payment = await store.load(payment_id=paid.id)
    assert payment is not None
    answers = await asyncio.gather(*(store.save(payment, payment, None, None) for _ in range(8)))
    assert [answer.version for answer in answers if answer is not None] == [payment.version + 1]


async def test_two_sweeps_never_take_the_same_payment(shop: Any):
    store = PaymentStore(shop.database)
    ids = [(await shop.payments.authorize(shop.ask(CashMethod()))).id for _ in range(6)]
    await shop.rows("INSERT INTO payments.due (payment_id, at) SELECT unnest($1::text[]), now()", ids)
    async with store.transaction() as first, asyncio.timeout(60):
        taken = {row["payment_id"] async for row in queries.due(first.connection, limit=3)}
        others = set(await store.due(100))
    assert (len(taken), taken & others, set(ids) - taken <= others) == (3, set(), True)


async def test_a_saved_card_is_only_replaced_as_it_was_when_its_old_token_was_forgotten(shop: Any):
    store, user = PaymentStore(shop.database), new_id("usr")
    paid = await shop.payments.authorize(shop.ask(await shop.card(), user_id=user))
    payment = await store.load(payment_id=paid.id)
    assert payment is not None
    first, second = (
        Card(token=token, brand="visa", last4="4242", exp_month=1, exp_year=2040, fingerprint="f", created_at=now())
        for token in ("tok_first", "tok_second")
    )
    kept = [await store.cards.keep(payment, *each) for each in ((first, None), (second, None), (second, "tok_other"))]
    stands = await store.cards.token_of_same(user, second)
    kept.append(await store.cards.keep(payment, second, "tok_first"))
    assert (kept, stands) == ([True, False, False, True], "tok_first")
    assert [card.token for card in await store.cards.of_user(user, None, 10)] == ["tok_second"]
