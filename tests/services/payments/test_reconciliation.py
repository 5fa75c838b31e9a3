"""The provider's report against the ledger: every planted break is found, and nothing else is called one."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from haat.contracts.payments import (
    AccountRef,
    Capture,
    ExplainBreak,
    ExplainFact,
    ListBreaks,
    ListPutAside,
    PutAside,
    ReconcileDay,
    Refund,
)
from haat.kit.clock import now
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Unavailable
from haat.kit.money import Money
from haat.ports.payment_provider import Movement, PaymentFact
from haat.services.payments import reconciliation as reconciling
from haat.services.payments.reconciliation import LINES, Books, Reconciliation
from haat.services.payments.service import PaymentsService
from haat.services.payments.store import PaymentStore
from tests.engines.payment_provider.worlds import ABILITIES

KINDS = ["missing", "extra", "amount", "fee", "currency", "duplicate"]
# A day with captures of ours and refunds of every tenth; written as the shop writes them, but by the thousand.
HISTORY = """
WITH made AS (
    SELECT n, $1 || '_' || n AS id, 1000 + n % 7919 AS amount, $2::timestamptz + n * interval '0.8 seconds' AS at
    FROM generate_series(1, $3::bigint) AS n
), paid AS (
    INSERT INTO payments.payments (payment_id, attempt_id, checkout_id, provider, provider_id, amount_minor, currency,
                                   method, state, captured_minor)
    SELECT id, id, id, $1, 'psp_' || id, amount, 'INR', '{}', 'captured', amount FROM made
), claimed AS (
    INSERT INTO payments.provider_payments SELECT $1, 'psp_' || id, id FROM made
), txns AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id, recorded_at)
    SELECT id || ':capture', 'capture', 'posted', id, at FROM made
    UNION ALL SELECT id || ':refund', 'refund', 'posted', id, at + interval '1 second' FROM made WHERE n % 10 = 0
)
INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
SELECT id || ':capture', 'psp_clearing:' || $1, 'INR', amount FROM made
UNION ALL SELECT id || ':capture', 'customer_due:' || id, 'INR', -amount FROM made
UNION ALL SELECT id || ':refund', 'psp_clearing:' || $1, 'INR', -100 FROM made WHERE n % 10 = 0
UNION ALL SELECT id || ':refund', 'customer_due:' || id, 'INR', 100 FROM made WHERE n % 10 = 0
"""
# One more posting of the first payment of a history.
POSTED = """
WITH txn AS (
    INSERT INTO payments.ledger_txns (txn_id, kind, phase, payment_id, recorded_at)
    VALUES ($1 || '_1:' || $2, $3, 'posted', $1 || '_1', $5::timestamptz)
)
INSERT INTO payments.ledger_entries (txn_id, account, currency, amount)
VALUES ($1 || '_1:' || $2, 'psp_clearing:' || $1, 'INR', $4::bigint),
       ($1 || '_1:' || $2, 'customer_due:' || $1 || '_1', 'INR', -$4::bigint)
