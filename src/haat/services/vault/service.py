"""The use cases of the vault: take a card in, charge it, keep it, forget it. None gives a number back."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import structlog
from cachetools import TTLCache
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haat.contracts.vault import (
    Card,
    CardCharge,
    CardRef,
    CardToken,
    CardUnknown,
    KeepCard,
    NewCard,
    ProviderAnswer,
    Vault,
)
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.message import Nothing, Unavailable, encode
from haat.ports.card_acquirer import CardAcquirer, CardPayment
from haat.ports.key_store import KeyStore
from haat.services.vault.model import (
    KEEP_UNPAID,
    NONCE_BYTES,
    Pan,
    Sealed,
    brand_of,
    check_may_charge,
    checked,
    new_token,
    seal,
    unseal,
)
from haat.services.vault.store import StoredCard, VaultStore

log = structlog.get_logger("haat.vault")
KEEP_CHARGES = timedelta(days=7)
MAX_CODES = 50_000
AGREED = ("authorized", "captured")


class SecurityCodes:
    """CVCs, in this process's memory only, sealed under a key that dies with it, and gone after 15 minutes."""

    def __init__(self) -> None:
        self._seal = AESGCM(AESGCM.generate_key(256))
        self._codes: TTLCache[str, bytes] = TTLCache(MAX_CODES, ttl=KEEP_UNPAID.total_seconds())

    def put(self, token: str, code: str) -> None:
        nonce = secrets.token_bytes(NONCE_BYTES)
        self._codes[token] = nonce + self._seal.encrypt(nonce, code.encode(), token.encode())

    def get(self, token: str) -> str | None:
        sealed = self._codes.get(token)
        if sealed is None:
            return None
        return self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], token.encode()).decode()

    def drop(self, token: str) -> None:
        self._codes.pop(token, None)


class VaultService(Vault):
    """In `country` IN a number is gone once the bank has agreed: only the network's token for it may stay."""

    def __init__(self, store: VaultStore, keys: KeyStore, acquirer: CardAcquirer, country: str) -> None:
        self._store = store
        self._keys = keys
        self._acquirer = acquirer
        self._may_keep_numbers = country != "IN"
        self._codes = SecurityCodes()

    async def tokenize(self, ask: NewCard) -> CardToken:
        pan, code = checked(ask, now())
        token = new_token()
        card = CardToken(
            token=token,
            brand=brand_of(pan.reveal()),
            last4=pan.last4,
            exp_month=ask.exp_month,
            exp_year=ask.exp_year,
        )
        sealed = seal(self._keys, token, None, "number", pan.reveal())
        fingerprint = self._keys.fingerprint(pan.reveal().encode())
        await self._store.add(card, sealed, fingerprint, self._keys.fingerprint_key_id, now() + KEEP_UNPAID)
        self._codes.put(token, code)
        return card

    async def charge(self, ask: CardCharge) -> ProviderAnswer:
        request_hash = hashlib.blake2b(encode(ask), digest_size=16).hexdigest()
        stored, before = await self._store.begin_charge(ask.idempotency_key, ask.token, request_hash)
        if before is not None:
            if before.request_hash != request_hash:
                raise CardUnknown("This charge was asked for before with other facts")
            if before.answer is not None:
                return before.answer
        if stored is None:
            raise _gone(repeated=before is not None)
        card = stored.card
        check_may_charge(card.owner, ask.owner)
        if card.owner is None and stored.used:
            raise CardUnknown("This card token has been used; enter the card again")
        if stored.sealed is None:
            raise _gone(repeated=before is not None)
        method = self._method(stored, repeated=before is not None)
        payment = CardPayment(ask.reference, ask.amount, ask.capture, ask.return_url)
        crashpoint("psp.before_send")
        status, body = await self._acquirer.charge(ask.idempotency_key, payment, method)
        crashpoint("psp.after_effect")
        return await self._ended(ask, stored, status, body)

    async def card(self, ask: CardRef) -> Card:
        return (await self._load(ask.token)).card

    async def keep(self, ask: KeepCard) -> Card:
        stored = await self._load(ask.token)
        check_may_charge(stored.card.owner, ask.owner)
        if stored.card.owner == ask.owner:
            return stored.card
        kind, secret = await self._lasting_secret(stored)
        await self._store.keep(ask.token, ask.owner, seal(self._keys, ask.token, ask.owner, kind, secret))
        return (await self._load(ask.token)).card

    async def forget(self, ask: CardRef) -> Nothing:
        self._codes.drop(ask.token)
        await self._store.forget(ask.token)
        return Nothing()

    async def purge(self) -> None:
        """Delete cards that nobody kept in time, and the records of old charges."""
        await self._store.purge(now() - KEEP_CHARGES)

    def _method(self, stored: StoredCard, repeated: bool) -> dict[str, Any]:
        assert stored.sealed is not None
        card = stored.card
        secret = self._open(stored, stored.sealed)
        if stored.sealed.kind == "network_token":
            return {"type": "network_token", "token": secret}
        code = self._codes.get(card.token)
        if code is None and card.owner is None:
            # A code is never written down: after a restart the shopper enters the card again.
            raise _gone(repeated)
        method: dict[str, Any] = {
            "type": "card",
            "number": Pan(secret).reveal(),
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
        }
        return method if code is None else {**method, "cvc": code}

    async def _ended(self, ask: CardCharge, stored: StoredCard, status: int, body: dict[str, Any]) -> ProviderAnswer:
        network_token = body.pop("network_token", None)
        agreed = status < 300 and body.get("state") in AGREED
        answer = ProviderAnswer(status=200 if status < 300 else status, body=body)
        replace = agreed and not self._may_keep_numbers and stored.sealed is not None
        secret = None
        if replace and isinstance(network_token, str):
            secret = seal(self._keys, ask.token, stored.card.owner, "network_token", network_token)
        await self._store.end_charge(ask.idempotency_key, answer, secret, replace)
        self._codes.drop(ask.token)
        return answer

    async def _lasting_secret(self, stored: StoredCard) -> tuple[str, str]:
        """What may be kept of a card: the network's token, or, where the law lets it, the number."""
        if stored.sealed is not None and (stored.sealed.kind == "network_token" or self._may_keep_numbers):
            return stored.sealed.kind, self._open(stored, stored.sealed)
        # The shopper proved who they are after our call was answered: the provider has the token by now.
        for payment_id in await self._store.provider_ids(stored.card.token):
            status, body = await self._acquirer.fetch(payment_id)
            if status == 200 and body.get("state") in AGREED and isinstance(body.get("network_token"), str):
                return "network_token", body["network_token"]
        raise CardUnknown("This card has no agreed payment and cannot be kept")

    def _open(self, stored: StoredCard, sealed: Sealed) -> str:
        try:
            return unseal(self._keys, stored.card.token, stored.card.owner, sealed)
        except ValueError as error:
            log.error("a card record does not open", card=stored.card.token[:8])
            raise CardUnknown() from error

    async def _load(self, token: str) -> StoredCard:
        stored = await self._store.card(token)
        if stored is None:
            raise CardUnknown()
        return stored


def _gone(repeated: bool) -> CardUnknown | Unavailable:
    """For a charge that may have been made before, a card that is gone says nothing about the outcome."""
    return Unavailable("the card is gone; ask the provider about the payment") if repeated else CardUnknown()
