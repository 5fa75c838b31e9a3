"""What every way out for letters promises; SMTP against a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from haat.engines.mail.local import LocalMailbox
from haat.engines.mail.smtp import SmtpMailer
from haat.ports.mail import Letter, LetterRefused, MailUnreachable

LETTER = Letter("mail_1", "asha@example.in", "Your order №7", "<p>Thank you</p>", "Thank you\n")


class PostOffice:
    """Takes letters, or answers a recipient with `answer`, the sender with `turned_away`; counts who needs SMTPUTF8."""

    def __init__(self) -> None:
        self.answer = self.turned_away = ""
        self.needed_utf8 = 0
        self.letters: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.turned_away:
            return self.turned_away
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.needed_utf8 += envelope.smtp_utf8
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.letters.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    made = PostOffice()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(made, hostname="127.0.0.1", port=port)
    controller.start()
    made.url = f"smtp://127.0.0.1:{port}"
    yield made
    controller.stop()


@pytest.fixture
def smtp(office: PostOffice) -> SmtpMailer:
    return SmtpMailer(office.url, "orders@shop.example")


@pytest.mark.parametrize("kind", ["local", "smtp"])
async def test_a_letter_is_handed_over(kind, smtp):
    await {"local": LocalMailbox(), "smtp": smtp}[kind].send(LETTER)


async def test_it_arrives_with_both_bodies(smtp, office):
    await smtp.send(LETTER)
    (arrived,) = office.letters
    assert (arrived["To"], arrived["From"], arrived["Subject"], arrived["Message-ID"]) == (
        "asha@example.in",
        "haat <orders@shop.example>",
        "Your order №7",
        "<mail_1@shop.example>",
    )
    assert [(part.get_content_type(), part.get_content().strip()) for part in arrived.iter_parts()] == [
        ("text/plain", "Thank you"),
        ("text/html", "<p>Thank you</p>"),
    ]
    assert office.envelopes == [("orders@shop.example", ["asha@example.in"])]


@pytest.mark.parametrize(
    ("to", "written", "needs_utf8"),
    [
        ("asha@münchen.example", "asha@xn--mnchen-3ya.example", 0),
        ("asha@दुकान.भारत", "asha@xn--11b7ah1gn.xn--h2brj9c", 0),
        ("आशा@दुकान.भारत", "आशा@xn--11b7ah1gn.xn--h2brj9c", 1),
    ],
)
async def test_an_address_in_any_script_is_reached(smtp, office, to, written, needs_utf8):
    await smtp.send(Letter("mail_3", to, "Your order №7", "<p>Thank you</p>", "Thank you\n"))
    (arrived,) = office.letters
    assert (arrived["To"], arrived["Subject"], office.needed_utf8) == (written, "Your order №7", needs_utf8)
    assert office.envelopes == [("orders@shop.example", [written])]


async def test_a_recipient_that_does_not_exist_is_refused(smtp, office):
    office.answer = "550 nobody here"
    with pytest.raises(LetterRefused, match="550"):
        await smtp.send(LETTER)


async def test_a_server_that_is_busy_is_unreachable(smtp, office):
    office.answer = "451 later please"
    with pytest.raises(MailUnreachable, match="451"):
        await smtp.send(LETTER)


@pytest.mark.parametrize(("sender", "recipient"), [("550 who are you", ""), ("", "530 say your password first")])
async def test_a_server_that_refuses_us_keeps_the_letter_waiting(smtp, office, sender, recipient):
    office.turned_away, office.answer = sender, recipient
    with pytest.raises(MailUnreachable, match=(sender or recipient)[:3]):
        await smtp.send(LETTER)


async def test_a_server_that_takes_no_mail_at_all_keeps_the_letter_waiting():
    async def closed(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no mail here today\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(closed, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MailUnreachable, match="554"):
            await SmtpMailer(f"smtp://127.0.0.1:{port}", "orders@shop.example").send(LETTER)


async def test_a_server_that_is_away_is_unreachable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(MailUnreachable):
            await SmtpMailer(f"smtp://127.0.0.1:{taken.getsockname()[1]}", "orders@shop.example").send(LETTER)


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("not an address", "x"),
        ("", "x"),
        ("a@", "x"),
        ("@b.example", "x"),
        ("a@[1", "x"),
        ("a@b.example\r\nBcc: c@d.example", "x"),
        ("a@b.example", "x\r\nBcc: c@d.e"),
    ],
)
async def test_what_cannot_stand_in_a_header_is_refused(smtp, office, to, subject):
    with pytest.raises(LetterRefused):
        await smtp.send(Letter("mail_2", to, subject, "<p/>", "x"))
    assert office.letters == []


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "mail.example:25"])
def test_an_address_that_is_no_mail_server_is_told_at_once(url):
    with pytest.raises(ValueError, match="smtp://"):
        SmtpMailer(url, "orders@shop.example")
