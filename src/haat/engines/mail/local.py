"""The embedded default: a letter is in the local mailbox already, and nothing leaves the machine."""

from __future__ import annotations

from haat.ports.mail import Letter


class LocalMailbox:
    """The adapter of `ports.mail.Mailer` that needs no mail server."""

    keeps_letters = True

    async def send(self, letter: Letter) -> None:
        return None
