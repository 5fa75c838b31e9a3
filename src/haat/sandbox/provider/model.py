"""The rules of a payment's life: pure functions from a record and a fact to the next record and its events."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from haat.sandbox.problems import Problem
from haat.sandbox.provider.messages import (
    Action,
    Dispute,
    NewCapture,
    NewRefund,
    Outcome,
    Payment,
    Refund,
    State,
)

Script = Literal[
    "succeed",
    "decline",
    "challenge",
    "dispute",
    "slow",
    "lose_answer",
    "ask",
    "upi_succeed",
    "upi_decline",
    "upi_late",
]

OPEN: tuple[State, ...] = ("requires_action", "processing")


class Delays(Struct, frozen=True):
    """How long things take, in sandbox time."""

    slow_answer: timedelta = timedelta(seconds=30)
    upi_answer: timedelta = timedelta(seconds=1)
    upi_window: timedelta = timedelta(minutes=5)
    action_window: timedelta = timedelta(minutes=10)
    late_expiry: timedelta = timedelta(seconds=5)
    late_success: timedelta = timedelta(seconds=20)
    hold: timedelta = timedelta(days=7)
    dispute: timedelta = timedelta(seconds=60)
    refund_failure: timedelta = timedelta(seconds=2)


class Timer(Struct, frozen=True):
    at: datetime
    what: str


class Record(Struct, frozen=True):
    """A payment with what only the provider knows of it."""

    payment: Payment
    script: Script
    token: str | None = None
    timers: tuple[Timer, ...] = ()


class Event(Struct, frozen=True):
    """`moved` is the money that came in (above zero) or went out by it, in minor units."""

    type: str
    at: datetime
    refund: Refund | None = None
    moved: int = 0


class Step(Struct, frozen=True):
    record: Record
    events: tuple[Event, ...] = ()


def begin(record: Record, action: Action | None, now: datetime, delays: Delays) -> Step:
    """The first thing that happens to a new payment; its script says what."""
    match record.script:
        case "decline":
            return decline(record, "card_declined", now)
        case "slow":
            waiting = replace(record.payment, state="processing")
            return Step(replace(record, payment=waiting, timers=(Timer(now + delays.slow_answer, "succeed"),)))
        case "challenge" | "ask" | "upi_succeed" | "upi_decline" | "upi_late":
            assert action is not None
            timers = [Timer(action.expires_at, "expire")]
            if record.script in ("upi_succeed", "upi_decline"):
                what = "succeed" if record.script == "upi_succeed" else "decline"
                timers.append(Timer(now + delays.upi_answer, what))
            waiting = replace(record.payment, state="requires_action", action=action)
            return Step(replace(record, payment=waiting, timers=tuple(timers)))
        case "succeed" | "dispute" | "lose_answer":
            return succeed(record, now, delays)


def succeed(record: Record, now: datetime, delays: Delays) -> Step:
    payment = replace(record.payment, action=None, decline_code=None, network_token=record.token, state="authorized")
    if payment.capture == "manual":
        lapse = now + delays.hold
        held = replace(payment, capture_before=lapse)
        changed = replace(record, payment=held, timers=(Timer(lapse, "lapse"),))
        return Step(changed, (Event("payment.authorized", now),))
    return _captured(replace(record, payment=payment), payment.amount, now, delays)


def decline(record: Record, code: str, now: datetime) -> Step:
    payment = replace(record.payment, state="declined", action=None, decline_code=code)
    return Step(replace(record, payment=payment, timers=()), (Event("payment.declined", now),))


def decide(record: Record, outcome: Outcome, now: datetime, delays: Delays) -> Step:
    """The shopper's answer on the action page; one that comes too late changes nothing."""
    if record.payment.state != "requires_action":
        return Step(record)
    if outcome == "approve":
        return succeed(record, now, delays)
    code = "authentication_failed" if record.script == "challenge" else "declined_by_customer"
    return decline(record, code, now)


def capture(record: Record, ask: NewCapture, now: datetime, delays: Delays) -> Step:
    """May be taken in parts until the authorized amount is reached."""
    payment = record.payment
    _positive(ask.amount)
    if payment.state not in ("authorized", "captured"):
        raise _wrong_state(payment, "captured")
    left = payment.amount - payment.captured
    if ask.amount > left:
        raise Problem(409, "amount_too_large", f"At most {left} can be captured.", available=left, state=payment.state)
    return _captured(record, ask.amount, now, delays)


def void(record: Record, now: datetime) -> Step:
    """Gives up what was not taken yet: an open payment or a hold."""
    if record.payment.state not in (*OPEN, "authorized"):
        raise _wrong_state(record.payment, "voided")
    payment = replace(record.payment, state="voided", action=None, capture_before=None)
    return Step(replace(record, payment=payment, timers=()), (Event("payment.voided", now),))


