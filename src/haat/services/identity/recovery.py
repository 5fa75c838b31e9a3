"""A forgotten password and a new e-mail address: by a mailed link that works once, for an hour."""

from __future__ import annotations

import msgspec

from haat.contracts.identity import (
    AccountLetter,
    AskEmailChange,
    AskReset,
    ConfirmEmail,
    EmailTaken,
    KnownDevice,
    LetterRef,
    LinkRefused,
    ResetPassword,
    User,
)
from haat.kit.clock import now
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.kit.message import NotFound, Nothing
from haat.services.identity.model import (
    EMAIL_CHANGE,
    EMAIL_CHANGED,
    LINK_LIFE,
    PASSWORD_CHANGED,
    RESET,
    RESETS_AN_ADDRESS,
    WORD_LIFE,
    Device,
    account_limit,
    address_limit,
    check_attempts,
    email_key,
    email_of,
    letter_of,
    link_token,
    reset_limit,
    without_oracle,
    wrong_password,
)
from haat.services.identity.passwords import Passwords
from haat.services.identity.sessions import Sessions
from haat.services.identity.store import IdentityStore


class Recovery:
    """Whether an address has an account shows in no answer and in no time that an answer takes."""

    def __init__(self, store: IdentityStore, passwords: Passwords, sessions: Sessions, secret: bytes) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._secret = secret

    async def ask_reset(self, ask: AskReset) -> None:
        """Raises TooMany, for addresses with and without an account alike."""
        email = email_of(ask.email)
        limits = [reset_limit(email.key)]
        from_address = address_limit(ask.address, "reset", RESETS_AN_ADDRESS)
        if from_address is not None:
            limits.append(from_address)
        async with self._store.connection() as connection:
            check_attempts(limits, await self._store.count_attempts(connection, limits), now())
        async with self._store.transaction() as transaction:
            if await transaction.replay(self._kept(ask.idempotency), Nothing) is None:
                await self._store.insert_reset(transaction.connection, new_id("ltr"), email, now() + LINK_LIFE)
                transaction.remember(Nothing())

    async def reset_password(self, ask: ResetPassword) -> KnownDevice:
        """The new password stands, sessions and other links are dead, the owner is told. Raises LinkRefused.

        With the password goes every device that was known: where the link was followed is one, whatever others guess.
        """
        letter_id = letter_of(ask.token, RESET, self._secret)
        async with self._store.connection() as connection:
            works = await self._store.letter(connection, letter_id) is not None
        # Looked at before hashing: a link that is over must cost next to nothing.
        if not works and ask.idempotency is None:
            raise LinkRefused()
        password_hash = await self._passwords.hash(ask.password) if works else ""
        async with self._store.transaction() as transaction:
            if await transaction.replay(self._kept(ask.idempotency), Nothing) is not None:
                return KnownDevice()
            used = await self._store.use_letter(transaction.connection, letter_id, RESET) if works else None
            if used is None:
                raise LinkRefused()
            user_id, _ = used
            user = await self._store.change_user(
                transaction.connection, user_id, password_hash=password_hash, email_proven=True
            )
            assert user is not None
            await self._store.end_other_sessions(transaction.connection, user_id, None)
            await self._store.close_letters(transaction.connection, user_id)
            await self._store.forgive(transaction.connection, account_limit(email_key(user.email)).key)
            await self._store.insert_letter(transaction, PASSWORD_CHANGED, user_id, user.email, now() + WORD_LIFE)
            transaction.remember(Nothing())
        await self._sessions.forget(user_id)
        return KnownDevice(device=Device.let_in(now(), None).token(password_hash, self._secret))

    async def ask_email_change(self, ask: AskEmailChange) -> None:
        """Raises Invalid for a wrong password. A taken address looks like a free one: its owner is not told of."""
        email = email_of(ask.email)
        # Whose address it is is not known yet: a crowd of accounts must not fill somebody's mailbox with our links.
        limits = [account_limit(f"password of {ask.user_id}"), reset_limit(email.key)]
        async with self._store.connection() as connection:
            check_attempts(limits, await self._store.count_attempts(connection, limits), now())
            account = await self._store.account(connection, user_id=ask.user_id)
            taken = await self._store.account(connection, email_key=email.key) is not None
        fits = await self._passwords.verify(None if account is None else account.password_hash, ask.current_password)
        if account is None or not fits:
            raise wrong_password()
        async with self._store.transaction() as transaction:
            if await transaction.replay(self._kept(ask.idempotency), Nothing) is None:
                # A password that was changed meanwhile has closed every link: no new one may come after.
                if not await self._store.proven(transaction.connection, account):
                    raise wrong_password()
                user_id = None if taken else ask.user_id
                await self._store.insert_letter(transaction, EMAIL_CHANGE, user_id, email.shown, now() + LINK_LIFE)
                transaction.remember(Nothing())

    async def confirm_email(self, ask: ConfirmEmail) -> User:
        """The address is the account's, other sessions are dead, the old address is told.

        Raises LinkRefused, EmailTaken.
        """
        letter_id = letter_of(ask.token, EMAIL_CHANGE, self._secret)
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(self._kept(ask.idempotency), User)
            if stored is not None:
                return stored
            connection = transaction.connection
            used = await self._store.use_letter(connection, letter_id, EMAIL_CHANGE)
            if used is None:
                raise LinkRefused()
            user_id, address = used
            before = await self._store.account(connection, user_id=user_id)
            user = await self._store.change_email(connection, user_id, email_of(address))
            if user is None or before is None:
                raise EmailTaken()
            await self._store.end_other_sessions(connection, user_id, ask.session_id)
            await self._store.close_letters(connection, user_id)
            await self._store.insert_letter(transaction, EMAIL_CHANGED, user_id, before.user.email, now() + WORD_LIFE)
            transaction.remember(user)
        await self._sessions.forget(user_id)
        return user

    async def letter(self, ask: LetterRef) -> AccountLetter:
        """For whoever writes it. Raises NotFound once it is not worth writing any more."""
        async with self._store.connection() as connection:
            found = await self._store.letter(connection, ask.letter_id)
        if found is None:
            raise NotFound("There is no such letter to write")
        if found.kind not in (RESET, EMAIL_CHANGE):
            return found
        return msgspec.structs.replace(found, token=link_token(ask.letter_id, found.kind, self._secret))

    def _kept(self, idempotency: Idempotency | None) -> Idempotency | None:
        return without_oracle(self._secret, idempotency)
