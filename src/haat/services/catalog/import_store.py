"""SQL of import jobs. Lock order: products, then the job that brings them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from haat.contracts.catalog import ImportJob, ImportOptions, RowFault, StartImport
from haat.kit.database import Connection
from haat.kit.ids import new_id
from haat.kit.sql import load_queries

queries = load_queries(Path(__file__).with_name("import_queries.sql"))
FAULTS_SHOWN = 1_000
LEASE_SECONDS = 120


class Job(msgspec.Struct, frozen=True):
    """A job that this worker holds. `claim` fences off a worker whose lease ran out."""

    job_id: str
    claim: int
    format: str
    options: ImportOptions
    actor: str
    body: bytes
    rows_done: int


class ImportStore:
    """Jobs: queued, claimed, advanced, finished."""

    async def add(self, connection: Connection, ask: StartImport) -> ImportJob:
        """Queue a job."""
        job_id = new_id("imp")
        await queries.add(
            connection, job_id=job_id, format=ask.format, options=ask.options, actor=ask.actor, body=ask.body
        )
        job = await self.job(connection, job_id)
        assert job is not None
        return job

    async def job(self, connection: Connection, job_id: str) -> ImportJob | None:
        """A job and its first faults."""
        row = await queries.job(connection, job_id=job_id)
        if row is None:
            return None
        faults = [
            RowFault(line=each["line"], pointer=each["pointer"], code=each["code"], detail=each["detail"])
            async for each in queries.faults(connection, job_id=job_id, count=FAULTS_SHOWN)
        ]
        return ImportJob(
            id=row["job_id"],
            status=row["status"],
            rows=row["rows_done"],
            created=row["created"],
            updated=row["updated"],
            errors=faults,
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            error_count=row["faults"],
        )

    async def claim(self, connection: Connection) -> Job | None:
        """The oldest job that nobody works on; None when there is nothing to do."""
        row = await queries.claim(connection, lease_seconds=LEASE_SECONDS)
        if row is None:
            return None
        options = msgspec.convert(row["options"], ImportOptions)
        return Job(
            row["job_id"],
            row["claims"],
            row["format"],
            options,
            row["actor"],
            row["body"],
            row["rows_done"],
        )

    async def advance(
        self, connection: Connection, job: Job, rows: int, created: int, updated: int, faults: Sequence[RowFault]
    ) -> bool:
        """Rows up to `rows` are done, noted with their products; False when another worker has the job."""
        if await queries.advance(
            connection, job_id=job.job_id, claim=job.claim, rows=rows, created=created, updated=updated,
            faults=len(faults), lease_seconds=LEASE_SECONDS,
        ) is None:  # fmt: skip
            return False
        await queries.add_faults(
            connection,
            job_id=job.job_id,
            lines=[fault.line for fault in faults],
            pointers=[fault.pointer for fault in faults],
            codes=[fault.code for fault in faults],
            details=[fault.detail for fault in faults],
        )
        return True

    async def finish(self, connection: Connection, job: Job, status: str) -> None:
        """Done or failed; the file is dropped."""
        await queries.finish(connection, job_id=job.job_id, claim=job.claim, status=status)
