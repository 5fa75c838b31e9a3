"""The rules of accounts: canonical e-mail, what tokens are made of, how often one may try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from email_validator import EmailNotValidError, validate_email

from haat.contracts.identity import LinkRefused, TokenRefused
from haat.kit.forwarded import network_of
from haat.kit.idempotency import Idempotency
from haat.kit.message import Invalid
from haat.kit.problem import TooMany

OWNER = "owner"
ROLES = frozenset({OWNER, "catalogue", "fulfilment", "finance", "support"})
MAX_ADDRESSES = 50

ACCESS_LIFE = timedelta(minutes=10)
REFRESH_LIFE = timedelta(days=30)
# An answer can be lost on the way: for so long an exchanged token gives the same successor again.
REFRESH_GRACE = timedelta(seconds=10)
# A device stays known for so long after each sign-in.
DEVICE_LIFE = timedelta(days=90)

ATTEMPT_WINDOW = timedelta(minutes=15)
ATTEMPTS_AN_ACCOUNT = 10
ATTEMPTS_AN_ADDRESS = 100
REGISTRATIONS_AN_ADDRESS = 30

RESET, EMAIL_CHANGE = "password_reset", "email_change"
PASSWORD_CHANGED, EMAIL_CHANGED = "password_changed", "email_changed"
LINK_LIFE = timedelta(hours=1)
# Word of a change may wait so long for a mail server that is away.
WORD_LIFE = timedelta(days=7)
RESETS_AN_ACCOUNT = 3
RESETS_AN_ADDRESS = 30

_REFRESH_PREFIX = "rft_"
# Each key is used for one message only, so the nonce need not differ.
_ONE_NONCE = bytes(12)


class Email(msgspec.Struct, frozen=True):
    """An e-mail as it is shown and written to, and the key under which it is unique."""

    shown: str
    key: str


def without_oracle(secret: bytes, idempotency: Idempotency | None) -> Idempotency | None:
    """The fingerprint covers the password: stored unkeyed, a quick digest of it could be guessed offline."""
    if idempotency is None:
        return None
    keyed = hmac.new(secret, idempotency.fingerprint.encode(), hashlib.sha256).hexdigest()[:32]
    return msgspec.structs.replace(idempotency, fingerprint=keyed)


def email_of(text: str) -> Email:
    """Both forms of an e-mail address. Raises Invalid; no DNS is asked.

    Wide letters are the plain ones: shown apart but counted as one, they would shut the mailbox's owner out for ever,
    because no link of ours would come there.
    """
    try:
        checked = validate_email(unicodedata.normalize("NFKC", text.strip()), check_deliverability=False)
    except EmailNotValidError as error:
        raise Invalid(errors=[{"pointer": "/email", "code": "invalid", "detail": str(error)}]) from error
    return Email(checked.normalized, email_key(checked.normalized))


def typed_key(text: str) -> str:
    """The key of an address as somebody types it: whatever way of writing it an account was opened by finds it again.

    Browsers send `münchen.de` as `xn--mnchen-3ya.de`; what is no address at all has a key that no account has.
    """
    try:
        return email_of(text).key
    except Invalid:
        return email_key(text)


def email_key(text: str) -> str:
    """NFKC and casefolded, both parts: `ＡSHA@Example.com` is asha@example.com."""
    folded = unicodedata.normalize("NFKC", text.strip()).casefold()
    return unicodedata.normalize("NFKC", folded)


def wrong_password() -> Invalid:
    """For whoever does not know the current password."""
    return Invalid(errors=[{"pointer": "/current_password", "code": "invalid", "detail": "is not your password"}])


def check_roles(roles: Iterable[str]) -> list[str]:
    """The roles in order. Raises Invalid for one that does not exist."""
    wanted = sorted(set(roles))
    unknown = [role for role in wanted if role not in ROLES]
    if unknown:
        detail = f"{', '.join(unknown)}: choose from {', '.join(sorted(ROLES))}"
        raise Invalid(errors=[{"pointer": "/roles", "code": "not_allowed", "detail": detail}])
    return wanted


class RefreshToken(msgspec.Struct, frozen=True):
    """An opaque secret of 256 bits; only its digest is stored."""

    text: str

    @classmethod
    def fresh(cls) -> RefreshToken:
        return cls(_REFRESH_PREFIX + secrets.token_urlsafe(32))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(b"refresh" + self.text.encode()).digest()

    def seal(self, successor: RefreshToken) -> bytes:
        """The successor, readable only by whoever holds this token: the database alone does not give it away."""
        return self._box().encrypt(_ONE_NONCE, successor.text.encode(), None)

    def unseal(self, sealed: bytes) -> RefreshToken:
        """The successor sealed with this token. Raises TokenRefused."""
        try:
            return RefreshToken(self._box().decrypt(_ONE_NONCE, sealed, None).decode())
        except InvalidTag as error:
            raise TokenRefused() from error

    def _box(self) -> AESGCM:
        return AESGCM(hashlib.sha256(b"successor" + self.text.encode()).digest())


class Limit(msgspec.Struct, frozen=True):
    """How many attempts a key has in a window of 15 minutes."""

    key: str
    attempts: int


def account_limit(key: str) -> Limit:
    """The limit of one account, whether it exists or not; the stored key does not tell the e-mail."""
    return Limit("account:" + hashlib.sha256(key.encode()).hexdigest(), ATTEMPTS_AN_ACCOUNT)


class Device(msgspec.Struct, frozen=True):
    """A device that was let into an account: known until a day, and by its name counted apart from strangers.

    Its proof is made with the stored hash of the password: salted, so that no two accounts have the same, and another
    one once the password changes. Tokens that were hoarded with a password in hand are worth nothing after it.
    """

    name: str
    until: str

    @classmethod
    def let_in(cls, at: datetime, known: Device | None) -> Device:
        """A device that was let in at this moment; one that is known keeps its name, and so its count."""
        name = secrets.token_urlsafe(18) if known is None else known.name
        return cls(name, (at + DEVICE_LIFE).date().isoformat())

    @classmethod
    def of(cls, token: str, password_hash: str, secret: bytes, at: datetime) -> Device | None:
        """Whose token this is; None when it has run out, or was not made for this password."""
        name, _, rest = token.partition(".")
        device = cls(name, rest.partition(".")[0])
        ours = hmac.compare_digest(token.encode(), device.token(password_hash, secret).encode())
        return device if ours and device.until >= at.date().isoformat() else None

    def token(self, password_hash: str, secret: bytes) -> str:
        """What the device shows at its next sign-in; it opens nothing by itself."""
        digest = hmac.digest(secret, f"device:{password_hash}:{self.name}:{self.until}".encode(), hashlib.sha256)
        return f"{self.name}.{self.until}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    def limit(self) -> Limit:
        """A count of its own: a stranger's guesses cannot lock the owner out."""
        return Limit("device:" + hashlib.sha256(self.name.encode()).hexdigest(), ATTEMPTS_AN_ACCOUNT)


