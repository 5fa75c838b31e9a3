"""How many requests a caller may make: the generic cell rate algorithm, in memory, per process."""

from __future__ import annotations

import msgspec

from haat.kit.access import Caller
from haat.kit.forwarded import network_of

WINDOW_SECONDS = 60.0
# Many people share an address (or a /64 of IPv6), and a guest may take a new cart token for each request.
ADDRESS_FACTOR = 100
MAX_CALLERS = 100_000


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Whether a request is let through, and how the caller stands."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers."""
        return [
            (b"ratelimit-policy", b'"default";q=%d;w=%d' % (self.limit, WINDOW_SECONDS)),
            (b"ratelimit", b'"default";r=%d;t=%d' % (self.remaining, self.reset_seconds)),
        ]


class Limits:
    """`limit` requests a minute for each user and guest; a burst may take them all at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Apart, for a guest chooses their own token: it must not be somebody's id or address.
        self._users = _Allowances(limit)
        self._guests = _Allowances(limit)
        self._addresses = _Allowances(limit * ADDRESS_FACTOR)

    def judge(self, caller: Caller, at: float) -> Verdict | None:
        """Count one request at `at` (seconds, monotonic); None when there is no limit."""
        if not self._limit:
            return None
        if caller.user_id is not None:
            return self._users.count(caller.user_id, at)
        shared = self._addresses.count(str(network_of(caller.address) or caller.address), at)
        if caller.cart_token is None or not shared.allowed:
            return shared
        return self._guests.count(caller.cart_token, at)


class _Allowances:
    """So many a minute for each key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._each = WINDOW_SECONDS / limit if limit else 0.0
        # The moment at which each caller's allowance is whole again.
        self._whole_at: dict[str, float] = {}

    def count(self, key: str, at: float) -> Verdict:
        """Count one request of `key`, unless it has none left."""
        before = self._whole_at.get(key, at)
        used = (before if before > at else at) + self._each - at
        # Comparing seconds that were summed: a thousandth of a request is no request.
        if used > WINDOW_SECONDS + self._each / 1000:
            return Verdict(False, self._limit, 0, _up(used - self._each), max(1, _up(used - WINDOW_SECONDS)))
        if len(self._whole_at) >= MAX_CALLERS:
            self._forget_whole(at)
        self._whole_at[key] = at + used
        left = int((WINDOW_SECONDS - used) / self._each + 0.001)
        return Verdict(True, self._limit, left, _up(used), 0)

    def _forget_whole(self, at: float) -> None:
        """Who has all of it is as good as new. Should that be too few, all begin anew: better than to look often."""
        kept = {key: whole_at for key, whole_at in self._whole_at.items() if whole_at > at}
        self._whole_at = kept if len(kept) <= MAX_CALLERS // 2 else {}


def _up(seconds: float) -> int:
    return -int(-seconds // 1)
