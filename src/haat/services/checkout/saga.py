"""The saga's pure core: which effect comes next, where each outcome leads, what is stored and when. No I/O.

Every effect is keyed by the attempt and may be repeated: the answer is the same. Every undo is legal even when the
step it undoes only may have happened. `drive` is the whole of a driver's behaviour: the service carries out what it
yields, the simulation (tests/faults/simulation.py) does the same with neighbours, clocks and crashes of its own.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import IntEnum, StrEnum

import msgspec

from haat.contracts.payments import Action


class State(StrEnum):
    """Where an attempt stands; COMMITTED is past the pivot: from there it only goes forward."""

    CLAIMED = "claimed"
    RESERVED = "reserved"
    REDEEMED = "redeemed"
    ASSESSED = "assessed"
    PAYING = "paying"
    WAITING = "waiting"
    AUTHORIZED = "authorized"
    COMMITTED = "committed"
    PLACED = "placed"
    UNDO_STOCK = "undo_stock"
    UNDO_PAYMENT = "undo_payment"
    UNDO_COUPONS = "undo_coupons"
    FAILED = "failed"


class Effect(StrEnum):
    """What to do to the outside next."""

    RESERVE = "reserve"
    REDEEM = "redeem"
    ASSESS = "assess"
    AUTHORIZE = "authorize"
    CONFIRM = "confirm"
    COMMIT = "commit"
    PLACE = "place"
    RELEASE = "release"
    VOID = "void"
    GIVE_BACK = "give_back"


class Reach(IntEnum):
    """How far the effects of an attempt may have got: what an undo has to go through."""

    NOTHING = 0
    STOCK = 1
    COUPONS = 2
    MONEY = 3


EFFECTS = {
    State.CLAIMED: Effect.RESERVE,
    State.RESERVED: Effect.REDEEM,
    State.REDEEMED: Effect.ASSESS,
    State.ASSESSED: Effect.AUTHORIZE,
    State.PAYING: Effect.CONFIRM,
    State.WAITING: Effect.CONFIRM,
    State.AUTHORIZED: Effect.COMMIT,
    State.COMMITTED: Effect.PLACE,
    State.UNDO_STOCK: Effect.RELEASE,
    State.UNDO_PAYMENT: Effect.VOID,
    State.UNDO_COUPONS: Effect.GIVE_BACK,
}
FINAL = frozenset({State.PLACED, State.FAILED})
RESTING = FINAL | {State.WAITING, State.PAYING}
# Failures that say of a payment that it will never be taken.
GONE = frozenset({"payment_declined", "payment_state"})
UNDOING = frozenset({State.UNDO_STOCK, State.UNDO_PAYMENT, State.UNDO_COUPONS})
REACHES = {
    Effect.RESERVE: Reach.STOCK,
    Effect.REDEEM: Reach.COUPONS,
    Effect.ASSESS: Reach.COUPONS,
    Effect.AUTHORIZE: Reach.MONEY,
    Effect.CONFIRM: Reach.MONEY,
    Effect.COMMIT: Reach.MONEY,
}
# Kept in memory only: every step repeats with the same answer, so a crash between these loses nothing.
UNSTORED = frozenset(
    {
        State.RESERVED,
        State.REDEEMED,
        State.ASSESSED,
        State.AUTHORIZED,
        State.COMMITTED,
        State.UNDO_PAYMENT,
        State.UNDO_COUPONS,
    }
)

LEASE_SECONDS = 30.0
POLL_SECONDS = 5.0
MOST_TRIES = 20
LONGEST_WAIT = 60.0
PARKED_SECONDS = 3600.0
ALARM_SECONDS = 15 * 60.0
GIVE_UP_SECONDS = 24 * 3600.0


class Failure(msgspec.Struct, frozen=True):
    """A refusal as it is told to the shopper, again and again for the same key."""

    code: str
    detail: str
    facts: dict[str, object] = {}


class Saga(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of an attempt that decisions look at.

    `reach` is MONEY whenever somebody else may have driven the attempt before: only who claimed it knows better.
    """

    state: State
    has_coupons: bool = False
    failure: Failure | None = None
    action: Action | None = None
    payment_id: str | None = None
    payment_summary: str = ""
    captured: bool = False
    on_hold: bool = False
    order_id: str | None = None
    order_number: str | None = None
    reach: Reach = Reach.MONEY
    # The stock is known to be sold: nothing is undone from here.
    pivoted: bool = False


class Done(msgspec.Struct, frozen=True):
    """The effect took place."""


class Refused(msgspec.Struct, frozen=True):
    """A business refusal: it will not change by repeating."""

    failure: Failure


