"""T-SIM-01: the checkout's own core under a seeded scheduler and a virtual clock, with everything that can go wrong.

`saga.drive` is the very code that drives real attempts. Around it: neighbours as small pure models with the promises of
their contracts, calls that are lost, answered too late or delivered twice, drivers that die or sleep past their lease
and wake up, holds that expire, banks that decide late, shoppers who press everything. A seed is a whole story.

    python -m tests.faults.simulation --seeds 1000000     # 0 … 999,999; stops at the first broken one
    python -m tests.faults.simulation --seed 4711         # that story, step by step
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Any

from msgspec.structs import replace

from haat.services.checkout.saga import (
    DONE,
    FINAL,
    Assessed,
    Away,
    Do,
    Effect,
    Failure,
    Impossible,
    Ordered,
    Outcome,
    Paid,
    Reach,
    Refused,
    Saga,
    State,
    Write,
    drive,
    given_up,
)

MOST_STEPS = 10_000
LEASE = 30.0
# After this moment nothing fails any more, and every story has to end.
TROUBLE_SECONDS = 900.0
DAY = 86_400.0
# How long the units wait for a shopper who acts at the provider's.
SHOPPER_SECONDS = 900.0
AWAY = Away("away")
HELD = ("authorized", "captured")
NEIGHBOURS = (
    frozenset({Effect.RESERVE, Effect.COMMIT, Effect.RELEASE}),
    frozenset({Effect.REDEEM, Effect.GIVE_BACK}),
    frozenset({Effect.AUTHORIZE, Effect.CONFIRM, Effect.VOID}),
    frozenset({Effect.PLACE}),
)
Trace = Callable[[str], None]


class Broken(AssertionError):
    """A promise does not hold in this story."""


class Row:
    """An attempt as stored."""

    __slots__ = ("born", "checkout", "id", "lease_until", "next_run", "parked", "saga", "tries", "version")

    def __init__(self, id_: int, checkout: int, born: float) -> None:
        self.id, self.checkout, self.born = id_, checkout, born
        self.saga = Saga(State.CLAIMED)
        self.version, self.tries, self.parked = 1, 0, False
        self.lease_until = self.next_run = born


class Money:
    """A payment: what the provider says and since when, whether it ever said no, and whether it shall be let go of."""

    __slots__ = ("begun", "refused", "state", "unwanted")

    def __init__(self, state: str, begun: float = 0.0) -> None:
        self.state, self.begun, self.unwanted, self.refused = state, begun, False, state == "declined"


class Driver:
    """One life of one driver: its journey, what it knows of the row, the answer it is about to hear."""

    __slots__ = ("answer", "journey", "row", "version")

    def __init__(self, row: Row, journey: Any) -> None:
        self.row, self.version, self.journey, self.answer = row, row.version, journey, None


class World:
    """One story."""

    def __init__(self, seed: int, trace: Trace | None = None) -> None:
        self.random = rng = Random(seed)
        self.draw = rng.random
        self.trace = trace
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[..., None], Any]] = []
        self.count = 0
        # Each story has a mood: which faults there are, and how many; most that go wrong go wrong together.
        mood = rng.random()
        self.loss = 0.0 if mood < 0.2 else rng.choice((0.02, 0.1, 0.35))
        self.death = 0.0 if mood < 0.1 else rng.choice((0.0, 0.03, 0.15))
        self.sleep = 0.0 if mood < 0.1 else rng.choice((0.0, 0.03, 0.15))
        # One neighbour may be away for minutes or for days, while the others go on.
        self.away = rng.choice(NEIGHBOURS) if rng.random() < 0.15 else frozenset()
        self.away_until = rng.choice((60.0, 1800.0, DAY, 1.5 * DAY)) * rng.random()
        self.coupons = rng.random() < 0.5
        self.total = self.available = rng.choice((1, 2, 3))
        self.rivals = 0
        self.checkouts = ["open", "open"] if rng.random() < 0.3 else ["open"]
        self.rows: list[Row] = []
        self.stock: dict[int, tuple[str, float]] = {}
        self.sold: dict[int, int] = {}
        self.coupon_used = 0
        self.redeemed: dict[int, str] = {}
        self.money: dict[int, Money] = {}
        self.verdicts: dict[int, str] = {}
        self.orders: dict[int, int] = {}
        self.canceled: set[int] = set()
        self.effects: dict[Effect, Callable[[int], Outcome]] = {
            Effect.RESERVE: self.reserve, Effect.REDEEM: self.redeem, Effect.ASSESS: self.assess,
            Effect.AUTHORIZE: self.authorize, Effect.CONFIRM: self.confirm, Effect.COMMIT: self.commit,
            Effect.PLACE: self.place, Effect.RELEASE: self.release, Effect.VOID: self.void,
            Effect.GIVE_BACK: self.give_back,
        }  # fmt: skip
        for checkout in range(len(self.checkouts)):
            for _ in range(rng.choice((1, 1, 2, 3))):
                self.at(rng.random() * rng.choice((1.0, 60.0, 900.0)), self.complete, checkout)
            if rng.random() < 0.2:
                self.at(rng.random() * 600.0, self.give_up, checkout)
        if rng.random() < 0.4:
            self.at(rng.random() * 120.0, self.rival, None)

    def at(self, after: float, what: Callable[..., None], about: Any) -> None:
        self.count += 1
        heappush(self.events, (self.now + after, self.count, what, about))

    def note(self, *words: object) -> None:
        if self.trace is not None:
            self.trace(f"{self.now:10.2f}  " + " ".join(str(word) for word in words))

    def run(self) -> int:
        """Until nothing is left to happen; how many steps. Raises Broken."""
        steps, events = 0, self.events
        while events:
            self.now, _, what, about = heappop(events)
            what(about)
            steps += 1
            if steps > MOST_STEPS:
                raise Broken("it never ends")
        self.check()
        return steps

    # ---- the checkout service, as service.py and store.py do it ----

    def complete(self, checkout: int) -> None:
        """A shopper pays under a key of their own; a payment that waits is given up first."""
        status = self.checkouts[checkout]
        self.note("shopper completes", checkout, status)
        if status == "requires_action":
            self.give_up(checkout)
            if self.draw() < 0.8:
                self.at(2.0, self.complete, checkout)
            return
        if status != "open":
            return
        row = Row(len(self.rows), checkout, self.now)
        row.lease_until = self.now + LEASE
        self.rows.append(row)
        self.checkouts[checkout] = "completing"
        self.begin(row, replace(row.saga, reach=Reach.NOTHING))

    def give_up(self, checkout: int) -> None:
        row = self.living(checkout)
        if row is None or self.checkouts[checkout] != "requires_action" or not self.lease(row):
            return
        saga = row.saga
        try:
            saga = given_up(saga)
        except Impossible:
            self.begin(row, saga)
            return
        self.note("shopper gives up", row.id)
        driver = Driver(row, None)
        if self.save(driver, Write(saga, 0, LEASE, 0.0)):
            self.begin(row, saga)

    def living(self, checkout: int) -> Row | None:
        return next((row for row in self.rows if row.checkout == checkout and row.saga.state not in FINAL), None)

    def lease(self, row: Row) -> bool:
        if row.saga.state in FINAL or row.lease_until > self.now:
            return False
        row.lease_until = self.now + LEASE
        row.version += 1
        self.at(LEASE + 1.0, self.sweep, row)
        return True

    def sweep(self, row: Row) -> None:
        """A worker comes by: an attempt that is due and that nobody drives is taken over."""
        if row.next_run <= self.now and self.lease(row):
            self.note("taken over", row.id, row.saga.state, "tries", row.tries)
            self.begin(row, row.saga)

    def told(self, attempt: int) -> None:
        """Payments have told that something moved; told twice, told late: it makes no difference."""
        row = self.rows[attempt]
        if row.saga.state is State.FAILED:
            if self.money[attempt].state in HELD:
                self.void(attempt)
        elif self.lease(row):
            self.begin(row, row.saga)

    def begin(self, row: Row, saga: Saga) -> None:
        saga = replace(saga, has_coupons=self.coupons)
        self.at(LEASE + 1.0, self.sweep, row)
        self.step(Driver(row, drive(saga, row.tries, self.now - row.born)))

    def step(self, driver: Driver) -> None:
        """One effect or one write of one driver; it may die before, or sleep for longer than its lease."""
        trouble = self.now < TROUBLE_SECONDS
        if trouble and self.draw() < self.death:
            self.note("driver of", driver.row.id, "dies")
            return
        try:
            step = driver.journey.send(driver.answer)
        except StopIteration:
            return
        driver.answer = None
        if isinstance(step, Do):
            driver.answer = self.call(step.effect, driver.row.id, trouble)
        elif not self.save(driver, step):
            return
        pause = self.draw() * 0.2
        if trouble and self.draw() < self.sleep:
            pause = self.draw() * 120.0
        self.at(pause, self.step, driver)

    def save(self, driver: Driver, write: Write) -> bool:
        """Behind the version fence, as `queries.sql: save`."""
        row = driver.row
        if row.version != driver.version:
            self.note("fence: a sleeper's write of", row.id, write.saga.state, "is refused")
            return False
        if write.parked and write.error not in (None, "away"):
            raise Broken(f"attempt {row.id} cannot go on: {write.error}")
        failure, money = write.saga.failure, self.money.get(row.id)
        if failure is not None and failure.code == "payment_declined" and not (money and money.refused):
            raise Broken(f"attempt {row.id} is told of a decline that no bank has spoken")
        row.version = driver.version = row.version + 1
        row.saga, row.tries, row.parked = write.saga, write.tries, write.parked
        row.lease_until, row.next_run = self.now + write.lease_seconds, self.now + write.run_in_seconds
        self.note("stored", row.id, write.saga.state, write.error or "")
        state = write.saga.state
        if write.shown:
            shown = {State.PLACED: "completed", State.WAITING: "requires_action", State.FAILED: "open"}
            self.checkouts[row.checkout] = shown.get(state, "completing")
        if state not in FINAL:
            self.at(max(write.lease_seconds, write.run_in_seconds) + self.draw(), self.sweep, row)
        return True

    def call(self, effect: Effect, attempt: int, trouble: bool) -> Outcome | Away:
        """Over a network that loses questions and answers, and brings some questions later, or twice."""
        if effect in self.away and self.now < self.away_until:
            return AWAY
        luck = self.draw() if trouble else 1.0
        if luck < self.loss:
            fate = self.draw()
            self.note(effect, "of", attempt, "is lost" if fate < 0.3 else "has no answer")
            if fate >= 0.3:
                if fate < 0.6:
                    self.at(self.draw() * 200.0, self.late, (effect, attempt))
                else:
                    self.effects[effect](attempt)
            return AWAY
        if luck > 1.0 - self.loss / 4 and trouble:
            self.at(self.draw() * 200.0, self.late, (effect, attempt))
        outcome = self.effects[effect](attempt)
        self.note(effect, "of", attempt, "->", outcome)
        return outcome

    def late(self, what: tuple[Effect, int]) -> None:
        effect, attempt = what
        self.note("late", effect, "of", attempt, "->", self.effects[effect](attempt))

    # ---- the neighbours: what their contracts promise ----

    def reserve(self, attempt: int) -> Outcome:
        held = self.stock.get(attempt)
        if held is None:
            if self.available < 1:
                return _no("out_of_stock")
            self.available -= 1
            self.stock[attempt] = ("held", self.now + 600.0)
            self.at(601.0, self.expire, attempt)
            return DONE
        return DONE if held[0] in ("held", "committed") else _no("reservation_gone")

    def expire(self, attempt: int) -> None:
        state, until = self.stock[attempt]
        if state == "held" and until <= self.now:
            self.note("the hold of", attempt, "runs out")
            self.stock[attempt] = ("expired", until)
            self.available += 1

    def commit(self, attempt: int) -> Outcome:
        state, until = self.stock.get(attempt, ("", 0.0))
        if state == "expired" and self.available >= 1:
            self.available -= 1
            state = "held"
        if state == "held":
            self.stock[attempt] = ("committed", until)
            self.sold[attempt] = self.sold.get(attempt, 0) + 1
            return DONE
        return DONE if state == "committed" else _no("reservation_gone")

    def release(self, attempt: int) -> Outcome:
        state, until = self.stock.get(attempt, ("none", 0.0))
        if state == "committed":
            return _no("already_committed")
        if state == "held":
            self.available += 1
        self.stock[attempt] = ("released", until)
        return DONE

    def redeem(self, attempt: int) -> Outcome:
        state = self.redeemed.get(attempt)
        if state is None:
            if self.coupon_used >= 1:
                return _no("coupon_refused")
            self.coupon_used += 1
            self.redeemed[attempt] = "redeemed"
            return DONE
        return DONE if state == "redeemed" else _no("coupon_refused")

    def give_back(self, attempt: int) -> Outcome:
        if self.redeemed.get(attempt) == "redeemed":
            self.coupon_used -= 1
        self.redeemed[attempt] = "given_back"
        return DONE

    def assess(self, attempt: int) -> Outcome:
        # While the risk service is away simple rules answer instead, so that the verdict may change.
        if self.now < TROUBLE_SECONDS and self.draw() < self.loss:
            return Assessed("allow")
        if attempt not in self.verdicts:
            fate = self.draw()
            self.verdicts[attempt] = "allow" if fate < 0.9 else "deny" if fate < 0.95 else "review"
        return Assessed(self.verdicts[attempt])

    def authorize(self, attempt: int) -> Outcome:
        money = self.money.get(attempt)
        if money is None:
            fate = self.draw()
            state = "authorized" if fate < 0.6 else "captured" if fate < 0.7 else "declined" if fate < 0.8 else ""
            money = self.money[attempt] = Money(state or ("requires_action" if fate < 0.9 else "unknown"), self.now)
            if not state and fate < 0.82:
                # The shopper has walked away, and this provider ends nothing by itself.
                self.note("nobody ever pays for", attempt)
            elif not state:
                self.at(self.draw() * self.random.choice((5.0, 300.0, 900.0)), self.bank, attempt)
            elif state == "declined" and fate > 0.75:
                self.at(self.draw() * self.random.choice((60.0, DAY)), self.bank, attempt)
            elif state == "authorized" and fate < 0.06:
                self.at(self.draw() * self.random.choice((1.0, 60.0, DAY)), self.lapse, attempt)
        elif money.unwanted:
            return _no("payment_state")
        return self.paid(attempt, money)

    def confirm(self, attempt: int) -> Outcome:
        return self.paid(attempt, self.money[attempt])

    def paid(self, attempt: int, money: Money) -> Outcome:
        return Paid(f"pay_{attempt}", money.state, "", overdue=self.now - money.begun > SHOPPER_SECONDS)

    def bank(self, attempt: int) -> None:
        """The bank decides, or changes its mind: what it once refused it may grant days later."""
        money, fate = self.money[attempt], self.draw()
        if money.state not in ("requires_action", "unknown", "declined"):
            return
        money.state = (
            "authorized" if fate < 0.6 else "captured" if fate < 0.7 else "expired" if fate < 0.8 else "declined"
        )
        money.refused = money.refused or money.state not in HELD
        self.note("the bank says", money.state, "to", attempt)
        if money.unwanted:
            self.at(self.draw() * 60.0, self.let_go, attempt)
        for _ in range(self.random.choice((1, 1, 2)) if self.draw() < 0.9 or money.state in HELD else 0):
            self.at(self.draw() * 30.0, self.told, attempt)

    def lapse(self, attempt: int) -> None:
        """A hold ends by itself, or the bank takes it back."""
        money = self.money[attempt]
        if money.state == "authorized":
            self.note("the hold of the money of", attempt, "ends")
            money.state, money.refused = "voided", True
            self.at(self.draw() * 30.0, self.told, attempt)
            self.at(self.draw() * 30.0, self.ran_out, attempt)

    def void(self, attempt: int) -> Outcome:
        money = self.money.get(attempt)
        if money is None:
            money = self.money[attempt] = Money("tombstone")
        money.unwanted = True
        if self.draw() < 0.5:
            self.let_go(attempt)
        else:
            self.at(self.draw() * 60.0, self.let_go, attempt)
        return DONE

    def let_go(self, attempt: int) -> None:
        money = self.money[attempt]
        money.state = {"authorized": "voided", "captured": "refunded", "requires_action": "voided"}.get(
            money.state, money.state
        )

    def place(self, attempt: int) -> Outcome:
        checkout = self.rows[attempt].checkout
        if checkout not in self.orders:
            self.orders[checkout] = attempt
            self.at(self.draw() * 30.0, self.capture, attempt)
            if self.draw() < 0.05:
                self.at(self.draw() * 60.0, self.cancel, attempt)
        return Ordered(f"ord_{checkout}", "HT")

    def capture(self, attempt: int) -> None:
        """Payments hear of the order: they take the money, or tell the order that there is none."""
        money = self.money[attempt]
        if money.state == "authorized" and not money.unwanted:
            money.state = "captured"
        elif money.state != "captured":
            self.at(self.draw() * 30.0, self.ran_out, attempt)

    def ran_out(self, attempt: int) -> None:
        """Orders hear that a payment failed; of one that no order stands on they know nothing."""
        if attempt in self.orders.values():
            self.cancel(attempt)

    def cancel(self, attempt: int) -> None:
        """An order ends, by its staff or for want of money: the money is let go of, the units are sold again."""
        if attempt not in self.canceled:
            self.note("the order of", attempt, "is canceled")
            self.canceled.add(attempt)
            money = self.money[attempt]
            money.unwanted = money.refused = True
            self.at(self.draw() * 60.0, self.let_go, attempt)
            self.available += 1

    def rival(self, _: None) -> None:
        """Somebody else buys a unit, and may bring it back."""
        if self.available:
            self.available -= 1
            self.rivals += 1
            self.note("a rival takes a unit")
        elif self.rivals and self.draw() < 0.5:
            self.available += 1
            self.rivals -= 1
        if self.draw() < 0.5:
            self.at(self.draw() * 900.0, self.rival, None)

    # ---- what must be true when everything is over ----

    def check(self) -> None:
        winners = set(self.orders.values())
        held = 0
        for row in self.rows:
            attempt, state = row.id, row.saga.state
            won = attempt in winners
            if state not in FINAL:
                raise Broken(f"attempt {attempt} ends as {state}")
            if won != (state is State.PLACED):
                raise Broken(f"attempt {attempt} is {state}, order {won}")
            money = self.money.get(attempt)
            paid = ("voided", "refunded") if attempt in self.canceled else ("captured",)
            if won and (money is None or money.state not in paid):
                raise Broken(f"the order of {attempt} is {paid[-1]} and its money {money and money.state}")
            if not won and money is not None and money.state in (*HELD, "requires_action"):
                raise Broken(f"attempt {attempt} has no order and holds money: {money.state}")
            if self.sold.get(attempt, 0) != int(won):
                raise Broken(f"attempt {attempt} sold {self.sold.get(attempt, 0)} units, order {won}")
            if won and self.coupons and self.redeemed.get(attempt) != "redeemed":
                raise Broken(f"the order of {attempt} has no coupon")
            held += self.stock.get(attempt, ("", 0.0))[0] == "held"
        standing = len(winners - self.canceled)
        if held or self.available + self.rivals + standing != self.total:
            raise Broken(f"units: {self.available} + {self.rivals} + {standing} of {self.total}, {held} held")
        if self.coupon_used != (len(winners) if self.coupons else 0):
            raise Broken(f"coupon used {self.coupon_used} times for {len(winners)} orders")
        for checkout, status in enumerate(self.checkouts):
            if status != ("completed" if checkout in self.orders else "open"):
                raise Broken(f"checkout {checkout} is {status}")


def _no(code: str) -> Refused:
    return Refused(Failure(code, code))


def simulate(first: int, how_many: int) -> int:
    """Run seeds from `first`; how many steps they took. Raises Broken, naming the seed."""
    steps = 0
    for seed in range(first, first + how_many):
        try:
            steps += World(seed).run()
        except Broken as fault:
            raise Broken(f"seed {seed}: {fault}") from None
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    told = parser.parse_args()
    if told.seed is not None:
        World(told.seed, print).run()
        return
    began = time.perf_counter()
    steps = simulate(told.first, told.seeds)
    seconds = time.perf_counter() - began
    print(f"{told.seeds} seeds, {steps} steps, {told.seeds / seconds:.0f} seeds/s: every promise held")


if __name__ == "__main__":
    sys.exit(main())
