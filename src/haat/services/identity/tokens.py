"""Access tokens: JWTs signed with Ed25519, read as strictly as they are written."""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from haat.contracts.identity import TokenRefused
from haat.kit.ids import is_id, new_id
from haat.services.identity.model import ACCESS_LIFE

# RFC 9864 prefers the name "Ed25519"; the API promises the name that every client knows.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
AUDIENCE = "haat"
MAX_LENGTH = 2_048
# Clocks of several machines differ a little.
LEEWAY_SECONDS = 5


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a header of ours may hold: `crit`, `jku`, `jwk` and the like are refused with anything unknown."""

    alg: str
    typ: str
    kid: str


class Claims(msgspec.Struct, frozen=True):
    """What an access token says."""

    iss: str
    aud: str
    sub: str
    sid: str
    iat: int
    exp: int
    jti: str
    roles: Sequence[str]

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.exp, UTC)


_header = msgspec.json.Decoder(Header)


def sign(key: OKPKey, kid: str, issuer: str, user_id: str, session_id: str, roles: Sequence[str], at: datetime) -> str:
    """A token that speaks for the session for ten minutes from `at`."""
    issued = int(at.timestamp())
    claims = Claims(
        issuer,
        AUDIENCE,
        user_id,
        session_id,
        issued,
        issued + int(ACCESS_LIFE.total_seconds()),
        new_id("tok"),
        roles,
    )
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": kid}
    return jwt.encode(header, msgspec.structs.asdict(claims), key, algorithms=[ALGORITHM])


def kid_of(token: str) -> str:
    """The key a token names, once its header has the exact form of ours. Raises TokenRefused."""
    encoded, _, rest = token.partition(".")
    if len(token) > MAX_LENGTH or rest.count(".") != 1:
        raise TokenRefused()
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        header = _header.decode(raw)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused() from error
    # A repeated member would be read differently by different readers.
    if (header.alg, header.typ) != (ALGORITHM, TYPE) or raw.count(b":") != 3:
        raise TokenRefused()
    return header.kid


def verify(token: str, keys: Mapping[str, OKPKey], issuer: str, at: datetime) -> Claims:
    """The claims of a token of ours that is valid at `at`. Raises TokenRefused."""
    key = keys.get(kid_of(token))
    if key is None:
        raise TokenRefused()
    try:
        decoded: Any = jwt.decode(token, key, algorithms=[ALGORITHM])
        claims = msgspec.convert(decoded.claims, Claims)
    except (JoseError, ValueError) as error:
        raise TokenRefused() from error
    moment = at.timestamp()
    life = int(ACCESS_LIFE.total_seconds())
    in_time = claims.iat - LEEWAY_SECONDS <= moment < claims.exp <= claims.iat + life
    ours = claims.iss == issuer and claims.aud == AUDIENCE
    if not (in_time and ours and is_id(claims.sub, "usr") and is_id(claims.sid, "ses")):
        raise TokenRefused()
    return claims
