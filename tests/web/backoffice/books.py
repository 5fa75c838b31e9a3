"""Payments and checkouts in memory, as the back office's money pages ask them; each remembers what it was asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from haat.contracts.checkout import (
    Checkouts,
    GoOn,
    ParkedAttempt,
    ParkedCheckout,
    ParkedOf,
    ParkedRef,
    QuoteLine,
    Totals,
)
from haat.contracts.payments import (
    Break,
    CreditEntry,
    CreditHistory,
    CreditHistoryOf,
    CreditTooLow,
    ExplainBreak,
    ExplainFact,
    GiftCard,
    GiftCardEmpty,
    GiftCardHistory,
    GiftCardHistoryOf,
    GiftCardOf,
    GrantCredit,
    IssueGiftCard,
    ListBreaks,
    ListGiftCards,
    ListPutAside,
    Payment,
    PaymentRef,
    Payments,
    PutAside,
    StoreCredit,
    VoidGiftCard,
    WithdrawCredit,
    digest,
)
from haat.kit.cursor import id_in, paged
from haat.kit.message import NotFound, Nothing, Page
from haat.kit.money import Money
from tests.web.backoffice.neighbours import MOMENT

CODE = "5WJ8-3RTN-91CE-HWB3"


def a_break(**changes: Any) -> Break:
    """A capture of ₹1,000 that the provider does not report."""
    made = Break(
        id="brk_1",
        provider="sandbox",
        kind="missing",
        subject="psp_1",
        matter="captures",
        ours_minor=100_000,
        theirs_minor=0,
        currency="INR",
        state="open",
        note="",
        found_at=MOMENT,
        day=date(2026, 11, 23),
        checkout_id="chk_1",
    )
    return msgspec.structs.replace(made, **changes)


def fact(**changes: Any) -> PutAside:
    made = PutAside(
        id="fct_1",
        provider="sandbox",
        provider_id="psp_2",
        reason="amount",
        fact={"id": "psp_2", "note": "<script>"},
        at=MOMENT,
        state="open",
        note="",
        checkout_id="chk_1",
    )
    return msgspec.structs.replace(made, **changes)


def payment(**changes: Any) -> Payment:
    made = Payment(
        id="pay_1",
        attempt_id="att_1",
        checkout_id="chk_1",
        amount=Money(333_333),
        method="card",
        state="captured",
        captured=Money(333_333),
        refunded=Money(0),
        summary="Visa •••• 4242",
        created_at=MOMENT,
    )
    return msgspec.structs.replace(made, **changes)


class MemoryPayments(Payments):
    """One payment, break, fact and gift card. A key that was seen is answered without the card's code."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.one = payment()
        self.broken = a_break()
        self.aside = fact()
        self.card = GiftCard(id="gft_1", balance=Money(30_000), ending="HWB3", created_at=MOMENT)
        self._keys: set[str] = set()

    async def payment(self, ask: PaymentRef) -> Payment:
        return msgspec.structs.replace(self.one, id=ask.payment_id)

    async def breaks(self, ask: ListBreaks) -> Page[Break]:
        self.asked.append(ask)
        return Page(data=[self.broken] if ask.state in (None, self.broken.state) else [])

    async def explain_break(self, ask: ExplainBreak) -> Break:
        if ask.break_id != self.broken.id:
            raise NotFound("There is no such break, or it has healed")
        self.asked.append(ask)
        return self.broken

    async def facts_put_aside(self, ask: ListPutAside) -> Page[PutAside]:
        return Page(data=[self.aside] if ask.state in (None, self.aside.state) else [])

    async def explain_fact(self, ask: ExplainFact) -> PutAside:
        self.asked.append(ask)
        return self.aside

    async def gift_cards(self, ask: ListGiftCards) -> Page[GiftCard]:
        self.asked.append(ask)
        return Page(data=[self.card] if ask.ending in (None, self.card.ending) else [])

    async def gift_card(self, ask: GiftCardOf) -> GiftCard:
        if ask.code != digest(CODE):
            raise NotFound()
        return self.card

    async def gift_card_history(self, ask: GiftCardHistoryOf) -> GiftCardHistory:
        if ask.gift_card_id != self.card.id:
            raise NotFound()
        steps = [("credit_refund", 30_000), ("credit", 0), ("credit_hold", -50_000), ("credit_issued", 50_000)]
        entries = [
            CreditEntry(
                txn_id=f"txn_{n}",
                kind=kind,
                amount=Money(-amount),
                spendable=Money(amount),
                at=MOMENT - timedelta(hours=n),
                payment_id=None if kind == "credit_issued" else "pay_1",
                checkout_id=None if kind == "credit_issued" else "chk_1",
            )
            for n, (kind, amount) in enumerate(steps)
        ]
        return GiftCardHistory(card=self.card, data=entries)

    async def void_gift_card(self, ask: VoidGiftCard) -> GiftCard:
        self.asked.append(ask)
        if not self.card.balance.amount:
            raise GiftCardEmpty()
        return self.card

    async def credit_history(self, ask: CreditHistoryOf) -> CreditHistory:
        self.asked.append(ask)
        entry = CreditEntry(
            txn_id="grt_1",
            kind="credit_issued",
            amount=Money(-20_000),
            spendable=Money(20_000),
            at=MOMENT,
            actor="usr_finance",
            reason="<b>late</b> parcel",
        )
        return CreditHistory(credit=StoreCredit(user_id=ask.user_id, balance=Money(20_000)), data=[entry])

    async def grant_credit(self, ask: GrantCredit) -> StoreCredit:
        self.asked.append(ask)
        return StoreCredit(user_id=ask.user_id, balance=ask.amount)

    async def withdraw_credit(self, ask: WithdrawCredit) -> StoreCredit:
        self.asked.append(ask)
        if ask.amount.amount > 20_000:
            raise CreditTooLow(balance=Money(20_000))
        return StoreCredit(user_id=ask.user_id, balance=Money(20_000) - ask.amount)

    async def issue_gift_card(self, ask: IssueGiftCard) -> GiftCard:
        self.asked.append(ask)
        assert ask.idempotency is not None
        code = None if ask.idempotency.key in self._keys else CODE
        self._keys.add(ask.idempotency.key)
        return msgspec.structs.replace(self.card, balance=ask.amount, code=code, expires_at=ask.expires_at)


