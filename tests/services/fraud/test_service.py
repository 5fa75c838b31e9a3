"""Fraud on real PostgreSQL: counted once, reviewed once, decided once."""

import asyncio

import pytest

from haat.contracts.fraud import AlreadyDecided, Assess, Decide, ReviewsOf
from haat.engines.database.pool import PostgresDatabase
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from haat.services.fraud.model import Limits
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
    asked = ask(f"{new_id('mail')}@mailinator.com", 30_000_00, "cod")
    await fraud.assess(asked)
    await fraud.assess(asked)
    page = await fraud.reviews(ReviewsOf(limit=100))
    (review,) = [each for each in page.data if each.attempt_id == asked.attempt_id]
    assert [reason.code for reason in review.reasons] == ["high_cash", "disposable_email", "guest"]


async def reviewed(fraud: FraudService) -> str:
    asked = ask(f"{new_id('mail')}@mailinator.com", 30_000_00, "cod")
    await fraud.assess(asked)
    page = await fraud.reviews(ReviewsOf(limit=100))
    return next(review.id for review in page.data if review.attempt_id == asked.attempt_id)


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
