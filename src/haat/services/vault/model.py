"""The rules of cards: what is a valid one, how it is sealed, and a number that will not show itself."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from stdnum import luhn

from haat.contracts.vault import CardUnknown, NewCard
from haat.kit.message import Invalid
from haat.ports.key_store import KeyStore

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEEP_UNPAID = timedelta(minutes=15)
NONCE_BYTES = 12
AAD_VERSION = 1
LAST_YEARS = 30
BRANDS = {
    "rupay": ("508", "60", "65", "81", "82"),
    "discover": ("6011",),
    "diners": ("30", "36", "38"),
    "amex": ("34", "37"),
    "jcb": ("35",),
    "mastercard": ("51", "52", "53", "54", "55", *(str(prefix) for prefix in range(2221, 2721))),
    "visa": ("4",),
}
_BRAND_OF = {prefix: brand for brand, prefixes in BRANDS.items() for prefix in prefixes}


class Pan:
    """A card number. It shows its last four digits, does not compare, pickle or turn into JSON."""

    __slots__ = ("_digits",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def reveal(self) -> str:
        """The number itself, for the provider's eyes only."""
        return self._digits

    @property
    def last4(self) -> str:
        return self._digits[-4:]

    def __repr__(self) -> str:
        return f"Pan(•••• {self.last4})"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return repr(self)

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TypeError("a card number is not copied or pickled")


class Sealed(msgspec.Struct, frozen=True):
    """A secret under its own data key, which lies wrapped beside it."""

    kind: str
    kek_id: str
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes

    def __repr__(self) -> str:
        return f"Sealed({self.kind})"


def seal(keys: KeyStore, token: str, owner: str | None, kind: str, secret: str) -> Sealed:
    """Encrypt with a fresh key, bound to this record: moved to another it does not open."""
    data_key = AESGCM.generate_key(256)
    nonce = secrets.token_bytes(NONCE_BYTES)
    bound_to = _bound_to(token, owner, keys.kek_id, kind)
    ciphertext = AESGCM(data_key).encrypt(nonce, secret.encode(), bound_to)
    return Sealed(kind, keys.kek_id, keys.wrap(data_key, bound_to), nonce, ciphertext)


def unseal(keys: KeyStore, token: str, owner: str | None, sealed: Sealed) -> str:
    """The secret. Raises ValueError when anything about the record was changed."""
    bound_to = _bound_to(token, owner, sealed.kek_id, sealed.kind)
    data_key = keys.unwrap(sealed.kek_id, sealed.wrapped_key, bound_to)
    try:
        return AESGCM(data_key).decrypt(sealed.nonce, sealed.ciphertext, bound_to).decode()
    except InvalidTag as error:
        raise ValueError("a card record was changed") from error


def new_token() -> str:
    """`tok_` and 132 random bits; the letters keep it from ever looking like a card number."""
    return "tok_" + "".join(secrets.choice(ALPHABET) for _ in range(22))


def checked(card: NewCard, today: datetime) -> tuple[Pan, str]:
    """The number and the security code. Raises Invalid with every fault at once."""
    digits = card.number.replace(" ", "").replace("-", "")
    brand = brand_of(digits)
    errors = []
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn.is_valid(digits)):
        errors.append(_fault("number", "invalid_card_number", "This is not a card number"))
    if not 1 <= card.exp_month <= 12:
        errors.append(_fault("exp_month", "out_of_range", "A month is 1 to 12"))
    if not today.year <= card.exp_year <= today.year + LAST_YEARS:
        errors.append(_fault("exp_year", "out_of_range", "This year is past or too far away"))
    elif (card.exp_year, card.exp_month) < (today.year, today.month):
        errors.append(_fault("exp_month", "expired_card", "This card has expired"))
    length = 4 if brand == "amex" else 3
    if not (card.cvc.isascii() and card.cvc.isdigit() and len(card.cvc) == length):
        errors.append(_fault("cvc", "invalid_cvc", f"The security code has {length} digits"))
    if len(card.name) > 100:
        errors.append(_fault("name", "out_of_range", "The name is at most 100 characters long"))
    if errors:
        raise Invalid("The card details cannot be accepted", errors=errors)
    return Pan(digits), card.cvc


def brand_of(digits: str) -> str:
    """The scheme of a number; the longest prefix decides."""
    prefixes = (digits[:length] for length in (4, 3, 2, 1))
    return next((_BRAND_OF[prefix] for prefix in prefixes if prefix in _BRAND_OF), "unknown")


def check_may_charge(card_owner: str | None, payer: str | None) -> None:
    """A kept card pays only for its owner. Raises CardUnknown, as if there were no such card."""
    if card_owner is not None and card_owner != payer:
        raise CardUnknown()


def _bound_to(token: str, owner: str | None, kek_id: str, kind: str) -> bytes:
    return "|".join((token, owner or "", kek_id, kind, str(AAD_VERSION))).encode()


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}
