"""The use cases of the vault: take a card in, charge it, keep it, forget it. None gives a number back."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import structlog

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
from haat.services.vault.audit import AuditTrail
from haat.services.vault.limits import CardTries
from haat.services.vault.model import (
    KEEP_UNPAID,
    Place,
    Policy,
    Sealed,
    brand_of,
    check_may_charge,
    checked,
    lasts_until,
    new_token,
    seal,
    unseal,
)
from haat.services.vault.store import NewRecord, StoredCard, VaultStore
from haat.services.vault.waiting import WaitingCard, WaitingCards

log = structlog.get_logger("haat.vault")
KEEP_CHARGES = timedelta(days=7)
# Longer than a shopper may take to prove who they are at the bank.
KEEP_AGREED = timedelta(hours=1)
AGREED = ("authorized", "captured")
REFUSED = ("declined", "expired", "voided")
SEAL_SECONDS = 1.0
PURGE_SECONDS = 30.0


class VaultService(Vault):
    """A card waits in memory until it is paid with. What comes to the disk then, if anything, is up to the policy."""

    def __init__(
        self,
        store: VaultStore,
        keys: KeyStore,
        acquirer: CardAcquirer,
        trail: AuditTrail,
        policy: Policy,
    ) -> None:
        self._store = store
        self._keys = keys
        self._acquirer = acquirer
        self._trail = trail
        self._policy = policy
        self._tries = CardTries(policy.tries_per_hour)
        self._waiting = WaitingCards()
        self._chores: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin the chores: what lies in this process's memory can only be seen to from here."""
        self._chores = [
            asyncio.create_task(self._every(SEAL_SECONDS, self.seal)),
            asyncio.create_task(self._every(PURGE_SECONDS, self.purge)),
        ]

    async def stop(self) -> None:
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        with suppress(Unavailable):
            await self.seal()

    async def tokenize(self, ask: NewCard) -> CardToken:
        """Raises Invalid, and TooMany for an address whose cards never pay."""
        pan, code = checked(ask, now())
        number = pan.reveal()
        fingerprint = await self._keys.fingerprint(number.encode())
        self._tries.begin(ask.network_address, fingerprint, time.monotonic())
        made = CardToken(
            token=new_token(),
            brand=brand_of(number),
            last4=pan.last4,
            exp_month=ask.exp_month,
            exp_year=ask.exp_year,
        )
        card = Card(
            token=made.token,
            brand=made.brand,
            last4=made.last4,
            exp_month=made.exp_month,
            exp_year=made.exp_year,
            fingerprint=fingerprint,
            created_at=now(),
        )
        self._waiting.put(card, pan, code, ask.network_address)
        self._trail.note("tokenized", made.token, address=ask.network_address)
        return made

    async def charge(self, ask: CardCharge) -> ProviderAnswer:
        # Whether it may be kept is known better later on, and makes no other charge of it.
        same = msgspec.structs.replace(ask, may_be_kept=True)
        request_hash = hashlib.blake2b(encode(same), digest_size=16).hexdigest()
        waiting = self._waiting.claim(ask.token, ask.idempotency_key)
        stored, before = await self._store.begin_charge(
            ask.idempotency_key, ask.token, request_hash, ask.owner, waiting is not None
        )
        if before is not None:
            if before.request_hash != request_hash:
                raise CardUnknown("This charge was asked for before with other facts")
            if before.answer is not None:
                return before.answer
        if waiting is not None:
            method = self._typed_in(waiting)
        elif stored is not None:
            method = await self._kept(stored, ask)
        else:
            raise _gone(repeated=before is not None)
        payment = CardPayment(ask.reference, ask.amount, ask.capture, ask.return_url, ask.may_be_kept)
        crashpoint("psp.before_send")
        status, body = await self._acquirer.charge(ask.idempotency_key, payment, method)
        crashpoint("psp.after_effect")
        return await self._ended(ask, waiting, stored, status, body)

    async def card(self, ask: CardRef) -> Card:
        waiting = self._waiting.get(ask.token)
        return (await self._load(ask.token)).card if waiting is None else waiting.card

    async def keep(self, ask: KeepCard) -> Card:
        stored = await self._load(ask.token)
        check_may_charge(stored.card.owner, ask.owner)
        if stored.card.owner == ask.owner:
            return stored.card
        kind, secret = await self._lasting_secret(stored)
        place = Place(ask.token, ask.owner, stored.merchant)
        sealed = await seal(self._keys, place, kind, secret)
        await self._store.keep(ask.token, ask.owner, sealed, lasts_until(stored.card))
        return (await self._load(ask.token)).card

    async def forget(self, ask: CardRef) -> Nothing:
        if self._waiting.get(ask.token) is not None:
            self._waiting.drop(ask.token)
            self._trail.note("forgotten", ask.token)
        await self._store.forget(ask.token)
        return Nothing()

    async def purge(self) -> None:
        """Let go of cards whose time is over, in memory and on disk, and of the records of old charges."""
        self._waiting.expire()
        await self._store.purge(now() - KEEP_CHARGES)

    async def seal(self) -> None:
        """Seal what the audit trail got since the last time."""
        await self._trail.seal(time.monotonic())

    def _typed_in(self, waiting: WaitingCard) -> dict[str, Any]:
        pan, code = self._waiting.open(waiting)
        return _card_method(pan.reveal(), waiting.card) | {"cvc": code}

    async def _kept(self, stored: StoredCard, ask: CardCharge) -> dict[str, Any]:
        if stored.card.owner is None:
            raise CardUnknown("This card token has been used; enter the card again")
        check_may_charge(stored.card.owner, ask.owner)
        if stored.sealed is None:
            raise CardUnknown()
        secret = await self._open(stored, stored.sealed)
        if stored.sealed.kind == "network_token":
            return {"type": "network_token", "token": secret}
        return _card_method(secret, stored.card)

    async def _ended(
        self,
        ask: CardCharge,
        waiting: WaitingCard | None,
        stored: StoredCard | None,
        status: int,
        body: dict[str, Any],
    ) -> ProviderAnswer:
        network_token = body.pop("network_token", None)
        answer = ProviderAnswer(status=200 if status < 300 else status, body=body)
        agreed = answer.status == 200 and body.get("state") in AGREED
        if waiting is None:
            assert stored is not None
            replacement = await self._replacement(stored, network_token) if agreed else None
            await self._store.end_and_use(ask.idempotency_key, answer, replacement)
            return answer
        if ask.may_be_kept and answer.status == 200 and body.get("state") not in REFUSED:
            record = await self._record(waiting, network_token)
            await self._store.end_and_add(ask.idempotency_key, answer, record)
        else:
            await self._store.end_charge(ask.idempotency_key, answer)
        # The number and the code have done what they were given for, whatever the bank said.
        self._waiting.drop(ask.token)
        if agreed:
            self._tries.paid(waiting.address, waiting.card.fingerprint)
        elif answer.status == 200 and body.get("state") == "requires_action":
            self._tries.challenged(waiting.address, waiting.card.fingerprint, time.monotonic())
        return answer

    async def _record(self, waiting: WaitingCard, network_token: object) -> NewRecord:
        """What may be kept of a card that was not refused: the network's token or, where it may be, the number."""
        place = Place(waiting.card.token, None, self._policy.merchant)
        sealed = None
        if self._policy.keeps_numbers:
            sealed = await seal(self._keys, place, "number", self._waiting.open(waiting)[0].reveal())
        elif isinstance(network_token, str):
            sealed = await seal(self._keys, place, "network_token", network_token)
        until = now() + KEEP_AGREED
        return NewRecord(waiting.card, place.merchant, sealed, self._keys.fingerprint_key_id, until)

    async def _replacement(self, stored: StoredCard, network_token: object) -> Sealed | None:
        """The network's token for a kept number, where numbers may not be kept any more."""
        assert stored.sealed is not None
        if self._policy.keeps_numbers or stored.sealed.kind != "number" or not isinstance(network_token, str):
            return None
        return await seal(self._keys, stored.place, "network_token", network_token)

    async def _lasting_secret(self, stored: StoredCard) -> tuple[str, str]:
        if stored.sealed is not None and (stored.sealed.kind == "network_token" or self._policy.keeps_numbers):
            return stored.sealed.kind, await self._open(stored, stored.sealed)
        # The shopper proved who they are after our call was answered: the provider has the token by now.
        if stored.provider_id is not None:
            status, body = await self._acquirer.fetch(stored.provider_id)
            if status == 200 and body.get("state") in AGREED and isinstance(body.get("network_token"), str):
                return "network_token", body["network_token"]
        raise CardUnknown("This card has no agreed payment and cannot be kept")

    async def _open(self, stored: StoredCard, sealed: Sealed) -> str:
        try:
            return await unseal(self._keys, stored.place, sealed)
        except ValueError:
            # A key that was replaced and destroyed since we read the record; then it lies under another by now.
            fresh = await self._load(stored.card.token)
            if fresh.sealed is not None and fresh.sealed.wrapped_key != sealed.wrapped_key:
                with suppress(ValueError):
                    return await unseal(self._keys, fresh.place, fresh.sealed)
        log.error("a card record does not open", card=stored.card.token[:8])
        self._trail.note("did_not_open", stored.card.token)
        raise CardUnknown()

    async def _load(self, token: str) -> StoredCard:
        stored = await self._store.card(token)
        if stored is None:
            raise CardUnknown()
        return stored

    async def _every(self, seconds: float, chore: Any) -> None:
        while True:
            try:
                await chore()
            except Exception:
                log.exception("a chore of the vault failed")
            await asyncio.sleep(seconds)


def _card_method(number: str, card: Card) -> dict[str, Any]:
    return {"type": "card", "number": number, "exp_month": card.exp_month, "exp_year": card.exp_year}


def _gone(repeated: bool) -> CardUnknown | Unavailable:
    """For a charge that may have been made before, a card that is gone says nothing about the outcome."""
    return Unavailable("the card is gone; ask the provider about the payment") if repeated else CardUnknown()


__all__ = ["KEEP_UNPAID", "VaultService"]
