"""Letters by SMTP: `smtp://user:password@host:587` (STARTTLS when offered) or `smtps://host:465`."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib
from email_validator import validate_email

from haat.kit.clock import now
from haat.ports.mail import Letter, LetterRefused, MailUnreachable

TIMEOUT_SECONDS = 15.0
# Some say so only when a recipient is named.
WANTS_PASSWORD = 530


class SmtpMailer:
    """The adapter of `ports.mail.Mailer` for a real mail server. ValueError for a URL it cannot use."""

    keeps_letters = False

    def __init__(
        self, url: str, sender: str, sender_name: str = "haat", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("the mail server's address begins with smtp:// or smtps:// and names a host")
        self._host = parts.hostname
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._sender = Address(sender_name, addr_spec=sender)
        self._timeout = timeout_seconds

    async def send(self, letter: Letter) -> None:
        try:
            await aiosmtplib.send(
                self._message(letter),
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                timeout=self._timeout,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _verdict(min(codes, default=0), str(error)) from error
        except aiosmtplib.SMTPDataError as error:
            raise _verdict(error.code, error.message) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailUnreachable(f"the mail server refuses our password ({error.code})") from error
        except aiosmtplib.SMTPResponseException as error:
            # Of us, our sender or everybody, not of the letter: it waits, as for a server that is away.
            raise MailUnreachable(f"{error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUnreachable(f"{type(error).__name__}: {error}") from error

    def _message(self, letter: Letter) -> EmailMessage:
        try:
            to = _recipient(letter.to)
            message = EmailMessage(policy=SMTP if to.username.isascii() else SMTPUTF8)
            message["From"] = self._sender
            message["To"] = to
            message["Subject"] = letter.subject
        # What the parser of addresses raises for one it cannot read differs by the address and by Python's release.
        except (ValueError, LookupError, AttributeError, MessageError) as error:
            raise LetterRefused(f"an address or subject that cannot be written: {error}") from error
        message["Date"] = format_datetime(now())
        message["Message-ID"] = f"<{letter.id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message


def _recipient(address: str) -> Address:
    """Any script may stand in an address: its domain is written in ASCII, which every server takes, and only letters
    before the @ need one that can do SMTPUTF8. Raises ValueError."""
    if address.isascii():
        return Address(addr_spec=address)
    known = validate_email(address, check_deliverability=False)
    return Address(username=known.local_part, domain=known.ascii_domain)


def _verdict(code: int, why: str) -> LetterRefused | MailUnreachable:
    final = 500 <= code < 600 and code != WANTS_PASSWORD
    return LetterRefused(f"{code} {why}") if final else MailUnreachable(f"{code} {why}")
