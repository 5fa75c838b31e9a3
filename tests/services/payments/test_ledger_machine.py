"""T-LED-01: anything done to payments, in any order, over a wire that loses calls, against a small model."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from haat.contracts.payments import (
    Authorize,
    Capture,
    CardMethod,
    CashMethod,
    CreditMethod,
    GiftCardOf,
    IssueGiftCard,
    PaymentDeclined,
    PaymentRef,
    PaymentStateError,
    Refund,
    Void,
)
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.sandbox.problems import Problem
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from tests.services.payments.near_provider import Desk, NearProvider, NearVault

# How many steps at least; the full experiment does 100,000.
STEPS = int(os.environ.get("HAAT_LEDGER_STEPS", "300"))
GOOD, DECLINED = "4242424242424242", "4000000000000002"
# Few payments, so that much happens to each of them.
MOST = 4
WHICH, PART = st.integers(0, MOST - 1), st.integers(1, 60) | st.integers(1, 1_200)
LOST = st.lists(st.sampled_from(["before", "after"]), max_size=2)
CLEARING = (
    "SELECT coalesce(sum(amount), 0)::bigint FROM payments.ledger_txns t JOIN payments.ledger_entries e USING (txn_id)"
    " WHERE t.payment_id = $1 AND t.phase = 'posted' AND e.account LIKE 'psp_clearing:%'"
)
REFUSED = (PaymentStateError, PaymentDeclined)


class Known(msgspec.Struct):
    """What must be true of one payment: its method's part and its credit's part."""

    id: str
    attempt: str
    checkout: str
    asked: int
    credit: int
    cash: bool
    state: str
    captured: int = 0
    back: int = 0
    credit_back: int = 0
    disputed: int = 0
    dispute: str | None = None
    let_go: bool = False

    @property
    def taken(self) -> int:
        return self.captured + (self.credit if self.state == "captured" else 0)

    @property
    def left(self) -> int:
        return max(0, self.captured - self.back - self.disputed)

    @property
    def credit_left(self) -> int:
        return self.credit - self.credit_back if self.state == "captured" else 0

    @property
    def shown(self) -> str:
        if self.dispute in ("opened", "lost"):
            return "disputed"
        if self.state != "captured":
            return self.state
        if self.back + self.credit_back:
            return "refunded" if self.back + self.credit_back == self.taken else "partially_refunded"
        return "captured" if self.captured == self.asked else "partially_captured"

    def refund(self, amount: int, fails: bool = False) -> None:
        by_method = min(amount, self.left)
        self.back += 0 if fails and not self.cash else by_method
        self.credit_back += amount - by_method

    def release(self) -> None:
        """What was let go of goes back as soon as it can."""
        if self.let_go and self.state == "authorized":
            self.state = "voided"
        elif self.let_go:
            self.refund(self.left + self.credit_left)


class World:
    """The service over a database and a provider, used from steps that are not async."""

    def __init__(self, url: str, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.database = PostgresDatabase(url, 2)
        self.loop.run_until_complete(self.database.start())
        self.folder, self.desks, self.steps = folder, 0, 0

    def open(self) -> tuple[Desk, PaymentsService]:
        self.desks += 1
        desk = self.do(self._desk(self.folder / str(self.desks)))
        return desk, PaymentsService(PaymentStore(self.database), NearProvider(desk), NearVault(desk))

    async def _desk(self, folder: Path) -> Desk:
        return Desk(folder)

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def rows(self, query: str, *values: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetch(query, *values)


def machine(world: World) -> type[RuleBasedStateMachine]:
    """The machine, bound to a world."""

    class Payments(RuleBasedStateMachine):
        @initialize(worth=st.integers(1, 3_000), with_gift=st.booleans())
        def begin(self, worth: int, with_gift: bool) -> None:
            self.desk, self.service = world.open()
            self.known: list[Known] = []
            gift = IssueGiftCard(amount=Money(worth), actor="usr_staff")
            self.gift, self.spendable = world.do(self.service.issue_gift_card(gift)), worth
            # Two to begin with, because most of what is worth trying needs money that was taken.
            self.authorize(1_000, "card", with_gift, [])
            self.capture(0, None, False, [])
            self.authorize(700, "card", False, [])

        def ask(self, work: Any, lost: list[str]) -> BaseException | None:
            """Do it over a wire that loses these calls, then see it through; the refusal, if it was one."""
            self.desk.losses, refusal = list(lost), None
            try:
                world.do(work)
            except REFUSED as error:
                refusal = error
            except Unavailable:
                pass
            self.desk.losses = []
            return refusal

        def settle(self, payment: Known) -> None:
            world.steps += 1
            for _ in range(2):
                world.do(self.look_again(payment.id))
            shown = world.do(self.service.payment(PaymentRef(payment_id=payment.id, confirm=True)))
            back = payment.back + payment.credit_back
            assert (shown.state, shown.captured.amount, shown.refunded.amount) == (payment.shown, payment.taken, back)
            (net,) = world.do(world.rows(CLEARING, payment.id))[0]
            clearing = payment.captured - payment.back - payment.disputed
            assert net == clearing
            if not payment.cash and payment.asked:
                self.agrees(payment)
            balance = world.do(self.service.gift_card(GiftCardOf(code=self.gift.code))).balance.amount
            held = sum(k.credit - k.credit_back for k in self.known if k.state not in ("voided", "declined"))
            assert balance == self.spendable - held >= 0

        async def look_again(self, payment_id: str) -> None:
            again = "INSERT INTO payments.due VALUES ($1, 'epoch') ON CONFLICT (payment_id) DO UPDATE SET at = 'epoch'"
            await world.rows(again, payment_id)
            await self.service.finish_open()

        def agrees(self, payment: Known) -> None:
            rows, _ = self.desk.provider.books(0, 10_000)
            (theirs,) = [row for row in rows if row.reference == payment.checkout]
            assert (theirs.captured, theirs.refunded, theirs.amount) == (payment.captured, payment.back, payment.asked)

        @precondition(lambda self: len(self.known) < MOST)
        @rule(
            amount=st.integers(1, 1_000),
            how=st.sampled_from(["card", "card", "card", "card", "cash", "credit", "declined"]),
            gift=st.booleans(),
            lost=LOST,
        )
        def authorize(self, amount: int, how: str, gift: bool, lost: list[str]) -> None:
            cards = [self.gift.code] if gift or how == "credit" else []
            number = DECLINED if how == "declined" else GOOD
            by_card = CardMethod(token=number, gift_cards=cards)
            method: Any = {"cash": CashMethod(gift_cards=cards), "credit": CreditMethod(gift_cards=cards)}.get(
                how, by_card
            )
            ask = Authorize(attempt_id=new_id("att"), checkout_id=new_id("chk"), amount=Money(amount), method=method)
            held = sum(k.credit - k.credit_back for k in self.known if k.state not in ("voided", "declined"))
            credit = min(amount, self.spendable - held) if cards else 0
            refusal = self.ask(self.service.authorize(ask), lost)
            assert (refusal is not None) == (how == "credit" and credit < amount)
            if refusal is not None:
                world.steps += 1
                return
            self.desk.losses = []
            paid = world.do(self.service.authorize(ask))
            state = "captured" if credit == amount else "declined" if how == "declined" else "authorized"
            known = Known(paid.id, ask.attempt_id, ask.checkout_id, amount - credit, credit, how == "cash", state)
            self.known.append(known)
            self.settle(known)

        def pick(self, which: int) -> Known:
            return self.known[which % len(self.known)]

        @precondition(lambda self: self.known)
        @rule(which=WHICH, amount=st.none() | st.none() | PART, again=st.booleans(), lost=LOST)
        def capture(self, which: int, amount: int | None, again: bool, lost: list[str]) -> None:
            payment = self.pick(which)
            room = payment.asked - payment.captured
            wanted = room if amount is None else amount
            request = Capture(
                payment_id=payment.id, request_id=new_id("req"), amount=None if amount is None else Money(amount)
            )
            open_ = payment.state in ("authorized", "captured") and not payment.let_go
            # The provider takes nothing more once something went back.
            fine = open_ and 0 < wanted <= room and (payment.cash or payment.back == 0)
            done_before = amount is None and room == 0 and payment.state == "captured"
            refusal = self.ask(self.service.capture(request), lost)
            if again:
                self.ask(self.service.capture(request), [])
            if fine:
                payment.captured += wanted
                payment.state = "captured"
            assert (refusal is None) or not (fine or done_before)
            self.settle(payment)

        @precondition(lambda self: len(self.known) == MOST)
        @rule(which=WHICH, fails=st.booleans(), lost=LOST)
        def void(self, which: int, fails: bool, lost: list[str]) -> None:
            payment = self.pick(which)
            if fails and payment.left and not payment.cash:
                self.desk.next_refund_fails()
            assert self.ask(self.service.void(Void(attempt_id=payment.attempt, reason="canceled")), lost) is None
            payment.let_go = True
            world.do(self.look_again(payment.id))
            world.do(self.desk.minutes_pass())
            payment.release()
            self.settle(payment)

        @precondition(lambda self: self.known)
        @rule(which=WHICH, amount=PART, again=st.booleans(), fails=st.booleans(), lost=LOST)
        def refund(self, which: int, amount: int, again: bool, fails: bool, lost: list[str]) -> None:
            payment = self.pick(which)
            fails = fails and payment.left > 0
            if fails and not payment.cash:
                self.desk.next_refund_fails()
            request = Refund(payment_id=payment.id, request_id=new_id("req"), reason="x", amount=Money(amount))
            fine = amount <= payment.left + payment.credit_left
            refusal = self.ask(self.service.refund(request), lost)
            if again:
                self.ask(self.service.refund(request), [])
            assert (refusal is None) == fine
            world.do(self.look_again(payment.id))
            world.do(self.desk.minutes_pass())
            if fine:
                payment.refund(amount, fails)
            self.settle(payment)

        @precondition(lambda self: self.known)
        @rule(which=WHICH, amount=PART)
        def refund_made_at_the_provider(self, which: int, amount: int) -> None:
            payment = self.pick(which)
            if payment.cash or not payment.asked or amount > payment.left:
                return
            body = {"amount": amount, "reason": "by hand"}
            theirs = world.do(world.rows("SELECT provider_id FROM payments.payments WHERE payment_id = $1", payment.id))
            world.do(self.desk.send("POST", f"/v1/payments/{theirs[0][0]}/refunds", new_id("hand"), body))
            payment.back += amount
            self.settle(payment)

        @precondition(lambda self: self.known)
        @rule(which=WHICH, outcome=st.sampled_from(["opened", "won", "lost"]))
        def dispute(self, which: int, outcome: Any) -> None:
            payment = self.pick(which)
            if payment.cash or not payment.asked:
                return
            theirs = world.do(world.rows("SELECT provider_id FROM payments.payments WHERE payment_id = $1", payment.id))
            try:
                self.desk.provider.dispute(theirs[0][0], outcome)
            except Problem:
                return
            payment.dispute = outcome
            if outcome == "opened":
                payment.disputed = payment.captured - payment.back
            if outcome == "won":
                payment.disputed = 0
                payment.release()
            self.settle(payment)

        def teardown(self) -> None:
            world.do(self.desk.close())

    return Payments


@pytest.mark.slow
def test_whatever_is_done_the_books_agree(database_url: str, tmp_path: Path):
    world, examples = World(database_url, tmp_path), 0
    while world.steps < STEPS:
        examples += 1
        run_state_machine_as_test(
            machine(world),
            settings=settings(
                max_examples=max(1, min(200, (STEPS - world.steps) // 25)),
                stateful_step_count=50,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert world.steps >= STEPS
    world.do(world.database.stop())


def test_refunds_that_failed_before_do_not_keep_what_is_let_go_of(database_url: str, tmp_path: Path):
    """A story of the machine's, after 60,000 steps: each failed refund by hand left one try less to give all back."""
    story = machine(World(database_url, tmp_path))()
    story.begin(worth=1, with_gift=False)
    story.authorize(amount=1, how="card", gift=False, lost=[])
    story.authorize(amount=1, how="card", gift=False, lost=[])
    for _ in range(5):
        story.refund(which=0, amount=1, again=False, fails=True, lost=[])
    story.void(which=0, fails=True, lost=[])
    story.teardown()