"""


class Reporter:
    """A provider that only reports: the given lines, in no order."""

    def __init__(self, name: str, lines: list[Movement], abilities: Any) -> None:
        self.name, self.lines, self.abilities = name, lines, abilities
        self.asked: list[datetime] = []
        self.away: set[datetime] = set()

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        self.asked.append(since)
        if since in self.away:
            raise Unavailable("out")
        for line in self.lines:
            if since <= line.at < until:
                yield line


class Interrupted(Reporter):
    """Its first report breaks off in the middle."""

    async def report(self, since: datetime, until: datetime) -> AsyncIterator[Movement]:
        first = not self.asked
        self.asked.append(since)
        for line in self.lines[:LINES]:
            yield line
        if first:
            raise Unavailable("out")
        for line in self.lines[LINES:]:
            yield line


def fee(amount: int) -> Money:
    return Money(-(-amount * 200 // 10_000))


def told(name: str, since: datetime, count: int) -> list[Movement]:
    """What a provider says that agrees with `HISTORY`."""
    lines = []
    for n in range(1, count + 1):
        payment, at = f"psp_{name}_{n}", since + timedelta(seconds=0.8 * n)
        amount = 1000 + n % 7919
        lines.append(Movement(f"m{n}", "capture", Money(amount), fee(amount), at, payment))
        if n % 10 == 0:
            lines.append(Movement(f"r{n}", "refund", Money(-100), Money(0), at, payment))
    return lines


def planted(lines: list[Movement], how_many: int, chance: random.Random) -> tuple[list[Movement], dict[str, str]]:
    """The report with breaks in it, and the kind of each by its subject."""
    chosen = chance.sample([line for line in lines if line.kind == "capture"], how_many)
    report, expected = {line.id: [line] for line in lines}, {}
    for i, line in enumerate(chosen):
        kind = KINDS[i % len(KINDS)]
        stranger = msgspec.structs.replace(line, id=f"x{i}", payment_id=f"psp_stranger_{i}")
        off = Money(line.amount.amount + chance.choice([-1, 1, 500]))
        report[line.id] = {
            "missing": [],
            "extra": [line, stranger],
            "amount": [msgspec.structs.replace(line, amount=off)],
            "fee": [msgspec.structs.replace(line, fee=Money(line.fee.amount + 1))],
            "currency": [msgspec.structs.replace(line, amount=Money(line.amount.amount, "USD"))],
            "duplicate": [line, msgspec.structs.replace(line, id=f"again{i}")],
        }[kind]
        expected[{"extra": stranger.payment_id, "fee": line.id}.get(kind, line.payment_id) or ""] = kind
    shuffled = [line for some in report.values() for line in some]
    chance.shuffle(shuffled)
    return shuffled, expected


def start_of_day(days_ago: int) -> datetime:
    return datetime.combine(now().date() - timedelta(days=days_ago), datetime.min.time(), UTC)


async def kinds(shop: Any, name: str) -> list[str]:
    """The kinds of the open breaks, where a subject has several."""
    page = await Books(shop.database).breaks(ListBreaks(state="open", limit=100))
    return sorted(each.kind for each in page.data if each.provider == name)


async def found(shop: Any, name: str, state: str = "open") -> dict[str, str]:
    breaks, cursor = {}, None
    while True:
        page = await Books(shop.database).breaks(ListBreaks(state=state, limit=100, cursor=cursor))
        breaks |= {each.subject: each.kind for each in page.data if each.provider == name}
        cursor = page.next_cursor
        if cursor is None:
            return breaks


@pytest.mark.parametrize("count", [2_000, pytest.param(91_000, marks=pytest.mark.slow)], ids=["small", "large"])
async def test_fifty_planted_breaks_are_found_and_nothing_else(shop: Any, count: int):
    name, chance = new_id("psp"), random.Random(count)
    since = start_of_day(3)
    begun = time.monotonic()
    async with shop.database.connection() as connection:
        await connection.execute(HISTORY, name, since, count, timeout=600)
        await connection.execute("ANALYZE payments.payments, payments.ledger_txns, payments.ledger_entries")
    good = told(name, since, count)
    report, expected = planted(good, 50, chance)
    provider = Reporter(name, report, shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, provider, 200)
    made = time.monotonic()
    done = await reconciliation.run(since.date())
    # A minute, or where the machine is slow, several times what it took to write those rows.
    assert time.monotonic() - made < max(60.0, 9 * (made - begun))
    assert (done.lines, done.breaks) == (len(report), 50)
    assert await found(shop, name) == expected


async def test_what_comes_right_heals_and_what_a_person_knows_is_explained(shop: Any):
    name = new_id("psp")
    since = start_of_day(3)
    await shop.rows(HISTORY, name, since, 20)
    good = told(name, since, 20)
    reporter = Reporter(name, good[2:], shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    assert (await reconciliation.run(since.date())).breaks == 2
    assert (await reconciliation.run(since.date())).breaks == 2
    first = next(
        each for each in (await Books(shop.database).breaks(ListBreaks(limit=100))).data if each.provider == name
    )
    await Books(shop.database).explain(ExplainBreak(break_id=first.id, note="their outage", actor="usr_staff"))
    assert (await reconciliation.run(since.date())).breaks == 1
    reporter.lines = good
    assert (await reconciliation.run(since.date())).breaks == 0
    assert await found(shop, name, "explained") == {first.subject: "missing"}
    assert list((await found(shop, name, "healed")).values()) == ["missing"]


async def days(reconciliation: Reconciliation, first: datetime, count: int) -> list[int]:
    """The breaks of each of these days, in a row."""
    return [(await reconciliation.run(first.date() + timedelta(days=n))).breaks for n in range(count)]


def settled(lines: list[Movement], after: timedelta) -> list[Movement]:
    """The lines as a provider tells them that reports by the moment of settlement."""
    return [msgspec.structs.replace(line, at=line.at + after) for line in lines]


async def test_what_is_settled_days_later_is_no_break_on_any_day(shop: Any):
    name, since = new_id("psp"), start_of_day(12)
    await shop.rows(HISTORY, name, since, 20)
    reporter = Reporter(name, settled(told(name, since, 20), timedelta(days=2)), ABILITIES["razorpay"])
    assert await days(Reconciliation(shop.database, reporter, 200), since, 10) == [0] * 10
    assert await found(shop, name, "healed") == {}


async def test_what_is_never_settled_is_missing_when_the_lag_is_over(shop: Any):
    name, since = new_id("psp"), start_of_day(12)
    await shop.rows(HISTORY, name, since, 20)
    # Of the tenth the capture is settled, and its refund is not.
    lines = [line for line in told(name, since, 20) if line.id not in ("m3", "r10")]
    reporter = Reporter(name, settled(lines, timedelta(days=2)), ABILITIES["razorpay"])
    reconciliation = Reconciliation(shop.database, reporter, 200)
    assert await days(reconciliation, since, 9) == [0, 0, 0, 0, 0, 0, 0, 2, 0]
    assert await found(shop, name) == {f"psp_{name}_3": "missing", f"psp_{name}_10": "missing"}


async def test_parts_and_a_refund_are_settled_each_in_its_own_time(shop: Any):
    name, since = new_id("psp"), start_of_day(12)
    await shop.rows(HISTORY, name, since, 1)
    await shop.rows(POSTED, name, "part", "capture", 500, since + timedelta(days=1))
    await shop.rows(POSTED, name, "back", "refund", -300, since + timedelta(days=1, hours=1))
    # The refund fails after days: that it went out is reported before that it came back.
    await shop.rows(POSTED, name, "again", "refund_returned", 300, since + timedelta(days=5))
    whole, subject = told(name, since, 1)[0], f"psp_{name}_1"
    part = Movement("p", "capture", Money(500), fee(500), since + timedelta(days=4), subject)
    back = Movement("b", "refund", Money(-300), Money(0), since + timedelta(days=4), subject)
    again = Movement("a", "refund_failed", Money(300), Money(0), since + timedelta(days=7), subject)
    lines = [*settled([whole], timedelta(days=2)), part, back, again]
    reconciliation = Reconciliation(shop.database, Reporter(name, lines, ABILITIES["razorpay"]), 200)
    assert await days(reconciliation, since, 13) == [0] * 13


async def test_what_was_posted_right_before_midnight_is_looked_at_the_next_day(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    await shop.rows(HISTORY, name, since + timedelta(hours=23, minutes=50), 1)
    reconciliation = Reconciliation(shop.database, Reporter(name, [], shop.provider.abilities), 200)
    assert await days(reconciliation, since, 2) == [0, 1]
    assert await found(shop, name) == {f"psp_{name}_1": "missing"}


async def test_a_break_heals_when_a_later_day_brings_what_it_lacked_and_stays_healed(shop: Any):
    name, since = new_id("psp"), start_of_day(4)
    await shop.rows(HISTORY, name, since, 3)
    good = told(name, since, 3)
    dear = msgspec.structs.replace(good[2], fee=Money(good[2].fee.amount + 1))
    lines = [good[0], *settled([good[1]], timedelta(days=1)), dear, dear]
    reconciliation = Reconciliation(shop.database, Reporter(name, lines, shop.provider.abilities), 200)
    assert await days(reconciliation, since, 1) == [3]
    assert await kinds(shop, name) == ["duplicate", "fee", "missing"]
    assert await days(reconciliation, since + timedelta(days=1), 1) == [0]
    assert await kinds(shop, name) == ["duplicate", "fee"]
    assert await found(shop, name, "healed") == {f"psp_{name}_2": "missing"}
    # Run once more, the old day knows what came later.
    assert await days(reconciliation, since, 1) == [2]
    assert await found(shop, name, "healed") == {f"psp_{name}_2": "missing"}


async def test_an_old_day_run_again_heals_nothing_that_a_newer_one_found_wrong(shop: Any):
    name, since = new_id("psp"), start_of_day(5)
    await shop.rows(HISTORY, name, since, 1)
    await shop.rows(POSTED, name, "part", "capture", 400, since + timedelta(days=2))
    subject = f"psp_{name}_1"
    short = msgspec.structs.replace(told(name, since, 1)[0], amount=Money(901), fee=fee(901))
    reporter = Reporter(name, [short], shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    assert await days(reconciliation, since, 3) == [1, 0, 0]
    # Right as of the day of this line, but the part of the next one lacks.
    reporter.lines = [short, Movement("l", "capture", Money(100), fee(100), since + timedelta(days=1), subject)]
    await reconciliation.run(since.date() + timedelta(days=1))
    assert await found(shop, name) == {subject: "amount"}


async def test_a_line_that_comes_twice_is_a_break_and_is_booked_once(shop: Any):
    name = new_id("psp")
    since = start_of_day(3)
    await shop.rows(HISTORY, name, since, 3)
    good = told(name, since, 3)
    payout = Movement("out", "settlement", Money(-1_500), Money(0), since + timedelta(hours=5))
    reconciliation = Reconciliation(
        shop.database, Reporter(name, [*good, good[0], payout], shop.provider.abilities), 200
    )
    for _ in range(2):
        await reconciliation.run(since.date())
    assert await found(shop, name) == {"m1": "duplicate"}
    (balance,) = (await shop.payments.balances(AccountRef(account=f"psp_clearing:{name}"))).balances
    taken, fees = sum(line.amount.amount for line in good), sum(line.fee.amount for line in good)
    assert balance.posted == Money(taken - fees - 1_500)
    posted = "SELECT account, amount FROM payments.ledger_entries WHERE txn_id = ANY($1) ORDER BY account"
    assert await shop.rows(posted, [f"settlement:{name}:out"]) == [("bank", 1_500), (f"psp_clearing:{name}", -1_500)]


async def test_what_came_before_a_report_broke_off_is_booked_with_the_rest(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    lines = [Movement(f"f{n}", "fee", Money(0), Money(2), since) for n in range(LINES + 1)]
    reconciliation = Reconciliation(shop.database, Interrupted(name, lines, shop.provider.abilities), None)
    with pytest.raises(Unavailable):
        await reconciliation.run(since.date())
    for _ in range(2):
        await reconciliation.run(since.date())
    (balance,) = (await shop.payments.balances(AccountRef(account=f"psp_clearing:{name}"))).balances
    assert balance.posted == Money(-2 * (LINES + 1))


async def test_the_sandboxs_own_report_agrees_with_what_was_done(shop: Any):
    # Other tests move the sandbox's clock: its days are not ours.
    async with shop.session.get(shop.url + "/sandbox/clock") as answer:
        today = datetime.fromisoformat((await answer.json())["now"]).date()
    ask = shop.ask(await shop.card(), 10_000)
    paid = await shop.payments.authorize(ask)
    for part in (4_000, 6_000):
        await shop.payments.capture(Capture(payment_id=paid.id, request_id=str(part), amount=Money(part)))
    await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(2_500)))
    (theirs,) = await shop.books(ask.checkout_id)
    reconciliation = Reconciliation(shop.database, shop.provider, 200)
    for days in range(2):
        await reconciliation.run(today + timedelta(days=days))
    lines = "SELECT kind, amount_minor FROM payments.movements WHERE provider_id = $1 ORDER BY at, movement_id"
    assert await shop.rows(lines, theirs["id"]) == [("capture", 4_000), ("capture", 6_000), ("refund", -2_500)]
    assert theirs["id"] not in await found(shop, "sandbox")


async def test_a_report_that_cannot_be_read_changes_nothing(shop: Any):
    await shop.fault("report", "500_after", 1)
    with pytest.raises(Unavailable):
        await shop.payments.reconcile(ReconcileDay(day=now().date()))


async def test_a_break_names_the_checkout_that_it_is_about(shop: Any):
    name = new_id("psp")
    since = start_of_day(3)
    await shop.rows(HISTORY, name, since, 3)
    good = told(name, since, 3)
    stranger = msgspec.structs.replace(good[0], id="x", payment_id="psp_stranger")
    dear = msgspec.structs.replace(good[1], fee=Money(good[1].fee.amount + 1))
    reporter = Reporter(name, [good[0], dear, stranger], shop.provider.abilities)
    await Reconciliation(shop.database, reporter, 200).run(since.date())
    page = await Books(shop.database).breaks(ListBreaks(state="open", limit=100))
    about = {each.kind: each.checkout_id for each in page.data if each.provider == name}
    assert about == {"missing": f"{name}_3", "fee": f"{name}_2", "extra": None}


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, so that no day ends meanwhile."""
    at = now()
    monkeypatch.setattr(reconciling, "now", lambda: at)


