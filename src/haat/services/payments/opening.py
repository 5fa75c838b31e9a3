"""How a payment begins: the provider is asked (for cards through the vault), and asked again what became of it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from haat.contracts.payments import CardMethod, CashMethod, CreditMethod, UpiMethod, WalletMethod
from haat.contracts.vault import CardCharge, CardUnknown, Vault
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.message import Unavailable
from haat.ports.payment_provider import Answered, Outcome, PaymentAsk, Refused, Unknown
from haat.services.payments import cash, model
from haat.services.payments.model import PaymentState
from haat.services.payments.providers import Providers
from haat.services.payments.settling import Settling, merging
from haat.services.payments.statements import CallResult, authorize_key
from haat.services.payments.store import PaymentStore

TOKEN_UNKNOWN = "card_token_unknown"  # noqa: S105 - a refusal's code
# Stripe forgets a key after a day, and would take it for a new one: long before, what is found has to do.
KEY_LASTS = timedelta(hours=12)


class Opening:
    """Nothing here holds a connection while the provider is asked."""

    def __init__(self, store: PaymentStore, settling: Settling, providers: Providers, vault: Vault) -> None:
        self._store = store
        self._settling = settling
        self._providers = providers
        self._vault = vault

    async def open(self, payment: PaymentState) -> PaymentState:
        """Ask the provider to begin a payment whose row and call are written."""
        outcome = await self._ask(payment)
        crashpoint("psp.response_read")
        if not isinstance(outcome, Unknown):
            return await self._begun(payment, outcome)
        unknown = CallResult(authorize_key(payment), "UNKNOWN", outcome.why)
        return await self.confirm(await self._settling.settle(payment, partial(model.unanswered, at=now()), unknown))

    async def agree_on_cash(self, payment: PaymentState) -> PaymentState:
        """Cash on delivery is authorised without asking anybody."""
        return await self._settling.settle(
            payment, partial(cash.agreed, at=now()), CallResult(authorize_key(payment), "OK")
        )

    async def confirm(self, payment: PaymentState) -> PaymentState:
        """Ask the provider what it knows."""
        provider = self._providers.named(payment.provider)
        if payment.tombstone or provider is None:
            return payment
        if payment.provider_id is None:
            return await self._look_up(payment)
        outcome = await provider.fetch(payment.provider_id)
        if not isinstance(outcome, Answered):
            return payment
        return await self._settling.settle(payment, merging(outcome.fact))

    async def _look_up(self, payment: PaymentState) -> PaymentState:
        """The provider's payment for one whose answer was lost: by reference, else by asking again under the key."""
        found = await self._providers.of(payment).find(payment.checkout_id)
        if isinstance(found, Unknown):
            return payment
        waiting = payment.state in ("authorizing", "unknown")
        # Before what is claimed: a payment is that of another attempt as long as that one has no answer.
        mine = waiting or await self._store.awaiting(payment.provider, payment.checkout_id) == [payment.payment_id]
        known = await self._store.claimed(payment.provider, [fact.id for fact in found]) if found else set()
        # What another attempt was asked for under, a card that was refused above all, says nothing about this one.
        key = authorize_key(payment)
        free = [
            fact for fact in found if fact.id not in known and fact.amount == payment.asked and fact.key in (None, key)
        ]
        sole = free[0] if len(free) == 1 and mine else None
        if not waiting:
            # Given up, and its call closed: what turns up is written all the same, and goes back.
            return payment if sole is None else await self._settling.settle(payment, merging(sole))
        forgotten = now() - payment.created_at > KEY_LASTS
        if sole is not None and sole.state == "processing":
            return await self._begun(payment, Answered(sole))
        # Only the same key names our payment beyond doubt; as long as it is remembered, it never has a second effect.
        outcome = Unknown("not asked any more") if forgotten else await self._ask(payment)
        if isinstance(outcome, Answered):
            return await self._begun(payment, outcome)
        if isinstance(outcome, Refused) and not free and outcome.code != TOKEN_UNKNOWN:
            return await self._begun(payment, outcome)
        if sole is not None:
            return await self._begun(payment, Answered(sole))
        lag = self._providers.of(payment).abilities.find_lag
        if not free and lag is not None and now() - payment.created_at > max(model.GIVE_UP, lag):
            never = CallResult(key, "FAILED", "never received")
            return await self._settling.settle(payment, partial(model.never_began, at=now()), never)
        return payment

    async def _begun(self, payment: PaymentState, outcome: Answered | Refused) -> PaymentState:
        key = authorize_key(payment)
        if isinstance(outcome, Answered):
            return await self._settling.settle(payment, merging(outcome.fact), CallResult(key, "OK", outcome.fact.id))
        refused = partial(model.declined, code=outcome.code, at=now())
        return await self._settling.settle(payment, refused, CallResult(key, "FAILED", outcome.code))

    async def _ask(self, payment: PaymentState) -> Outcome:
        """Ask under the payment's own key, as often as it takes."""
        key = authorize_key(payment)
        match payment.method:
            case CardMethod(token=token):
                return await self._charge(payment, token, key)
            case UpiMethod(flow=flow, vpa=vpa):
                method = {"type": "upi", "flow": flow} | ({"vpa": vpa} if vpa else {})
            case WalletMethod(provider=provider):
                method = {"type": "wallet", "provider": provider}
            case CashMethod() | CreditMethod():
                raise AssertionError("cash and credit ask no provider")
        ask = PaymentAsk(payment.checkout_id, payment.asked, method, payment.return_url)
        return await self._providers.of(payment).authorise(key, ask)

    async def _charge(self, payment: PaymentState, token: str, key: str) -> Outcome:
        ask = CardCharge(
            token=token,
            reference=payment.checkout_id,
            amount=payment.asked,
            idempotency_key=key,
            return_url=payment.return_url,
            owner=payment.user_id,
            may_be_kept=payment.save_wanted,
        )
        try:
            answer = await self._vault.charge(ask)
        except CardUnknown as error:
            return Refused(TOKEN_UNKNOWN, error.detail)
        except Unavailable as error:
            return Unknown(error.detail)
        return self._providers.of(payment).read(answer.status, answer.body)