class MemoryCheckouts(Checkouts):
    """One parked checkout, and others if a test adds them."""

    def __init__(self, lines: list[QuoteLine]) -> None:
        self.others: list[ParkedAttempt] = []
        self.asked: list[GoOn] = []
        total = Money(sum(line.total.amount for line in lines))
        attempt = ParkedAttempt(
            attempt_id="att_1",
            checkout_id="chk_1",
            state="committed",
            error="orders: <b>no answer</b>",
            created_at=MOMENT,
        )
        self.one = ParkedCheckout(
            attempt=attempt,
            parked=True,
            tries=21,
            next_try_at=MOMENT + timedelta(hours=1),
            email="asha@example.com",
            name="Asha Rao",
            method="card",
            items=lines,
            totals=Totals(
                subtotal=total, discount=Money(0), shipping=Money(0), tax=Money(0), total=total, tax_lines=[]
            ),
            sold=True,
            payment_id="pay_1",
            payment_summary="Visa •••• 4242",
        )

    async def parked(self, ask: ParkedOf) -> Page[ParkedAttempt]:
        attempts = [self.one.attempt, *self.others] if self.one.parked else []
        after = id_in("parked", ask.cursor) or ""
        found = [each for each in attempts if each.attempt_id > after]
        return paged("parked", found, ask.limit, lambda each: (each.attempt_id,))

    async def parked_one(self, ask: ParkedRef) -> ParkedCheckout:
        if ask.attempt_id != self.one.attempt.attempt_id:
            raise NotFound()
        return self.one

    async def go_on(self, ask: GoOn) -> Nothing:
        self.asked.append(ask)
        return Nothing()
