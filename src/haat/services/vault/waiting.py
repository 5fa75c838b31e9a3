"""Cards between the form and the payment: in this process's memory only, never on disk, gone after 15 minutes."""

from __future__ import annotations

import secrets

import msgspec
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haat.contracts.vault import Card, CardUnknown
from haat.kit.message import Unavailable
from haat.services.vault.model import KEEP_UNPAID, NONCE_BYTES, Pan

MOST = 100_000


class WaitingCard(msgspec.Struct):
    """A card nobody has paid with yet. `key` is the charge that has it: it pays once."""

    card: Card
    sealed: bytes
    address: str
    key: str | None = None

    def __repr__(self) -> str:
        return f"WaitingCard({self.card.token})"


class WaitingCards:
    """Numbers and security codes, sealed under a key that dies with the process."""

    def __init__(self, seconds: float = KEEP_UNPAID.total_seconds()) -> None:
        self._seal = AESGCM(AESGCM.generate_key(256))
        self._cards: TTLCache[str, WaitingCard] = TTLCache(MOST, ttl=seconds)

    def put(self, card: Card, pan: Pan, code: str, address: str) -> None:
        """Raises Unavailable when there are too many: nobody's card is put out for another's."""
        if len(self._cards) >= MOST:
            self._cards.expire()
            if len(self._cards) >= MOST:
                raise Unavailable("too many cards are waiting")
        nonce = secrets.token_bytes(NONCE_BYTES)
        secret = f"{pan.reveal()}|{code}".encode()
        sealed = nonce + self._seal.encrypt(nonce, secret, card.token.encode())
        self._cards[card.token] = WaitingCard(card, sealed, address)

    def get(self, token: str) -> WaitingCard | None:
        return self._cards.get(token)

    def claim(self, token: str, key: str) -> WaitingCard | None:
        """The card for the charge under `key`, if there is one. Raises CardUnknown when another charge has it."""
        waiting = self._cards.get(token)
        if waiting is None:
            return None
        if waiting.key is not None and waiting.key != key:
            raise CardUnknown("This card token has been used; enter the card again")
        waiting.key = key
        return waiting

    def open(self, waiting: WaitingCard) -> tuple[Pan, str]:
        """The number and the security code, for the provider's eyes only."""
        sealed = waiting.sealed
        secret = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], waiting.card.token.encode())
        number, _, code = secret.decode().partition("|")
        return Pan(number), code

    def drop(self, token: str) -> None:
        self._cards.pop(token, None)

    def expire(self) -> None:
        """Let go of what has had its time; without this it would lie there until somebody asks."""
        self._cards.expire()
