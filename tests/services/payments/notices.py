"""Notices as the provider signs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from standardwebhooks import Webhook as Signer

from haat.contracts.payments import Webhook
from haat.kit.ids import new_id

SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="
OLD_SECRET = "whsec_YW4tb2xkZXItc2VjcmV0LXN0aWxsLWxpdmU="


def notice(body: bytes, secret: str = SECRET, age: timedelta = timedelta(0), webhook_id: str | None = None) -> Webhook:
    webhook_id, at = webhook_id or new_id("msg"), datetime.now(UTC) - age
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(secret).sign(webhook_id, at, body.decode()),
    }
    return Webhook(provider="sandbox", body=body, headers=headers)


async def body_about(shop: Any, checkout_id: str, kind: str, **changes: Any) -> bytes:
    async with shop.session.get(f"{shop.url}/v1/payments?reference={checkout_id}") as answer:
        (payment,) = msgspec.json.decode(await answer.read())["data"]
    return msgspec.json.encode({"type": kind, "data": {"payment": {**payment, **changes}}})
