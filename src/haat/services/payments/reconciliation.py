"""Reconciliation: the provider's report of a day, line by line, against the ledger; what differs is kept as a break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import structlog

from haat.contracts.payments import (
    Break,
    DayReconciled,
    ExplainBreak,
    ExplainFact,
    ListBreaks,
    ListPutAside,
    PutAside,
)
from haat.kit.clock import now
from haat.kit.cursor import Moment, decode_cursor, id_in, paged
from haat.kit.database import Connection, Database
from haat.kit.message import Invalid, NotFound, Page, Unavailable
from haat.kit.sql import patient
from haat.ports.payment_provider import Movement, PaymentProvider
from haat.services.payments.ledger import Posting
from haat.services.payments.sql import queries
from haat.services.payments.statements import ledger_columns

log = structlog.get_logger("haat.payments")
# What is compared as a sum, by the kind of a line. Payouts and the provider's own fees only move money on.
MATTERS = {
    "capture": "captures",
    "refund": "refunds",
    "refund_failed": "refunds",
    "dispute": "disputes",
    "dispute_won": "disputes",
}
LINES = 5_000
# What the provider booked right before the end may be in its next report, or be known here a little later; beside
# the lag of its reports.
GRACE = timedelta(minutes=15)
# A day is looked at this long after its end, when late lines are there, too.
SETTLED_AFTER = timedelta(hours=2)
# How far back a day is made up for that could not be reconciled, and how late it may be before somebody has to act.
CATCH_UP_DAYS = 14
LATE_DAYS = 2
# A day's lines are compared in one statement; a busy shop's day takes longer than any request may.
DAY_SECONDS = 600.0


class Reconciliation:
    """`fee_basis_points` is the agreed fee of a capture, rounded up; None where fees cannot be foretold."""

    def __init__(self, database: Database, provider: PaymentProvider, fee_basis_points: int | None) -> None:
        self.provider = provider.name
        self._database = database
        self._provider = provider
        self._fee_basis_points = fee_basis_points

    async def run(self, day: date) -> DayReconciled:
        """Fetch the report, book what it moved on, find what differs. Raises Invalid without reports, Unavailable."""
        if not self._provider.abilities.report:
            raise Invalid(errors=[{"pointer": "/day", "code": "not_allowed", "detail": "this provider has no reports"}])
        since = datetime.combine(day, time(), UTC)
        until = since + timedelta(days=1)
        seen = await self._fetched(since, until)
        repeated = [movement_id for movement_id, times in seen.items() if times > 1]
        name = self._provider.name
        with patient(DAY_SECONDS):
            async with self._database.transaction("payments") as transaction:
                connection = transaction.connection
                await self._book(connection, day)
                grace = (GRACE + self._provider.abilities.report_lag).total_seconds()
                asked = {"provider": name, "since": since, "until": until, "grace_seconds": grace}
                await queries.join_at_once(connection)
                await queries.put_breaks(connection, **asked, fee_basis_points=self._fee_basis_points)
                await queries.put_repeated(connection, provider=name, movement_ids=repeated, day=day)
                found = await queries.end_reconciliation(connection, provider=name, day=day, lines=seen.total())
        if found:
            log.error("the provider's report and the ledger differ", provider=name, day=str(day), breaks=found)
        return DayReconciled(provider=name, day=day, lines=seen.total(), breaks=found)

    async def run_due(self) -> None:
        """Each day whose report is complete, once, the oldest first; from one that cannot be had on, at the next call.

        A day without the lines of those before it would tell of breaks that are none.
        """
        if not self._provider.abilities.report:
            return
        name, last = self._provider.name, (now() - SETTLED_AFTER).astimezone(UTC).date() - timedelta(days=1)
        async with self._database.connection() as connection:
            settled = SETTLED_AFTER.total_seconds()
            rows = queries.days_due(connection, provider=name, last=last, days=CATCH_UP_DAYS, settled_seconds=settled)
            due = [row["day"] async for row in rows]
        for day in due:
            try:
                await self.run(day)
            except Unavailable as error:
                tell = log.error if (last - day).days >= LATE_DAYS else log.warning
                tell("a day's report cannot be had yet", provider=name, day=str(day), why=error.detail, days=len(due))
                return

    async def _fetched(self, since: datetime, until: datetime) -> Counter[str]:
        """Write the lines that are new here; how often each line came, by its id."""
        seen: Counter[str] = Counter()
        batch: list[Movement] = []
        async for line in self._provider.report(since, until):
            seen[line.id] += 1
            batch.append(line)
            if len(batch) == LINES:
                await self._put(batch)
                batch = []
        await self._put(batch)
        return seen

    async def _put(self, lines: Sequence[Movement]) -> None:
        async with self._database.connection() as connection:
            await queries.put_movements(
                connection,
                provider=self._provider.name,
                ids=[line.id for line in lines],
                kinds=[line.kind for line in lines],
                matters=[MATTERS.get(line.kind) for line in lines],
                provider_ids=[line.payment_id for line in lines],
                amounts=[line.amount.amount for line in lines],
                currencies=[line.amount.currency for line in lines],
                fees=[line.fee.amount for line in lines],
                fee_currencies=[line.fee.currency for line in lines],
                ats=[line.at for line in lines],
            )

    async def _book(self, connection: Connection, day: date) -> None:
        """The fees that the provider kept or charged by itself, and what it paid out to the bank."""
        clearing = f"psp_clearing:{self._provider.name}"
        rows = queries.settle_lines(connection, provider=self._provider.name, day=day.isoformat())
        for row in [row async for row in rows]:
            to = "psp_fees" if row["kind"] == "fees" else "bank"
            entries = ((to, row["amount"]), (clearing, -row["amount"]))
            posting = Posting(row["kind"], row["txn_id"], "posted", entries)
            await queries.post(connection, payment_id=None, currency=row["currency"], **ledger_columns([posting]))


class Books:
    """What a person looks at: breaks of every provider, and facts that were put aside."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def breaks(self, ask: ListBreaks) -> Page[Break]:
        filters = f"breaks|{ask.state}"
        before = id_in(filters, ask.cursor)
        async with self._database.connection() as connection:
            rows = queries.breaks(connection, state=ask.state, before=before, limit=ask.limit + 1)
            found = [_break(row) async for row in rows]
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def explain(self, ask: ExplainBreak) -> Break:
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, Break)
            if stored is not None:
                return stored
            note = f"{ask.actor}: {ask.note}"
            row = await queries.explain_break(transaction.connection, break_id=ask.break_id, note=note)
            if row is None:
                raise NotFound("There is no such break, or it has healed")
            return transaction.remember(_break(row))

    async def put_aside(self, ask: ListPutAside) -> Page[PutAside]:
        filters = f"put-aside|{ask.state}"
        before_at, before_id = decode_cursor(filters, ask.cursor, tuple[Moment, str]) or (None, "")
        async with self._database.connection() as connection:
            rows = queries.quarantined(
                connection, state=ask.state, before_at=before_at, before_id=before_id, limit=ask.limit + 1
            )
            found = [_fact(row) async for row in rows]
        return paged(filters, found, ask.limit, lambda each: (each.at, each.id))

    async def explain_fact(self, ask: ExplainFact) -> PutAside:
        async with self._database.transaction("payments") as transaction:
            stored = await transaction.replay(ask.idempotency, PutAside)
            if stored is not None:
                return stored
            note = f"{ask.actor}: {ask.note}"
            row = await queries.explain_fact(transaction.connection, fact_id=ask.fact_id, note=note)
            if row is None:
                raise NotFound("There is no such fact")
            return transaction.remember(_fact(row))


def _break(row: object) -> Break:
    names = "provider kind subject matter ours_minor theirs_minor currency state note found_at day checkout_id"
    return Break(id=row["break_id"], **{name: row[name] for name in names.split()})  # type: ignore[index]


def _fact(row: object) -> PutAside:
    names = "provider provider_id reason fact at state note checkout_id"
    return PutAside(id=row["fact_id"], **{name: row[name] for name in names.split()})  # type: ignore[index]
