"""Turns a request to pay into a new payment: which script it follows and what the shopper has to do."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import urlencode

from haat.sandbox.problems import Problem
from haat.sandbox.provider.cards import KnownCard, recognize
from haat.sandbox.provider.messages import (
    Action,
    ActionType,
    Card,
    NetworkToken,
    NewPayment,
    Payment,
    Upi,
    Wallet,
)
from haat.sandbox.provider.model import Delays, Record, Script
from haat.sandbox.provider.store import PaymentStore

UPI_SCRIPTS: dict[str, Script] = {
    "ok@sandbox": "upi_succeed",
    "decline@sandbox": "upi_decline",
    "late@sandbox": "upi_late",
}
UPI_ACTIONS: dict[str, ActionType] = {"intent": "upi_intent", "qr": "upi_qr"}
KINDS: dict[type, Literal["card", "network_token", "upi", "wallet"]] = {
    Card: "card",
    NetworkToken: "network_token",
    Upi: "upi",
    Wallet: "wallet",
}
MERCHANT_VPA = "haat@sandbox"


class Opening:
    def __init__(self, store: PaymentStore, public_url: str, delays: Delays) -> None:
        self._store = store
        self._public_url = public_url
        self._delays = delays
        self._secret = store.secret()

    def record(self, ask: NewPayment, now: datetime) -> tuple[Record, Action | None, str | None]:
        """The record before anything happened, the action its script may need, and a reason to decline."""
        # Ids grow with time so that the index grows at its end.
        payment_id = f"psp_{int(now.timestamp() * 1000):011x}{secrets.token_hex(8)}"
        match ask.method:
            case Card() as card:
                return self._by_card(ask, payment_id, recognize(card, self._secret), now)
            case NetworkToken(token=token):
                known = self._store.card(token)
                if known is None:
                    record = Record(payment=_payment(ask, payment_id, now), script="decline")
                    return record, None, "invalid_token"
                return self._by_card(ask, payment_id, known, now)
            case Upi() as upi:
                return self._by_upi(ask, payment_id, upi, now)
            case Wallet():
                action = self._action("wallet_redirect", payment_id, now)
                return Record(payment=_payment(ask, payment_id, now), script="ask"), action, None

    def _by_card(
        self, ask: NewPayment, payment_id: str, card: KnownCard, now: datetime
    ) -> tuple[Record, Action | None, str | None]:
        self._store.keep_card(card)
        payment = _payment(ask, payment_id, now, brand=card.brand, last4=card.last4)
        action = self._action("three_d_secure", payment_id, now) if card.script == "challenge" else None
        refusal = "expired_card" if card.expired(now) else None
        return Record(payment=payment, script=card.script, token=card.token), action, refusal

    def _by_upi(
        self, ask: NewPayment, payment_id: str, upi: Upi, now: datetime
    ) -> tuple[Record, Action | None, str | None]:
        if ask.currency != "INR":
            raise Problem(422, "currency_not_supported", "UPI pays in INR only.")
        script: Script = "ask" if upi.vpa is None else UPI_SCRIPTS.get(upi.vpa.lower(), "ask")
        window = self._delays.late_expiry if script == "upi_late" else self._delays.upi_window
        action = Action(
            type="upi_collect" if upi.vpa is not None else UPI_ACTIONS[upi.flow],
            url=self._page(payment_id),
            expires_at=now + window,
            upi_uri=None if upi.vpa is not None else _upi_uri(payment_id, ask),
        )
        return Record(payment=_payment(ask, payment_id, now), script=script), action, None

    def _action(self, kind: ActionType, payment_id: str, now: datetime) -> Action:
        expires_at = now + self._delays.action_window
        return Action(type=kind, url=self._page(payment_id), expires_at=expires_at)

    def _page(self, payment_id: str) -> str:
        return f"{self._public_url}/sandbox/actions/{payment_id}"


def _payment(
    ask: NewPayment, payment_id: str, now: datetime, brand: str | None = None, last4: str | None = None
) -> Payment:
    method = ask.method
    return Payment(
        id=payment_id,
        reference=ask.reference,
        amount=ask.amount,
        currency=ask.currency,
        state="processing",
        captured=0,
        refunded=0,
        method=KINDS[type(method)],
        # These schemes know no hold: approving moves the money.
        capture="automatic" if isinstance(method, Upi | Wallet) else ask.capture,
        created_at=now,
        brand=brand,
        last4=last4,
        return_url=ask.return_url,
        merchant=ask.merchant,
    )


def _upi_uri(payment_id: str, ask: NewPayment) -> str:
    rupees = Decimal(ask.amount).scaleb(-2)
    fields = {"pa": MERCHANT_VPA, "pn": ask.merchant, "tr": payment_id, "am": f"{rupees:.2f}", "cu": "INR"}
    return "upi://pay?" + urlencode(fields, safe="@")
