"""What the provider is asked and what it answers, as on the wire."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

State = Literal[
    "requires_action",
    "processing",
    "authorized",
    "captured",
    "declined",
    "expired",
    "voided",
    "refunded",
    "partially_refunded",
]
Capture = Literal["manual", "automatic"]
Outcome = Literal["approve", "decline"]
# Whose account a payment is in when nobody says.
MERCHANT = "haat"
ActionType = Literal["three_d_secure", "upi_collect", "upi_intent", "upi_qr", "wallet_redirect"]

MinorUnits = Annotated[int, Meta(gt=0, le=10**13)]
Month = Annotated[int, Meta(ge=1, le=12)]
Year = Annotated[int, Meta(ge=2000, le=2099)]
SecurityCode = Annotated[str, Meta(pattern=r"^\d{3,4}$")]
Name = Annotated[str, Meta(max_length=200)]


class Card(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="card"):
    number: Annotated[str, Meta(min_length=12, max_length=40)]
    exp_month: Month
    exp_year: Year
    cvc: SecurityCode | None = None
    name: Name | None = None


class NetworkToken(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="network_token"):
    """A saved card; the expiry is the network's to know, what is sent of it is ignored."""

    token: Annotated[str, Meta(min_length=1, max_length=100)]
    exp_month: Month | None = None
    exp_year: Year | None = None
    cvc: SecurityCode | None = None
    name: Name | None = None


class Upi(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="upi"):
    vpa: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{2,255}@[A-Za-z][A-Za-z0-9]{1,63}$")] | None = None
    flow: Literal["intent", "qr"] = "intent"


class Wallet(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="wallet"):
    provider: Annotated[str, Meta(pattern=r"^[A-Za-z0-9 ._-]{1,40}$")]


class NewPayment(Struct, frozen=True, forbid_unknown_fields=True):
    """`amount` in minor units of `currency`; UPI and wallets are captured at once whatever `capture` says."""

    reference: Annotated[str, Meta(min_length=1, max_length=200)]
    amount: MinorUnits
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    method: Card | NetworkToken | Upi | Wallet
    capture: Capture = "manual"
    merchant: Annotated[str, Meta(min_length=1, max_length=60)] = MERCHANT
    return_url: Annotated[str, Meta(max_length=2000, pattern=r"^https?://[^\s/?#]+[^\s]*$")] | None = None


class NewCapture(Struct, frozen=True, forbid_unknown_fields=True):
    amount: int


class NewRefund(Struct, frozen=True, forbid_unknown_fields=True):
    amount: int
    reason: Annotated[str, Meta(max_length=500)] = ""


class Empty(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say; a body may be left out or be `{}`."""


class DecideDispute(Struct, frozen=True, forbid_unknown_fields=True):
    outcome: Literal["opened", "won", "lost"]


class Action(Struct, frozen=True, omit_defaults=True):
    """What the shopper has to do, and until when."""

    type: ActionType
    url: str
    expires_at: datetime
    upi_uri: str | None = None


class Refund(Struct, frozen=True):
    """Counted in the payment's `refunded` unless it failed."""

    id: str
    amount: int
    reason: str
    state: Literal["pending", "succeeded", "failed"]
    created_at: datetime


class Dispute(Struct, frozen=True):
    amount: int
    reason: str
    state: Literal["opened", "won", "lost"]
    opened_at: datetime


class Movement(Struct, frozen=True):
    """One line of the report; `amount` above zero came in, below zero went out, `fee` is what the provider kept."""

    id: str
    payment_id: str
    reference: str
    type: str
    amount: int
    fee: int
    currency: str
    at: datetime


class Payment(Struct, frozen=True, omit_defaults=True):
    """The provider's view of one payment; amounts in minor units of `currency`. Unsaid, `merchant` is MERCHANT."""

    id: str
    reference: str
    amount: int
    currency: str
    state: State
    captured: int
    refunded: int
    method: Literal["card", "network_token", "upi", "wallet"]
    capture: Capture
    created_at: datetime
    action: Action | None = None
    decline_code: str | None = None
    network_token: str | None = None
    brand: str | None = None
    last4: str | None = None
    capture_before: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    dispute: Dispute | None = None
    return_url: str | None = None
    merchant: str = MERCHANT
