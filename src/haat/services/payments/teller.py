"""The teller: takes money, gives it back, lets go of it, and finishes what stayed open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from haat.contracts.payments import CardMethod, PaymentStateError
from haat.contracts.vault import CardRef, CardUnknown, KeepCard, Vault
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.payment_provider import (
    Answered,
    Outcome,
    Refused,
    Unknown,
)
from haat.services.payments import cash, model
from haat.services.payments.model import CASH, HELD, Mismatch, PaymentState, RefundState
from haat.services.payments.opening import Opening
from haat.services.payments.providers import Providers
from haat.services.payments.settling import Settling, merging, then
from haat.services.payments.statements import CallResult, capture_key
from haat.services.payments.store import PaymentStore, ProviderCall
from haat.services.payments.views import refundable, refunds_of

log = structlog.get_logger("haat.payments")
STEPS = 4
CAPTURES_AT_ONCE = 16
HOLD_RUNS_OUT = "hold-runs-out"


class Teller:
    """Nothing here holds a connection while the provider is asked."""

    def __init__(
        self, store: PaymentStore, settling: Settling, opening: Opening, providers: Providers, vault: Vault
    ) -> None:
        self._store = store
        self._settling = settling
        self._opening = opening
        self._providers = providers
        self._vault = vault

    async def capture(self, payment: PaymentState, key: str, amount_minor: int) -> PaymentState:
        """Take money that has room and a call row. Raises PaymentStateError when refused, Unavailable when unknown."""
        if payment.provider == CASH:
            collected = partial(cash.collected, amount_minor=amount_minor, at=now())
            return await self._settling.settle(payment, collected, CallResult(key, "OK"))
        assert payment.provider_id is not None
        outcome = await self._providers.of(payment).capture(key, payment.provider_id, amount_minor)
        return await self._captured(payment, key, amount_minor, outcome)

    async def _captured(self, payment: PaymentState, key: str, amount_minor: int, outcome: Outcome) -> PaymentState:
        assert payment.provider_id is not None
        if isinstance(outcome, Unknown):
            # Once more under the same key: most lost answers are found right away.
            outcome = await self._providers.of(payment).capture(key, payment.provider_id, amount_minor)
        crashpoint("cap.after_effect")
        match outcome:
            case Answered(fact=fact):
                ended = partial(model.capture_finished, fact=fact, amount_minor=amount_minor, at=now())
                payment = await self._settling.settle(payment, ended, CallResult(key, "OK"))
                crashpoint("cap.result_committed")
                return payment
            case Refused(code=code, detail=detail):
                ended = partial(model.capture_finished, fact=None, amount_minor=amount_minor, at=now())
                await self._opening.confirm(
                    await self._settling.settle(payment, ended, CallResult(key, "FAILED", code))
                )
                raise PaymentStateError(detail, reason=code)
            case Unknown(why=why):
                await self._store.mark_call(CallResult(key, "UNKNOWN", why))
        raise Unavailable("the provider has not confirmed the capture yet")

    async def refund(self, payment: PaymentState, request_id: str, amount_minor: int, reason: str) -> PaymentState:
        """Give money back; the payment with the refund of `request_id`. Raises PaymentStateError without room."""
        until = now() + model.IN_FLIGHT
        if payment.credits:
            await self._store.begin_split_refund(payment.payment_id, request_id, amount_minor, reason, until)
        else:
            await self._store.begin_refund(payment, new_id("ref"), request_id, amount_minor, reason, until)
        current = await self._store.load(payment_id=payment.payment_id)
        assert current is not None
        parts = refunds_of(current, request_id)
        if not parts:
            left = msgspec.to_builtins(Money(refundable(current), current.amount.currency))
            raise PaymentStateError("Not that much can be refunded", available=left, state=current.shown)
        if sum(part.amount_minor for part in parts) != amount_minor:
            raise PaymentStateError("This request was made before with another amount")
        for part in parts:
            current = await self.send_refund(current, part)
        return current

    async def send_refund(self, payment: PaymentState, refund: RefundState) -> PaymentState:
        """Ask for a refund that is written already, as often as it takes."""
        if refund.state != "pending" or refund.account is not None:
            return payment
        finished = partial(model.refund_finished, refund_id=refund.refund_id, at=now())
        key = refund.refund_id
        if payment.provider == CASH:
            paid_out = partial(finished, state="succeeded", provider_refund_id=None)
            return await self._settling.settle(payment, paid_out, CallResult(key, "OK"))
        if refund.provider_refund_id is not None:
            return await self._opening.confirm(payment)
        assert payment.provider_id is not None
        outcome = await self._providers.of(payment).refund(key, payment.provider_id, refund.amount_minor, refund.reason)
        match outcome:
            case Answered(fact=fact) if fact.refunds:
                done = partial(model.refund_told, refund_id=refund.refund_id, fact=fact, at=now())
                result = CallResult(key, "OK", fact.refunds[-1].id)
                return await self._settling.settle(payment, then(done, merging(fact)), result)
            case Refused(code=code):
                failed = partial(finished, state="failed", provider_refund_id=None)
                return await self._settling.settle(payment, failed, CallResult(key, "FAILED", code))
            case _:
                await self._store.mark_call(CallResult(key, "UNKNOWN", str(outcome)))
        return payment

    async def let_go(self, payment: PaymentState) -> PaymentState:
        """Drive a payment that must be let go of as far as it gets now: voided, or refunded when it was captured."""
        for _ in range(STEPS):
            if payment.tombstone or payment.state in ("declined", "expired", "voided"):
                return payment
            if payment.state == "captured":
                if not payment.still_to_return:
                    return payment
                reason = "late" if payment.late else payment.void_reason or "void"
                return await self.refund(payment, payment.give_back_request, refundable(payment), reason)
            if payment.provider == CASH:
                payment = await self._settling.settle(payment, partial(cash.let_go, at=now()))
            elif (known := payment.provider_id) is None:
                payment = await self._opening.confirm(payment)
                if payment.provider_id is None:
                    return payment
            elif not self._providers.of(payment).abilities.void:
                # What is held goes back by itself, and what is asked for in vain is not asked for again.
                payment = await self._opening.confirm(payment)
                if payment.state != "captured":
                    return await self._settling.settle(payment, partial(model.left_alone, at=now()))
            else:
                payment = await self._void(payment, known)
        return payment

    async def keep_card(self, payment: PaymentState) -> PaymentState:
        """Put the card among the user's saved ones, once the payment has succeeded."""
        method = payment.method
        if not (payment.save_wanted and payment.user_id and payment.state in HELD and isinstance(method, CardMethod)):
            return payment
        try:
            card = await self._vault.keep(KeepCard(token=method.token, owner=payment.user_id))
            replaced = await self._store.cards.token_of_same(payment.user_id, card)
            if replaced not in (None, card.token):
                # Before it is replaced: a token that no row names could never be forgotten.
                await self._vault.forget(CardRef(token=replaced))
            if not await self._store.cards.keep(payment, card, replaced):
                log.info("a card is kept later", payment_id=payment.payment_id, reason="it was saved meanwhile")
                return payment
        except CardUnknown:
            await self._store.cards.give_up(payment)
        except Unavailable as error:
            log.info("a card is kept later", payment_id=payment.payment_id, reason=error.detail)
            return payment
        return msgspec.structs.replace(payment, save_wanted=False, version=payment.version + 1)

    async def advance(self, payment_id: str) -> None:
        """Everything that is open about one payment, as far as it gets now."""
        payment = await self._store.load(payment_id=payment_id)
        if payment is None or payment.tombstone:
            return
        for call in await self._store.open_calls(payment_id):
            payment = await self._repeat(payment, call)
        if payment.provider == CASH and payment.state == "authorizing":
            payment = await self._opening.agree_on_cash(payment)
        payment = await self.decide_hold(await self._opening.confirm(payment))
        if payment.void_reason is not None:
            payment = await self.let_go(payment)
        payment = await self.keep_card(payment)
        moment = now()
        at = model.next_check(payment, moment)
        # A hold that could not be decided on when it was time is left to the lease, whose patience grows.
        if at is None or moment < at == payment.decide_hold_at:
            await self._store.look_again(payment, at)

    async def decide_hold(self, payment: PaymentState) -> PaymentState:
        """A hold that would run out soon is taken when an order stands on it, otherwise let go of."""
        at = payment.decide_hold_at
        if at is None or at > now() or payment.void_reason is not None:
            return payment
        log.warning("a hold is decided on before it runs out", payment_id=payment.payment_id, ordered=payment.ordered)
        if not payment.ordered:
            await self._store.want_void(payment.attempt_id, "hold_running_out")
            return await self._store.load(payment_id=payment.payment_id) or payment
        key, left = capture_key(payment, HOLD_RUNS_OUT), payment.asked.amount - payment.captured_minor
        if await self._store.begin_capture(payment, key, left, now() + model.IN_FLIGHT):
            began = msgspec.structs.replace(payment, capturing_minor=left, version=payment.version + 1)
            return await self.capture(began, key, left)
        return payment

    async def take(self, begun: Sequence[tuple[PaymentState, str]]) -> None:
        """Captures whose rows are written, side by side; what comes back together is written down together.

        A refusal or a lost answer is not raised: the sweep goes on with it.
        """
        gate = asyncio.Semaphore(CAPTURES_AT_ONCE)

        async def ask(payment: PaymentState, key: str) -> tuple[PaymentState, str, Outcome]:
            assert payment.provider_id is not None
            async with gate:
                try:
                    provider = self._providers.of(payment)
                except Unavailable as error:
                    return payment, key, Unknown(error.detail)
                return payment, key, await provider.capture(key, payment.provider_id, payment.capturing_minor)

        if begun:
            crashpoint("cap.intent_committed")
        waiting = {asyncio.create_task(ask(*each)) for each in begun}
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            crashpoint("cap.after_effect")
            await self._write_taken([task.result() for task in done])
            crashpoint("cap.result_committed")

    async def _write_taken(self, answers: Sequence[tuple[PaymentState, str, Outcome]]) -> None:
        whole = []
        for payment, key, outcome in answers:
            after = _taken(payment, outcome)
            if after is not None:
                whole.append((payment, after, key))
        saved: set[str] = set()
        if whole:
            try:
                saved = await self._store.save_taken(whole)
            except Unavailable as error:
                # The rows of the calls are written, so the sweep will ask again.
                log.warning("captures are written down later", how_many=len(whole), reason=error.detail)
                return
        for payment, key, outcome in answers:
            if payment.payment_id in saved:
                continue
            try:
                await self._captured(payment, key, payment.capturing_minor, outcome)
            except (PaymentStateError, Unavailable) as error:
                log.warning("a capture is finished later", payment_id=payment.payment_id, reason=error.detail)

    async def _repeat(self, payment: PaymentState, call: ProviderCall) -> PaymentState:
        match call.op:
            case "capture" if payment.void_reason and payment.state == "authorized" and payment.provider != CASH:
                # What may never have been asked for is not asked for now, only to be given back: the void tells.
                return payment
            case "capture":
                try:
                    return await self.capture(payment, call.idem_key, call.amount_minor)
                except (PaymentStateError, Unavailable) as error:
                    log.info("a capture is still open", payment_id=payment.payment_id, reason=error.detail)
                    return payment
            case "refund":
                refund = next(each for each in payment.refunds if each.refund_id == call.refund_id)
                return await self.send_refund(payment, refund)
            case "authorize" if payment.provider_id is not None:
                await self._store.mark_call(CallResult(call.idem_key, "OK", payment.provider_id))
        return payment

    async def _void(self, payment: PaymentState, provider_id: str) -> PaymentState:
        key = f"{payment.payment_id}:void"
        await self._store.begin_void(payment, key)
        outcome = await self._providers.of(payment).void(key, provider_id)
        if isinstance(outcome, Answered):
            return await self._settling.settle(payment, merging(outcome.fact), CallResult(key, "OK"))
        why = outcome.code if isinstance(outcome, Refused) else outcome.why
        await self._store.mark_call(CallResult(key, "FAILED" if isinstance(outcome, Refused) else "UNKNOWN", why))
        return await self._opening.confirm(payment)


def _taken(payment: PaymentState, outcome: Outcome) -> PaymentState | None:
    """The payment when the provider took all that was asked for and nothing else is new; None for anything else."""
    if not isinstance(outcome, Answered):
        return None
    try:
        amount, fact = payment.capturing_minor, outcome.fact
        after = model.capture_finished(payment, fact, amount, now())
    except Mismatch:
        return None
    if after is None:
        return None
    plain = msgspec.structs.replace(
        payment, state="captured", captured_minor=payment.amount.amount, capturing_minor=0,
        history=after.history, capture_before=after.capture_before,
    )  # fmt: skip
    return after if after == plain and not payment.save_wanted and not payment.credits else None
