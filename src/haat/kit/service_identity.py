"""Which service is calling: short-lived tokens signed with the deployment's secret."""

from __future__ import annotations

import time
from collections.abc import Callable

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jwt import JWTClaimsRegistry

TOKEN_SECONDS = 60
FRESH_SECONDS = 30


class ServiceIdentity:
    """Signs calls as `name` for one target at a time, and verifies the callers of this process."""

    def __init__(self, name: str, secret: str) -> None:
        self._name = name
        self._key = OctKey.import_key(secret)
        self._signed: dict[str, tuple[float, str]] = {}
        self._verified: dict[tuple[str, str], float] = {}

    def sign(self, target: str) -> str:
        """A token for calls to `target`; one is used for half a minute."""
        moment = time.time()
        until, token = self._signed.get(target, (0.0, ""))
        if until < moment:
            claims = {"iss": self._name, "aud": target, "exp": int(moment) + TOKEN_SECONDS}
            token = jwt.encode({"alg": "HS256", "typ": "haat-service+jwt"}, claims, self._key)
            self._signed[target] = (moment + FRESH_SECONDS, token)
        return token

    def verifier(self, target: str) -> Callable[[str | None], bool]:
        """A check for incoming calls to the contract `target`."""

        def check(token: str | None) -> bool:
            if not token:
                return False
            moment = time.time()
            if self._verified.get((target, token), 0.0) > moment:
                return True
            try:
                decoded = jwt.decode(token, self._key, algorithms=["HS256"])
                JWTClaimsRegistry(aud={"essential": True, "value": target}, exp={"essential": True}).validate(
                    decoded.claims
                )
            except (JoseError, ValueError):
                return False
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[target, token] = min(float(decoded.claims["exp"]), moment + FRESH_SECONDS)
            return True

        return check
