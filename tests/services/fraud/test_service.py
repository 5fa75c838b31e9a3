"""Fraud on real PostgreSQL: counted once, reviewed once, decided once."""

import asyncio
from typing import Any

import msgspec
import pytest

from haat.contracts.fraud import AlreadyDecided, Assess, Decide, Review, ReviewDecided, ReviewsOf
from haat.contracts.orders import OrderMoved, OrderPlaced
from haat.engines.database.pool import PostgresDatabase
from haat.kit.database import Batch
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from haat.services.fraud.model import Limits
from haat.services.fraud.reactions import REACTIONS
from haat.services.fraud.service import FraudService
from haat.services.fraud.store import FraudStore


@pytest.fixture
def fraud(database: PostgresDatabase) -> FraudService:
    return FraudService(FraudStore(database), Limits(per_hour=3))


def ask(email: str, amount: int = 259900, method: str = "card", user_id: str | None = None, **more) -> Assess:
    return Assess(
        attempt_id=new_id("att"),
        checkout_id=new_id("chk"),
        amount=Money(amount),
        method=method,
        email=email,
        ship_to_country="IN",
        ship_to_postal_code="560001",
        user_id=user_id,
        **more,
    )


def somebody() -> str:
    return f"{new_id('mail')}@example.in"


def risky() -> Assess:
    return ask(f"{new_id('mail')}@mailinator.com", 60_000_00, "cod", bill_to_postal_code="110001")


def doubtful() -> Assess:
    return ask(f"{new_id('mail')}@mailinator.com", 30_000_00, "cod")


def placed(asked: Assess, on_hold: bool = True) -> OrderPlaced:
    """What orders tell when this attempt's order stands."""
    about = {"checkout_id": asked.checkout_id, "cart_id": new_id("crt"), "attempt_id": asked.attempt_id}
    return OrderPlaced(order_id=new_id("ord"), number="HT-1", lines=[], total=asked.amount, on_hold=on_hold, **about)


async def tell(fraud: FraudService, *events: OrderPlaced) -> None:
    await REACTIONS[OrderPlaced](fraud, Batch(list(events)))


async def queued(fraud: FraudService, asked: Assess) -> list[Review]:
    """The reviews of an attempt that wait for a person."""
    found: list[Review] = []
    page = await fraud.reviews(ReviewsOf(limit=100))
    found += page.data
    while page.has_more:
        page = await fraud.reviews(ReviewsOf(limit=100, cursor=page.next_cursor))
        found += page.data
    return [review for review in found if review.attempt_id == asked.attempt_id]


async def rows(database: PostgresDatabase, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query, *values)]


async def codes(fraud: FraudService, asked: Assess) -> list[str]:
    return [reason.code for reason in (await fraud.assess(asked)).reasons]


async def test_attempts_of_one_mailbox_are_counted(fraud: FraudService):
    email = somebody()
    found = [await codes(fraud, ask(email)) for _ in range(3)]
    assert found == [["guest"], ["guest", "email_velocity"], ["guest", "email_velocity"]]


async def test_the_same_attempt_has_the_same_verdict_and_counts_once(fraud: FraudService):
    email = somebody()
    asked = ask(email)
    first = await fraud.assess(asked)
    assert [await fraud.assess(asked) for _ in range(5)] == [first] * 5
    assert await codes(fraud, ask(email)) == ["guest", "email_velocity"]


async def test_loopback_shoppers_do_not_count_against_each_other(fraud: FraudService):
    found = [await codes(fraud, ask(somebody(), network_address="127.0.0.1")) for _ in range(8)]
    assert found == [["guest"]] * 8


async def test_shoppers_of_one_public_address_do(fraud: FraudService):
    found = [await codes(fraud, ask(somebody(), network_address="198.18.0.1")) for _ in range(2)]
    assert found == [["guest"], ["guest"]]
    found = [await codes(fraud, ask(somebody(), network_address="9.9.9.9")) for _ in range(2)]
    assert found == [["guest"], ["guest", "network_velocity"]]


async def test_a_denied_attempt_is_not_put_before_a_person(fraud: FraudService):
    asked = risky()
    verdict = await fraud.assess(asked)
    await fraud.assess(asked)
    page = await fraud.reviews(ReviewsOf(limit=100))
    assert (verdict.decision, verdict.score) == ("deny", 90)
    assert [review.score for review in page.data if review.attempt_id == asked.attempt_id] == []


