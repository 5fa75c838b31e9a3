"""Letters that failed, as staff send them again."""

from __future__ import annotations

import pytest

from haat.contracts.notifications import MailRef
from tests.web.backoffice.conftest import Enter, House


@pytest.mark.parametrize(("state", "offered"), [("failed", True), ("queued", False), ("sent", False)])
async def test_only_a_letter_that_failed_can_be_sent_again(
    enter: Enter, house: House, state: str, offered: bool
) -> None:
    house.notifications.state = state
    page = (await enter("support").see("/admin/mail/mail_1")).text

    assert (">Send again</button>" in page) is offered


@pytest.mark.parametrize(("state", "said"), [("queued", "mail-queued"), ("sent", "mail-sent")])
async def test_whoever_sends_it_again_is_told_how_it_stands(enter: Enter, house: House, state: str, said: str) -> None:
    house.notifications.state = state
    person = enter("support")

    answer = await person.send("/admin/mail/mail_1")

    assert answer.headers["location"] == f"/admin/mail/mail_1?said={said}"
    assert house.notifications.asked == [MailRef(mail_id="mail_1")]
