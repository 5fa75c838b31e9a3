"""The use cases of fraud: judge an attempt, list what waits for a person, take the person's decision."""

from __future__ import annotations

from datetime import timedelta

from haat.contracts.fraud import AlreadyDecided, Assess, Decide, Fraud, Review, ReviewDecided, ReviewsOf, Verdict
from haat.contracts.orders import OrderMoved, OrderPlaced
from haat.kit.clock import now
from haat.kit.cursor import id_in, paged
from haat.kit.database import Batch
from haat.kit.message import NotFound, Page
from haat.services.fraud.model import Limits, judge
from haat.services.fraud.store import FraudStore

KEEP = timedelta(days=30)
STATES = {"approve": "approved", "reject": "rejected"}
DECISIONS = {state: decision for decision, state in STATES.items()}


class FraudService(Fraud):
    """One statement on the way of a normal checkout; a second one only for what a person may have to see."""

    def __init__(self, store: FraudStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def assess(self, ask: Assess) -> Verdict:
        counts, at = await self._store.assess(ask, self._limits.most)
        verdict = judge(ask, counts, self._limits, at)
        if verdict.decision != "allow":
            # A denied one may have sold its units already, and then its order is placed on hold.
            await self._store.keep_review(ask, verdict)
        return verdict

    async def orders_placed(self, batch: Batch[OrderPlaced]) -> None:
        """Orders on hold are put before a person now, and not before: a decision needs an order that it can move."""
        held = Batch([event for event in batch.events if event.on_hold])
        if not held.events:
            return
        async with self._store.transaction() as transaction:
            for order in await transaction.accept(held):
                review = await self._store.open_review(transaction, order)
                if review.state in DECISIONS:
                    # Reviews were open from the assessment on once: orders heard of this decision too early.
                    transaction.publish(_decided(review))

    async def orders_moved(self, batch: Batch[OrderMoved]) -> None:
        """Orders that were canceled while their reviews waited have nothing left to decide."""
        gone = [event.order_id for event in batch.events if event.status == "canceled"]
        if gone:
            # No inbox: a review ends once, however often it is told.
            await self._store.end_reviews(gone)

    async def reviews(self, ask: ReviewsOf) -> Page[Review]:
        limit, filters = max(1, min(ask.limit, 100)), f"fraud.reviews {ask.state}"
        found = await self._store.reviews(ask.state, id_in(filters, ask.cursor), limit + 1)
        return paged(filters, found, limit, lambda each: (each.id,))

    async def decide(self, ask: Decide) -> Review:
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Review)
            if stored is not None:
                return stored
            state = STATES[ask.decision]
            review = await self._store.decide(transaction, ask.review_id, state, ask.actor, ask.note)
            if review is None:
                before = await self._store.state(transaction, ask.review_id)
                if before is None:
                    raise NotFound("There is no such review")
                raise AlreadyDecided("Its order was canceled meanwhile" if before == "canceled" else "")
            transaction.publish(_decided(review))
            return transaction.remember(review)

    async def forget_old(self) -> None:
        """Drop what velocity does not need any more."""
        await self._store.forget(now() - KEEP)


def _decided(review: Review) -> ReviewDecided:
    return ReviewDecided(
        review_id=review.id,
        attempt_id=review.attempt_id,
        checkout_id=review.checkout_id,
        decision=DECISIONS[review.state],
        actor=review.decided_by or "",
    )
