"""Access tokens: what is not exactly ours is refused (T-ID-01)."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from haat.contracts.identity import TokenRefused
from haat.kit.ids import new_id
from haat.services.identity import tokens

KEY = OKPKey.generate_key("Ed25519")
OTHER = OKPKey.generate_key("Ed25519")
SECRET = OctKey.import_key("x" * 64)
PUBLIC_AS_SECRET = KEY.as_bytes(encoding="PEM", private=False)
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
USER, SESSION = new_id("usr"), new_id("ses")
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}


def claims(**changed: Any) -> dict[str, Any]:
    at = int(time.time())
    full = {
        "iss": "haat",
        "aud": "haat",
        "sub": USER,
        "sid": SESSION,
        "iat": at,
        "exp": at + 600,
        "jti": "t1",
        "roles": [],
        **changed,
    }
    return {name: value for name, value in full.items() if value is not None}


def b64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(header: str | dict[str, Any], payload: str | dict[str, Any], key: OKPKey = KEY) -> str:
    """A token signed over exactly these bytes, whatever they are."""
    head = header if isinstance(header, str) else json.dumps(header)
    body = payload if isinstance(payload, str) else json.dumps(payload)
    signed = f"{b64(head)}.{b64(body)}"
    return f"{signed}.{b64(key.private_key.sign(signed.encode()))}"  # type: ignore[union-attr, call-arg]


def good(**changed: Any) -> str:
    return raw(HEADER, claims(**changed))


def with_header(**changed: Any) -> str:
    header = {name: value for name, value in {**HEADER, **changed}.items() if value is not None}
    return raw(header, claims())


def unsigned(algorithm: str) -> str:
    return f"{b64(json.dumps({**HEADER, 'alg': algorithm}))}.{b64(json.dumps(claims()))}."


def other_algorithm(algorithm: str, key: Any) -> str:
    return jwt.encode({**HEADER, "alg": algorithm}, claims(), key, algorithms=[algorithm])


def confused(algorithm: str, digest: str) -> str:
    signed = f"{b64(json.dumps({**HEADER, 'alg': algorithm}))}.{b64(json.dumps(claims()))}"
    return f"{signed}.{b64(hmac.new(PUBLIC_AS_SECRET, signed.encode(), digest).digest())}"


def encrypted() -> str:
    key = OctKey.generate_key(256)
    header = {"alg": "dir", "enc": "A256GCM", "zip": "DEF", "typ": "at+jwt", "kid": "k1"}
    return jwe.encrypt_compact(header, b"0" * 200_000, key)


def header_text(text: str) -> str:
    return raw(text, claims())


def payload_text(text: str) -> str:
    return raw(HEADER, text)


def changed_payload() -> str:
    head, _, signature = good().split(".")
    return f"{head}.{b64(json.dumps(claims(roles=['owner'])))}.{signature}"


def changed_signature() -> str:
    head, body, signature = good().split(".")
    return f"{head}.{body}.{'A' * len(signature)}"


def at(seconds: int) -> int:
    """A moment so far from now, when it is asked for: much runs between the collection of the tests and these."""
    return int(time.time()) + seconds


FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None"),
    "alg NONE": lambda: unsigned("NONE"),
    "no signature": lambda: unsigned("EdDSA"),
    "empty alg": lambda: unsigned(""),
    "HS256 with the public key": lambda: confused("HS256", "sha256"),
    "HS384 with the public key": lambda: confused("HS384", "sha384"),
    "HS512 with the public key": lambda: confused("HS512", "sha512"),
    "HS256 with a guess": lambda: other_algorithm("HS256", SECRET),
    "RS256": lambda: other_algorithm("RS256", RSA),
    "PS256": lambda: other_algorithm("PS256", RSA),
    "ES256": lambda: other_algorithm("ES256", EC),
    "Ed25519 by its other name": lambda: with_header(alg="Ed25519"),
    "alg in lower case": lambda: with_header(alg="eddsa"),
    "alg a list": lambda: with_header(alg=["EdDSA"]),
    "no alg": lambda: with_header(alg=None),
    "another key": lambda: raw(HEADER, claims(), OTHER),
    "changed payload": changed_payload,
    "changed signature": changed_signature,
    "signature cut": lambda: good()[:-4],
    "typ JWT": lambda: with_header(typ="JWT"),
    "typ of a service token": lambda: with_header(typ="haat-service+jwt"),
    "typ with a prefix": lambda: with_header(typ="application/at+jwt"),
    "no typ": lambda: with_header(typ=None),
    "unknown kid": lambda: with_header(kid="k2"),
    "no kid": lambda: with_header(kid=None),
    "empty kid": lambda: with_header(kid=""),
    "kid a path": lambda: with_header(kid="../../../../dev/null"),
    "kid a query": lambda: with_header(kid="k1' OR '1'='1"),
    "kid a number": lambda: with_header(kid=1),
    "kid null": lambda: raw('{"alg":"EdDSA","typ":"at+jwt","kid":null}', claims()),
    "jku": lambda: with_header(jku="https://evil.example/jwks.json"),
    "x5u": lambda: with_header(x5u="https://evil.example/cert.pem"),
    "x5c": lambda: with_header(x5c=["MIIB"]),
    "jwk": lambda: raw({**HEADER, "jwk": OTHER.as_dict(private=False)}, claims(), OTHER),
    "unknown crit": lambda: with_header(crit=["exp"], exp=at(0)),
    "empty crit": lambda: with_header(crit=[]),
    "b64 false": lambda: with_header(b64=False, crit=["b64"]),
    "cty": lambda: with_header(cty="JWT"),
    "zip": lambda: with_header(zip="DEF"),
    "alg twice": lambda: header_text('{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"k1"}'),
    "kid twice": lambda: header_text('{"alg":"EdDSA","typ":"at+jwt","kid":"k9","kid":"k1"}'),
    "header a list": lambda: header_text("[]"),
    "header no JSON": lambda: header_text("{alg"),
    "header not UTF-8": lambda: b64(b"{\xff}") + ".e30.x",
    "encrypted, a bomb": encrypted,
    "expired": lambda: good(iat=at(-700), exp=at(-100)),
    "no exp": lambda: good(exp=None),
    "exp far away": lambda: good(exp=at(10**9)),
    "exp a text": lambda: good(exp=str(at(600))),
    "exp huge": lambda: good(exp=2**200),
    "exp not a number": lambda: payload_text(json.dumps(claims()).replace(str(claims()["exp"]), "NaN")),
    "issued in the future": lambda: good(iat=at(300), exp=at(800)),
    "no iat": lambda: good(iat=None),
    "wrong aud": lambda: good(aud="inventory"),
    "aud a list": lambda: good(aud=["haat", "evil"]),
    "no aud": lambda: good(aud=None),
    "wrong iss": lambda: good(iss="https://evil.example"),
    "no iss": lambda: good(iss=None),
    "sub of another kind": lambda: good(sub=new_id("ord")),
    "no sub": lambda: good(sub=None),
    "sid of another kind": lambda: good(sid="anything"),
    "no sid": lambda: good(sid=None),
    "roles a text": lambda: good(roles="owner"),
    "payload a list": lambda: payload_text("[1]"),
    "payload no JSON": lambda: payload_text("owner"),
    "a service's token": lambda: jwt.encode(
        {"alg": "HS256", "typ": "haat-service+jwt"}, {"iss": "api", "aud": "haat", "exp": at(60)}, SECRET
    ),
    "a refresh token": lambda: "rft_" + "a" * 43,
    "four parts": lambda: good() + ".x",
    "two parts": lambda: good().rpartition(".")[0],
    "empty": lambda: "",
    "dots": lambda: "..",
    "very long": lambda: good() + "A" * 10_000,
    "blank inside": lambda: good().replace(".", " .", 1),
}


def verified(token: str, at: datetime | None = None) -> tokens.Claims:
    return tokens.verify(token, {"k1": KEY}, "haat", at or datetime.now(UTC))


def test_a_good_token_says_whom_it_speaks_for():
    assert (verified(good()).sub, verified(good()).sid) == (USER, SESSION)


def test_a_signed_token_is_verified():
    at = datetime.now(UTC)
    token = tokens.sign(KEY, "k1", "haat", USER, SESSION, ["support"], at)
    read = verified(token)
    assert (read.roles, read.expires_at) == (["support"], at.replace(microsecond=0) + timedelta(minutes=10))


def test_a_token_is_refused_at_the_second_of_its_end():
    at = datetime.now(UTC)
    token = tokens.sign(KEY, "k1", "haat", USER, SESSION, [], at)
    with pytest.raises(TokenRefused):
        verified(token, at + timedelta(minutes=10))


def test_a_clock_that_is_a_little_behind_takes_a_new_token_and_one_that_is_more_does_not():
    at = datetime.now(UTC).replace(microsecond=0)
    token = tokens.sign(KEY, "k1", "haat", USER, SESSION, [], at)
    assert verified(token, at - timedelta(seconds=5)).sub == USER
    with pytest.raises(TokenRefused):
        verified(token, at - timedelta(seconds=5.1))


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(name: str):
    forged = FORGED[name]()
    with pytest.raises(TokenRefused):
        verified(forged)


def test_there_are_sixty_ways_to_forge():
    assert len(FORGED) >= 60
