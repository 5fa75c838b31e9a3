"""The mailbox, as staff read it."""

from datetime import timedelta

import httpx
import pytest

from haat.contracts.identity import AccessToken, AccountLetter, Identity, LetterWanted, Principal
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.services.notifications.http import ROUTES
from haat.web.gateway.app import gateway


class OneRole(Identity):
    """A token is the role of its bearer."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        return Principal(
            user_id=f"usr_{ask.token}", session_id="ses_1", roles=[ask.token], expires_at=now() + timedelta(hours=1)
        )


@pytest.fixture
async def http(notifications):
    app = gateway(ROUTES, {"identity": OneRole(), "notifications": notifications}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        yield client


STAFF = {"Authorization": "Bearer support"}


async def test_staff_find_and_open_a_mail(http, notifications, placed):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    listed = (await http.get("/v1/mails", params={"about": order.id}, headers=STAFF)).json()["data"]
    opened = (await http.get(f"/v1/mails/{listed[0]['id']}", headers=STAFF)).json()
    assert (len(listed), opened["to"], opened["state"], opened["html"].startswith("<!doctype html>")) == (
        1,
        order.email,
        "sent",
        True,
    )


async def test_a_link_to_an_account_is_shown_to_owners_only(http, notifications, people):
    people.letters["ltr_1"] = AccountLetter(
        kind="password_reset", user_id="usr_1", email="asha@example.in", name="Asha", token="ltr_1.secret"
    )
    await notifications.on_letters_wanted(Batch([LetterWanted(letter_id="ltr_1", kind="password_reset")]))
    await notifications.send_due()
    (listed,) = (await http.get("/v1/mails", params={"to": "asha@example.in"}, headers=STAFF)).json()["data"]
    path = f"/v1/mails/{listed['id']}"
    staffs = (await http.get(path, headers=STAFF)).json()
    owners = (await http.get(path, headers={"Authorization": "Bearer owner"})).json()
    assert (staffs["state"], staffs["subject"], staffs["html"], staffs["text"]) == (
        "sent",
        owners["subject"],
        "",
        "This letter holds a link that is a key to an account: only owners may read it.",
    )
    assert ("ltr_1.secret" in owners["html"], "ltr_1.secret" in owners["text"]) == (True, True)


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer catalogue"}, 403), (STAFF, 200)])
async def test_the_mailbox_needs_the_support_role(http, headers, status):
    assert (await http.get("/v1/mails", headers=headers)).status_code == status


async def test_an_unknown_mail_is_404(http):
    assert (await http.get("/v1/mails/mail_nothing", headers=STAFF)).status_code == 404


async def test_a_damaged_cursor_is_400(http):
    assert (await http.get("/v1/mails?cursor=zzz", headers=STAFF)).json()["code"] == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "101", "x"])
async def test_a_limit_out_of_range_is_422(http, limit):
    assert (await http.get(f"/v1/mails?limit={limit}", headers=STAFF)).status_code == 422
