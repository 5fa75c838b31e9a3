"""What providers tell by themselves: notices, verified, each acted on once, in any order, and heard once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from haat.contracts.payments import SignatureRefused, Webhook
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.gathering import GatheredFor
from haat.kit.message import DomainError, NotFound, Unavailable
from haat.ports.payment_provider import Answered, Notice, Outcome, PaymentFact, PaymentProvider, Unknown
from haat.services.payments.model import Mismatch, PaymentState
from haat.services.payments.providers import Providers
from haat.services.payments.settling import Settling, merging
from haat.services.payments.statements import asked_under
from haat.services.payments.store import Heard, KeptNotice, PaymentStore
from haat.services.payments.teller import Teller

log = structlog.get_logger("haat.payments")
ANSWER_SECONDS = 0.3
# Nobody waits for what is done with a notice: those of a moment are looked up together.
TOGETHER_SECONDS = 0.05
# A provider that hangs must not make its own notices wait: a call of ours has ten seconds, and an answer several calls.
ASK_SECONDS = 5.0
KEPT_AT_ONCE = 20


class Hearing:
    """The way of a notice from the wire to the payment that it is about."""

    def __init__(self, store: PaymentStore, settling: Settling, teller: Teller, providers: Providers) -> None:
        self._store = store
        self._settling = settling
        self._teller = teller
        self._providers = providers
        self._notices = GatheredFor(TOGETHER_SECONDS, store.heard)

    async def hear(self, ask: Webhook) -> None:
        """Act on a notice, once, now or by a sweep. Raises NotFound without such a provider, SignatureRefused."""
        provider = self._providers.named(ask.provider)
        if provider is None:
            raise NotFound("No such provider is used here")
        notice = provider.verify(ask.body, ask.headers)
        if notice is None:
            raise SignatureRefused()
        crashpoint("hook.received_unacked")
        about = notice.fact.id if notice.fact is not None else notice.payment_id
        heard = Heard(ask.provider, notice.id, about)
        known, payment = await self._notices.ask(heard)
        if not known and not await self._acted(provider, notice, heard, payment):
            await self._store.take_webhook(ask.provider, notice.id)
        crashpoint("hook.inbox_committed")

    async def _acted(
        self, provider: PaymentProvider, notice: Notice, heard: Heard, payment: PaymentState | None
    ) -> bool:
        """Whether the notice needs no note of its own: written with what it changed, or told nothing new."""
        if heard.provider_id is None:
            return False
        if payment is None or _answer_is_due(payment):
            # The answer to our own question is on its way and says the same: two writers would only collide.
            await asyncio.sleep(ANSWER_SECONDS)
            _, payment = await self._notices.ask(heard)
        if payment is None and notice.fact is not None:
            payment = await self._awaiting(heard, notice.fact)
        if payment is None:
            log.warning("a webhook about an unknown payment", webhook_id=notice.id, kind=notice.type)
            return False
        try:
            if notice.fact is not None and merging(notice.fact)(payment) is None:
                return True
        except Mismatch as mismatch:
            await self._settling.put_aside(payment, mismatch)
            return False
        # A notice may be old or early: what counts is what the provider says now.
        outcome = await _asked(provider, heard.provider_id)
        if isinstance(outcome, Unknown):
            # Stale or not, it was told to us: sending it again is not the provider's to do.
            log.warning("a notice is looked up later", webhook_id=notice.id, kind=notice.type, reason=outcome.why)
            await self._store.keep_notice(KeptNotice(provider.name, notice.id, heard.provider_id, payment.payment_id))
            return True
        if not isinstance(outcome, Answered):
            return False
        payment = await self._settling.settle(payment, merging(outcome.fact), hook=notice.id)
        await self._teller.keep_card(payment)
        return True

    async def _awaiting(self, heard: Heard, fact: PaymentFact) -> PaymentState | None:
        """The payment that waits for its answer and that this fact is about."""
        if fact.key is not None:
            # Not whichever waits: a notice may be of an attempt before, and late.
            named = await self._store.load(payment_id=asked_under(fact.key))
            return named if named is not None and named.provider == heard.provider else None
        waiting = await self._store.awaiting(heard.provider, fact.reference)
        if len(waiting) == 1:
            return await self._store.load(payment_id=waiting[0])
        # The answer that it waited for may have been written between our two looks.
        return None if waiting else (await self._notices.ask(heard))[1]

    async def look_up_kept(self) -> None:
        """Ask about kept notices. Whoever dies over one leaves it to the next: what was written merges to nothing."""
        for kept in await self._store.notices_due(KEPT_AT_ONCE):
            try:
                await self._look_up(kept)
            except DomainError as error:
                log.warning("a notice stays kept", webhook_id=kept.webhook_id, reason=error.detail)
            except Exception:
                # One that cannot be looked up must not hold the others.
                log.exception("a notice stays kept", webhook_id=kept.webhook_id)

    async def _look_up(self, kept: KeptNotice) -> None:
        payment = await self._store.load(payment_id=kept.payment_id)
        assert payment is not None
        outcome = await self._providers.of(payment).fetch(kept.provider_id)
        if isinstance(outcome, Unknown):
            raise Unavailable(outcome.why)
        if isinstance(outcome, Answered):
            await self._teller.keep_card(await self._settling.settle(payment, merging(outcome.fact)))
        await self._store.drop_notice(kept)


async def _asked(provider: PaymentProvider, provider_id: str) -> Outcome:
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await provider.fetch(provider_id)
    except TimeoutError:
        return Unknown("no answer in time")


def _answer_is_due(payment: PaymentState) -> bool:
    young = now() - payment.created_at < timedelta(seconds=ANSWER_SECONDS * 10)
    return young and (payment.state == "authorizing" or payment.capturing_minor > 0)