async def test_a_review_shows_its_reasons(fraud: FraudService):
    asked = doubtful()
    await fraud.assess(asked)
    await fraud.assess(asked)
    await tell(fraud, placed(asked))
    (review,) = await queued(fraud, asked)
    assert [reason.code for reason in review.reasons] == ["high_cash", "disposable_email", "guest"]
    assert (review.score, review.email, review.amount) == (60, asked.email, asked.amount)


async def test_a_review_waits_until_its_order_is_placed_on_hold(fraud: FraudService, database: PostgresDatabase):
    asked = doubtful()
    assert (await fraud.assess(asked)).decision == "review"
    ((review_id,),) = await rows(
        database, "SELECT review_id FROM fraud.reviews WHERE attempt_id = $1", asked.attempt_id
    )
    decide = Decide(review_id=review_id, decision="approve", actor="usr_staff")
    with pytest.raises(NotFound):
        await fraud.decide(decide)
    assert await queued(fraud, asked) == []
    await tell(fraud, placed(asked))
    assert [review.id for review in await queued(fraud, asked)] == [review_id]
    assert (await fraud.decide(decide)).state == "approved"


async def test_an_order_that_goes_on_needs_no_review(fraud: FraudService):
    asked = doubtful()
    await tell(fraud, placed(asked, on_hold=False))
    assert await queued(fraud, asked) == []


async def test_an_order_that_was_held_without_an_assessment_has_a_review_too(fraud: FraudService):
    asked = ask(somebody(), 60_000_00)
    await tell(fraud, placed(asked))
    (review,) = await queued(fraud, asked)
    assert (review.checkout_id, review.amount, review.email, review.score) == (
        asked.checkout_id,
        Money(60_000_00),
        "",
        0,
    )
    assert [(reason.code, reason.points) for reason in review.reasons] == [("not_assessed", 0)]
    assert (await fraud.decide(Decide(review_id=review.id, decision="reject", actor="usr_staff"))).state == "rejected"


async def test_an_assessment_that_comes_after_its_order_changes_nothing(fraud: FraudService):
    asked = doubtful()
    await tell(fraud, placed(asked))
    before = await queued(fraud, asked)
    await fraud.assess(asked)
    assert (len(before), await queued(fraud, asked)) == (1, before)


async def test_a_denied_attempt_whose_units_were_sold_is_put_before_a_person(fraud: FraudService):
    asked = risky()
    await fraud.assess(asked)
    await tell(fraud, placed(asked))
    (review,) = await queued(fraud, asked)
    assert (review.score, [reason.points for reason in review.reasons]) == (90, [40, 35, 5, 10])


async def test_an_order_told_of_again_and_again_has_one_review(fraud: FraudService):
    asked = doubtful()
    await fraud.assess(asked)
    told = placed(asked)
    await tell(fraud, told, told)
    await tell(fraud, told)
    assert len(await queued(fraud, asked)) == 1


async def test_a_review_that_was_decided_before_its_order_is_told_of_again(
    fraud: FraudService, database: PostgresDatabase
):
    """Reviews were open from the assessment on once: who decided one early has decided."""
    asked = doubtful()
    await fraud.assess(asked)
    query = "UPDATE fraud.reviews SET state = 'rejected', decided_by = 'usr_staff' WHERE attempt_id = $1"
    await rows(database, query, asked.attempt_id)
    told = placed(asked)
    await tell(fraud, told)
    await tell(fraud, told)
    ((body,),) = await rows(database, "SELECT body FROM fraud.outbox WHERE key = $1", asked.attempt_id)
    event = msgspec.json.decode(body, type=ReviewDecided)
    assert (event.decision, event.actor, event.checkout_id) == ("reject", "usr_staff", asked.checkout_id)
    assert await queued(fraud, asked) == []


