"""The rules of cards: what is a valid one, how it is sealed, and a number that will not show itself."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from stdnum import luhn

from haat.contracts.vault import Card, CardToken, CardUnknown, NewCard
from haat.kit.message import Invalid
from haat.ports.key_store import KeyStore

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEEP_UNPAID = timedelta(minutes=15)
NONCE_BYTES = 12
AAD_VERSION = 2
KEEP_EXPIRED = timedelta(days=90)
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


class Policy(msgspec.Struct, frozen=True):
    """What may come to the disk, under whose name, and how many cards an address may try in an hour (0: any)."""

    keeps_numbers: bool
    merchant: str = "haat"
    tries_per_hour: int = 0


class Place(msgspec.Struct, frozen=True):
    """The record that a secret belongs to; moved to another it does not open."""

    token: str
    owner: str | None
    merchant: str


class Sealed(msgspec.Struct, frozen=True):
    """A secret under its own data key, which lies wrapped beside it."""

    kind: str
    kek_id: str
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes
    aad_version: int = AAD_VERSION

    def __repr__(self) -> str:
        return f"Sealed({self.kind})"


async def seal(keys: KeyStore, place: Place, kind: str, secret: str) -> Sealed:
    """Encrypt with a fresh key, bound to this record."""
    data_key = AESGCM.generate_key(256)
    nonce = secrets.token_bytes(NONCE_BYTES)
    kek_id = keys.kek_id
    wrapped = await keys.wrap(data_key, _key_bound(place, kek_id), kek_id)
    ciphertext = AESGCM(data_key).encrypt(nonce, secret.encode(), _bound(place, kind))
    return Sealed(kind, kek_id, wrapped, nonce, ciphertext)


async def unseal(keys: KeyStore, place: Place, sealed: Sealed) -> str:
    """The secret. Raises ValueError when anything about the record was changed, or its key is gone."""
    if sealed.aad_version not in (1, AAD_VERSION):
        raise ValueError(f"a card record of an unknown version {sealed.aad_version}")
    old = sealed.aad_version == 1
    wrapped_for = _bound_in_1(place, sealed) if old else _key_bound(place, sealed.kek_id)
    data_key = await keys.unwrap(sealed.kek_id, sealed.wrapped_key, wrapped_for)
    bound = _bound_in_1(place, sealed) if old else _bound(place, sealed.kind)
    try:
        return AESGCM(data_key).decrypt(sealed.nonce, sealed.ciphertext, bound).decode()
    except InvalidTag as error:
        raise ValueError("a card record was changed") from error


async def rewrapped(keys: KeyStore, place: Place, sealed: Sealed) -> Sealed:
    """The same record under the key in use. The secret itself stays shut, unless its binding is of the old kind."""
    if sealed.aad_version == 1:
        return await seal(keys, place, sealed.kind, await unseal(keys, place, sealed))
    data_key = await keys.unwrap(sealed.kek_id, sealed.wrapped_key, _key_bound(place, sealed.kek_id))
    kek_id = keys.kek_id
    wrapped = await keys.wrap(data_key, _key_bound(place, kek_id), kek_id)
    return msgspec.structs.replace(sealed, kek_id=kek_id, wrapped_key=wrapped)


def new_token() -> str:
    """`tok_` and 128 random bits; it may hold at most a few digits in a row, so it never looks like a card number."""
    number = secrets.randbits(128)
    letters = []
    for _ in range(22):
        number, at = divmod(number, 62)
        letters.append(ALPHABET[at])
    return "tok_" + "".join(letters)


def lasts_until(card: NewCard | CardToken | Card) -> datetime:
    """Until when a kept card is kept: it is of no use after its last month, but a refund may still ask for it."""
    return datetime(card.exp_year + card.exp_month // 12, card.exp_month % 12 + 1, 1, tzinfo=UTC) + KEEP_EXPIRED


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


def _bound(place: Place, kind: str) -> bytes:
    # Not to the wrapping key: it may change without the secret being opened. The wrapped key itself is bound to it.
    return "|".join((place.token, place.owner or "", place.merchant, kind, str(AAD_VERSION))).encode()


def _key_bound(place: Place, kek_id: str) -> bytes:
    return "|".join((place.token, place.owner or "", place.merchant, kek_id, str(AAD_VERSION))).encode()


def _bound_in_1(place: Place, sealed: Sealed) -> bytes:
    return "|".join((place.token, place.owner or "", sealed.kek_id, sealed.kind, "1")).encode()


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}
