"""The sandbox carrier over HTTP, its facts in the port's words, its webhooks verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from haat.engines.transport.bodies import whole
from haat.ports.carrier import Answered, Booking, CarrierEvent, Notice, Outcome, ParcelFact, Refused, State, Unknown

TIMEOUT_SECONDS = 8.0
CONNECT_SECONDS = 2.0
MAX_ANSWER_BYTES = 1_000_000
STATES: dict[str, State] = {
    "accepted": "created",
    "picked_up": "picked_up",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "failed": "failed",
    "canceled": "canceled",
}


class _Event(msgspec.Struct):
    at: datetime
    code: str
    description: str
    location: str


class _Shipment(msgspec.Struct):
    """What is read of the carrier's shipment; anything more is passed over."""

    id: str
    reference: str
    status: str
    tracking_number: str
    label_url: str
    estimated_delivery: datetime
    events: list[_Event] = []


class _Data(msgspec.Struct):
    shipment: _Shipment


class _Message(msgspec.Struct):
    type: str
    data: _Data


class SandboxCarrier:
    """The adapter of `ports.carrier.Carrier`. While webhook secrets rotate, two are live."""

    name = "sandbox"

    def __init__(self, url: str, webhook_secrets: Sequence[str], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=CONNECT_SECONDS)
        self._session: aiohttp.ClientSession | None = None
        self._webhooks = [Webhook(secret) for secret in webhook_secrets[:2]]

    async def book(self, key: str, ask: Booking) -> Outcome:
        body = {
            "reference": ask.reference,
            "parcels": [{"weight_grams": weight} for weight in ask.weights_grams],
            "from": ask.origin,
            "to": ask.destination,
            "service": ask.service,
            "direction": ask.direction,
        }
        return await self._send("POST", "/v1/shipments", key, body)

    async def cancel(self, key: str, parcel_id: str) -> Outcome:
        return await self._send("POST", f"{_path(parcel_id)}/cancel", key, {})

    async def fetch(self, parcel_id: str) -> Outcome:
        return await self._send("GET", _path(parcel_id))

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Notice | None:
        lowered = {name.lower(): value for name, value in headers.items()}
        if not any(_signed(webhook, body, lowered) for webhook in self._webhooks):
            return None
        try:
            return Notice(lowered["webhook-id"], _fact(msgspec.json.decode(body, type=_Message).data.shipment))
        except (msgspec.DecodeError, KeyError):
            return None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(self, method: str, path: str, key: str | None = None, body: Any = None) -> Outcome:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._open().request(
                method, self._url + path, data=data, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                return _read(answer.status, await whole(answer, MAX_ANSWER_BYTES))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The error's text may repeat an address: only its kind is told.
            return Unknown(f"the carrier did not answer ({type(error).__name__})")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=20, keepalive_timeout=30)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _read(status: int, content: bytes) -> Outcome:
    try:
        if status in (200, 201):
            return Answered(_fact(msgspec.json.decode(content, type=_Shipment)))
        problem = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, KeyError) as error:
        return Unknown(f"an answer that cannot be read ({type(error).__name__})")
    code = str(problem.get("code", "refused"))
    # A key used before with a request we cannot repeat word for word proves an effect, not a refusal.
    if 400 <= status < 500 and status not in (408, 429) and not code.startswith("idempotency_"):
        return Refused(code, str(problem.get("detail", "")))
    return Unknown(f"the carrier answered {status}")


def _fact(shipment: _Shipment) -> ParcelFact:
    return ParcelFact(
        id=shipment.id,
        reference=shipment.reference,
        state=STATES[shipment.status],
        tracking_number=shipment.tracking_number,
        label_url=shipment.label_url,
        estimated_delivery=shipment.estimated_delivery,
        events=tuple(
            CarrierEvent(each.at, STATES[each.code], each.description, each.location) for each in shipment.events
        ),
    )


def _signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _path(parcel_id: str) -> str:
    return f"/v1/shipments/{quote(parcel_id, safe='')}"
