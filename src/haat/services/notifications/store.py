"""SQL of the mails. Lock order: mails by what is due; workers never wait for each other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.notifications import Mail
from haat.kit.database import Connection, Database, Transaction
from haat.kit.ids import new_id
from haat.kit.sql import load_queries
from haat.ports.mail import Letter
from haat.services.notifications.model import Cause, Kind

queries = load_queries(Path(__file__).with_name("queries.sql"))


class DueMail(msgspec.Struct, frozen=True):
    """A mail claimed for sending; `html` is empty until it is rendered."""

    id: str
    kind: Kind
    about: str
    address: str
    facts: dict[str, Any]
    subject: str
    html: str
    text: str
    tries: int
    created_at: datetime

    def letter(self) -> Letter:
        """The rendered mail as it is sent."""
        return Letter(self.id, self.address, self.subject, self.html, self.text)


class Settled(msgspec.Struct, frozen=True):
    """What became of one try: queued again after `wait_seconds`, sent, or failed."""

    id: str
    tries: int
    state: str
    error: str = ""
    wait_seconds: int = 0


class MailStore:
    """Mails by cause, by what is due, and as a mailbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction("notifications")

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return self._database.connection()

    async def note(self, connection: Connection, causes: Sequence[Cause]) -> None:
        """One queued mail for each cause that has none yet."""
        await queries.note(
            connection,
            ids=[new_id("mail") for _ in causes],
            causes=[each.cause for each in causes],
            kinds=[each.kind for each in causes],
            abouts=[each.about for each in causes],
            addresses=[each.address for each in causes],
            facts=[each.facts for each in causes],
        )

    async def claim_due(self, connection: Connection, lease_seconds: int, at_most: int) -> list[DueMail]:
        """Mails whose turn it is, each given to one worker."""
        rows = queries.claim_due(connection, lease_seconds=lease_seconds, at_most=at_most)
        return [msgspec.convert(dict(row), DueMail) async for row in rows]

    async def save_rendered(self, connection: Connection, mails: Sequence[DueMail]) -> None:
        """Keep what will be sent, before it is sent."""
        await queries.save_rendered(
            connection,
            ids=[each.id for each in mails],
            abouts=[each.about for each in mails],
            addresses=[each.address for each in mails],
            subjects=[each.subject for each in mails],
            htmls=[each.html for each in mails],
            texts=[each.text for each in mails],
        )

    async def settle(self, connection: Connection, settled: Sequence[Settled]) -> None:
        """Keep what became of the tries."""
        await queries.settle(
            connection,
            ids=[each.id for each in settled],
            tries=[each.tries for each in settled],
            states=[each.state for each in settled],
            errors=[each.error for each in settled],
            waits=[each.wait_seconds for each in settled],
        )

    async def send_again(self, connection: Connection, mail_id: str) -> None:
        """Give a letter that has failed its turn now; any other stays as it is."""
        await queries.send_again(connection, id=mail_id)

    async def order_of_checkout(self, connection: Connection, checkout_id: str) -> str | None:
        """The order that a checkout became, as far as the mails know."""
        found: str | None = await queries.order_of_checkout(connection, checkout_id=checkout_id)
        return found

    async def mailbox(
        self, connection: Connection, address: str | None, about: str | None, before: str | None, at_most: int
    ) -> list[Mail]:
        """Mails without their bodies, the newest first, older than `before`."""
        rows = queries.mailbox(connection, address=address, about=about, before=before, at_most=at_most)
        return [_mail(row) async for row in rows]

    async def mail(self, connection: Connection, mail_id: str) -> tuple[Kind, Mail] | None:
        """One mail with its bodies, and what kind of letter it is."""
        row = await queries.mail(connection, id=mail_id)
        if row is None:
            return None
        found = dict(row)
        return found.pop("kind"), _mail(found)


def _mail(row: Any) -> Mail:
    found = dict(row)
    return Mail(to=found.pop("address"), **found)