def refund(record: Record, ask: NewRefund, refund_id: str, will_fail: bool, now: datetime, delays: Delays) -> Step:
    """What was lost or is held in a dispute cannot be refunded once more."""
    payment = record.payment
    _positive(ask.amount)
    if payment.captured == 0:
        raise _wrong_state(payment, "refunded")
    left = payment.captured - payment.refunded - _disputed(payment)
    if ask.amount > left:
        raise Problem(409, "amount_too_large", f"At most {left} can be refunded.", available=left, state=payment.state)
    made = Refund(
        id=refund_id,
        amount=ask.amount,
        reason=ask.reason,
        state="pending" if will_fail else "succeeded",
        created_at=now,
    )
    changed = _with_refunds(payment, (*payment.refunds, made))
    if will_fail:
        timers = (*record.timers, Timer(now + delays.refund_failure, f"fail_refund {refund_id}"))
        return Step(replace(record, payment=changed, timers=timers))
    return Step(replace(record, payment=changed), (Event("refund.succeeded", now, made, -ask.amount),))


def dispute(record: Record, outcome: Literal["opened", "won", "lost"], now: datetime) -> Step:
    payment = record.payment
    if outcome == "opened":
        at_stake = payment.captured - payment.refunded
        if payment.dispute is not None or at_stake <= 0:
            raise _wrong_state(payment, "disputed")
        case = Dispute(amount=at_stake, reason="fraudulent", state="opened", opened_at=now)
        moved = -at_stake
    else:
        if payment.dispute is None or payment.dispute.state != "opened":
            raise _wrong_state(payment, f"disputed and {outcome}")
        case = replace(payment.dispute, state=outcome)
        moved = case.amount if outcome == "won" else 0
    event = Event(f"dispute.{outcome}", now, moved=moved)
    return Step(replace(record, payment=replace(payment, dispute=case)), (event,))


def ring(record: Record, timer: Timer, delays: Delays) -> Step:
    """A timer of the record goes off; the record no longer holds it afterwards."""
    rest = tuple(other for other in record.timers if other != timer)
    record = replace(record, timers=rest)
    what, _, subject = timer.what.partition(" ")
    match what:
        case "succeed":
            return succeed(record, timer.at, delays)
        case "decline":
            return decline(record, "declined_by_customer", timer.at)
        case "expire":
            return _expire(record, timer.at, delays)
        case "lapse":
            lapsed = replace(record.payment, state="expired", capture_before=None)
            return Step(replace(record, payment=lapsed), (Event("payment.expired", timer.at),))
        case "dispute":
            payment = record.payment
            gone = payment.dispute is not None or payment.captured == payment.refunded
            return Step(record) if gone else dispute(record, "opened", timer.at)
        case "fail_refund":
            return _fail_refund(record, subject, timer.at)
        case _:
            raise ValueError(f"unknown timer {timer.what}")


def _captured(record: Record, amount: int, now: datetime, delays: Delays) -> Step:
    payment = replace(record.payment, state="captured", captured=record.payment.captured + amount, capture_before=None)
    timers: tuple[Timer, ...] = ()
    if record.script == "dispute" and payment.dispute is None:
        timers = (Timer(now + delays.dispute, "dispute"),)
    return Step(replace(record, payment=payment, timers=timers), (Event("payment.captured", now, moved=amount),))


def _expire(record: Record, now: datetime, delays: Delays) -> Step:
    payment = replace(record.payment, state="expired", action=None)
    timers: tuple[Timer, ...] = ()
    if record.script == "upi_late":
        timers = (Timer(now + delays.late_success - delays.late_expiry, "succeed"),)
    return Step(replace(record, payment=payment, timers=timers), (Event("payment.expired", now),))


def _fail_refund(record: Record, refund_id: str, now: datetime) -> Step:
    before = record.payment.refunds
    after = tuple(replace(one, state="failed") if one.id == refund_id else one for one in before)
    failed = next(one for one in after if one.id == refund_id)
    changed = _with_refunds(record.payment, after)
    return Step(replace(record, payment=changed), (Event("refund.failed", now, failed),))


def _with_refunds(payment: Payment, refunds: tuple[Refund, ...]) -> Payment:
    refunded = sum(one.amount for one in refunds if one.state != "failed")
    state: State = "partially_refunded" if refunded else "captured"
    if refunded == payment.captured:
        state = "refunded"
    return replace(payment, state=state, refunded=refunded, refunds=refunds)


def _disputed(payment: Payment) -> int:
    if payment.dispute is None or payment.dispute.state == "won":
        return 0
    return payment.dispute.amount


def _positive(amount: int) -> None:
    if amount <= 0:
        raise Problem(422, "amount_not_positive", "The amount must be above zero.")


def _wrong_state(payment: Payment, wanted: str) -> Problem:
    return Problem(409, "invalid_state", f"A payment that is {payment.state} cannot be {wanted}.", state=payment.state)
