"""The saga's pure core: every road ends, and nothing stays half-done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haat.services.checkout.saga import (
    EFFECTS,
    FINAL,
    Assessed,
    Done,
    Effect,
    Failure,
    Ordered,
    Outcome,
    Paid,
    Refused,
    Saga,
    State,
    decide,
    effect_of,
    given_up,
)

START = Saga(State.CLAIMED, has_coupons=True)
NO = Refused(Failure("out_of_stock", "Sold out"))
AUTHORIZED = Paid("pay_1", "authorized", "Visa •••• 4242")
GOOD: dict[Effect, Outcome] = {
    Effect.RESERVE: Done(),
    Effect.REDEEM: Done(),
    Effect.ASSESS: Assessed("allow"),
    Effect.AUTHORIZE: AUTHORIZED,
    Effect.CONFIRM: AUTHORIZED,
    Effect.COMMIT: Done(),
    Effect.PLACE: Ordered("ord_1", "HT-1"),
    Effect.VOID: Done(),
    Effect.GIVE_BACK: Done(),
    Effect.RELEASE: Done(),
}


def run(saga: Saga, instead: dict[Effect, Outcome]) -> tuple[Saga, list[Effect]]:
    """Drive to the end with good outcomes, but for those given; the effects carried out in order."""
    done = []
    while (effect := effect_of(saga)) is not None:
        done.append(effect)
        saga = decide(saga, instead.get(effect, GOOD[effect]))
    return saga, done


def test_the_straight_road():
    saga, done = run(START, {})
    assert (saga.state, saga.order_number) == (State.PLACED, "HT-1")
    assert done == [
        Effect.RESERVE,
        Effect.REDEEM,
        Effect.ASSESS,
        Effect.AUTHORIZE,
        Effect.COMMIT,
        Effect.PLACE,
    ]


def test_without_coupons_nothing_is_redeemed():
    _, done = run(Saga(State.CLAIMED), {})
    assert Effect.REDEEM not in done


@pytest.mark.parametrize(
    ("refused", "undone"),
    [
        (Effect.RESERVE, [Effect.RELEASE]),
        (Effect.REDEEM, [Effect.GIVE_BACK, Effect.RELEASE]),
        (Effect.ASSESS, [Effect.GIVE_BACK, Effect.RELEASE]),
        (Effect.AUTHORIZE, [Effect.VOID, Effect.GIVE_BACK, Effect.RELEASE]),
        (Effect.COMMIT, [Effect.VOID, Effect.GIVE_BACK, Effect.RELEASE]),
    ],
)
def test_a_refusal_undoes_what_may_have_happened_newest_first(refused: Effect, undone: list[Effect]):
    saga, done = run(START, {refused: NO})
    assert (saga.state, saga.failure) == (State.FAILED, NO.failure)
    assert done[done.index(refused) + 1 :] == undone


def test_a_denied_assessment_takes_no_money():
    saga, done = run(START, {Effect.ASSESS: Assessed("deny")})
    assert (saga.state, Effect.AUTHORIZE in done) == (State.FAILED, False)


def test_a_review_holds_the_order_but_places_it():
    saga, _ = run(START, {Effect.ASSESS: Assessed("review")})
    assert (saga.state, saga.on_hold) == (State.PLACED, True)


def test_a_declined_payment_is_told_with_its_reason():
    saga, _ = run(START, {Effect.AUTHORIZE: Paid("pay_1", "declined", "", decline_code="insufficient_funds")})
    assert saga.failure == Failure(
        "payment_declined", "The payment was declined", {"decline_code": "insufficient_funds"}
    )


@pytest.mark.parametrize("state", ["authorizing", "pending", "unknown"])
def test_an_unknown_outcome_is_asked_again_and_never_undone(state: str):
    saga = decide(Saga(State.ASSESSED), Paid("pay_1", state, ""))
    assert (saga.state, effect_of(saga)) == (State.PAYING, Effect.CONFIRM)


def test_giving_up_a_waiting_payment_undoes_it():
    saga, done = run(given_up(Saga(State.WAITING, has_coupons=True)), {})
    assert (saga.state, done) == (State.FAILED, [Effect.VOID, Effect.GIVE_BACK, Effect.RELEASE])


def test_a_placed_order_cannot_be_given_up():
    with pytest.raises(ValueError, match="cannot be given up"):
        given_up(Saga(State.PLACED))


@given(st.sampled_from(sorted(EFFECTS)), st.lists(st.sampled_from(["good", "no", "unknown"]), max_size=30))
def test_from_any_state_with_any_answers_money_and_stock_end_together(start: State, answers: list[str]):
    """After the pivot only forward; before it, a failure always passes through the release of the stock."""
    saga, done = Saga(start, has_coupons=True), []
    for answer in [*answers, *["good"] * 20]:
        effect = effect_of(saga)
        if effect is None:
            break
        done.append(effect)
        refusable = effect in (Effect.RESERVE, Effect.REDEEM, Effect.ASSESS, Effect.AUTHORIZE, Effect.COMMIT)
        paying = effect in (Effect.AUTHORIZE, Effect.CONFIRM)
        unknown = Paid("pay_1", "unknown", "")
        saga = decide(
            saga, NO if answer == "no" and refusable else unknown if answer == "unknown" and paying else GOOD[effect]
        )
    assert saga.state in FINAL
    assert (done[-1] is Effect.RELEASE) == (saga.state is State.FAILED)
    assert Effect.PLACE not in done or Effect.VOID not in done
