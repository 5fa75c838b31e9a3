"""The rules of a payment: facts merge by rank, and what a change posts to the ledger and tells the house."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from haat.contracts.payments import Action, Method, PaymentEvent
from haat.kit.money import Money
from haat.ports.payment_provider import PaymentFact

# How far a payment has come. A fact never takes it back; money that arrives after a refusal or a void is still money.
RANK = {
    "authorizing": 0,
    "unknown": 1,
    "requires_action": 2,
    "pending": 3,
    "declined": 4,
    "expired": 4,
    "authorized": 5,
    "voided": 6,
    "captured": 7,
}
OPEN = ("authorizing", "unknown", "requires_action", "pending")
HELD = ("authorized", "captured")
FROM_PROVIDER = {
    "requires_action": "requires_action",
    "processing": "pending",
    "authorized": "authorized",
    "captured": "captured",
    "declined": "declined",
    "expired": "expired",
    "lapsed": "voided",
    "voided": "voided",
}
REFUND_RANK = {"pending": 0, "succeeded": 1, "failed": 2}
DISPUTE_RANK = {None: 0, "opened": 1, "won": 2, "lost": 2}
ACTION_TYPES = {"wallet_redirect": "redirect"}
CASH = "cash"
CREDIT = "credit"
GIFT = "gift_liability:"
STORE_CREDIT = "store_credit:"
IN_FLIGHT = timedelta(seconds=15)
FIRST_CHECK = timedelta(seconds=5)
LONGEST_WAIT_SECONDS = 300
LATE_WINDOW = timedelta(hours=1)
# No bank is known to decide later than this.
LONGEST_DECISION = timedelta(days=1)
# A hold is decided on before it can run out on us.
HOLD_SHARE = 0.8
# A bank that sends a refund back so often will do so again: now a person has to find another way. Before that each try
# waits four times as long as the last one: an account at the provider may be empty for an hour.
MOST_FAILED = 5
# Refunds by hand are called otherwise.
GIVE_BACK = "void:"
# Longer than a call by the vault may take; a payment that turns up even later is let go.
GIVE_UP = timedelta(seconds=60)


class Mismatch(Exception):
    """The provider speaks of another merchant, amount, currency, reference or payment: never applied, put aside."""

    def __init__(self, reason: str, fact: PaymentFact) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fact = fact


class CreditUse(msgspec.Struct, frozen=True):
    """The part of a payment that a gift card or store credit pays: an account of the ledger and how much of it."""

    account: str
    amount_minor: int


class RefundState(msgspec.Struct, frozen=True):
    """`account` is the credit that it goes back to; without one it goes back the way the method took it."""

    refund_id: str
    request_id: str
    amount_minor: int
    state: str
    reason: str
    created_at: datetime
    provider_refund_id: str | None = None
    account: str | None = None


class PaymentState(msgspec.Struct, frozen=True):
    """A payment as stored. `state` is how far the authorisation came; what a reader sees is `shown`.

    `amount` is the whole; `credits` pay first, `asked` is left for the method. `captured_minor`, `refunded_minor` and
    `disputed_minor` speak of the method's part only. `credit_state` is held, taken or given_back.
    """

    payment_id: str
    attempt_id: str
    checkout_id: str
    provider: str
    amount: Money
    method: Method
    state: str
    created_at: datetime
    version: int = 1
    provider_id: str | None = None
    user_id: str | None = None
    return_url: str | None = None
    captured_minor: int = 0
    capturing_minor: int = 0
    disputed_minor: int = 0
    dispute: str | None = None
    refunds: tuple[RefundState, ...] = ()
    action: Action | None = None
    decline_code: str | None = None
    brand: str | None = None
    last4: str | None = None
    void_reason: str | None = None
    save_wanted: bool = False
    tombstone: bool = False
    history: tuple[PaymentEvent, ...] = ()
    capture_before: datetime | None = None
    ordered: bool = False
    credits: tuple[CreditUse, ...] = ()
    credit_state: str | None = None

    @property
    def credit_minor(self) -> int:
        """What gift cards and store credit pay."""
        return sum(use.amount_minor for use in self.credits)

    @property
    def asked(self) -> Money:
        """What is left for the method."""
        return Money(self.amount.amount - self.credit_minor, self.amount.currency) if self.credits else self.amount

    @property
    def refunded_minor(self) -> int:
        """What went back by the method or is on its way back."""
        return sum(each.amount_minor for each in self.refunds if each.state != "failed" and each.account is None)

    @property
    def credit_refunded_minor(self) -> int:
        return sum(each.amount_minor for each in self.refunds if each.account is not None)

    @property
    def taken_minor(self) -> int:
        """All that was taken, by the method and from credit."""
        return self.captured_minor + (self.credit_minor if self.credit_state == "taken" else 0)

    @property
    def refundable_minor(self) -> int:
        """What can still go back by the method."""
        return max(0, self.captured_minor - self.refunded_minor - self.disputed_minor)

    @property
    def credit_refundable_minor(self) -> int:
        return self.credit_minor - self.credit_refunded_minor if self.credit_state == "taken" else 0

    @property
    def still_to_return(self) -> bool:
        """Whether money of a payment that was let go of can be sent back once more, without a person's help."""
        ours = (refund for refund in self.refunds if refund.request_id.startswith(GIVE_BACK))
        failed = sum(refund.state == "failed" for refund in ours)
        return self.refundable_minor + self.credit_refundable_minor > 0 and failed < MOST_FAILED

    @property
    def give_back_request(self) -> str:
        """What the next refund of a payment that was let go of is called: one that failed is given anew."""
        return f"{GIVE_BACK}{self.taken_minor}:{len(self.refunds)}"

    @property
    def decide_hold_at(self) -> datetime | None:
        """When a hold has to be captured or let go of, where the provider says how long it lasts."""
        if self.state != "authorized" or self.capture_before is None:
            return None
        return self.created_at + (self.capture_before - self.created_at) * HOLD_SHARE

    @property
    def late(self) -> bool:
        """Whether money came, or may come, after the payment was given up."""
        return any(event.type in ("declined", "expired") for event in self.history)

    @property
    def shown(self) -> str:
        """The state in the contract's words."""
        if self.dispute in ("opened", "lost"):
            return "disputed"
        if self.credit_state == "given_back" and self.state in HELD and not self.refunded_minor:
            # Late money: the credit that would have paid the rest is its owner's again, so this goes back, too.
            return "expired"
        if self.state != "captured":
            return self.state
        refunded = self.refunded_minor + self.credit_refunded_minor
        if refunded:
            return "refunded" if refunded == self.taken_minor else "partially_refunded"
        return "captured" if self.captured_minor == self.asked.amount else "partially_captured"


