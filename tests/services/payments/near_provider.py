"""The sandbox provider in this process, with its own books: fast, and as treacherous as a wire can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from haat.contracts.vault import CardCharge, ProviderAnswer, Vault
from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.kit.message import Unavailable
from haat.sandbox import calls, webhooks
from haat.sandbox.calls import Answer
from haat.sandbox.clock import VirtualClock
from haat.sandbox.faults import Fault, Faults
from haat.sandbox.problems import Problem
from haat.sandbox.provider import store
from haat.sandbox.provider.messages import NewCapture, NewPayment, NewRefund
from haat.sandbox.provider.model import Delays
from haat.sandbox.provider.service import Provider
from haat.sandbox.storage import open_database

SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="


class Desk:
    """The provider's own code behind a wire that loses what it is told to lose: `losses` are before or after."""

    def __init__(self, folder: Path) -> None:
        database = open_database(folder, "near.sqlite", calls.SCHEMA, webhooks.SCHEMA, store.SCHEMA)
        clock, faults = VirtualClock(database), Faults(("authorize",), outcomes=("refund",))
        outbox = webhooks.Outbox(database, clock, faults, None, "")
        self.provider = Provider(
            store.PaymentStore(database), calls.Calls(database), outbox, faults, clock, "http://near", Delays()
        )
        self.losses: list[str] = []
        self._clock, self._faults = clock, faults

    def next_refund_fails(self) -> None:
        self._faults.order(Fault(op="refund", mode="fail"))

    async def minutes_pass(self) -> None:
        """Whatever was under way at the bank has ended."""
        self._faults.take_failure("refund")
        self._clock.move(60)
        self.provider.run_due()

    async def send(self, method: str, path: str, key: str | None = None, body: Any = None) -> tuple[int, Any]:
        lost = self.losses.pop(0) if self.losses and method == "POST" else ""
        if lost == "before":
            raise Unavailable("lost on the way there")
        try:
            answer = self._act(method, path, key or "", body)
        except Problem as problem:
            answer = problem.status, {"code": problem.code, "detail": problem.detail}
        if lost == "after":
            raise Unavailable("lost on the way back")
        return answer

    def _act(self, method: str, path: str, key: str, body: Any) -> tuple[int, Any]:
        if path.startswith("/v1/payments?reference="):
            found = self.provider.by_reference(path.partition("=")[2])
            return 200, {"data": [msgspec.json.decode(each) for each in found]}
        payment_id, _, op = path.removeprefix("/v1/payments").strip("/").partition("/")
        if method == "GET":
            return 200, msgspec.json.decode(self.provider.payment_body(payment_id))
        match op:
            case "captures":
                done = self.provider.capture(key, payment_id, msgspec.convert(body, NewCapture))
            case "voids":
                done = self.provider.void(key, payment_id)
            case "refunds":
                done = self.provider.refund(key, payment_id, msgspec.convert(body, NewRefund))
            case _:
                done = self.provider.authorize(key, msgspec.convert(body, NewPayment))
        return _told(done)

    async def close(self) -> None:
        self.provider.close()


class NearProvider(SandboxProvider):
    def __init__(self, desk: Desk) -> None:
        super().__init__("http://near", [SECRET])
        self._calls = desk  # type: ignore[assignment]


class NearVault(Vault):
    """A token is a card's number."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def charge(self, ask: CardCharge) -> ProviderAnswer:
        card = {"type": "card", "number": ask.token, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        body = {"reference": ask.reference, "amount": ask.amount.amount, "currency": "INR", "method": card}
        status, answer = await self._desk.send("POST", "/v1/payments", ask.idempotency_key, body)
        return ProviderAnswer(status=status, body=answer)


def _told(answer: Answer) -> tuple[int, Any]:
    return answer.status, msgspec.json.decode(answer.body)