def reset_limit(key: str) -> Limit:
    """How many links may be mailed to one address, whether somebody has it or not."""
    return Limit("reset:" + hashlib.sha256(key.encode()).hexdigest(), RESETS_AN_ACCOUNT)


def link_token(letter_id: str, kind: str, secret: bytes) -> str:
    """The secret part of a mailed link: made from the letter's id, so that nobody can read it anywhere."""
    digest = hmac.digest(secret, f"letter:{kind}:{letter_id}".encode(), hashlib.sha256)
    return f"{letter_id}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def letter_of(token: str, kind: str, secret: bytes) -> str:
    """The letter whose link carries this token. Raises LinkRefused for any other."""
    letter_id = token.partition(".")[0]
    if not hmac.compare_digest(token.encode(), link_token(letter_id, kind, secret).encode()):
        raise LinkRefused()
    return letter_id


def address_limit(address: str, purpose: str, attempts: int) -> Limit | None:
    """The limit of one network address (an IPv6 network of /64 counts as one); none for this machine itself."""
    network = network_of(address)
    if network is None or network.is_loopback:
        return None
    return Limit(f"{purpose}:{network.network_address}", attempts)


class Attempts(msgspec.Struct, frozen=True):
    """What was counted on one key since a moment."""

    key: str
    count: int
    since: datetime


def check_attempts(limits: Iterable[Limit], counted: Iterable[Attempts], at: datetime) -> None:
    """Raises TooMany, with the seconds to wait, when any limit is exceeded."""
    allowed = {limit.key: limit.attempts for limit in limits}
    over = [each for each in counted if each.count > allowed[each.key]]
    if over:
        wait = max((each.since + ATTEMPT_WINDOW - at).total_seconds() for each in over)
        raise TooMany("Too many attempts; try again later", retry_after_seconds=max(1, int(wait) + 1))