def merge(payment: PaymentState, fact: PaymentFact, at: datetime) -> PaymentState | None:
    """The payment once it knows what the provider says; None when that is nothing new. Raises Mismatch.

    Facts may come twice, late and in any order: the result is the same.
    """
    check_match(payment, fact)
    told = FROM_PROVIDER[fact.state]
    state = told if RANK[told] > RANK[payment.state] else payment.state
    disputed = DISPUTE_RANK[fact.dispute] > DISPUTE_RANK[payment.dispute]
    captured = max(payment.captured_minor, fact.captured_minor)
    elsewhere = _made_elsewhere(payment, fact, at)
    refunds = _merged_refunds(payment.refunds, fact) + elsewhere
    back = (each.amount_minor for each in refunds if each.state != "failed" and each.account is None)
    if elsewhere and sum(back) > captured:
        raise Mismatch("refunds", fact)
    changed = msgspec.structs.replace(
        payment,
        provider_id=fact.id,
        state=state,
        captured_minor=captured,
        refunds=refunds,
        dispute=fact.dispute if disputed else payment.dispute,
        disputed_minor=fact.disputed_minor if disputed else payment.disputed_minor,
        # Some providers say once only where the shopper has to go.
        action=(_action(fact) or payment.action) if state == "requires_action" else None,
        decline_code=_decline_code(payment, fact, state),
        brand=payment.brand or fact.brand,
        last4=payment.last4 or fact.last4,
        capture_before=fact.capture_before or payment.capture_before,
    )
    return None if changed == payment else noted(payment, changed, at)


