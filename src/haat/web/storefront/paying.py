"""How a shopper pays, as typed, and what is said when it was refused."""

from __future__ import annotations

from collections.abc import Mapping

from haat.contracts.checkout import PriceChanged
from haat.contracts.payments import CardMethod, CashMethod, Method, UpiMethod, WalletMethod
from haat.kit.message import DomainError
from haat.web.storefront.forms import Typed

DECLINES = {
    # All that a checkout keeps of a payment that ended while its shopper was at the bank.
    "payment_declined": "The payment was declined, or not confirmed in time.",
    "insufficient_funds": "Your bank says there is not enough money on this card or account.",
    "card_declined": "Your bank did not accept this card.",
    "expired_card": "This card has expired.",
    "declined_by_customer": "The payment was declined in your app or at your bank.",
    "authentication_failed": "The payment was not confirmed with your bank.",
    "expired": "The payment was not confirmed in time.",
    "payment_abandoned": "The payment was not completed in time.",
    "voided": "The payment was given up.",
    "gift_card_unknown": "One of your gift cards is not known here any more.",
    "gift_card_voided": "One of your gift cards is not valid any more.",
    "gift_card_expired": "One of your gift cards has just run out.",
    "insufficient_credit": "Your gift cards and store credit do not cover the whole any more.",
}
_SHORT = "Something in your cart has just sold out or is short. Please look at your cart."
# What else ends an order that a shopper waits for, when no bank has said no.
ENDINGS = {
    "out_of_stock": _SHORT,
    "reservation_gone": _SHORT,
    "coupon_refused": "A coupon cannot be used any more. Please look at the new total, then pay.",
    "checkout_refused": "We cannot take this order online; please contact us.",
    "checkout_timed_out": "The order could not be completed in time. Please try again.",
}
# These end an order also when its money was taken before, and then it goes back.
PERHAPS_PAID = frozenset({"reservation_gone", "checkout_timed_out"})
NOTHING_TAKEN, GOES_BACK = "Nothing was charged.", "If you have paid already, your money goes back."
# Not a decline: whether that other payment is made is not known yet, so nothing is said about charges.
ELSEWHERE = "elsewhere"


def method_of(fields: Typed, wallets: Mapping[str, str]) -> tuple[Method | None, dict[str, str]]:
    """How the shopper pays; None for a card that the vault has not taken yet."""
    match fields.get("payment"):
        case "card":
            token = fields.get("saved_card") or fields.get("card_token")
            return (CardMethod(token=token[:200], save="save_card" in fields) if token else None), {}
        case "upi":
            vpa = fields.get("vpa", "")
            if vpa and not _is_vpa(vpa):
                return None, {"vpa": "A UPI ID looks like name@bank"}
            return UpiMethod(flow="qr", vpa=vpa or None), {}
        case "wallet":
            return WalletMethod(provider=fields.get("wallet") or next(iter(wallets), "")), {}
        case "cod":
            return CashMethod(), {}
    return None, {"payment": "Choose how to pay"}


def _is_vpa(text: str) -> bool:
    name, _, bank = text.partition("@")
    allowed = name.replace(".", "").replace("-", "").replace("_", "")
    return 2 <= len(name) <= 64 and 2 <= len(bank) <= 64 and allowed.isalnum() and bank.isalpha() and text.isascii()


def told_decline(code: str) -> str:
    """A decline, or what else ended the order, for the shopper: what happened, that nothing is lost, what to do."""
    if code == ELSEWHERE:
        told = "This cart is being paid for in another window or on another device. You are not charged twice."
        return f"{told} Please finish it there, or come back when that payment has run out."
    if code in ENDINGS:
        return f"{ENDINGS[code]} {_of_the_money(code)}"
    reason = DECLINES.get(code, "Your bank did not accept the payment.")
    return f"{reason} Nothing was charged. Try again or choose another way to pay."


def told_refusal(error: DomainError) -> str:
    """Any refusal of an order in words for the shopper."""
    if error.code == "payment_declined":
        return told_decline(str(error.facts.get("decline_code", "")))
    if isinstance(error, PriceChanged):
        return "Prices have changed while you were here. Please look at the new total, then pay."
    if ENDINGS.get(error.code) == _SHORT:
        return f"{_SHORT} {_of_the_money(error.code)}"
    return f"{error.detail.rstrip('.')}. {_of_the_money(error.code)}"


def _of_the_money(code: str) -> str:
    return GOES_BACK if code in PERHAPS_PAID else NOTHING_TAKEN
