"""`/v1/mails`: the mailbox, for staff."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from haat.contracts.notifications import Mail, Mailbox, MailRef, Notifications
from haat.kit.access import Caller, needs_role
from haat.kit.message import Page
from haat.kit.problem import problems

MailId = Annotated[str, Parameter(description="`mail_…`")]
To = Annotated[str | None, Parameter(query="to", max_length=254, description="only mails to this address")]
About = Annotated[
    str | None, Parameter(query="about", max_length=100, description="only mails about this order or SKU")
]
Cursor = Annotated[str | None, Parameter(query="cursor", max_length=1000, description="`next_cursor` of the last page")]
Limit = Annotated[int, Parameter(query="limit", ge=1, le=100, description="mails a page")]


@get("/v1/mails", tags=["staff"], guards=[needs_role("support")], responses=problems(401, 403, 422))
async def list_mails(
    notifications: Notifications, to: To = None, about: About = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Mail]:
    """Mails newest first, without their bodies; `state` is queued, sent or failed."""
    return await notifications.mailbox(Mailbox(to=to, about=about, cursor=cursor, limit=limit))


@get("/v1/mails/{mail_id:str}", tags=["staff"], guards=[needs_role("support")], responses=problems(401, 403, 404))
async def view_mail(mail_id: MailId, notifications: Notifications, caller: Caller) -> Mail:
    """One mail with its HTML and text; a queued one may not be written yet. Keys to accounts are for owners only."""
    return await notifications.mail(MailRef(mail_id=mail_id, with_keys=caller.has_role("owner")))


ROUTES = [list_mails, view_mail]