def check_match(payment: PaymentState, fact: PaymentFact) -> None:
    """Raises Mismatch unless merchant, amount, currency, reference and payment are the agreed ones."""
    if fact.foreign_merchant is not None:
        raise Mismatch("merchant", fact)
    if fact.amount != payment.asked:
        raise Mismatch("amount", fact)
    if fact.reference != payment.checkout_id:
        raise Mismatch("reference", fact)
    if payment.provider_id is not None and fact.id != payment.provider_id:
        raise Mismatch("payment", fact)
    if not 0 <= fact.captured_minor <= payment.asked.amount:
        raise Mismatch("captured", fact)


def noted(before: PaymentState, after: PaymentState, at: datetime) -> PaymentState:
    """`after` with its history told, when the shown state or a refund has changed; its credit follows its state."""
    if after.credit_state == "held" and after.state in ("captured", "declined", "expired", "voided"):
        after = msgspec.structs.replace(after, credit_state="taken" if after.state == "captured" else "given_back")
    if after.credit_state == "given_back" and after.state in HELD and after.void_reason is None:
        after = msgspec.structs.replace(after, void_reason="late")
    events = list(after.history)
    if after.shown != before.shown:
        events.append(PaymentEvent(at=at, type=after.shown, detail=after.decline_code or ""))
    return msgspec.structs.replace(after, history=tuple(events))


def declined(payment: PaymentState, code: str, at: datetime) -> PaymentState | None:
    """The provider refused to begin: nothing happened there."""
    if RANK[payment.state] >= RANK["declined"]:
        return None
    return noted(payment, msgspec.structs.replace(payment, state="declined", decline_code=code, action=None), at)


def unanswered(payment: PaymentState, at: datetime) -> PaymentState | None:
    """No answer came: that is not a decline."""
    if payment.state != "authorizing":
        return None
    return noted(payment, msgspec.structs.replace(payment, state="unknown"), at)


def never_began(payment: PaymentState, at: datetime) -> PaymentState | None:
    """The provider has never heard of it, long after it was asked."""
    if payment.state not in ("authorizing", "unknown") or payment.provider_id is not None:
        return None
    return noted(payment, msgspec.structs.replace(payment, state="expired"), at)


def left_alone(payment: PaymentState, at: datetime) -> PaymentState | None:
    """Let go of, and its time to be paid is over, at a provider that cannot be told to stop waiting.

    The credit beside it is its owner's again; money that comes all the same goes back, as any late money does.
    """
    ends = payment.action.expires_at if payment.action is not None else payment.created_at + LONGEST_DECISION
    if payment.state not in ("requires_action", "pending") or payment.void_reason is None or at < ends:
        return None
    return noted(payment, msgspec.structs.replace(payment, state="expired", action=None), at)


def capture_finished(
    payment: PaymentState, fact: PaymentFact | None, amount_minor: int, at: datetime
) -> PaymentState | None:
    """A capture call has ended; without `fact` it was refused. Raises Mismatch, also when less was taken than asked."""
    if fact is not None and fact.captured_minor < amount_minor:
        raise Mismatch("captured", fact)
    ended = msgspec.structs.replace(payment, capturing_minor=max(0, payment.capturing_minor - amount_minor))
    return ended if fact is None else merge(ended, fact, at) or ended


