"""The saga's pure core: which effect comes next, and where each outcome leads. No I/O, so that it can be simulated.

Every effect is keyed by the attempt and may be repeated: the answer is the same. Every undo is legal even when the
step it undoes only may have happened. So a worker that finds a half-done attempt simply goes on from its stored state.
"""

from __future__ import annotations

from enum import StrEnum

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
    UNDO_PAYMENT = "undo_payment"
    UNDO_COUPONS = "undo_coupons"
    UNDO_STOCK = "undo_stock"
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
    VOID = "void"
    GIVE_BACK = "give_back"
    RELEASE = "release"


EFFECTS = {
    State.CLAIMED: Effect.RESERVE,
    State.RESERVED: Effect.REDEEM,
    State.REDEEMED: Effect.ASSESS,
    State.ASSESSED: Effect.AUTHORIZE,
    State.PAYING: Effect.CONFIRM,
    State.WAITING: Effect.CONFIRM,
    State.AUTHORIZED: Effect.COMMIT,
    State.COMMITTED: Effect.PLACE,
    State.UNDO_PAYMENT: Effect.VOID,
    State.UNDO_COUPONS: Effect.GIVE_BACK,
    State.UNDO_STOCK: Effect.RELEASE,
}
FINAL = frozenset({State.PLACED, State.FAILED})
RESTING = FINAL | {State.WAITING, State.PAYING}
# What a refusal of an effect undoes first: everything that may have happened before it, newest first.
UNDO_FROM = {
    Effect.RESERVE: State.UNDO_STOCK,
    Effect.REDEEM: State.UNDO_COUPONS,
    Effect.ASSESS: State.UNDO_COUPONS,
    Effect.AUTHORIZE: State.UNDO_PAYMENT,
    Effect.CONFIRM: State.UNDO_PAYMENT,
    Effect.COMMIT: State.UNDO_PAYMENT,
}


class Failure(msgspec.Struct, frozen=True):
    """A refusal as it is told to the shopper, again and again for the same key."""

    code: str
    detail: str
    facts: dict[str, object] = {}


class Saga(msgspec.Struct, frozen=True):
    """The part of an attempt that decisions look at."""

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


class Done(msgspec.Struct, frozen=True):
    """The effect took place."""


class Refused(msgspec.Struct, frozen=True):
    """A business refusal: it will not change by repeating."""

    failure: Failure


class Assessed(msgspec.Struct, frozen=True):
    """The fraud verdict: allow, review or deny."""

    decision: str


class Paid(msgspec.Struct, frozen=True):
    """The payment as it is now."""

    payment_id: str
    state: str
    summary: str
    action: Action | None = None
    decline_code: str | None = None


class Ordered(msgspec.Struct, frozen=True):
    """The order exists."""

    order_id: str
    number: str


Outcome = Done | Refused | Assessed | Paid | Ordered


def effect_of(saga: Saga) -> Effect | None:
    """What to do next; None at the end."""
    return EFFECTS.get(saga.state)


def decide(saga: Saga, outcome: Outcome) -> Saga:
    """Where the outcome of the current effect leads. Raises ValueError for an outcome the state cannot have."""
    effect = EFFECTS[saga.state]
    match effect, outcome:
        case _, Refused(failure) if effect in UNDO_FROM:
            return msgspec.structs.replace(saga, state=UNDO_FROM[effect], failure=failure, action=None)
        case Effect.RESERVE, Done():
            return _to(saga, State.RESERVED if saga.has_coupons else State.REDEEMED)
        case Effect.REDEEM, Done():
            return _to(saga, State.REDEEMED)
        case Effect.ASSESS, Assessed("deny"):
            failure = Failure("checkout_refused", "We cannot take this order online; please contact us")
            return msgspec.structs.replace(saga, state=State.UNDO_COUPONS, failure=failure)
        case Effect.ASSESS, Assessed(decision):
            return msgspec.structs.replace(saga, state=State.ASSESSED, on_hold=decision == "review")
        case ((Effect.AUTHORIZE | Effect.CONFIRM), Paid()):
            return _paid(saga, outcome)
        case Effect.COMMIT, Done():
            return _to(saga, State.COMMITTED)
        case Effect.PLACE, Ordered(order_id, number):
            return msgspec.structs.replace(saga, state=State.PLACED, order_id=order_id, order_number=number)
        case Effect.VOID, Done():
            return _to(saga, State.UNDO_COUPONS)
        case Effect.GIVE_BACK, Done():
            return _to(saga, State.UNDO_STOCK)
        case Effect.RELEASE, Done():
            return _to(saga, State.FAILED)
    raise ValueError(f"{saga.state} cannot have the outcome {outcome}")


def given_up(saga: Saga) -> Saga:
    """The shopper turns away from a payment that waits for them: from here it is undone."""
    if saga.state not in (State.WAITING, State.PAYING):
        raise ValueError(f"{saga.state} cannot be given up")
    failure = Failure("payment_abandoned", "The payment was given up")
    return msgspec.structs.replace(saga, state=State.UNDO_PAYMENT, failure=failure, action=None)


def _to(saga: Saga, state: State) -> Saga:
    return msgspec.structs.replace(saga, state=state)


def _paid(saga: Saga, paid: Paid) -> Saga:
    known = msgspec.structs.replace(
        saga, payment_id=paid.payment_id, payment_summary=paid.summary, captured=paid.state == "captured"
    )
    match paid.state:
        case "authorized" | "captured":
            return msgspec.structs.replace(known, state=State.AUTHORIZED, action=None)
        case "requires_action":
            return msgspec.structs.replace(known, state=State.WAITING, action=paid.action)
        case "declined" | "expired" | "voided":
            failure = Failure(
                "payment_declined",
                "The payment was declined" if paid.state == "declined" else "The payment was not completed in time",
                {"decline_code": paid.decline_code or paid.state},
            )
            return msgspec.structs.replace(known, state=State.UNDO_PAYMENT, failure=failure, action=None)
    # Authorizing, pending or unknown: a timeout is not a decline, so ask again later under the same key.
    return msgspec.structs.replace(known, state=State.PAYING)
