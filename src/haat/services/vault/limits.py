"""Card testing: an address, or a card, that is typed in again and again and never pays, is slowed down."""

from __future__ import annotations

from collections import deque

import structlog
from cachetools import TTLCache
from prometheus_client import Counter

from haat.kit.forwarded import network_of
from haat.kit.problem import TooMany

log = structlog.get_logger("haat.vault")
HOUR = 3600.0
MOST = 100_000
# A card that its bank challenges is no refused one: where each payment is challenged, as in India, ten honest shoppers
# behind one address would lock it. It says that the card lives, though, which testers are after, and the vault does not
# hear how it ends. So it counts, but a tenth of a card that nobody has paid with.
WHOLE, CHALLENGED = 10, 1
REFUSED = Counter("haat_vault_card_tries_refused_total", "Cards refused because too many before them never paid")


class CardTries:
    """Counts in this process, an hour long, the cards that have not paid (yet); 0 counts none.

    Addresses that are not public are a proxy's or our own, shared by everybody: nothing is counted for them. An IPv6
    network of /64 counts as one.
    """

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._tries: TTLCache[str, _Tries] = TTLCache(MOST, ttl=HOUR)

    def begin(self, address: str, fingerprint: str, at: float) -> None:
        """Count a card typed in at `at` (seconds, monotonic). Raises TooMany."""
        network = network_of(address)
        if not self._per_hour or network is None or not network.is_global:
            return
        counted = [self._of(name, at) for name in _names(address, fingerprint)]
        full = [tries for tries in counted if tries.weight >= self._per_hour * WHOLE]
        if full:
            REFUSED.inc()
            log.warning("card testing suspected: cards are typed in that never pay", address=address)
            wait = int(max(tries.room_at(self._per_hour * WHOLE) for tries in full) - at) + 1
            raise TooMany("Too many cards were tried from here", retry_after_seconds=wait)
        for tries in counted:
            tries.unpaid.append(at)

    def paid(self, address: str, fingerprint: str) -> None:
        """A card has paid: it was no try."""
        for name in _names(address, fingerprint):
            tries = self._tries.get(name)
            if tries and tries.unpaid:
                tries.unpaid.pop()

    def challenged(self, address: str, fingerprint: str, at: float) -> None:
        """A card is challenged by its bank: whether it pays is not heard of here."""
        for name in _names(address, fingerprint):
            tries = self._tries.get(name)
            if tries and tries.unpaid:
                tries.unpaid.pop()
                tries.challenged.append(at)

    def _of(self, name: str, at: float) -> _Tries:
        tries = self._tries.get(name) or _Tries()
        tries.forget(at - HOUR)
        # Put anew, so that an entry lives an hour from its latest try.
        self._tries[name] = tries
        return tries


class _Tries:
    """When cards were typed in that have not paid, and those of them that were challenged."""

    def __init__(self) -> None:
        self.unpaid: deque[float] = deque()
        self.challenged: deque[float] = deque()

    @property
    def weight(self) -> int:
        return WHOLE * len(self.unpaid) + CHALLENGED * len(self.challenged)

    def forget(self, until: float) -> None:
        for moments in (self.unpaid, self.challenged):
            while moments and moments[0] <= until:
                moments.popleft()

    def room_at(self, most: int) -> float:
        """When enough of them are an hour old for less than `most` to be left."""
        weighed = [(at, WHOLE) for at in self.unpaid] + [(at, CHALLENGED) for at in self.challenged]
        left = self.weight
        for at, weight in sorted(weighed):
            left -= weight
            if left < most:
                return at + HOUR
        raise AssertionError("room is asked for where there is some")


def _names(address: str, fingerprint: str) -> tuple[str, str]:
    return f"address:{network_of(address)}", f"card:{fingerprint}"