def refund_told(payment: PaymentState, refund_id: str, fact: PaymentFact, at: datetime) -> PaymentState | None:
    """One of our refunds as the provider answered, the last that its fact names. Raises Mismatch."""
    ours, told = next(refund for refund in payment.refunds if refund.refund_id == refund_id), fact.refunds[-1]
    if told.amount_minor != ours.amount_minor:
        raise Mismatch("refund", fact)
    return refund_finished(payment, refund_id, told.state, told.id, at)


def refund_finished(
    payment: PaymentState, refund_id: str, state: str, provider_refund_id: str | None, at: datetime
) -> PaymentState | None:
    """One of our refunds was answered by the provider, or refused by it."""
    refunds = tuple(
        msgspec.structs.replace(
            refund,
            state=_later(refund.state, state),
            provider_refund_id=provider_refund_id or refund.provider_refund_id,
        )
        if refund.refund_id == refund_id
        else refund
        for refund in payment.refunds
    )
    return noted(payment, msgspec.structs.replace(payment, refunds=refunds), at)


def next_check(payment: PaymentState, at: datetime) -> datetime | None:
    """When to look at the payment again, None when there is nothing left to find out or to do."""
    if payment.tombstone:
        return None
    must_give_back = payment.void_reason is not None and (payment.state == "authorized" or payment.still_to_return)
    if must_give_back:
        failed = sum(refund.state == "failed" for refund in payment.refunds)
        return at + timedelta(minutes=4 ** min(failed, MOST_FAILED - 1) - 1)
    if payment.state == "authorizing":
        return at + IN_FLIGHT
    busy = payment.capturing_minor > 0 or any(refund.state == "pending" for refund in payment.refunds)
    keeping = payment.save_wanted and payment.state in HELD
    # UPI and wallets are known to succeed after they were given up.
    late = payment.state == "expired" and at - payment.created_at < LATE_WINDOW
    if payment.state in OPEN or busy or keeping or late:
        return at + FIRST_CHECK
    return payment.decide_hold_at


def _merged_refunds(ours: tuple[RefundState, ...], fact: PaymentFact) -> tuple[RefundState, ...]:
    facts = {told.id: told for told in fact.refunds}
    named = ((refund, facts.get(refund.provider_refund_id or "")) for refund in ours)
    if any(told is not None and told.amount_minor != refund.amount_minor for refund, told in named):
        raise Mismatch("refund", fact)
    return tuple(
        msgspec.structs.replace(refund, state=_later(refund.state, facts[refund.provider_refund_id].state))
        if refund.provider_refund_id in facts
        else refund
        for refund in ours
    )


def _made_elsewhere(payment: PaymentState, fact: PaymentFact, at: datetime) -> tuple[RefundState, ...]:
    """Refunds that somebody made at the provider itself: booked like ours, once all of ours are named there."""
    if any(refund.provider_refund_id is None and refund.state == "pending" for refund in payment.refunds):
        return ()
    ours = {refund.provider_refund_id for refund in payment.refunds if refund.account is None}
    return tuple(
        RefundState(
            refund_id=f"ref_{told.id}",
            request_id=f"provider:{told.id}",
            amount_minor=told.amount_minor,
            state=told.state,
            reason="made at the provider",
            created_at=at,
            provider_refund_id=told.id,
        )
        for told in fact.refunds
        if told.id not in ours and told.state != "failed"
    )


def _later(old: str, new: str) -> str:
    return new if REFUND_RANK[new] > REFUND_RANK[old] else old


def _action(fact: PaymentFact) -> Action | None:
    if fact.action is None:
        return None
    wanted = fact.action
    return Action(
        type=ACTION_TYPES.get(wanted.type, wanted.type),
        url=wanted.url,
        expires_at=wanted.expires_at,
        upi_uri=wanted.upi_uri,
        amount=fact.amount,
    )


def _decline_code(payment: PaymentState, fact: PaymentFact, state: str) -> str | None:
    if state in HELD:
        return None
    if fact.state == "lapsed" and state == "voided":
        return payment.decline_code or (None if payment.void_reason else "hold_lapsed")
    return payment.decline_code or fact.decline_code