class Assessed(msgspec.Struct, frozen=True):
    """The fraud verdict: allow, review or deny."""

    decision: str


class Paid(msgspec.Struct, frozen=True):
    """The payment as it is now; `overdue` when the shopper's time to act is over and the units wait no longer."""

    payment_id: str
    state: str
    summary: str
    action: Action | None = None
    decline_code: str | None = None
    overdue: bool = False


class Ordered(msgspec.Struct, frozen=True):
    """The order exists."""

    order_id: str
    number: str


class Away(msgspec.Struct, frozen=True):
    """No answer came: the effect may or may not have taken place."""

    why: str = ""


class Do(msgspec.Struct, frozen=True):
    """An effect to carry out for the attempt as it stands."""

    effect: Effect
    saga: Saga


class Write(msgspec.Struct, frozen=True):
    """What a driver stores before it goes on, behind the version fence."""

    saga: Saga
    tries: int
    lease_seconds: float
    run_in_seconds: float
    # False leaves what the shopper sees as it is.
    shown: bool = True
    parked: bool = False
    error: str | None = None


Outcome = Done | Refused | Assessed | Paid | Ordered
DONE = Done()


class Impossible(Exception):
    """An outcome that the state cannot have: a person has to look, nothing is guessed."""


def drive(
    saga: Saga, tries: int, age_seconds: float, lease_seconds: float = LEASE_SECONDS
) -> Generator[Do | Write, Outcome | Away | None, None]:
    """A driver's whole way: yields effects and takes their outcomes, yields writes; ends at rest, at an end, or away.

    `tries` are those that nobody answered so far, `age_seconds` the age of the attempt.
    """
    if age_seconds >= GIVE_UP_SECONDS and (tries > MOST_TRIES or saga.state is State.PAYING):
        saga = turned_back(saga)
    while (effect := EFFECTS.get(saga.state)) is not None:
        outcome = yield Do(effect, saga)
        if isinstance(outcome, Away):
            yield put_off(saga, tries + 1, outcome.why)
            return
        assert outcome is not None
        try:
            after = decide(saga, outcome)
        except Impossible as fault:
            yield put_off(saga, MOST_TRIES + 1, str(fault))
            return
        if _must_store(after):
            yield _written(after, age_seconds, lease_seconds)
            if after.state in RESTING:
                return
        tries, saga = 0, after


def decide(saga: Saga, outcome: Outcome) -> Saga:
    """Where the outcome of the current effect leads. Raises Impossible for an outcome the state cannot have."""
    effect = EFFECTS[saga.state]
    match effect, outcome:
        case Effect.RESERVE, Done():
            return _to(saga, State.RESERVED if saga.has_coupons else State.REDEEMED)
        case Effect.REDEEM, Done():
            return _to(saga, State.REDEEMED)
        case Effect.ASSESS, Assessed("deny"):
            return _failed(
                saga, effect, Failure("checkout_refused", "We cannot take this order online; please contact us")
            )
        case Effect.ASSESS, Assessed(decision):
            return msgspec.structs.replace(saga, state=State.ASSESSED, on_hold=decision == "review")
        case ((Effect.AUTHORIZE | Effect.CONFIRM), Paid()):
            return _paid(saga, effect, outcome)
        case Effect.COMMIT, Done():
            return msgspec.structs.replace(saga, state=State.COMMITTED, pivoted=True)
        case Effect.PLACE, Ordered(order_id, number):
            return msgspec.structs.replace(saga, state=State.PLACED, order_id=order_id, order_number=number)
        case Effect.RELEASE, Refused(Failure(code="already_committed")) if saga.reach is Reach.MONEY:
            # Somebody sold the units before: the failure came too late, and the order has to be placed.
            held = saga.on_hold or (saga.failure is not None and saga.failure.code == "checkout_refused")
            return msgspec.structs.replace(
                saga, state=State.ASSESSED, failure=None, action=None, pivoted=True, on_hold=held
            )
        case Effect.RELEASE, Done():
            return _undone(saga, State.UNDO_PAYMENT)
        case Effect.VOID, Done():
            return _undone(saga, State.UNDO_COUPONS)
        case Effect.GIVE_BACK, Done():
            return _to(saga, State.FAILED)
        case _, Refused(failure) if effect in REACHES:
            return _failed(saga, effect, failure)
    raise Impossible(f"{saga.state} cannot have the outcome {outcome}")


def given_up(saga: Saga) -> Saga:
    """The shopper turns away from a payment that waits for them: it is undone. Raises Impossible elsewhere."""
    if saga.state not in (State.WAITING, State.PAYING):
        raise Impossible(f"{saga.state} cannot be given up")
    return _failed(saga, Effect.CONFIRM, Failure("payment_abandoned", "The payment was given up"))


