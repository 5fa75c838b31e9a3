"""The mailbox: what was written to customers, shown as they see it, in a frame that can do nothing."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from haat.contracts.notifications import Mailbox, MailRef, Notifications
from haat.kit.message import Page
from haat.web.backoffice.desk import Desk, dressed
from haat.web.backoffice.roles import OWNER
from haat.web.backoffice.templates import segment

A_PAGE = 50
LOOKED_AT = 100
STATES = ("failed", "queued")
# Letters carry their styles inside; nothing else of theirs is let do anything.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {shop} 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


@get("/mail", duty="mail")
async def list_mails(desk: Desk, notifications: Notifications) -> Response[Any]:
    """The latest first, to everybody or to one address; a state looks through the latest hundred."""
    to = desk.asked("to", 254)
    state = desk.asked("state") if desk.asked("state") in STATES else ""
    limit = LOOKED_AT if state else A_PAGE
    page = await notifications.mailbox(Mailbox(to=to or None, cursor=desk.asked("cursor", 1000) or None, limit=limit))
    if state:
        page = Page(
            data=[mail for mail in page.data if mail.state == state],
            has_more=page.has_more,
            next_cursor=page.next_cursor,
        )
    return desk.page("mails.html", page=page, to=to, state=state, states=STATES)


@get("/mail/{mail_id:str}", duty="mail")
async def view_mail(desk: Desk, notifications: Notifications, mail_id: str) -> Response[Any]:
    """One letter: who, what, how it looks, and its plain text."""
    mail = await notifications.mail(_asked(desk, mail_id))
    return desk.page("mail.html", mail=mail)


@post("/mail/{mail_id:str}", duty="mail", status_code=200)
async def send_again(desk: Desk, notifications: Notifications, mail_id: str) -> Response[Any]:
    """One that failed is sent again; however often this is asked, it is sent once."""
    mail = await notifications.send_again(MailRef(mail_id=mail_id))
    return desk.go(f"/admin/mail/{segment(mail.id)}?said={'mail-queued' if mail.state == 'queued' else 'mail-sent'}")


@get("/mail/{mail_id:str}/preview", duty="mail")
async def preview(desk: Desk, notifications: Notifications, mail_id: str) -> Response[str]:
    """The letter itself, for the frame."""
    mail = await notifications.mail(_asked(desk, mail_id))
    headers = {
        "Content-Security-Policy": PREVIEW_POLICY.format(shop=desk.settings.shop_url),
        "X-Frame-Options": "SAMEORIGIN",
    }
    answer = Response(mail.html or "<p>Not written yet.</p>", media_type="text/html", headers=headers)
    dressed(answer)
    return answer


def _asked(desk: Desk, mail_id: str) -> MailRef:
    return MailRef(mail_id=mail_id, with_keys=desk.caller.has_role(OWNER))


ROUTES = [list_mails, view_mail, send_again, preview]
