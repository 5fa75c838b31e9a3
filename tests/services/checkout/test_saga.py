"""The saga's pure core: every road ends, and nothing stays half-done."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haat.services.checkout.saga import (
    EFFECTS,
    FINAL,
    GIVE_UP_SECONDS,
    MOST_TRIES,
    Assessed,
    Away,
    Do,
    Done,
    Effect,
    Failure,
    Impossible,
    Ordered,
    Outcome,
    Paid,
    Reach,
    Refused,
    Saga,
    State,
    Write,
    decide,
    drive,
    given_up,
)

FIRST = Saga(State.CLAIMED, has_coupons=True, reach=Reach.NOTHING)
AGAIN = Saga(State.CLAIMED, has_coupons=True)
NO = Refused(Failure("out_of_stock", "Sold out"))
SOLD = Refused(Failure("already_committed", "The reservation is committed already"))
AUTHORIZED = Paid("pay_1", "authorized", "Visa •••• 4242")
UNDONE = [Effect.RELEASE, Effect.VOID, Effect.GIVE_BACK]
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


def run(
    saga: Saga, instead: dict[Effect, Outcome | Away], tries: int = 0, age: float = 1.0
) -> tuple[Saga, list[Effect], list[Write]]:
    """Drive with good outcomes, but for those given; the effects carried out in order, and what was stored."""
    journey, answer = drive(saga, tries, age), None
    done: list[Effect] = []
    writes: list[Write] = []
    while True:
        try:
            step = journey.send(answer)
        except StopIteration:
            return saga, done, writes
        saga, answer = step.saga, None
        if isinstance(step, Do):
            done.append(step.effect)
            answer = instead.get(step.effect, GOOD[step.effect])
        else:
            writes.append(step)


def test_the_good_road_is_stored_once_at_its_end():
    saga, done, writes = run(FIRST, {})
    assert (saga.state, saga.order_id) == (State.PLACED, "ord_1")
    assert done == [
        Effect.RESERVE,
        Effect.REDEEM,
        Effect.ASSESS,
        Effect.AUTHORIZE,
        Effect.COMMIT,
        Effect.PLACE,
    ]
    assert [write.saga.state for write in writes] == [State.PLACED]


def test_without_coupons_none_are_redeemed():
    _, done, _ = run(Saga(State.CLAIMED), {})
    assert Effect.REDEEM not in done


@pytest.mark.parametrize(
    ("refused", "undone", "stored"),
    [
        (Effect.RESERVE, [Effect.RELEASE], [State.FAILED]),
        (Effect.REDEEM, [Effect.RELEASE, Effect.GIVE_BACK], [State.FAILED]),
        (Effect.ASSESS, [Effect.RELEASE, Effect.GIVE_BACK], [State.FAILED]),
        (Effect.AUTHORIZE, UNDONE, [State.UNDO_STOCK, State.FAILED]),
        (Effect.COMMIT, UNDONE, [State.UNDO_STOCK, State.FAILED]),
    ],
)
def test_who_drove_it_alone_undoes_what_may_have_happened(refused: Effect, undone: list[Effect], stored: list[State]):
    saga, done, writes = run(FIRST, {refused: NO})
    assert (saga.state, saga.failure) == (State.FAILED, NO.failure)
    assert done[done.index(refused) + 1 :] == undone
    assert [write.saga.state for write in writes] == stored


@pytest.mark.parametrize("refused", [Effect.RESERVE, Effect.REDEEM, Effect.ASSESS, Effect.AUTHORIZE, Effect.COMMIT])
def test_after_another_driver_everything_may_have_happened_and_is_undone(refused: Effect):
    saga, done, _ = run(AGAIN, {refused: NO})
    assert (saga.state, done[done.index(refused) + 1 :]) == (State.FAILED, UNDONE)


@pytest.mark.parametrize("refused", [Effect.RESERVE, Effect.ASSESS, Effect.COMMIT])
def test_a_failure_that_comes_after_the_sale_is_forgotten_and_the_order_placed(refused: Effect):
    answers = iter([NO])
    journey, answer, saga = drive(AGAIN, 0, 1.0), None, AGAIN
    done: list[Effect] = []
    while saga.state is not State.PLACED:
        step = journey.send(answer)
        saga, answer = step.saga, None
        if isinstance(step, Do):
            done.append(step.effect)
            good = SOLD if step.effect is Effect.RELEASE else GOOD[step.effect]
            answer = next(answers, good) if step.effect is refused else good
    assert done[done.index(Effect.RELEASE) + 1 :] == [Effect.AUTHORIZE, Effect.COMMIT, Effect.PLACE]
    assert saga.failure is None


def test_an_order_denied_after_its_sale_waits_for_a_person():
    denied = decide(AGAIN_ASSESSING, Assessed("deny"))
    assert decide(denied, SOLD).on_hold is True


AGAIN_ASSESSING = msgspec.structs.replace(AGAIN, state=State.REDEEMED)


def test_past_the_pivot_a_refusal_parks_and_undoes_nothing():
    saga, done, (write,) = run(Saga(State.ASSESSED, pivoted=True), {Effect.AUTHORIZE: NO})
    assert (saga.state, done, write.parked) == (State.ASSESSED, [Effect.AUTHORIZE], True)


@pytest.mark.parametrize("state", ["declined", "expired", "voided", "refunded"])
def test_past_the_pivot_the_order_is_placed_though_its_payment_is_gone(state: str):
    saga, done, _ = run(Saga(State.ASSESSED, pivoted=True), {Effect.AUTHORIZE: Paid("pay_1", state, "")})
    assert (saga.state, saga.payment_id, done) == (State.PLACED, "pay_1", [Effect.AUTHORIZE, Effect.PLACE])


@pytest.mark.parametrize("state", ["partially_captured", "partially_refunded", "disputed"])
def test_money_that_was_taken_already_is_no_reason_to_wait(state: str):
    saga, _, writes = run(AGAIN, {Effect.AUTHORIZE: Paid("pay_1", state, "")})
    assert (saga.state, len(writes)) == (State.PLACED, 1)


def test_past_the_pivot_who_may_not_authorise_any_more_asks_which_payment_it_was():
    let_go = Refused(Failure("payment_state", "This payment was canceled"))
    saga, first, _ = run(Saga(State.ASSESSED, pivoted=True), {Effect.AUTHORIZE: let_go})
    after, then, _ = run(saga, {Effect.CONFIRM: Paid("pay_1", "voided", "")})
    assert (saga.state, first) == (State.PAYING, [Effect.AUTHORIZE])
    assert (after.state, after.payment_id, then) == (State.PLACED, "pay_1", [Effect.CONFIRM, Effect.PLACE])


def test_an_outcome_that_cannot_be_is_parked_and_not_guessed():
    _, done, (write,) = run(Saga(State.COMMITTED, pivoted=True), {Effect.PLACE: NO})
    assert (done, write.parked, write.saga.state) == ([Effect.PLACE], True, State.COMMITTED)


def test_a_denied_assessment_takes_no_money():
    saga, done, _ = run(FIRST, {Effect.ASSESS: Assessed("deny")})
    assert (saga.state, Effect.AUTHORIZE in done) == (State.FAILED, False)


def test_a_review_holds_the_order_but_places_it():
    saga, _, _ = run(FIRST, {Effect.ASSESS: Assessed("review")})
    assert (saga.state, saga.on_hold) == (State.PLACED, True)


def test_a_declined_payment_is_told_with_its_reason():
    saga, _, _ = run(FIRST, {Effect.AUTHORIZE: Paid("pay_1", "declined", "", decline_code="insufficient_funds")})
    assert saga.failure == Failure(
        "payment_declined", "The payment was declined", {"decline_code": "insufficient_funds"}
    )


@pytest.mark.parametrize("state", ["authorizing", "pending", "unknown"])
def test_an_unknown_outcome_is_asked_again_and_never_undone(state: str):
    saga, done, (write,) = run(Saga(State.ASSESSED), {Effect.AUTHORIZE: Paid("pay_1", state, "")})
    assert (saga.state, done, write.run_in_seconds, write.parked) == (State.PAYING, [Effect.AUTHORIZE], 5.0, False)


def test_a_bank_that_does_not_decide_is_an_alarm_after_a_quarter_of_an_hour():
    unknown = {Effect.CONFIRM: Paid("pay_1", "unknown", "")}
    found = [run(Saga(State.PAYING), unknown, age=age)[2][0].parked for age in (899.0, 900.0)]
    assert found == [False, True]


def test_giving_up_a_waiting_payment_undoes_it():
    saga, done, _ = run(given_up(Saga(State.WAITING, has_coupons=True)), {})
    assert (saga.state, done) == (State.FAILED, UNDONE)


def test_a_payment_that_waits_for_longer_than_the_units_do_is_undone():
    overdue = Paid("pay_1", "requires_action", "", overdue=True)
    saga, done, writes = run(Saga(State.WAITING, has_coupons=True), {Effect.CONFIRM: overdue})
    assert (saga.state, done) == (State.FAILED, [Effect.CONFIRM, *UNDONE])
    assert [write.saga.failure.code for write in writes] == ["payment_abandoned", "payment_abandoned"]


def test_a_sold_order_waits_on_for_its_money():
    overdue = Paid("pay_1", "requires_action", "", overdue=True)
    saga, _, _ = run(Saga(State.WAITING, pivoted=True), {Effect.CONFIRM: overdue})
    assert saga.state is State.WAITING


def test_a_placed_order_cannot_be_given_up():
    with pytest.raises(Impossible, match="cannot be given up"):
        given_up(Saga(State.PLACED))


@pytest.mark.parametrize(
    ("tries", "seconds", "parked"),
    [(0, 0.4, False), (5, 12.8, False), (8, 60.0, False), (MOST_TRIES, 3600.0, True), (30, 3600.0, True)],
)
def test_patience_grows_until_the_attempt_is_parked(tries: int, seconds: float, parked: bool):
    _, _, (write,) = run(AGAIN, {Effect.RESERVE: Away("nobody answers")}, tries=tries)
    assert (write.run_in_seconds, write.parked, write.tries) == (seconds, parked, tries + 1)


def test_an_answer_begins_the_counting_anew():
    _, _, (write,) = run(AGAIN, {Effect.ASSESS: Away()}, tries=7)
    assert write.tries == 1


@pytest.mark.parametrize(
    ("saga", "age", "first"),
    [
        (Saga(State.AUTHORIZED), GIVE_UP_SECONDS - 1, Effect.COMMIT),
        (Saga(State.AUTHORIZED), GIVE_UP_SECONDS, Effect.RELEASE),
        (Saga(State.COMMITTED, pivoted=True), GIVE_UP_SECONDS, Effect.PLACE),
        (Saga(State.UNDO_PAYMENT), GIVE_UP_SECONDS, Effect.VOID),
    ],
)
def test_what_is_parked_for_a_day_turns_back_unless_it_is_sold(saga: Saga, age: float, first: Effect):
    _, done, _ = run(saga, {first: Away()}, tries=MOST_TRIES + 1, age=age)
    assert done == [first]


@settings(deadline=None)
@given(
    st.sampled_from(sorted(EFFECTS)),
    st.booleans(),
    st.lists(st.sampled_from(["good", "no", "unknown", "away"]), max_size=30),
)
def test_from_any_state_with_any_answers_money_and_stock_end_together(start: State, again: bool, answers: list[str]):
    """After the pivot only forward; before it, a failure always passes through the release of the stock."""
    reach = Reach.MONEY if again or start is not State.CLAIMED else Reach.NOTHING
    saga, done = Saga(start, has_coupons=True, reach=reach, pivoted=start is State.COMMITTED), []
    left = [*answers, *["good"] * 40]
    while saga.state not in FINAL:
        journey, answer = drive(saga, 0, 1.0), None
        while True:
            try:
                step = journey.send(answer)
            except StopIteration:
                break
            saga, answer = step.saga, None
            if isinstance(step, Do):
                done.append(step.effect)
                answer = _answer(left.pop(0), step.effect)
    assert (done[-1] in UNDONE) == (saga.state is State.FAILED)
    assert Effect.PLACE not in done or not set(done) & {Effect.VOID, Effect.GIVE_BACK}


def _answer(kind: str, effect: Effect) -> Outcome | Away:
    refusable = effect in (Effect.RESERVE, Effect.REDEEM, Effect.ASSESS, Effect.AUTHORIZE, Effect.COMMIT)
    paying = effect in (Effect.AUTHORIZE, Effect.CONFIRM)
    special = {"no": NO if refusable else None, "unknown": Paid("pay_1", "unknown", "") if paying else None}
    return Away() if kind == "away" else special.get(kind) or GOOD[effect]
