"""What becomes known of a payment is written down once, whoever hears it first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.ports.payment_provider import PaymentFact
from haat.services.payments import model
from haat.services.payments.model import Mismatch, PaymentState
from haat.services.payments.statements import CallResult
from haat.services.payments.store import PaymentStore
from haat.services.payments.views import refundable

log = structlog.get_logger("haat.payments")
Change = Callable[[PaymentState], PaymentState | None]


class Settling:
    """Writes a change with its ledger, events and call, decided on the payment as it is by then."""

    def __init__(self, store: PaymentStore) -> None:
        self._store = store

    async def settle(
        self, payment: PaymentState, change: Change, result: CallResult | None = None, hook: str | None = None
    ) -> PaymentState:
        """Apply a change to the payment as it is by now. A mismatch is put aside and changes nothing."""
        try:
            after = await self._settle(payment, change, result, hook)
            if _stuck(after) and not _stuck(payment):
                # Here, because nobody looks at it again, whoever heard that the last refund failed.
                log.error("money could not be given back, a person must help", payment_id=after.payment_id)
            return after
        except Mismatch as mismatch:
            await self.put_aside(payment, mismatch)
            return payment

    async def put_aside(self, payment: PaymentState, mismatch: Mismatch) -> None:
        """A fact that does not fit the agreement is for a person to look at."""
        log.error("payment mismatch", payment_id=payment.payment_id, reason=mismatch.reason)
        fact = mismatch.fact
        await self._store.put_aside(payment.provider, fact.id, mismatch.reason, fact)

    async def _settle(
        self, payment: PaymentState, change: Change, result: CallResult | None, hook: str | None
    ) -> PaymentState:
        after = change(payment)
        if after is None and result is None and hook is None:
            return payment
        saved = await self._store.save(payment, after or payment, result, hook)
        crashpoint("ledger.pending_posted")
        if saved is not None:
            return saved
        # Somebody else was faster: decide again on what is there now, with the row held.
        async with self._store.transaction() as transaction:
            current = await self._store.load_locked(transaction, payment.payment_id)
            changed = change(current) or current
            return await self._store.save_locked(transaction, current, changed, result, hook) or current


def _stuck(payment: PaymentState) -> bool:
    """Whether money of a payment that was let go of stays here until a person finds another way."""
    return payment.void_reason is not None and refundable(payment) > 0 and not payment.still_to_return


def merging(fact: PaymentFact) -> Change:
    """The change that a fact makes."""
    return partial(model.merge, fact=fact, at=now())


def then(first: Change, second: Change) -> Change:
    """Both changes, one after the other."""

    def both(payment: PaymentState) -> PaymentState | None:
        after = first(payment) or payment
        return second(after) or after

    return both
