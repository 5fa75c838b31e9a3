"""Gift cards and store credit pay first, are given back, and are never spent twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from haat.contracts.payments import (
    AccountRef,
    AttemptPayment,
    Balance,
    Capture,
    CashMethod,
    CreditHistoryOf,
    CreditMethod,
    CreditOf,
    CreditTooLow,
    GiftCardEmpty,
    GiftCardHistoryOf,
    GiftCardOf,
    GrantCredit,
    IssueGiftCard,
    ListGiftCards,
    PaymentDeclined,
    PaymentRef,
    PaymentStateError,
    Refund,
    UpiMethod,
    Void,
    VoidGiftCard,
    WithdrawCredit,
    digest,
    sealed,
)
from haat.kit.clock import now
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound
from haat.kit.money import Money

OWED = (
    "SELECT c.balance_minor, -coalesce(sum(e.amount), 0)::bigint FROM payments.credits c"
    " LEFT JOIN (payments.ledger_entries e JOIN payments.ledger_txns t USING (txn_id))"
    " ON e.account = c.account AND NOT (t.phase = 'posted' AND t.pending_ref IS NOT NULL)"
    " WHERE c.account = $1 GROUP BY c.balance_minor"
)
WAITING = "SELECT count(*) FROM pg_sleep(0.01), pg_locks WHERE NOT granted"


async def gift(shop: Any, amount: int) -> Any:
    return await shop.payments.issue_gift_card(IssueGiftCard(amount=Money(amount), actor="usr_staff"))


async def left(shop: Any, card: Any) -> int:
    """What can be spent, having seen that the ledger says the same."""
    balance = (await shop.payments.gift_card(GiftCardOf(code=card.code))).balance.amount
    assert await shop.rows(OWED, f"gift_liability:{card.id}") == [(balance, balance)]
    return balance


def by(method: Any, *cards: Any, credit: bool = False) -> Any:
    return sealed(msgspec.structs.replace(method, gift_cards=[card.code for card in cards], store_credit=credit))


async def state(shop: Any, payment_id: str) -> Any:
    return await shop.payments.payment(PaymentRef(payment_id=payment_id, confirm=True))


async def test_a_code_is_told_once_and_kept_nowhere(shop: Any):
    key = Idempotency(account="usr_staff", key=new_id("k"), fingerprint="f")
    ask = IssueGiftCard(amount=Money(500), actor="usr_staff", idempotency=key)
    card = await shop.payments.issue_gift_card(ask)
    again = await shop.payments.issue_gift_card(ask)
    assert (again.id, again.code, again.balance, len(card.code)) == (card.id, None, Money(500), 19)
    plain = card.code.replace("-", "")
    kept = await shop.rows(
        "SELECT c::text FROM payments.credits c UNION ALL SELECT i::text FROM payments.idempotency i"
    )
    assert [text for (text,) in kept if plain in text or card.code in text] == []
    assert (await shop.payments.gift_card(GiftCardOf(code=plain.lower()))).id == card.id
    with pytest.raises(NotFound):
        await shop.payments.gift_card(GiftCardOf(code="0000-0000-0000-0000"))


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1, 2**63 - 1])
async def test_a_card_of_an_impossible_value_is_invalid(shop: Any, amount: int):
    with pytest.raises(Invalid):
        await gift(shop, amount)


async def test_a_gift_card_pays_first_and_the_card_pays_the_rest(shop: Any):
    card = await gift(shop, 400)
    ask = shop.ask(by(await shop.card(), card), 1_000)
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.amount, paid.summary) == ("authorized", Money(1_000), "Gift card + Visa •••• 4242")
    assert ([row["amount"] for row in await shop.books(ask.checkout_id)], paid.by_credit) == ([600], Money(400))
    assert await left(shop, card) == 0
    await shop.payments.take_for_orders([paid.id])
    taken = await state(shop, paid.id)
    assert (taken.state, taken.captured) == ("captured", Money(1_000))
    assert await left(shop, card) == 0
    told = "SELECT convert_from(body, 'utf8')::json -> 'total' ->> 'amount' FROM payments.outbox WHERE key = $1"
    assert (await shop.rows(told + " ORDER BY position DESC LIMIT 1", ask.attempt_id)) == [("1000",)]


async def test_an_action_pays_what_credit_does_not(shop: Any):
    card = await gift(shop, 400)
    waiting = await shop.payments.authorize(shop.ask(by(UpiMethod(flow="qr"), card), 1_000))
    assert (waiting.action.amount, waiting.by_credit) == (Money(600), Money(400))
    plain = await shop.payments.authorize(shop.ask(UpiMethod(flow="qr"), 1_000))
    assert (plain.action.amount, plain.by_credit) == (Money(1_000), None)


def test_letters_that_no_code_has_are_the_digits_they_look_like():
    assert digest("oil0-1111-2222-3333") == digest("0110-1111-2222-3333")


async def test_the_history_of_a_card_says_why_its_balance_is_what_it_is(shop: Any):
    card = await gift(shop, 1_000)
    declined = shop.ask(by(await shop.card("4000000000000002"), card), 5_000)
    await shop.payments.authorize(declined)
    bought = shop.ask(by(await shop.card(), card), 1_400)
    paid = await shop.payments.authorize(bought)
    await shop.payments.take_for_orders([paid.id])
    await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(700)))
    ask = GiftCardHistoryOf(gift_card_id=card.id, limit=4)
    first = await shop.payments.gift_card_history(ask)
    rest = await shop.payments.gift_card_history(msgspec.structs.replace(ask, cursor=first.next_cursor))
    entries = [*first.data, *rest.data]
    assert [(each.kind, each.spendable.amount, each.checkout_id) for each in entries] == [
        ("credit_refund", 300, bought.checkout_id),
        ("credit", 0, bought.checkout_id),
        ("credit_hold", -1_000, bought.checkout_id),
        ("credit_void", 1_000, declined.checkout_id),
        ("credit_hold", -1_000, declined.checkout_id),
        ("credit_issued", 1_000, None),
    ]
    assert (first.card.balance, first.card.code, first.has_more, rest.has_more) == (Money(300), None, True, False)
    with pytest.raises(NotFound):
        await shop.payments.gift_card_history(GiftCardHistoryOf(gift_card_id="gft_none"))


async def at_once(shop: Any, account: str, *acts: Callable[[], Awaitable[Any]]) -> None:
    """All have begun, and wait for the account in this order, before the first goes on."""
    begun: list[asyncio.Task[Any]] = []
    async with shop.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM payments.credits WHERE account = $1 FOR UPDATE", account)
        for act in acts:
            begun.append(asyncio.ensure_future(act()))
            while await connection.fetchval(WAITING) < len(begun):
                pass
    await asyncio.gather(*begun, return_exceptions=True)


def void(card: Any, key: str | None = None) -> VoidGiftCard:
    idempotency = Idempotency(account="usr_staff", key=key, fingerprint="f") if key else None
    return VoidGiftCard(gift_card_id=card.id, reason="stolen", actor="usr_staff", idempotency=idempotency)


async def test_a_voided_card_pays_for_nothing_and_says_by_whom_and_why(shop: Any):
    card, issued = await gift(shop, 1_000), AccountRef(account="credit_issued")
    before = (await shop.payments.balances(issued)).balances[0].posted
    ask = void(card, new_id("k"))
    voided = await shop.payments.void_gift_card(ask)
    again = await shop.payments.void_gift_card(ask)
    assert (voided.balance, voided.voided_at is not None, again) == (Money(0), True, voided)
    assert await left(shop, card) == 0
    assert before - (await shop.payments.balances(issued)).balances[0].posted == Money(1_000)
    history = await shop.payments.gift_card_history(GiftCardHistoryOf(gift_card_id=card.id))
    assert [(each.kind, each.spendable.amount, each.actor, each.reason) for each in history.data] == [
        ("credit_withdrawn", -1_000, "usr_staff", "stolen"),
        ("credit_issued", 1_000, "usr_staff", None),
    ]
    with pytest.raises(PaymentDeclined) as refused:
        await shop.payments.authorize(shop.ask(by(await shop.card(), card), 500))
    assert refused.value.facts["decline_code"] == "gift_card_voided"


async def test_what_a_payment_holds_stays_held_and_what_comes_back_is_taken_back_too(shop: Any):
    card = await gift(shop, 1_000)
    paid = await shop.payments.authorize(shop.ask(by(await shop.card(), card), 600))
    assert (await shop.payments.void_gift_card(void(card))).balance == Money(0)
    await shop.payments.take_for_orders([paid.id])
    assert (await state(shop, paid.id)).captured == Money(600)
    await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(600)))
    assert await left(shop, card) == 600
    with pytest.raises(PaymentDeclined):
        await shop.payments.authorize(shop.ask(by(await shop.card(), card), 500))
    await shop.payments.void_gift_card(void(card))
    assert await left(shop, card) == 0


async def test_an_empty_card_has_nothing_to_take_back_and_an_unknown_one_is_not_found(shop: Any):
    card = await gift(shop, 1_000)
    await shop.payments.void_gift_card(void(card))
    with pytest.raises(GiftCardEmpty):
        await shop.payments.void_gift_card(void(card))
    with pytest.raises(NotFound):
        await shop.payments.void_gift_card(VoidGiftCard(gift_card_id="gft_none", reason="x", actor="usr_staff"))


@pytest.mark.parametrize(
    ("order", "moved"),
    [
        (("spend", "void"), [("credit_hold", -700), ("credit_withdrawn", -300)]),
        (("void", "spend"), [("credit_withdrawn", -1_000)]),
    ],
)
async def test_a_card_that_is_spent_and_voided_at_once_goes_one_way(
    shop: Any, order: tuple[str, str], moved: list[tuple[str, int]]
):
    """Both have begun before either is done: who comes second sees what the first has left."""
    card, method = await gift(shop, 1_000), await shop.card()
    acts = {
        "spend": partial(shop.payments.authorize, shop.ask(by(method, card), 700)),
        "void": partial(shop.payments.void_gift_card, void(card)),
    }
    await at_once(shop, f"gift_liability:{card.id}", *(acts[act] for act in order))
    history = await shop.payments.gift_card_history(GiftCardHistoryOf(gift_card_id=card.id))
    assert sum(each.spendable.amount for each in history.data) == await left(shop, card) == 0
    assert sorted((each.kind, each.spendable.amount) for each in history.data if each.spendable.amount < 0) == moved


async def test_the_history_of_a_users_credit_says_who_gave_it_and_why(shop: Any):
    user = new_id("usr")
    for amount, reason in ((300, "late parcel"), (200, "goodwill")):
        ask = GrantCredit(user_id=user, amount=Money(amount), reason=reason, actor="usr_staff")
        await shop.payments.grant_credit(ask)
    history = await shop.payments.credit_history(CreditHistoryOf(user_id=user, limit=1))
    rest = await shop.payments.credit_history(CreditHistoryOf(user_id=user, cursor=history.next_cursor))
    assert (history.credit.balance, history.has_more, rest.has_more) == (Money(500), True, False)
    assert [(each.spendable.amount, each.reason, each.actor) for each in (*history.data, *rest.data)] == [
        (200, "goodwill", "usr_staff"),
        (300, "late parcel", "usr_staff"),
    ]
    nobody = await shop.payments.credit_history(CreditHistoryOf(user_id="usr_none"))
    assert (nobody.credit.balance, nobody.data) == (Money(0), [])


async def test_cards_are_listed_newest_first_and_found_by_the_end_of_their_code(shop: Any):
    cards = [await gift(shop, amount) for amount in (100, 200, 300)]
    page = await shop.payments.gift_cards(ListGiftCards(limit=2))
    onward = await shop.payments.gift_cards(ListGiftCards(limit=2, cursor=page.next_cursor))
    found = await shop.payments.gift_cards(ListGiftCards(ending=cards[0].ending.lower()))
    assert [each.id for each in [*page.data, *onward.data]][:3] == [each.id for each in reversed(cards)]
    assert (cards[0].id in [each.id for each in found.data], {each.ending for each in found.data}) == (
        True,
        {cards[0].ending},
    )
    assert [each.code for each in page.data] == [None, None]


async def test_a_gift_card_alone_is_taken_at_once_without_any_provider(shop: Any):
    card = await gift(shop, 1_500)
    ask = shop.ask(by(CreditMethod(), card), 1_000)
    paid = await shop.payments.authorize(ask)
    assert (paid.state, paid.captured, paid.summary) == ("captured", Money(1_000), "Gift card")
    assert (await shop.books(ask.checkout_id), await left(shop, card)) == ([], 500)
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured"]
    assert await shop.payments.authorize(ask) == paid
    assert (await shop.payments.capture(Capture(payment_id=paid.id, request_id="a"))).captured == Money(1_000)
    assert await left(shop, card) == 500


async def test_credit_that_does_not_cover_the_whole_is_declined_and_not_spent(shop: Any):
    card = await gift(shop, 999)
    with pytest.raises(PaymentDeclined) as refused:
        await shop.payments.authorize(shop.ask(by(CreditMethod(), card), 1_000))
    assert (refused.value.facts["decline_code"], await left(shop, card)) == ("insufficient_credit", 999)


@pytest.mark.parametrize("change", ["unknown", "expired", "other currency"])
async def test_a_card_that_cannot_be_used_declines(shop: Any, change: str):
    amount = Money(5_000, "USD" if change == "other currency" else "INR")
    card = await shop.payments.issue_gift_card(IssueGiftCard(amount=amount, actor="usr_staff"))
    ends = "UPDATE payments.credits SET expires_at = now() WHERE account = $1 AND $2"
    await shop.rows(ends, f"gift_liability:{card.id}", change == "expired")
    shown = msgspec.structs.replace(card, code="0000-0000-0000-0001") if change == "unknown" else card
    with pytest.raises(PaymentDeclined) as refused:
        await shop.payments.authorize(shop.ask(by(await shop.card(), shown), 1_000))
    expected = "gift_card_expired" if change == "expired" else "gift_card_unknown"
    assert refused.value.facts["decline_code"] == expected


def withdrawal(user: str, amount: int, key: str | None = None) -> WithdrawCredit:
    once = Idempotency(user, key, "f") if key else None
    return WithdrawCredit(user_id=user, amount=Money(amount), reason="typo", actor="usr_staff", idempotency=once)


async def granted(shop: Any, amount: int) -> str:
    user = new_id("usr")
    ask = GrantCredit(user_id=user, amount=Money(amount), reason="sorry", actor="usr_staff")
    await shop.payments.grant_credit(ask)
    return user


async def credit_left(shop: Any, user: str) -> int:
    return (await shop.payments.store_credit(CreditOf(user_id=user))).balance.amount


async def test_credit_given_by_mistake_goes_back_once_to_where_it_came_from(shop: Any):
    user, issued = await granted(shop, 3_000), AccountRef(account="credit_issued")
    before = (await shop.payments.balances(issued)).balances[0].posted
    ask = withdrawal(user, 2_700, new_id("k"))
    answers = [await shop.payments.withdraw_credit(ask) for _ in range(2)]
    assert [answer.balance for answer in answers] == [Money(300), Money(300)]
    assert before - (await shop.payments.balances(issued)).balances[0].posted == Money(2_700)
    history = await shop.payments.credit_history(CreditHistoryOf(user_id=user))
    assert [(each.kind, each.spendable.amount, each.actor, each.reason) for each in history.data] == [
        ("credit_withdrawn", -2_700, "usr_staff", "typo"),
        ("credit_issued", 3_000, "usr_staff", "sorry"),
    ]


@pytest.mark.parametrize(("have", "take"), [(300, 301), (0, 1)])
async def test_what_is_not_left_is_not_taken_back(shop: Any, have: int, take: int):
    user = await granted(shop, have) if have else new_id("usr")
    with pytest.raises(CreditTooLow) as refused:
        await shop.payments.withdraw_credit(withdrawal(user, take))
    assert (refused.value.facts["balance"], await credit_left(shop, user)) == (Money(have), have)


@pytest.mark.parametrize("amount", [0, -5])
async def test_nothing_or_less_is_not_taken_back(shop: Any, amount: int):
    user = await granted(shop, 300)
    with pytest.raises(Invalid):
        await shop.payments.withdraw_credit(withdrawal(user, amount))
    assert await credit_left(shop, user) == 300


@pytest.mark.parametrize(
    ("order", "moved"),
    [
        (("spend", "withdraw"), ("credit_hold", -700)),
        (("withdraw", "spend"), ("credit_withdrawn", -800)),
    ],
)
async def test_credit_that_is_spent_and_taken_back_at_once_goes_one_way(
    shop: Any, order: tuple[str, str], moved: tuple[str, int]
):
    """Both have begun before either is done, and there is not enough for both."""
    user = await granted(shop, 1_000)
    acts = {
        "spend": partial(shop.payments.authorize, shop.ask(CreditMethod(store_credit=True), 700, user)),
        "withdraw": partial(shop.payments.withdraw_credit, withdrawal(user, 800)),
    }
    await at_once(shop, f"store_credit:{user}:INR", *(acts[act] for act in order))
    history = await shop.payments.credit_history(CreditHistoryOf(user_id=user))
    assert [(each.kind, each.spendable.amount) for each in history.data if each.spendable.amount < 0] == [moved]
    assert await credit_left(shop, user) == 1_000 + moved[1]


async def test_store_credit_is_its_users_only(shop: Any):
    user = new_id("usr")
    grant = GrantCredit(user_id=user, amount=Money(300), reason="sorry", actor="usr_staff")
    assert (await shop.payments.grant_credit(grant)).balance == Money(300)
    theirs = await shop.payments.authorize(shop.ask(by(CashMethod(), credit=True), 1_000, new_id("usr")))
    assert theirs.summary == "Cash on delivery"
    ours = await shop.payments.authorize(shop.ask(by(CashMethod(), credit=True), 1_000, user))
    assert ours.summary == "Store credit + Cash on delivery"
    assert (await shop.payments.store_credit(CreditOf(user_id=user))).balance == Money(0)
    await shop.payments.capture(Capture(payment_id=ours.id, request_id="delivered"))
    assert (await state(shop, ours.id)).captured == Money(1_000)
    assert await shop.payments.balances(AccountRef(account=f"store_credit:{user}:INR")) == type(
        await shop.payments.balances(AccountRef(account="x"))
    )(account=f"store_credit:{user}:INR", balances=[Balance(posted=Money(0), pending=Money(0))])


@pytest.mark.parametrize("number", ["4000000000000002", "4242424242424242"])
async def test_what_was_not_taken_is_given_back_once(shop: Any, number: str):
    card = await gift(shop, 400)
    ask = shop.ask(by(await shop.card(number), card), 1_000)
    paid = await shop.payments.authorize(ask)
    for _ in range(3):
        await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
        await shop.sweep(paid.id)
    assert (await state(shop, paid.id)).state in ("declined", "voided")
    assert await left(shop, card) == 400


async def test_a_refund_goes_back_by_the_method_first_and_then_to_the_gift_card(shop: Any):
    card = await gift(shop, 400)
    ask = shop.ask(by(await shop.card(), card), 1_000)
    paid = await shop.payments.authorize(ask)
    await shop.payments.take_for_orders([paid.id])
    first = Refund(payment_id=paid.id, request_id="r1", reason="x", amount=Money(700))
    for _ in range(2):
        back = await shop.payments.refund(first)
        assert (back.amount, back.state) == (Money(700), "succeeded")
    assert ([row["refunded"] for row in await shop.books(ask.checkout_id)], await left(shop, card)) == ([600], 100)
    with pytest.raises(PaymentStateError):
        await shop.payments.refund(Refund(payment_id=paid.id, request_id="r2", reason="x", amount=Money(301)))
    assert (await shop.payments.refund(Refund(payment_id=paid.id, request_id="r3", reason="x"))).amount == Money(300)
    done = await state(shop, paid.id)
    assert (done.state, done.refunded, await left(shop, card)) == ("refunded", Money(1_000), 400)
    told = await shop.rows(
        "SELECT convert_from(body, 'UTF8')::json FROM payments.outbox"
        " WHERE key = $1 AND name = 'payments.PaymentRefunded'",
        ask.attempt_id,
    )
    assert sorted((each["amount"]["amount"], each["to_credit"]) for (each,) in told) == [
        (100, True),
        (300, True),
        (600, False),
    ]


async def test_an_order_paid_by_credit_alone_that_fails_gives_all_back(shop: Any):
    card = await gift(shop, 1_000)
    ask = shop.ask(by(CreditMethod(), card), 1_000)
    paid = await shop.payments.authorize(ask)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="out_of_stock"))
    assert ((await state(shop, paid.id)).state, await left(shop, card)) == ("refunded", 1_000)


async def test_late_money_whose_credit_was_given_back_pays_for_nothing(shop: Any):
    card = await gift(shop, 400)
    ask = shop.ask(by(UpiMethod(vpa="late@sandbox"), card), 1_000)
    paid = await shop.payments.authorize(ask)
    await shop.post("/sandbox/clock", {"advance_seconds": 6})
    assert (await shop.payments.of_attempt(AttemptPayment(attempt_id=ask.attempt_id))).state == "expired"
    assert await left(shop, card) == 400
    await shop.post("/sandbox/clock", {"advance_seconds": 30})
    assert (await state(shop, paid.id)).state == "expired"
    await shop.sweep(paid.id)
    assert (await state(shop, paid.id)).state == "refunded"
    assert [(row["captured"], row["refunded"]) for row in await shop.books(ask.checkout_id)] == [(600, 600)]
    assert await left(shop, card) == 400


@pytest.mark.parametrize("alone", [True, False])
async def test_a_gift_card_in_fifty_carts_at_once_is_spent_once(shop: Any, alone: bool):
    card, chance = await gift(shop, 10_000), random.Random(5)
    method = CreditMethod() if alone else CashMethod()
    asks = [shop.ask(by(method, card), chance.randrange(100, 3_000)) for _ in range(50)]
    answers = await asyncio.gather(*(shop.payments.authorize(ask) for ask in asks * 2), return_exceptions=True)
    assert {type(each).__name__ for each in answers} <= {"Payment", "PaymentDeclined", "PaymentStateError"}
    spent = "SELECT coalesce(sum(credit_minor), 0)::bigint FROM payments.payments WHERE attempt_id = ANY($1)"
    ((paid,),) = await shop.rows(spent, [ask.attempt_id for ask in asks])
    rest = await left(shop, card)
    assert (paid + rest, rest >= 0, rest < 3_000) == (10_000, True, True)


RUN_OUT = "UPDATE payments.credits SET expires_at = now() - interval '1 day' WHERE account = $1"
USABLE = (
    "SELECT balance_minor, expires_at BETWEEN now() + interval '29 days' AND now() + interval '30 days'"
    " FROM payments.credits WHERE account = $1"
)


@pytest.mark.parametrize("taken", [True, False], ids=["refunded", "never taken"])
async def test_what_comes_back_to_a_card_that_has_run_out_can_be_spent_for_a_month(shop: Any, taken: bool):
    card = await gift(shop, 400)
    ask = shop.ask(by(CreditMethod() if taken else await shop.card(), card), 400 if taken else 1_000)
    paid = await shop.payments.authorize(ask)
    await shop.rows(RUN_OUT, f"gift_liability:{card.id}")
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    assert await shop.rows(USABLE, f"gift_liability:{card.id}") == [(400, True)]
    assert (await shop.payments.authorize(shop.ask(by(CreditMethod(), card), 400))).state == "captured"
    assert (await state(shop, paid.id)).state == ("refunded" if taken else "voided")


async def test_what_comes_back_to_a_card_in_time_does_not_move_its_end(shop: Any):
    ends = now() + timedelta(days=2)
    card = await shop.payments.issue_gift_card(IssueGiftCard(amount=Money(400), actor="usr_staff", expires_at=ends))
    ask = shop.ask(by(CreditMethod(), card), 400)
    await shop.payments.authorize(ask)
    await shop.payments.void(Void(attempt_id=ask.attempt_id, reason="canceled"))
    assert (await shop.payments.gift_card(GiftCardOf(code=card.code))).expires_at == ends