async def test_reviews_whose_order_never_came_are_forgotten(fraud: FraudService, database: PostgresDatabase):
    came, never, lately = doubtful(), doubtful(), doubtful()
    for asked in (came, never, lately):
        await fraud.assess(asked)
    await tell(fraud, placed(came))
    query = "UPDATE fraud.reviews SET created_at = now() - interval '31 days' WHERE attempt_id = ANY($1)"
    await rows(database, query, [came.attempt_id, never.attempt_id])
    await fraud.forget_old()
    attempts = [asked.attempt_id for asked in (came, never, lately)]
    left = await rows(database, "SELECT attempt_id FROM fraud.reviews WHERE attempt_id = ANY($1)", attempts)
    assert {attempt for (attempt,) in left} == {came.attempt_id, lately.attempt_id}


async def reviewed(fraud: FraudService) -> str:
    asked = doubtful()
    await fraud.assess(asked)
    await tell(fraud, placed(asked))
    (review,) = await queued(fraud, asked)
    return review.id


async def test_of_ten_decisions_at_once_one_counts(fraud: FraudService, database: PostgresDatabase):
    review_id = await reviewed(fraud)
    answers = await asyncio.gather(
        *(
            fraud.decide(Decide(review_id=review_id, decision=decision, actor="usr_staff"))
            for decision in ("approve", "reject") * 5
        ),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(AlreadyDecided) == 9
    async with database.connection() as connection:
        told = await connection.fetchval(
            "SELECT count(*) FROM fraud.outbox WHERE body LIKE $1", f"%{review_id}%".encode()
        )
    assert told == 1


async def moved(fraud: FraudService, order: OrderPlaced, status: str) -> None:
    event = OrderMoved(order_id=order.order_id, number=order.number, status=status)
    await REACTIONS[OrderMoved](fraud, Batch([event, event]))


async def test_a_review_ends_when_its_order_is_canceled_before_anybody_decided(fraud: FraudService):
    """A shopper may cancel what is held: nobody is left who waits for a decision."""
    asked = doubtful()
    order = placed(asked)
    await fraud.assess(asked)
    await tell(fraud, order)
    (review,) = await queued(fraud, asked)
    await moved(fraud, order, "canceled")
    assert await queued(fraud, asked) == []
    ended = await fraud.reviews(ReviewsOf(state="canceled", limit=100))
    assert review.id in [each.id for each in ended.data]
    with pytest.raises(AlreadyDecided, match="Its order was canceled meanwhile"):
        await fraud.decide(Decide(review_id=review.id, decision="approve", actor="usr_staff"))


async def test_a_review_stays_as_it_is_when_its_order_moves_otherwise_or_was_decided(fraud: FraudService):
    waiting, decided = doubtful(), doubtful()
    orders = [placed(asked) for asked in (waiting, decided)]
    for asked, order in zip((waiting, decided), orders, strict=True):
        await fraud.assess(asked)
        await tell(fraud, order)
    (review,) = await queued(fraud, decided)
    await fraud.decide(Decide(review_id=review.id, decision="reject", actor="usr_staff"))
    await moved(fraud, orders[0], "confirmed")
    await moved(fraud, orders[1], "canceled")
    rejected = await fraud.reviews(ReviewsOf(state="rejected", limit=100))
    assert (len(await queued(fraud, waiting)), review.id in [each.id for each in rejected.data]) == (1, True)


async def test_a_repeated_decision_under_its_key_is_the_stored_answer(fraud: FraudService):
    review_id = await reviewed(fraud)
    key = Idempotency(account="usr_staff", key=new_id("key"), fingerprint="f")
    decide = Decide(review_id=review_id, decision="approve", actor="usr_staff", note="known", idempotency=key)
    first = await fraud.decide(decide)
    assert (first.state, first.note, await fraud.decide(decide)) == ("approved", "known", first)


async def test_an_unknown_review_is_not_found(fraud: FraudService):
    with pytest.raises(NotFound):
        await fraud.decide(Decide(review_id=new_id("rev"), decision="approve", actor="usr_staff"))


async def test_pages_follow_each_other(fraud: FraudService):
    ids = [await reviewed(fraud) for _ in range(3)]
    first = await fraud.reviews(ReviewsOf(limit=1))
    second = await fraud.reviews(ReviewsOf(limit=100, cursor=first.next_cursor))
    assert first.has_more
    assert first.data[0].id not in [review.id for review in second.data]
    assert ids[-1] in [review.id for review in second.data]
