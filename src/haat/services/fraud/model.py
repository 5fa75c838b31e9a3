"""The rules of risk: points with reasons, and the thresholds that turn a score into a verdict."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

from haat.contracts.fraud import Assess, Reason, Verdict
from haat.kit.forwarded import network_of
from haat.kit.ids import ALPHABET, is_id
from haat.kit.money import format_money

REVIEW_FROM = 50
DENY_FROM = 80
NEW_ACCOUNT = timedelta(hours=1)
# The shop held an order by its own rule, because no verdict came in time.
NOT_ASSESSED = Reason(code="not_assessed", points=0, detail="the risk service did not answer, so nothing was checked")
WINDOWS = ("10 minutes", "hour", "day")
DISPOSABLE = frozenset(
    [
        "10minutemail.com",
        "discard.email",
        "dispostable.com",
        "fakeinbox.com",
        "getnada.com",
        "guerrillamail.com",
        "maildrop.cc",
        "mailinator.com",
        "mintemail.com",
        "mohmal.com",
        "sharklasers.com",
        "spamgourmet.com",
        "temp-mail.org",
        "tempmail.com",
        "throwawaymail.com",
        "trashmail.com",
        "yopmail.com",
    ]
)


class Limits(msgspec.Struct, frozen=True):
    """What counts as normal. `per_hour` attempts of one person, card or address; 0 counts none. Amounts in minor units.

    A third of it within ten minutes, or four times as many in a day, is as fast.
    """

    per_hour: int = 60
    high_amount_minor: int = 100_000_00
    very_high_amount_minor: int = 500_000_00
    high_cash_minor: int = 25_000_00
    very_high_cash_minor: int = 50_000_00
    many_units: int = 20
    very_many_units: int = 100
    country: str = "IN"

    @property
    def windows(self) -> tuple[int, int, int]:
        """Attempts allowed within ten minutes, an hour and a day."""
        return max(1, self.per_hour // 3), self.per_hour, self.per_hour * 4

    @property
    def most(self) -> int:
        """How many rows of a key are worth counting."""
        return self.per_hour * 4 + 1


# Attempts within ten minutes, an hour and a day, by user, email, network and card; the attempt itself not counted.
Counts = dict[str, tuple[int, int, int]]


def judge(ask: Assess, counts: Counts, limits: Limits, at: datetime) -> Verdict:
    """The verdict on an attempt; the same facts always give the same one."""
    found = [
        *_amount(ask, limits),
        *_person(ask, at),
        *_goods(ask, limits),
        *_velocity(counts, limits),
    ]
    score = min(100, sum(reason.points for reason in found))
    return Verdict(attempt_id=ask.attempt_id, decision=decision_of(score), score=score, reasons=found)


def decision_of(score: int) -> str:
    if score >= DENY_FROM:
        return "deny"
    return "review" if score >= REVIEW_FROM else "allow"


def countable_network(address: str) -> str | None:
    """The address, or the /64 of an IPv6 one; None for those that many people share inside one machine or network."""
    network = network_of(address)
    if network is None or not network.is_global:
        return None
    return str(network) if network.version == 6 else str(network.network_address)


def card_key(token: str | None) -> str | None:
    """What is remembered of a card token: not the token."""
    return None if token is None else hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def canonical(email: str) -> str:
    """One address however it is written: case, and what follows a plus."""
    name, _, domain = email.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"


def _amount(ask: Assess, limits: Limits) -> list[Reason]:
    amount = ask.amount.amount
    found = []
    if amount >= limits.very_high_amount_minor:
        found.append(("very_high_amount", 25, "is very much for one order"))
    elif amount >= limits.high_amount_minor:
        found.append(("high_amount", 10, "is much for one order"))
    if ask.method == "cod" and amount >= limits.very_high_cash_minor:
        found.append(("very_high_cash", 40, "to be collected in cash"))
    elif ask.method == "cod" and amount >= limits.high_cash_minor:
        found.append(("high_cash", 20, "to be collected in cash"))
    return [Reason(code=code, points=points, detail=f"{format_money(ask.amount)} {why}") for code, points, why in found]


def _person(ask: Assess, at: datetime) -> list[Reason]:
    found = []
    domain = ask.email.casefold().rpartition("@")[2]
    if domain in DISPOSABLE:
        found.append(Reason(code="disposable_email", points=35, detail=f"{domain} gives throw-away addresses"))
    born = _born(ask.user_id)
    if ask.user_id is None:
        found.append(Reason(code="guest", points=5, detail="bought without an account"))
    elif born is not None and timedelta(0) <= at - born < NEW_ACCOUNT:
        found.append(Reason(code="new_account", points=5, detail="the account is less than an hour old"))
    return found


def _goods(ask: Assess, limits: Limits) -> list[Reason]:
    found = []
    if ask.quantity >= limits.very_many_units:
        found.append(Reason(code="very_many_units", points=30, detail=f"{ask.quantity} units in one order"))
    elif ask.quantity >= limits.many_units:
        found.append(Reason(code="many_units", points=15, detail=f"{ask.quantity} units in one order"))
    if ask.bill_to_postal_code is not None and ask.bill_to_postal_code != ask.ship_to_postal_code:
        found.append(Reason(code="address_mismatch", points=10, detail="billed to one place and shipped to another"))
    if ask.ship_to_country != limits.country:
        found.append(Reason(code="foreign_country", points=10, detail=f"shipped to {ask.ship_to_country}"))
    return found


def _velocity(counts: Counts, limits: Limits) -> list[Reason]:
    if limits.per_hour == 0:
        return []
    # A user and their e-mail are one person: counted once, by whichever is faster.
    by_points = [_fast(what, counts[what], limits) for what in ("user", "email") if what in counts]
    person = max((reason for reason in by_points if reason), key=lambda reason: reason.points, default=None)
    others = [_fast(what, counts[what], limits) for what in ("network", "card") if what in counts]
    return [reason for reason in (person, *others) if reason is not None]


def _fast(what: str, seen: tuple[int, int, int], limits: Limits) -> Reason | None:
    over = [window for window, n, limit in zip(WINDOWS, seen, limits.windows, strict=True) if n >= limit]
    if not over:
        return None
    points = (30 if what in ("user", "email") else 35) if len(over) > 1 else 20
    number = seen[WINDOWS.index(over[0])]
    return Reason(code=f"{what}_velocity", points=points, detail=f"{number} attempts before in the last {over[0]}")


def _born(user_id: str | None) -> datetime | None:
    """When the account was made: its id begins with that moment."""
    if user_id is None or not is_id(user_id, "usr"):
        return None
    milliseconds = 0
    for letter in user_id.removeprefix("usr_")[:10]:
        milliseconds = milliseconds << 5 | ALPHABET.index(letter)
    try:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
