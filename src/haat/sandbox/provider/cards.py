"""Card numbers: validity, brand, and the magic ones with a script of their own."""

import base64
import hashlib
import hmac
from datetime import datetime

from msgspec import Struct
from stdnum import luhn

from haat.sandbox.problems import Problem
from haat.sandbox.provider.messages import Card
from haat.sandbox.provider.model import Script

MAGIC: dict[str, Script] = {
    "4000000000000002": "decline",
    "4000002760003184": "challenge",
    "4000000000000259": "dispute",
    "4000000000000077": "slow",
    "4000000000000341": "lose_answer",
}
BRANDS = {
    "rupay": ("508", "60", "65", "81", "82"),
    "discover": ("6011",),
    "diners": ("30", "36", "38"),
    "amex": ("34", "37"),
    "jcb": ("35",),
    "mastercard": ("51", "52", "53", "54", "55", *(str(prefix) for prefix in range(2221, 2721))),
    "visa": ("4",),
}
BRAND_OF_PREFIX = {prefix: brand for brand, prefixes in BRANDS.items() for prefix in prefixes}


class KnownCard(Struct, frozen=True):
    """What is kept of a card: never its number."""

    token: str
    script: Script
    brand: str
    last4: str
    exp_month: int
    exp_year: int

    def expired(self, now: datetime) -> bool:
        return (self.exp_year, self.exp_month) < (now.year, now.month)


def recognize(card: Card, secret: bytes) -> KnownCard:
    """The card behind the number; the same number gets the same token. Raises 422 on a wrong number."""
    number = card.number.replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19 and luhn.is_valid(number)):
        raise Problem(422, "invalid_card_number", "The card number is not valid.")
    what = f"{number}/{card.exp_month}/{card.exp_year}".encode()
    digest = hmac.new(secret, what, hashlib.sha256).digest()
    return KnownCard(
        token="ntk_" + base64.b32encode(digest[:15]).decode().lower(),
        script=MAGIC.get(number, "succeed"),
        brand=brand_of(number),
        last4=number[-4:],
        exp_month=card.exp_month,
        exp_year=card.exp_year,
    )


def brand_of(number: str) -> str:
    # The longest prefix decides: one brand's range may lie inside another's.
    prefixes = (number[:length] for length in (4, 3, 2, 1))
    return next((BRAND_OF_PREFIX[prefix] for prefix in prefixes if prefix in BRAND_OF_PREFIX), "unknown")
