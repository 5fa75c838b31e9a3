"""Card testing: an address, or a card, that is typed in again and again and never pays, is slowed down."""

from __future__ import annotations

import ipaddress
from collections import deque

import structlog
from cachetools import TTLCache
from prometheus_client import Counter

from haat.kit.problem import TooMany

log = structlog.get_logger("haat.vault")
HOUR = 3600.0
MOST = 100_000
REFUSED = Counter("haat_vault_card_tries_refused_total", "Cards refused because too many before them never paid")


class CardTries:
    """Counts in this process, an hour long, the cards that have not paid (yet); 0 counts none.

    Addresses that are not public are a proxy's or our own, shared by everybody: nothing is counted for them.
    """

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._tries: TTLCache[str, deque[float]] = TTLCache(MOST, ttl=HOUR)

    def begin(self, address: str, fingerprint: str, at: float) -> None:
        """Count a card typed in at `at` (seconds, monotonic). Raises TooMany."""
        if not self._per_hour or not _is_public(address):
            return
        counted = [self._of(name, at) for name in (f"address:{address}", f"card:{fingerprint}")]
        full = [tries for tries in counted if len(tries) >= self._per_hour]
        if full:
            REFUSED.inc()
            log.warning("card testing suspected: cards are typed in that never pay", address=address)
            wait = int(max(tries[0] for tries in full) + HOUR - at) + 1
            raise TooMany("Too many cards were tried from here", retry_after_seconds=wait)
        for tries in counted:
            tries.append(at)

    def paid(self, address: str, fingerprint: str, at: float) -> None:
        """A card has paid: it was no try."""
        for name in (f"address:{address}", f"card:{fingerprint}"):
            tries = self._tries.get(name)
            if tries:
                tries.pop()

    def _of(self, name: str, at: float) -> deque[float]:
        tries = self._tries.get(name, deque())
        while tries and tries[0] <= at - HOUR:
            tries.popleft()
        # Put anew, so that an entry lives an hour from its latest try.
        self._tries[name] = tries
        return tries


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