def turned_back(saga: Saga) -> Saga:
    """An attempt that hung for too long: undone unless its stock is sold, so that no money is held for it."""
    if saga.state in UNDOING or saga.pivoted:
        return saga
    return _failed(saga, Effect.COMMIT, Failure("checkout_timed_out", "The order could not be completed in time"))


def put_off(saga: Saga, tries: int, why: str) -> Write:
    """Let go of an attempt that cannot go on now: to come back with growing patience, or to be parked."""
    parked = tries > MOST_TRIES
    wait = PARKED_SECONDS if parked else min(LONGEST_WAIT, 0.2 * 2.0**tries)
    # A shopper whose payment is made has nothing to do any more, even if the rest has to wait.
    return Write(_for_others(saga), tries, 0.0, wait, shown=saga.state is not State.WAITING, parked=parked, error=why)


def _written(saga: Saga, age_seconds: float, lease_seconds: float) -> Write:
    """A step forward as it is stored; a bank that has not decided for a quarter of an hour is an alarm."""
    if saga.state not in RESTING:
        return Write(_for_others(saga), 0, lease_seconds, 0.0)
    parked = saga.state is State.PAYING and age_seconds >= ALARM_SECONDS
    return Write(_for_others(saga), 0, 0.0, LONGEST_WAIT if parked else POLL_SECONDS, parked=parked)


def _to(saga: Saga, state: State) -> Saga:
    return msgspec.structs.replace(saga, state=state)


def _failed(saga: Saga, effect: Effect, failure: Failure) -> Saga:
    if saga.pivoted:
        return _forward(saga, failure)
    # The stock first: whether it was sold decides whether there is anything to undo at all.
    reach = max(saga.reach, REACHES[effect])
    return msgspec.structs.replace(saga, state=State.UNDO_STOCK, failure=failure, action=None, reach=reach)


def _forward(saga: Saga, failure: Failure) -> Saga:
    """The units are sold, so the order is placed, also on a payment that is gone: payments tell it so, and it ends as
    any other order does whose money ran out, with its units put back. Raises Impossible for other failures.
    """
    if failure.code not in GONE:
        raise Impossible(f"the stock is sold, but: {failure.code}")
    # An order names its payment; who was refused has yet to ask which it is.
    return _to(saga, State.COMMITTED if saga.payment_id else State.PAYING)


def _undone(saga: Saga, following: State) -> Saga:
    """The next undo that is needed: money and coupons only if they may have been touched."""
    if following is State.UNDO_PAYMENT and saga.reach >= Reach.MONEY:
        return _to(saga, State.UNDO_PAYMENT)
    if saga.has_coupons and saga.reach >= Reach.COUPONS:
        return _to(saga, State.UNDO_COUPONS)
    return _to(saga, State.FAILED)


def _must_store(saga: Saga) -> bool:
    if saga.state is State.UNDO_STOCK:
        # Why it failed must outlive a crash once a bank has spoken; a refusal before that is simply met again.
        return saga.reach is Reach.MONEY
    return saga.state not in UNSTORED


def _for_others(saga: Saga) -> Saga:
    """As it is stored: whoever goes on from a way forward cannot know what was done meanwhile."""
    if saga.state in UNDOING or saga.reach is Reach.MONEY:
        return saga
    return msgspec.structs.replace(saga, reach=Reach.MONEY)


def _paid(saga: Saga, effect: Effect, paid: Paid) -> Saga:
    known = msgspec.structs.replace(
        saga, payment_id=paid.payment_id, payment_summary=paid.summary, captured=paid.state == "captured"
    )
    match paid.state:
        case "authorized" | "captured" | "partially_captured" | "partially_refunded" | "disputed":
            return msgspec.structs.replace(known, state=State.AUTHORIZED, action=None)
        case "requires_action" if paid.overdue and not saga.pivoted:
            # Some providers end no challenge by themselves: money that comes all the same is given back.
            return _failed(known, effect, Failure("payment_abandoned", "The payment was not completed in time"))
        case "requires_action":
            return msgspec.structs.replace(known, state=State.WAITING, action=paid.action)
        case "declined" | "expired" | "voided" | "refunded":
            failure = Failure(
                "payment_declined",
                "The payment was declined" if paid.state == "declined" else "The payment was not completed in time",
                {"decline_code": paid.decline_code or paid.state},
            )
            return _failed(known, effect, failure)
    # Authorizing, pending or unknown: a timeout is not a decline, so ask again later under the same key.
    return msgspec.structs.replace(known, state=State.PAYING)
