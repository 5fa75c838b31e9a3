"""The use cases of payments: authorise, confirm, capture, void, refund, hear from the provider, saved cards."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import structlog

from haat.contracts.payments import (
    AccountBalances,
    AccountRef,
    AttemptPayment,
    Authorize,
    Break,
    Capture,
    CardMethod,
    CashMethod,
    CreditHistory,
    CreditHistoryOf,
    CreditMethod,
    CreditOf,
    DayReconciled,
    ExplainBreak,
    ExplainFact,
    ForgetMethod,
    GiftCard,
    GiftCardHistory,
    GiftCardHistoryOf,
    GiftCardOf,
    GrantCredit,
    IssueGiftCard,
    ListBreaks,
    ListGiftCards,
    ListPutAside,
    MethodsOf,
    Payment,
    PaymentEvent,
    PaymentRef,
    Payments,
    PaymentStateError,
    PutAside,
    ReconcileDay,
    Refund,
    RefundView,
    SavedCard,
    StoreCredit,
    Void,
    VoidGiftCard,
    Webhook,
    WithdrawCredit,
)
from haat.contracts.vault import CardRef, Vault
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import id_in, paged
from haat.kit.ids import new_id
from haat.kit.message import DomainError, Invalid, NotFound, Nothing, Page, Unavailable, encode
from haat.kit.money import LIMIT, Money
from haat.ports.payment_provider import PaymentProvider
from haat.services.payments import model
from haat.services.payments.hearing import Hearing
from haat.services.payments.model import CASH, CREDIT, HELD, OPEN, PaymentState
from haat.services.payments.opening import Opening
from haat.services.payments.providers import Providers
from haat.services.payments.reconciliation import Books, Reconciliation
from haat.services.payments.settling import Settling
from haat.services.payments.statements import authorize_key, capture_key
from haat.services.payments.store import PaymentStore
from haat.services.payments.teller import Teller
from haat.services.payments.views import method_name, refund_view, refundable, refunds_of, view

log = structlog.get_logger("haat.payments")
DUE_AT_ONCE = 20
ORDER_PLACED = "order-placed"
KEEP_WEBHOOKS = timedelta(days=14)


class PaymentsService(Payments):
    """Every external call has a row before it is made; what came of it is written with ledger and events at once."""

    def __init__(
        self,
        store: PaymentStore,
        provider: PaymentProvider,
        vault: Vault,
        *,
        others: Sequence[PaymentProvider] = (),
        fee_basis_points: int | None = None,
    ) -> None:
        self._store = store
        self._providers = Providers((provider, *others))
        self._reconciliations = [Reconciliation(store.database, each, fee_basis_points) for each in (provider, *others)]
        self._books = Books(store.database)
        self._vault = vault
        self._settling = Settling(store)
        self._opening = Opening(store, self._settling, self._providers, vault)
        self._teller = Teller(store, self._settling, self._opening, self._providers, vault)
        self._hearing = Hearing(store, self._settling, self._teller, self._providers)

    async def authorize(self, ask: Authorize) -> Payment:
        # An order for nothing is paid by credit of nothing, so that it has a payment as any other.
        _check_amount(ask.amount, "/amount", least=0 if isinstance(ask.method, CreditMethod) else 1)
        payment = self._new(ask)
        if ask.method.gift_cards or ask.method.store_credit or isinstance(ask.method, CreditMethod):
            # What was spent for this attempt before must not be spent again, nor be missed now.
            known = await self._store.load(attempt_id=ask.attempt_id)
            begun = None if known is not None else await self._store.credit.begin(payment, _request_hash(ask))
            if begun is None:
                return view(await self._authorized_before(ask))
            payment = begun
        elif not await self._store.begin(payment, _request_hash(ask)):
            return view(await self._authorized_before(ask))
        crashpoint("pay.intent_committed")
        if payment.provider == CREDIT:
            return view(payment)
        if payment.provider == CASH:
            return view(await self._opening.agree_on_cash(payment))
        payment = await self._opening.open(payment)
        crashpoint("pay.result_committed")
        return view(await self._teller.keep_card(payment))

    async def of_attempt(self, ask: AttemptPayment) -> Payment:
        payment = await self._store.load(attempt_id=ask.attempt_id)
        if payment is None or payment.tombstone:
            raise NotFound("There is no payment of this attempt")
        if payment.state in OPEN:
            payment = await self._teller.keep_card(await self._opening.confirm(payment))
        return view(payment)

    async def payment(self, ask: PaymentRef) -> Payment:
        payment = await self._load(ask.payment_id)
        if ask.user_id is not None and payment.user_id != ask.user_id:
            raise NotFound("There is no such payment")
        return view(await self._opening.confirm(payment) if ask.confirm else payment)

    async def capture(self, ask: Capture) -> Payment:
        return await self._capture(await self._load(ask.payment_id), ask)

    async def _capture(self, payment: PaymentState, ask: Capture) -> Payment:
        key = capture_key(payment, ask.request_id)
        amount_minor = payment.asked.amount - payment.captured_minor - payment.capturing_minor
        if ask.amount is not None:
            _check_amount(ask.amount, "/amount", payment.amount.currency)
            amount_minor = ask.amount.amount
        began = False
        if amount_minor > 0:
            began = await self._store.begin_capture(payment, key, amount_minor, now() + model.IN_FLIGHT)
        if began:
            crashpoint("cap.intent_committed")
            payment = msgspec.structs.replace(
                payment, capturing_minor=payment.capturing_minor + amount_minor, version=payment.version + 1
            )
            return view(await self._teller.capture(payment, key, amount_minor))
        return view(await self._captured_before(payment, key, ask))

    async def take_for_orders(self, taken: Sequence[str], held_back: Sequence[str] = ()) -> None:
        """Capture the payments of placed orders; of those held back, note that an order stands on them.

        What can never be captured is told of once more, so that its order ends.
        """
        begun = await self._store.begin_captures(taken, ORDER_PLACED, now() + model.IN_FLIGHT) if taken else []
        if held_back:
            await self._store.mark_ordered(held_back)
        others = {*taken, *held_back} - {payment.payment_id for payment, _ in begun}
        if others:
            # A payment may have ended before its order stood, and told so when there was nobody yet to hear it.
            await self._store.tell_gone(sorted(others))
        await self._teller.take(begun)

    async def void(self, ask: Void) -> Nothing:
        payment_id = await self._store.want_void(ask.attempt_id, ask.reason)
        try:
            await self._teller.let_go(await self._load(payment_id, with_tombstones=True))
        except (Unavailable, PaymentStateError) as error:
            # The wish is written: the sweep goes on with it, so the caller need not.
            log.warning("a void is finished later", payment_id=payment_id, reason=error.detail)
        return Nothing()

    async def refund(self, ask: Refund) -> RefundView:
        payment = await self._load(ask.payment_id)
        known = refunds_of(payment, ask.request_id)
        amount_minor = sum(each.amount_minor for each in known) if known else refundable(payment)
        if ask.amount is not None:
            _check_amount(ask.amount, "/amount", payment.amount.currency)
            amount_minor = ask.amount.amount
        if amount_minor <= 0:
            raise PaymentStateError("There is nothing to refund", state=payment.shown)
        payment = await self._teller.refund(payment, ask.request_id, amount_minor, ask.reason)
        return refund_view(payment, ask.request_id)

    async def webhook(self, ask: Webhook) -> Nothing:
        await self._hearing.hear(ask)
        return Nothing()

    async def saved_cards(self, ask: MethodsOf) -> Page[SavedCard]:
        filters = f"saved_cards:{ask.user_id}"
        found = await self._store.cards.of_user(ask.user_id, id_in(filters, ask.cursor), ask.limit + 1)
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def forget_card(self, ask: ForgetMethod) -> Nothing:
        token = await self._store.cards.token_of(ask.user_id, ask.method_id)
        if token is None:
            raise NotFound("There is no such saved card")
        await self._vault.forget(CardRef(token=token))
        await self._store.cards.forget(ask.user_id, ask.method_id)
        return Nothing()

    async def issue_gift_card(self, ask: IssueGiftCard) -> GiftCard:
        _check_amount(ask.amount, "/amount")
        return await self._store.credit.issue(ask)

    async def gift_card(self, ask: GiftCardOf) -> GiftCard:
        return await self._store.credit.gift_card(ask)

    async def gift_cards(self, ask: ListGiftCards) -> Page[GiftCard]:
        return await self._store.credit.gift_cards(ask)

    async def gift_card_history(self, ask: GiftCardHistoryOf) -> GiftCardHistory:
        return await self._store.credit.history(ask)

    async def void_gift_card(self, ask: VoidGiftCard) -> GiftCard:
        return await self._store.credit.void(ask)

    async def grant_credit(self, ask: GrantCredit) -> StoreCredit:
        _check_amount(ask.amount, "/amount")
        return await self._store.credit.grant(ask)

    async def withdraw_credit(self, ask: WithdrawCredit) -> StoreCredit:
        _check_amount(ask.amount, "/amount")
        return await self._store.credit.withdraw(ask)

    async def store_credit(self, ask: CreditOf) -> StoreCredit:
        return await self._store.credit.of_user(ask)

    async def credit_history(self, ask: CreditHistoryOf) -> CreditHistory:
        return await self._store.credit.history_of_user(ask)

    async def balances(self, ask: AccountRef) -> AccountBalances:
        return await self._store.credit.balances(ask.account)

    async def reconcile(self, ask: ReconcileDay) -> DayReconciled:
        wanted = ask.provider or self._reconciliations[0].provider
        chosen = next((each for each in self._reconciliations if each.provider == wanted), None)
        if chosen is None:
            raise NotFound("No such provider is used here")
        return await chosen.run(ask.day)

    async def breaks(self, ask: ListBreaks) -> Page[Break]:
        return await self._books.breaks(ask)

    async def explain_break(self, ask: ExplainBreak) -> Break:
        return await self._books.explain(ask)

    async def facts_put_aside(self, ask: ListPutAside) -> Page[PutAside]:
        return await self._books.put_aside(ask)

    async def explain_fact(self, ask: ExplainFact) -> PutAside:
        return await self._books.explain_fact(ask)

    async def reconcile_due(self) -> None:
        """Hold the reports of days that are over against the ledger, each once."""
        for each in self._reconciliations:
            try:
                await each.run_due()
            except Exception:
                # A report that cannot be read must not hold those of the others.
                log.exception("a report could not be held against the ledger", provider=each.provider)

    async def finish_open(self) -> None:
        """Look again at what is open: lost answers, missing webhooks, voids and refunds under way."""
        # Side by side: those of a provider that hangs must not hold those of another, as long as each takes to give up.
        await asyncio.gather(*(self._finish(payment_id) for payment_id in await self._store.due(DUE_AT_ONCE)))

    async def _finish(self, payment_id: str) -> None:
        try:
            await self._teller.advance(payment_id)
        except DomainError as error:
            log.warning("a payment stays open", payment_id=payment_id, reason=error.detail)
        except Exception:
            # One payment that cannot be finished must not hold the others.
            log.exception("a payment stays open", payment_id=payment_id)

    async def look_up_notices(self) -> None:
        """Ask about the notices whose provider did not answer when they came."""
        await self._hearing.look_up_kept()

    async def forget_webhooks(self) -> None:
        """Drop the ids of notices that no provider repeats any more."""
        await self._store.forget_webhooks(now() - KEEP_WEBHOOKS)

    def _new(self, ask: Authorize) -> PaymentState:
        cash = isinstance(ask.method, CashMethod)
        save = isinstance(ask.method, CardMethod) and ask.method.save and ask.user_id is not None
        return PaymentState(
            payment_id=new_id("pay"),
            attempt_id=ask.attempt_id,
            checkout_id=ask.checkout_id,
            provider=CASH if cash else self._providers.for_method(method_name(ask.method)).name,
            amount=ask.amount,
            method=ask.method,
            state="authorizing",
            created_at=now(),
            user_id=ask.user_id,
            return_url=ask.return_url,
            save_wanted=save,
            history=(PaymentEvent(at=now(), type="authorizing"),),
        )

    async def _authorized_before(self, ask: Authorize) -> PaymentState:
        payment = await self._store.load(attempt_id=ask.attempt_id)
        assert payment is not None
        if payment.tombstone or payment.void_reason is not None:
            raise PaymentStateError("This payment was canceled", state="voided")
        call = await self._store.call_of(authorize_key(payment))
        if call is None or call.request_hash != _request_hash(ask):
            raise PaymentStateError("This attempt was asked for with another amount or method")
        if payment.provider == CASH and payment.state == "authorizing":
            return await self._opening.agree_on_cash(payment)
        if payment.state in OPEN:
            return await self._teller.keep_card(await self._opening.confirm(payment))
        return payment

    async def _captured_before(self, payment: PaymentState, key: str, ask: Capture) -> PaymentState:
        """The answer to a capture that did not begin now: done before, still open, or not allowed."""
        call = await self._store.call_of(key)
        current = await self._load(payment.payment_id)
        if call is None:
            nothing_left = ask.amount is None and current.captured_minor == current.asked.amount
            if current.state in HELD and nothing_left:
                return current
            if current.state in HELD and ask.amount is None and current.capturing_minor and not current.void_reason:
                raise Unavailable("another capture of the rest has no answer yet")
            left = Money(current.asked.amount - current.captured_minor, current.amount.currency)
            raise PaymentStateError("This cannot be captured", state=current.shown, available=msgspec.to_builtins(left))
        if ask.amount is not None and ask.amount.amount != call.amount_minor:
            raise PaymentStateError("This request was made before with another amount")
        if call.state == "FAILED":
            raise PaymentStateError("The provider refused this capture", state=current.shown)
        if call.state == "OK":
            return current
        return await self._teller.capture(current, key, call.amount_minor)

    async def _load(self, payment_id: str, with_tombstones: bool = False) -> PaymentState:
        payment = await self._store.load(payment_id=payment_id)
        if payment is None or (payment.tombstone and not with_tombstones):
            raise NotFound("There is no such payment")
        return payment


def _request_hash(ask: Authorize) -> str:
    agreed = (ask.checkout_id, ask.amount, ask.method)
    return hashlib.blake2b(encode(agreed), digest_size=16).hexdigest()


def _check_amount(amount: Money, pointer: str, currency: str | None = None, *, least: int = 1) -> None:
    errors = []
    if not least <= amount.amount <= LIMIT:
        detail = f"must be {least} to {LIMIT}"
        errors.append({"pointer": f"{pointer}/amount", "code": "out_of_range", "detail": detail})
    if not re.fullmatch("[A-Z]{3}", amount.currency):
        errors.append({"pointer": f"{pointer}/currency", "code": "invalid", "detail": "must be an ISO 4217 code"})
    elif currency is not None and amount.currency != currency:
        errors.append({"pointer": f"{pointer}/currency", "code": "not_allowed", "detail": f"must be {currency}"})
    if errors:
        raise Invalid(errors=errors)
