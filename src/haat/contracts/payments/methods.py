"""How a shopper pays: one method, and before it gift cards and store credit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

# As printed on a card; spaces, dashes and case do not matter. Between services the code's digest takes its place.
GiftCode = Annotated[
    str, Meta(min_length=8, max_length=80, pattern=r"^[A-Za-z0-9: -]+$(?!\n)", examples=["HAAT-7K2M-9QX4-5TRW"])
]
GiftCodes = Annotated[Sequence[GiftCode], Meta(max_length=5)]
DIGEST = "sha256:"
# No code has these letters: who reads one off a card means the digit that looks like it.
MISREAD = str.maketrans("OIL", "011")


class CardMethod(Struct, frozen=True, tag_field="method", tag="card", forbid_unknown_fields=True, omit_defaults=True):
    """A vault token; `save` keeps the card for the signed-in user.

    `gift_cards` and then, with `store_credit`, the user's credit pay first; the method pays the rest, if any.
    """

    token: Annotated[str, Meta(min_length=1, max_length=200)]
    save: bool = False
    gift_cards: GiftCodes = []
    store_credit: bool = False


class UpiMethod(Struct, frozen=True, tag_field="method", tag="upi", forbid_unknown_fields=True, omit_defaults=True):
    """`intent` opens the app on a phone, `qr` shows a code; `vpa` such as ok@sandbox pays directly."""

    flow: Literal["intent", "qr"] = "intent"
    vpa: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{2,64}@[A-Za-z]{2,64}$(?!\n)")] | None = None
    gift_cards: GiftCodes = []
    store_credit: bool = False


class WalletMethod(
    Struct, frozen=True, tag_field="method", tag="wallet", forbid_unknown_fields=True, omit_defaults=True
):
    provider: Annotated[str, Meta(min_length=1, max_length=40)]
    gift_cards: GiftCodes = []
    store_credit: bool = False


class CashMethod(Struct, frozen=True, tag_field="method", tag="cod", forbid_unknown_fields=True, omit_defaults=True):
    """Cash on delivery."""

    gift_cards: GiftCodes = []
    store_credit: bool = False


class CreditMethod(
    Struct, frozen=True, tag_field="method", tag="credit", forbid_unknown_fields=True, omit_defaults=True
):
    """Gift cards and store credit alone: declined when they do not cover the whole; of nothing, they cover it."""

    gift_cards: GiftCodes = []
    store_credit: bool = False


Method = CardMethod | UpiMethod | WalletMethod | CashMethod | CreditMethod


def sealed(method: Method) -> Method:
    """A method as a shopper tells it, with digests in place of gift cards' codes, so that no code is ever stored."""
    codes = method.gift_cards
    return replace(method, gift_cards=[digest_of_typed(code) for code in codes]) if codes else method


def digest(code: str) -> str:
    """What is known of a code: it cannot be turned back, and a digest is its own."""
    return code if code.startswith(DIGEST) else digest_of_typed(code)


def digest_of_typed(code: str) -> str:
    """The digest of what came from outside: there the digest is no code, or whoever reads our database could pay."""
    plain = code.replace("-", "").replace(" ", "").upper().translate(MISREAD)
    return DIGEST + hashlib.sha256(plain.encode()).hexdigest()
