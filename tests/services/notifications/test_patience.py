"""How long letters are tried, and those that were given up sent again."""

import asyncio

import pytest

from haat.contracts.notifications import Mailbox, MailRef
from haat.contracts.orders import OrderMoved
from haat.kit.database import Batch
from haat.kit.message import NotFound
from haat.ports.mail import LetterRefused, MailUnreachable
from haat.services.notifications import service
from haat.services.notifications.model import wait_seconds


async def mails(notifications, order):
    return (await notifications.mailbox(Mailbox(about=order.id))).data


async def has_tried(database, order, tries):
    async with database.connection() as connection:
        await connection.execute("UPDATE notifications.mails SET tries = $2 WHERE about = $1", order.id, tries)


@pytest.mark.parametrize(
    ("status", "tried", "state"),
    [
        ("shipped", 10, "queued"),
        ("shipped", 198, "queued"),
        ("shipped", 199, "failed"),
        ("out_for_delivery", 38, "queued"),
        ("out_for_delivery", 39, "failed"),
    ],
)
async def test_a_letter_is_given_up_when_its_tries_are_used(notifications, placed, pen, database, status, tried, state):
    order, _ = placed()
    pen.faults.append(MailUnreachable("421 not now"))
    await notifications.on_moved(Batch([OrderMoved(order_id=order.id, number=order.number, status=status)]))
    await has_tried(database, order, tried)
    await notifications.send_due()
    assert [mail.state for mail in await mails(notifications, order)] == [state]


async def test_a_mail_server_that_does_not_end_is_left_before_another_worker_may_send(
    notifications, placed, pen, monkeypatch
):
    order, event = placed()
    begun = asyncio.Event()

    async def never(_):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(pen, "send", never)
    monkeypatch.setattr(service, "LONGEST_SECONDS", 0.05)
    await notifications.on_placed(Batch([event]))
    await asyncio.wait_for(notifications.send_due(), 240)
    (mail,) = await mails(notifications, order)
    assert (begun.is_set(), mail.state) == (True, "queued")


async def test_no_letter_is_begun_that_could_outlive_its_lease(notifications, placed, pen, monkeypatch, due_now):
    order, event = placed()
    await notifications.on_placed(Batch([event]))
    with monkeypatch.context() as slow:
        slow.setattr(service, "LEASE_SECONDS", service.LONGEST_SECONDS)
        await notifications.send_due()
    (waiting,) = await mails(notifications, order)
    before = len(pen.letters)
    await due_now()
    await notifications.send_due()
    assert (waiting.state, before, len(pen.letters)) == ("queued", 0, 1)


def test_the_mail_server_may_be_away_for_two_days_and_what_is_of_today_ends_today():
    waits = {kind: [wait_seconds(kind, tries) for tries in range(1, 200)] for kind in ("order_placed", "welcome")}
    today = [wait_seconds("order_out_for_delivery", tries) for tries in range(1, 41)]
    assert (waits["order_placed"][:10], sum(waits["order_placed"])) == (
        [2, 4, 8, 16, 32, 64, 128, 256, 512, 900],
        172_022,
    )
    assert (waits["welcome"], sum(today[:-1]), today[-1]) == (waits["order_placed"], 28_022, None)


async def test_a_letter_that_failed_is_sent_again_once(notifications, placed, pen):
    order, event = placed()
    pen.faults.append(LetterRefused("530 sign in first"))
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    (failed,) = await mails(notifications, order)
    asked = await asyncio.gather(*(notifications.send_again(MailRef(mail_id=failed.id)) for _ in range(5)))
    await asyncio.gather(*(notifications.send_due() for _ in range(3)))
    after = await notifications.send_again(MailRef(mail_id=failed.id))
    await notifications.send_due()
    assert [mail.state for mail in [failed, *asked, after]] == ["failed", *["queued"] * 5, "sent"]
    assert [letter.id for letter in pen.letters] == [failed.id]


async def test_a_letter_that_was_given_up_and_is_sent_again_has_all_its_tries_again(
    notifications, placed, pen, database
):
    order, event = placed()
    pen.faults += [MailUnreachable("421 not now")] * 2
    await notifications.on_placed(Batch([event]))
    await notifications.send_due()
    await has_tried(database, order, 200)
    (mail,) = await mails(notifications, order)
    async with database.connection() as connection:
        await connection.execute("UPDATE notifications.mails SET state = 'failed' WHERE id = $1", mail.id)
    await notifications.send_again(MailRef(mail_id=mail.id))
    await notifications.send_due()
    (waiting,) = await mails(notifications, order)
    assert (mail.state, waiting.state, pen.faults) == ("queued", "queued", [])


async def test_what_is_not_there_cannot_be_sent_again(notifications):
    with pytest.raises(NotFound):
        await notifications.send_again(MailRef(mail_id="mail_nothing"))
