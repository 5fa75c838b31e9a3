"""How a provider is asked to begin a payment: cards through the vault, everything else directly."""

from __future__ import annotations

from haat.contracts.payments import CardMethod, CashMethod, CreditMethod, UpiMethod, WalletMethod
from haat.contracts.vault import CardCharge, CardUnknown, Vault
from haat.kit.message import Unavailable
from haat.ports.payment_provider import Outcome, PaymentAsk, Refused, Unknown
from haat.services.payments.model import PaymentState
from haat.services.payments.providers import Providers
from haat.services.payments.statements import authorize_key

TOKEN_UNKNOWN = "card_token_unknown"  # noqa: S105 - a refusal's code


class Opening:
    def __init__(self, providers: Providers, vault: Vault) -> None:
        self._providers = providers
        self._vault = vault

    async def ask(self, payment: PaymentState) -> Outcome:
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
