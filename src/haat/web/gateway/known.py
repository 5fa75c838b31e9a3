"""Targets that have been asked for before: what they mean is known, so they need no routing and no parsing."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from haat.kit.ready import Again

MOST_TARGETS = 10_000
LONGEST_TARGET = 500

# Path and query string, as they came.
Target = tuple[str, bytes]


class Known(msgspec.Struct, frozen=True):
    """The route's path, for the metrics, and how to get at the answer."""

    route: str
    again: Again


class KnownTargets:
    """At most so many, the oldest out first. It holds questions, not answers: nothing in it can be out of date."""

    def __init__(self, limit: int = MOST_TARGETS) -> None:
        self._limit = limit
        # An ordinary dict takes the longer to find its oldest key the more were taken out before.
        self._known: OrderedDict[Target, Known] = OrderedDict()

    def get(self, target: Target) -> Known | None:
        return self._known.get(target)

    def learn(self, target: Target, known: Known) -> None:
        """Remember a target that was answered with success."""
        if len(target[0]) + len(target[1]) > LONGEST_TARGET:
            return
        while len(self._known) >= self._limit:
            self._known.popitem(last=False)
        self._known[target] = known
