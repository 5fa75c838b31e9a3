"""Sessions and their tokens: sign in, refresh, authenticate, end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import structlog

from haat.contracts.identity import (
    AccessToken,
    EndSession,
    Principal,
    Refresh,
    RefreshTokenReused,
    Session,
    SignIn,
    SignInRefused,
    TokenRefused,
    Tokens,
)
from haat.kit.clock import now
from haat.kit.database import Transaction
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.ports.cache import Cache
from haat.services.identity.keys import SigningKeys
from haat.services.identity.model import (
    ACCESS_LIFE,
    ATTEMPTS_AN_ADDRESS,
    REFRESH_GRACE,
    REFRESH_LIFE,
    Device,
    RefreshToken,
    account_limit,
    address_limit,
    check_attempts,
    typed_key,
)
from haat.services.identity.passwords import Passwords
from haat.services.identity.store import Account, HeldToken, IdentityStore
from haat.services.identity.tokens import kid_of, sign, verify

log = structlog.get_logger("haat.identity")


class Sessions:
    """A session is a family of refresh tokens: one is alive at a time, and a copied one ends the session."""

    def __init__(
        self,
        store: IdentityStore,
        passwords: Passwords,
        keys: SigningKeys,
        cache: Cache,
        issuer: str,
        secret: bytes,
    ) -> None:
        self._secret = secret
        self._store = store
        self._passwords = passwords
        self._keys = keys
        self._cache = cache
        self._issuer = issuer

    async def sign_in(self, ask: SignIn) -> Tokens:
        """Raises SignInRefused, the same for an unknown e-mail and a wrong password; TooMany."""
        key = typed_key(ask.email)
        from_address = address_limit(ask.address, "sign-in", ATTEMPTS_AN_ADDRESS)
        async with self._store.connection() as connection:
            account = await self._store.account(connection, email_key=key)
            known = None if account is None else Device.of(ask.device, account.password_hash, self._secret, now())
            limit = account_limit(key) if known is None else known.limit()
            limits = [limit] if from_address is None else [limit, from_address]
            # Counted before hashing: what is refused must cost next to nothing, and guesses in parallel all count.
            check_attempts(limits, await self._store.count_attempts(connection, limits), now())
        forgiven = (limit.key, None if from_address is None else from_address.key)
        for _ in range(2):
            fits = await self._passwords.verify(None if account is None else account.password_hash, ask.password)
            if account is None or not fits:
                raise SignInRefused()
            account = await self._renewed(account, ask.password)
            tokens = await self._open(account, ask, forgiven)
            if tokens is not None:
                device = Device.let_in(now(), known)
                return msgspec.structs.replace(tokens, device=device.token(account.password_hash, self._secret))
            # The password was changed meanwhile, or another sign-in renewed its hash: what stands now decides.
            async with self._store.connection() as connection:
                account = await self._store.account(connection, email_key=key)
        raise SignInRefused()

    async def _renewed(self, account: Account, password: str) -> Account:
        """The account with the hash that a session is opened by: one with today's parameters."""
        if not self._passwords.is_outdated(account.password_hash):
            return account
        renewed = await self._passwords.hash(password)
        async with self._store.connection() as connection:
            await self._store.rehash(connection, account.user.id, account.password_hash, renewed)
        return msgspec.structs.replace(account, password_hash=renewed)

    async def _open(self, account: Account, ask: SignIn, forgiven: tuple[str, str | None]) -> Tokens | None:
        """The tokens of a new session; None when the account has another address or password hash by now."""
        at, token, user = now(), RefreshToken.fresh(), account.user
        session = Session(
            id=new_id("ses"),
            created_at=at,
            last_used_at=at,
            address=ask.address[:100],
            user_agent=ask.user_agent[:300],
        )
        async with self._store.connection() as connection:
            opened = await self._store.open_session(connection, session, account, token, at + REFRESH_LIFE, forgiven)
        if not opened:
            return None
        return await self._tokens(user.id, session.id, user.roles, token, at)

    async def refresh(self, ask: Refresh) -> Tokens:
        """The next tokens. A lost answer may be asked for again within ten seconds. Raises TokenRefused."""
        token = RefreshToken(ask.refresh_token)
        at = now()
        async with self._store.transaction() as transaction:
            held = await self._store.hold_refresh_token(transaction.connection, token)
            if held is None or held.ended_at is not None or held.expires_at <= at:
                raise TokenRefused()
            successor = await self._exchange(transaction, token, held, ask.address, at)
        if successor is None:
            await self.forget(held.user_id)
            log.warning("refresh token reused, session ended", session_id=held.session_id)
            raise TokenRefused()
        return await self._tokens(held.user_id, held.session_id, held.roles, successor, at)

    async def _exchange(
        self, transaction: Transaction, token: RefreshToken, held: HeldToken, address: str, at: datetime
    ) -> RefreshToken | None:
        """The successor; None when the token was used long ago, which ends the session."""
        if held.used_at is None or held.sealed_successor is None:
            successor = RefreshToken.fresh()
            await self._store.exchange_token(
                transaction.connection, token, successor, held.session_id, at + REFRESH_LIFE, address[:100]
            )
            return successor
        if at - held.used_at <= REFRESH_GRACE:
            return token.unseal(held.sealed_successor)
        await self._store.end_session(transaction.connection, held.user_id, held.session_id)
        transaction.publish(RefreshTokenReused(user_id=held.user_id, session_id=held.session_id))
        return None

    async def authenticate(self, ask: AccessToken) -> Principal:
        """Who a token speaks for, while its session lives. Raises TokenRefused."""
        ring = await self._keys.ring(kid_of(ask.token))
        claims = verify(ask.token, ring.verifying, self._issuer, now())
        async with self._store.connection() as connection:
            roles = await self._store.session_roles(connection, claims.sid, claims.sub)
        if roles is None:
            raise TokenRefused()
        return Principal(user_id=claims.sub, session_id=claims.sid, roles=roles, expires_at=claims.expires_at)

    async def end(self, ask: EndSession) -> None:
        """Raises NotFound when it is not a living session of this user."""
        async with self._store.connection() as connection:
            ended = await self._store.end_session(connection, ask.user_id, ask.session_id)
        if not ended:
            raise NotFound("There is no such session")
        await self.forget(ask.user_id)

    async def forget(self, user_id: str) -> None:
        """Whoever remembers an answer of `authenticate` for this user forgets it, in every process."""
        await self._cache.invalidate(f"user:{user_id}")

    async def _tokens(
        self, user_id: str, session_id: str, roles: Sequence[str], refresh: RefreshToken, at: datetime
    ) -> Tokens:
        ring = await self._keys.ring()
        access = sign(ring.signing_key, ring.signing_kid, self._issuer, user_id, session_id, roles, at)
        return Tokens(
            access_token=access,
            expires_in=int(ACCESS_LIFE.total_seconds()),
            refresh_token=refresh.text,
            user_id=user_id,
            session_id=session_id,
        )
