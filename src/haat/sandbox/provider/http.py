"""The provider's HTTP interface: payments for merchants, the action page for shoppers, books for auditors."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import msgspec
from aiohttp import web

from haat.sandbox.calls import Answer
from haat.sandbox.http import JSON, Disturber, answer_with, as_json, hang_up, read_body, read_key
from haat.sandbox.pages import drawn_code, in_words, page
from haat.sandbox.problems import Problem
from haat.sandbox.provider.messages import (
    DecideDispute,
    Empty,
    NewCapture,
    NewPayment,
    NewRefund,
    Outcome,
    Payment,
)
from haat.sandbox.provider.service import Provider

ALL_ROWS = 10_000_000
PAGE_ROWS = 5_000
OUTCOMES: dict[str, Outcome] = {"approve": "approve", "decline": "decline"}


class PaymentRoutes:
    def __init__(self, provider: Provider, disturber: Disturber) -> None:
        self._provider = provider
        self._disturber = disturber
        self._payment_body = msgspec.json.Decoder(NewPayment)
        self._capture_body = msgspec.json.Decoder(NewCapture)
        self._refund_body = msgspec.json.Decoder(NewRefund)
        self._dispute_body = msgspec.json.Decoder(DecideDispute)
        self._empty_body = msgspec.json.Decoder(Empty)

    def table(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/payments", self.authorize),
            web.get("/v1/payments", self.find),
            web.get("/v1/payments/{id}", self.read),
            web.get("/v1/movements", self.movements),
            web.post("/v1/payments/{id}/captures", self.capture),
            web.post("/v1/payments/{id}/voids", self.void),
            web.post("/v1/payments/{id}/refunds", self.refund),
            web.get("/sandbox/actions/{id}", self.show_action),
            web.post("/sandbox/actions/{id}", self.answer_action),
            web.post("/sandbox/disputes/{id}", self.dispute),
            web.get("/sandbox/books", self.books),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            key = read_key(request)
            answer = self._provider.authorize(key, await read_body(request, self._payment_body))
            if self._provider.loses_answer(answer):
                return hang_up(request)
            return answer_with(await self._provider.settled(answer))

        return await self._disturber.run("authorize", request, act)

    async def capture(self, request: web.Request) -> web.Response:
        async def act() -> Answer:
            ask = await read_body(request, self._capture_body)
            return self._provider.capture(read_key(request), request.match_info["id"], ask)

        return await self._answer("capture", request, act)

    async def void(self, request: web.Request) -> web.Response:
        async def act() -> Answer:
            if request.can_read_body:
                await read_body(request, self._empty_body)
            return self._provider.void(read_key(request), request.match_info["id"])

        return await self._answer("void", request, act)

    async def refund(self, request: web.Request) -> web.Response:
        async def act() -> Answer:
            ask = await read_body(request, self._refund_body)
            return self._provider.refund(read_key(request), request.match_info["id"], ask)

        return await self._answer("refund", request, act)

    async def read(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            return web.Response(body=self._provider.payment_body(request.match_info["id"]), headers=JSON)

        return await self._disturber.run("read", request, act)

    async def find(self, request: web.Request) -> web.Response:
        async def act() -> web.Response:
            reference = request.query.get("reference")
            if not reference:
                raise Problem(400, "reference_missing", "Name a reference.")
            found = self._provider.by_reference(reference)
            return as_json({"data": found, "has_more": False, "next_cursor": None})

        return await self._disturber.run("read", request, act)

    async def movements(self, request: web.Request) -> web.Response:
        """The report: what moved between `since` and `until`, page by page."""

        async def act() -> web.Response:
            since, until = (_moment(request.query.get(name, "")) for name in ("since", "until"))
            after, limit = (_whole(request.query.get(name, "")) for name in ("cursor", "limit"))
            rows, more = self._provider.movements(since, until, after, min(limit or PAGE_ROWS, PAGE_ROWS))
            cursor = None if more is None else str(more)
            return as_json({"data": rows, "has_more": more is not None, "next_cursor": cursor})

        return await self._disturber.run("report", request, act)

    async def dispute(self, request: web.Request) -> web.Response:
        ask = await read_body(request, self._dispute_body)
        return as_json(self._provider.dispute(request.match_info["id"], ask.outcome))

    async def books(self, request: web.Request) -> web.Response:
        after, limit = (_whole(request.query.get(name, "")) for name in ("cursor", "limit"))
        rows, more = self._provider.books(after or 0, limit or ALL_ROWS)
        cursor = None if more is None else str(more)
        return as_json({"data": rows, "has_more": more is not None, "next_cursor": cursor})

    async def show_action(self, request: web.Request) -> web.Response:
        return self._page(self._provider.payment(request.match_info["id"]))

    async def answer_action(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        outcome = OUTCOMES.get(str(form.get("outcome")))
        payment = self._provider.payment(request.match_info["id"])
        if outcome is None:
            return self._page(payment, status=422)
        payment = self._provider.decide(payment.id, outcome)
        if payment.return_url is not None:
            return web.Response(status=303, headers={"Location": payment.return_url})
        return self._page(payment)

    def _page(self, payment: Payment, status: int = 200) -> web.Response:
        amount = in_words(payment.amount, payment.currency)
        action = payment.action
        code = drawn_code(action.upi_uri) if action is not None and action.type == "upi_qr" and action.upi_uri else ""
        left = self._provider.seconds_left(payment)
        return page(
            "action.html",
            status,
            payment.return_url,
            payment=payment,
            amount=amount,
            merchant=payment.merchant,
            code=code,
            seconds_left=left,
        )

    async def _answer(self, op: str, request: web.Request, act: Callable[[], Awaitable[Answer]]) -> web.Response:
        async def answered() -> web.Response:
            return answer_with(await act())

        return await self._disturber.run(op, request, answered)


def _whole(text: str) -> int:
    """The number asked for, 0 when none was; raises 422 on anything else."""
    if text == "":
        return 0
    if not text.isascii() or not text.isdigit():
        raise Problem(422, "invalid", "A whole number is wanted.")
    return int(text)


def _moment(text: str) -> datetime:
    """The moment asked for; raises 422 on anything but ISO 8601 with a zone."""
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise Problem(422, "invalid", "A moment such as 2026-11-23T00:00:00Z is wanted.")
