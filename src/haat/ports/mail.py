"""The way out for letters."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Letter(msgspec.Struct, frozen=True):
    """`id` makes the Message-ID, so that a mail server knows a repeated letter again."""

    id: str
    to: str
    subject: str
    html: str
    text: str


class LetterRefused(Exception):
    """It will never be taken as it is: no such address, or refused for good."""


class MailUnreachable(Exception):
    """Not now: it may even have been taken. Try again with the same letter."""


class Mailer(Protocol):
    """Raises LetterRefused or MailUnreachable; silence means that the letter was handed over."""

    # Whether the letters it was given are to be read here, because they go nowhere else.
    keeps_letters: bool

    async def send(self, letter: Letter) -> None: ...
