"""Keeps the audit trail: notes what has no transaction, seals all of it within seconds, finds what was changed."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import NamedTuple

from haat.kit.clock import now
from haat.ports.audit_anchors import AuditAnchors
from haat.ports.key_store import KeyStore
from haat.services.vault.store import TrailStore
from haat.services.vault.trail import Fault, Noted, Seal, faults_of, next_seal

ANCHOR_EVERY_SECONDS = 60.0
SEALS_AT_ONCE = 20
MOST_NOTED = 100_000


class Verdict(NamedTuple):
    """How many entries and seals were looked at, and what is wrong."""

    entries: int
    seals: int
    faults: list[Fault]


class AuditTrail:
    """Entries of transactions are in their statements (`queries.sql`); here is what comes after."""

    def __init__(self, store: TrailStore, keys: KeyStore, anchors: AuditAnchors) -> None:
        self._store = store
        self._keys = keys
        self._anchors = anchors
        self._noted: deque[Noted] = deque(maxlen=MOST_NOTED)
        self._anchored = -ANCHOR_EVERY_SECONDS

    def note(self, action: str, token: str, detail: str = "", address: str = "") -> None:
        """Written with the next seal: what a crash forgets here, it forgets of the cards in memory as well."""
        self._noted.append(Noted(now(), action, token, detail, address))

    async def seal(self, at: float) -> Seal | None:
        """Write what was noted, seal what is finished, and anchor it once a minute; `at` in seconds, monotonic."""
        if self._noted:
            entries = list(self._noted)
            await self._store.record(entries)
            for _ in entries:
                self._noted.popleft()
        made = await self._store.add_seal(partial(next_seal, self._keys.audit_digest))
        if made is not None and at - self._anchored >= ANCHOR_EVERY_SECONDS:
            self._anchors.keep(made.number, made.head)
            self._anchored = at
        return made

    async def verify(self) -> Verdict:
        """Hold every entry against its seal, every seal against the one before, and all against the anchors."""
        digest, anchors = self._keys.audit_digest, self._anchors.kept()
        last: Seal | None = None
        entries, found = 0, []
        while seals := await self._store.seals(0 if last is None else last.number, SEALS_AT_ONCE):
            there = await self._store.entries([position for seal in seals for position in seal.positions])
            for seal in seals:
                found += faults_of(digest, last, seal, there)
                if seal.number in anchors and anchors.pop(seal.number) != seal.head:
                    found.append(Fault("seal is not what was anchored", seal.number))
                entries += len(seal.positions)
                last = seal
        found += [Fault("anchored seal is missing", number) for number in sorted(anchors)]
        if last is not None:
            missing = sum(fault.what == "entry is missing" for fault in found)
            later = await self._store.outside(last.horizon, entries - missing)
            found += [Fault("entry was put in later", position) for position in later]
        return Verdict(entries, 0 if last is None else last.number, found)