def due_days_ago(days: int) -> datetime:
    """The start of a day so long before the last one whose report is complete by now."""
    last = (reconciling.now() - timedelta(hours=2)).date() - timedelta(days=1)
    return datetime.combine(last - timedelta(days=days), datetime.min.time(), UTC)


async def first_paid(shop: Any, name: str, at: datetime) -> None:
    """A history whose first payment was made at this moment, and another later."""
    await shop.rows(HISTORY, name, at, 2)
    await shop.rows("UPDATE payments.payments SET created_at = $2 WHERE payment_id = $1 || '_1'", name, at)


async def test_days_that_were_not_reconciled_are_made_up_for_once_the_oldest_first(shop: Any, standing: None):
    name, first = new_id("psp"), due_days_ago(3) + timedelta(hours=22)
    await first_paid(shop, name, first)
    reporter = Reporter(name, told(name, first, 2), shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    await reconciliation.run(due_days_ago(1).date())
    reporter.asked = []
    for _ in range(2):
        await reconciliation.run_due()
    assert reporter.asked == [due_days_ago(3), due_days_ago(2), due_days_ago(0)]
    assert await found(shop, name) == {}


async def test_a_day_that_somebody_looked_at_before_its_report_was_complete_is_looked_at_again(
    shop: Any, standing: None
):
    name, first = new_id("psp"), due_days_ago(0) + timedelta(hours=1)
    await first_paid(shop, name, first)
    reporter = Reporter(name, told(name, first, 2), shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    await reconciliation.run(due_days_ago(0).date())
    looked = "UPDATE payments.reconciliations SET done_at = $2 WHERE provider = $1"
    await shop.rows(looked, name, due_days_ago(0) + timedelta(hours=25))
    reporter.asked = []
    for _ in range(2):
        await reconciliation.run_due()
    assert reporter.asked == [due_days_ago(0)]


async def test_an_explained_break_that_is_another_by_now_is_open_again(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    await shop.rows(HISTORY, name, since, 1)
    short = msgspec.structs.replace(told(name, since, 1)[0], amount=Money(901), fee=fee(901))
    reporter = Reporter(name, [short], shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    await reconciliation.run(since.date())
    page = await Books(shop.database).breaks(ListBreaks(state="open", limit=100))
    found_id = next(each.id for each in page.data if each.provider == name)
    await shop.payments.explain_break(ExplainBreak(break_id=found_id, note="a discount of theirs", actor="usr_staff"))
    # Both sums may grow, as long as what was explained is all that lies between them.
    await shop.rows(POSTED, name, "part", "capture", 400, since + timedelta(hours=2))
    part = Movement("p", "capture", Money(400), fee(400), since + timedelta(hours=2), f"psp_{name}_1")
    reporter.lines = [short, part]
    await reconciliation.run(since.date())
    same = await found(shop, name)
    less = Movement("l", "capture", Money(-100), Money(0), since + timedelta(hours=3), f"psp_{name}_1")
    reporter.lines = [short, part, less]
    await reconciliation.run(since.date())
    assert (same, await found(shop, name)) == ({}, {f"psp_{name}_1": "amount"})


async def test_no_day_is_made_up_for_after_two_weeks_or_where_nobody_paid(shop: Any, standing: None):
    old, new = new_id("psp"), new_id("psp")
    await first_paid(shop, old, due_days_ago(40))
    for_old, for_new = Reporter(old, [], shop.provider.abilities), Reporter(new, [], shop.provider.abilities)
    await Reconciliation(shop.database, for_old, 200).run_due()
    await Reconciliation(shop.database, for_new, 200).run_due()
    assert (for_old.asked, for_new.asked) == ([due_days_ago(n) for n in range(13, -1, -1)], [])


async def test_a_day_that_cannot_be_had_is_told_and_tried_again_before_those_after_it(shop: Any, standing: None):
    name, first = new_id("psp"), due_days_ago(3) + timedelta(hours=1)
    await first_paid(shop, name, first)
    reporter = Reporter(name, told(name, first, 2), shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    reporter.away = {due_days_ago(2)}
    with capture_logs() as late:
        await reconciliation.run_due()
    reporter.away = {due_days_ago(1)}
    with capture_logs() as soon:
        await reconciliation.run_due()
    reporter.away = set()
    with capture_logs() as none:
        await reconciliation.run_due()
    assert reporter.asked == [due_days_ago(n) for n in (3, 2, 2, 1, 1, 0)]
    said = [(line["log_level"], line["day"], line["days"], line["why"]) for line in late + soon + none]
    days_ago = {n: str(due_days_ago(n).date()) for n in (1, 2)}
    assert said == [("error", days_ago[2], 4, "out"), ("warning", days_ago[1], 3, "out")]


async def put_aside(shop: Any, reason: str) -> PutAside:
    """A fact of its own that was not applied."""
    told_by = new_id("psp")
    await shop.rows("INSERT INTO payments.quarantine VALUES ('sandbox', $1, $2, '{\"a\": 1}')", told_by, reason)
    page = await shop.payments.facts_put_aside(ListPutAside(limit=100))
    return next(each for each in page.data if each.provider_id == told_by)


async def test_a_fact_that_was_looked_at_is_open_no_more(shop: Any):
    fact = await put_aside(shop, "amount")
    done = await shop.payments.explain_fact(ExplainFact(fact_id=fact.id, note="paid back by hand", actor="usr_staff"))
    await shop.rows(
        "INSERT INTO payments.quarantine VALUES ('sandbox', $1, 'amount', '{}') ON CONFLICT DO NOTHING",
        fact.provider_id,
    )
    still_open = await shop.payments.facts_put_aside(ListPutAside(state="open", limit=100))
    explained = await shop.payments.facts_put_aside(ListPutAside(state="explained", limit=100))
    assert (fact.state, done.state, done.note) == ("open", "explained", "usr_staff: paid back by hand")
    assert (fact.id in [each.id for each in still_open.data], fact.id in [each.id for each in explained.data]) == (
        False,
        True,
    )
    with pytest.raises(NotFound):
        await shop.payments.explain_fact(ExplainFact(fact_id="fct_none", note="x", actor="usr_staff"))


async def test_an_explanation_repeated_under_its_key_does_not_overwrite_a_later_one(shop: Any):
    fact = await put_aside(shop, "amount")
    key = Idempotency(account="usr_staff", key=new_id("key"), fingerprint="first")
    first = ExplainFact(fact_id=fact.id, note="first", actor="usr_a", idempotency=key)
    later = ExplainFact(fact_id=fact.id, note="later", actor="usr_b")
    told = [(await shop.payments.explain_fact(ask)).note for ask in (first, later, first)]
    (kept,) = await shop.rows("SELECT note FROM payments.quarantine WHERE provider_id = $1", fact.provider_id)
    assert (told, kept) == (["usr_a: first", "usr_b: later", "usr_a: first"], ("usr_b: later",))


async def test_a_break_explained_under_a_key_is_explained_once(shop: Any):
    name = new_id("psp")
    since = start_of_day(3)
    await shop.rows(HISTORY, name, since, 1)
    await Reconciliation(shop.database, Reporter(name, [], shop.provider.abilities), 200).run(since.date())
    page = await Books(shop.database).breaks(ListBreaks(state="open", limit=100))
    found_id = next(each.id for each in page.data if each.provider == name)
    key = Idempotency(account="usr_staff", key=new_id("key"), fingerprint="first")
    first = ExplainBreak(break_id=found_id, note="first", actor="usr_a", idempotency=key)
    later = ExplainBreak(break_id=found_id, note="later", actor="usr_b")
    told = [(await shop.payments.explain_break(ask)).note for ask in (first, later, first)]
    assert told == ["usr_a: first", "usr_b: later", "usr_a: first"]


async def test_facts_are_paged_without_loss_though_they_came_at_once(shop: Any):
    made = [(await put_aside(shop, "reference")).id for _ in range(5)]
    await shop.rows("UPDATE payments.quarantine SET at = 'epoch' WHERE fact_id = ANY($1)", made)
    seen, cursor = [], None
    for _ in range(200):
        page = await shop.payments.facts_put_aside(ListPutAside(limit=2, cursor=cursor))
        seen += [each.id for each in page.data]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(each for each in seen if each in made) == sorted(made)


async def test_facts_that_fit_nothing_are_listed(shop: Any):
    await shop.rows("INSERT INTO payments.quarantine VALUES ('sandbox', 'psp_x', 'amount', '{\"id\": \"psp_x\"}')")
    page = await shop.payments.facts_put_aside(ListPutAside(limit=100))
    assert ("psp_x", "amount", {"id": "psp_x"}) in [(each.provider_id, each.reason, each.fact) for each in page.data]


async def test_a_fee_that_came_and_went_on_one_day_books_nothing_and_holds_nothing_up(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    lines = [
        Movement("taken", "dispute", Money(-100), Money(1_500), since, "psp_stranger"),
        Movement("returned", "dispute_won", Money(100), Money(-1_500), since, "psp_stranger"),
        Movement("out", "settlement", Money(-700), Money(0), since),
    ]
    done = await Reconciliation(shop.database, Reporter(name, lines, shop.provider.abilities), None).run(since.date())
    (balance,) = (await shop.payments.balances(AccountRef(account=f"psp_clearing:{name}"))).balances
    assert (done.lines, balance.posted) == (3, Money(-700))


async def test_what_a_provider_charges_by_itself_is_a_fee(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    lines = [
        Movement("monthly", "fee", Money(-2_000), Money(0), since),
        Movement("taken", "capture", Money(900), Money(18), since, "psp_stranger"),
        Movement("credited", "fee", Money(500), Money(0), since),
    ]
    await Reconciliation(shop.database, Reporter(name, lines, shop.provider.abilities), None).run(since.date())
    (balance,) = (await shop.payments.balances(AccountRef(account=f"psp_clearing:{name}"))).balances
    assert balance.posted == Money(-1_518)


async def test_a_line_that_names_no_payment_is_a_break_until_a_person_has_looked(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    line = Movement("nameless", "capture", Money(500), Money(0), since)
    reconciliation = Reconciliation(shop.database, Reporter(name, [line], shop.provider.abilities), None)
    days = [since.date(), since.date() + timedelta(days=1), since.date()]
    assert [(await reconciliation.run(day)).breaks for day in days] == [1, 0, 1]
    assert await found(shop, name) == {"nameless": "extra"}


async def test_a_refund_that_is_still_under_way_may_be_in_the_report_or_not(shop: Any):
    name, since = new_id("psp"), start_of_day(3)
    await shop.rows(HISTORY, name, since, 1)
    begun = POSTED.replace("'posted'", "'pending'")
    await shop.rows(begun, name, "refund", "refund", -100, since + timedelta(hours=1))
    day, good = since.date(), told(name, since, 1)
    reporter = Reporter(name, good, shop.provider.abilities)
    reconciliation = Reconciliation(shop.database, reporter, 200)
    without = (await reconciliation.run(day)).breaks
    reporter.lines = [*good, Movement("r", "refund", Money(-100), Money(0), since, f"psp_{name}_1")]
    with_it = (await reconciliation.run(day)).breaks
    # It failed after all: the provider has to give it back.
    await shop.rows(
        "INSERT INTO payments.ledger_txns (txn_id, kind, phase, pending_ref, payment_id)"
        " VALUES ($1 || ':failed', 'refund_failed', 'voided', $1 || '_1:refund', $1 || '_1')",
        name,
    )
    assert (without, with_it, (await reconciliation.run(day)).breaks) == (0, 0, 1)


async def test_a_fact_that_was_explained_is_open_again_once_money_moved(shop: Any):
    store, held = PaymentStore(shop.database), PaymentFact(new_id("psp"), "chk_1", Money(7), "authorized")
    await store.put_aside("sandbox", held.id, "amount", held)
    page = await shop.payments.facts_put_aside(ListPutAside(state="open", limit=100))
    fact_id = next(each.id for each in page.data if each.provider_id == held.id)
    await shop.payments.explain_fact(ExplainFact(fact_id=fact_id, note="lapses by itself", actor="usr_staff"))
    seen = []
    lapsed = msgspec.structs.replace(held, state="lapsed")
    for fact in (held, lapsed, msgspec.structs.replace(held, state="captured", captured_minor=7)):
        await store.put_aside("sandbox", fact.id, "amount", fact)
        seen += await shop.rows(
            "SELECT state, (fact ->> 'captured_minor')::int FROM payments.quarantine WHERE fact_id = $1", fact_id
        )
    assert seen == [("explained", 0), ("explained", 0), ("open", 7)]


async def test_a_report_that_cannot_be_read_holds_up_no_other_providers(shop: Any):
    reporters = [Reporter(new_id("psp"), [], shop.provider.abilities) for _ in range(2)]
    for reporter in reporters:
        await first_paid(shop, reporter.name, due_days_ago(0) + timedelta(hours=1))
    reporters[0].lines = [Movement("odd", "capture", Money(1), Money(0), due_days_ago(0), "not a text \0")]
    payments = PaymentsService(PaymentStore(shop.database), reporters[0], shop.vault, others=reporters[1:])
    with capture_logs() as logs:
        await payments.reconcile_due()
    assert [len(reporter.asked) for reporter in reporters] == [1, 1]
    assert [line["provider"] for line in logs if "not be held against" in line["event"]] == [reporters[0].name]
