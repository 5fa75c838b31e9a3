"""Notifications: mails about orders, and the local mailbox of the embedded default."""

from __future__ import annotations

from datetime import datetime

from haat.kit.message import Message, Page
from haat.kit.rpc import Contract, promise


class Mail(Message, frozen=True):
    """`state` is queued, sent or failed; bodies only in the single view."""

    id: str
    to: str
    subject: str
    state: str
    created_at: datetime
    about: str = ""
    html: str = ""
    text: str = ""


class Mailbox(Message, frozen=True):
    to: str | None = None
    about: str | None = None
    cursor: str | None = None
    limit: int = 50


class MailRef(Message, frozen=True):
    """`with_keys` is for owners: letters whose link is a key to an account come with it."""

    mail_id: str
    with_keys: bool = False


class Notifications(Contract):
    """Every mail is written before it is sent, and sent at most once per cause."""

    @promise(safe_to_repeat=True)
    async def mailbox(self, ask: Mailbox) -> Page[Mail]: ...
    @promise(safe_to_repeat=True)
    async def mail(self, ask: MailRef) -> Mail: ...
    @promise(safe_to_repeat=True)
    async def send_again(self, ask: MailRef) -> Mail:
        """A letter that has failed is queued once more; one that waits or was sent stays as it is."""
        ...
