"""The provider at work: each call decides, stores, and tells, in one transaction of its own truth."""

import asyncio
import math
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from haat.sandbox.calls import Answer, Calls, Noted
from haat.sandbox.clock import Timers, VirtualClock
from haat.sandbox.faults import Faults
from haat.sandbox.problems import Problem
from haat.sandbox.provider import model
from haat.sandbox.provider.messages import (
    Empty,
    Movement,
    NewCapture,
    NewPayment,
    NewRefund,
    Outcome,
    Payment,
)
from haat.sandbox.provider.model import Delays, Record, Step, Timer
from haat.sandbox.provider.opening import Opening
from haat.sandbox.provider.store import PaymentStore, encode
from haat.sandbox.storage import transaction
from haat.sandbox.webhooks import Message, Outbox


class BooksRow(Struct, frozen=True):
    """The provider's own truth of one payment, for auditors; amounts in minor units."""

    id: str
    reference: str
    amount: int
    currency: str
    state: str
    captured: int
    refunded: int
    calls: list[Noted]


class Provider:
    """Every method but `settled` runs without an await, so calls cannot interleave."""

    def __init__(
        self,
        store: PaymentStore,
        calls: Calls,
        outbox: Outbox,
        faults: Faults,
        clock: VirtualClock,
        public_url: str,
        delays: Delays,
    ) -> None:
        self._store = store
        self._calls = calls
        self._outbox = outbox
        self._faults = faults
        self._clock = clock
        self._delays = delays
        self._opening = Opening(store, public_url, delays)
        self._timers = Timers(clock, self._ring, store.timed)
        self._settling: dict[str, asyncio.Event] = {}
        self._losing: set[str] = set()

    def authorize(self, key: str, ask: NewPayment) -> Answer:
        """Raises 422 on an invalid card number; a declined payment is an answer, not an error."""

        def act(now: datetime) -> Step:
            record, action, refusal = self._opening.record(ask, now)
            if record.script == "lose_answer":
                self._losing.add(record.payment.id)
            if refusal is not None:
                return model.decline(record, refusal, now)
            return model.begin(record, action, now, self._delays)

        return self._once("authorize", key, None, ask, act)

    def capture(self, key: str, payment_id: str, ask: NewCapture) -> Answer:
        return self._once(
            "capture",
            key,
            payment_id,
            ask,
            lambda now: model.capture(self._load(payment_id), ask, now, self._delays),
        )

    def void(self, key: str, payment_id: str) -> Answer:
        return self._once("void", key, payment_id, Empty(), lambda now: model.void(self._load(payment_id), now))

    def refund(self, key: str, payment_id: str, ask: NewRefund) -> Answer:
        def act(now: datetime) -> Step:
            will_fail = self._faults.take_failure("refund")
            refund_id = "rfd_" + secrets.token_hex(12)
            return model.refund(self._load(payment_id), ask, refund_id, will_fail, now, self._delays)

        return self._once("refund", key, payment_id, ask, act)

    def decide(self, payment_id: str, outcome: Outcome) -> Payment:
        """The shopper's answer on the action page; the payment as it is afterwards."""
        return self._apply(model.decide(self._load(payment_id), outcome, self._clock.now(), self._delays))

    def dispute(self, payment_id: str, outcome: Literal["opened", "won", "lost"]) -> Payment:
        return self._apply(model.dispute(self._load(payment_id), outcome, self._clock.now()))

    def payment(self, payment_id: str) -> Payment:
        return self._load(payment_id).payment

    def payment_body(self, payment_id: str) -> bytes:
        body = self._store.body_of(payment_id)
        if body is None:
            raise Problem(404, "not_found", "There is no such payment.")
        return body

    def by_reference(self, reference: str) -> list[msgspec.Raw]:
        return [msgspec.Raw(body) for body in self._store.by_reference(reference)]

    def books(self, after: int, limit: int) -> tuple[list[BooksRow], int | None]:
        """Rows in the order the payments came, and the place to go on from when there are more."""
        found = self._store.page(after, limit + 1)
        rows = [
            BooksRow(
                id=payment.id,
                reference=payment.reference,
                amount=payment.amount,
                currency=payment.currency,
                state=payment.state,
                captured=payment.captured,
                refunded=payment.refunded,
                calls=self._calls.of_subject(payment.id),
            )
            for _, payment in found[:limit]
        ]
        return rows, found[limit - 1][0] if len(found) > limit else None

    def movements(self, since: datetime, until: datetime, after: int, limit: int) -> tuple[list[Movement], int | None]:
        """What moved in [since, until), and the place to go on from when there is more."""
        found = self._store.movements(since, until, after, limit + 1)
        return [row for _, row in found[:limit]], found[limit - 1][0] if len(found) > limit else None

    def loses_answer(self, answer: Answer) -> bool:
        """Whether this card's first answer gets lost on its way."""
        lost = answer.subject in self._losing
        self._losing.discard(answer.subject)
        return lost

    async def settled(self, answer: Answer) -> Answer:
        """The same answer once the bank has spoken; a slow card's is withheld until then."""
        if answer.outcome != "processing":
            return answer
        await self._settling.setdefault(answer.subject, asyncio.Event()).wait()
        return msgspec.structs.replace(answer, body=self.payment_body(answer.subject))

    def seconds_left(self, payment: Payment) -> int:
        """Until the shopper's time to act is over; 0 when there is nothing to do."""
        if payment.action is None:
            return 0
        return max(1, math.ceil((payment.action.expires_at - self._clock.now()).total_seconds()))

    def run_due(self) -> None:
        self._timers.run_due()

    def close(self) -> None:
        self._timers.close()

    def _once(self, op: str, key: str, payment_id: str | None, ask: Struct, act: Callable[[datetime], Step]) -> Answer:
        now = self._clock.now()
        fingerprint = self._calls.fingerprint(op.encode(), (payment_id or "").encode(), encode(ask))
        answered = self._calls.answered(op, key, fingerprint, now)
        if answered is not None:
            return answered
        try:
            step = act(now)
        except Problem as problem:
            self._calls.note(op, key, payment_id, fingerprint, now, f"refused: {problem.code}")
            raise
        payment = step.record.payment
        with transaction(self._store.database):
            body = self._save(step, new=payment_id is None)
            status = 201 if payment_id is None else 200
            answer = Answer(status=status, body=body, subject=payment.id, outcome=payment.state)
            self._calls.record(op, key, fingerprint, now, answer)
        self._after(step)
        return answer

    def _apply(self, step: Step) -> Payment:
        if step.events:
            with transaction(self._store.database):
                self._save(step, new=False)
            self._after(step)
        return step.record.payment

    def _save(self, step: Step, new: bool) -> bytes:
        record = step.record
        body = encode(record.payment)
        if new:
            self._store.insert(record, body)
        else:
            if record.script == "slow" and self.payment(record.payment.id).state == "processing":
                self._calls.amend(record.payment.id, "authorize", record.payment.state, body)
            self._store.update(record, body)
        for event in step.events:
            if event.moved:
                self._store.move(record.payment, event)
            data = {"payment": msgspec.Raw(body)}
            if event.refund is not None:
                data["refund"] = msgspec.Raw(encode(event.refund))
            self._outbox.add(Message(type=event.type, timestamp=event.at, data=data))
        return body

    def _after(self, step: Step) -> None:
        payment = step.record.payment
        for timer in step.record.timers:
            self._timers.schedule(timer.at, payment.id, timer.what)
        if payment.state != "processing" and payment.id in self._settling:
            self._settling.pop(payment.id).set()

    def _ring(self, due: datetime, payment_id: str, what: str) -> None:
        record = self._store.load(payment_id)
        timer = Timer(due, what)
        if record is None or timer not in record.timers:
            return
        step = model.ring(record, timer, self._delays)
        with transaction(self._store.database):
            self._save(step, new=False)
        self._after(step)

    def _load(self, payment_id: str) -> Record:
        record = self._store.load(payment_id)
        if record is None:
            raise Problem(404, "not_found", "There is no such payment.")
        return record
