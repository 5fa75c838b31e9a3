"""A Razorpay of our own for the tests: orders with attempts, whole captures, refunds under a key, its own books."""

from __future__ import annotations

import base64
import itertools
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.engines.payment_provider.scripted import Scripted

NOW = int(time.time())
Answer = tuple[int, dict[str, Any]]


class RazorpayServer(Scripted):
    """Only refunds know keys; a repeated order or payment is a second one."""

    def __init__(self, key_id: str, key_secret: str) -> None:
        super().__init__()
        self.login = "Basic " + base64.b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self.orders: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.visible = True
        self.refund_keys: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        # Two servers of one test run must not give the same ids.
        self._run, self._numbers = secrets.token_hex(4), itertools.count(1)

    async def begin(self) -> None:
        post, get = web.post, web.get
        await self.start(
            [
                post("/v1/orders", self._does("order", self._create_order)),
                get("/v1/orders", self._does("read", self._list_orders)),
                get("/v1/orders/{id}", self._does("read", lambda ask, _: (200, self.orders[ask["id"]]))),
                get("/v1/orders/{id}/payments", self._does("read", self._attempts)),
                post("/v1/payments/create/json", self._does("authorise", self._pay)),
                post("/v1/payments/create/upi", self._does("authorise", self._pay)),
                post("/v1/payments/{id}/capture", self._does("capture", self._capture)),
                post("/v1/payments/{id}/refund", self._does("refund", self._refund)),
                get("/v1/payments/{id}/refunds", self._does("read", self._refunds_of)),
                get("/v1/disputes", self._does("read", lambda ask, _: collection(self.disputes))),
                get("/v1/settlements/recon/combined", self._does("read", self._report)),
            ]
        )

    # What the outside world does.

    def newest(self, order_id: str) -> dict[str, Any]:
        return [each for each in self.payments.values() if each["order_id"] == order_id][-1]

    def approve(self, order_id: str) -> None:
        self.newest(order_id)["status"] = "authorized"

    def fail(self, order_id: str) -> None:
        self.newest(order_id).update(status="failed", error_code="BAD_REQUEST_ERROR", error_reason="payment_failed")

    def lapse(self, order_id: str) -> None:
        self.newest(order_id)["status"] = "refunded"

    def dispute(self, order_id: str, status: str, phase: str = "chargeback") -> None:
        payment = self.newest(order_id)
        self.disputes = [each for each in self.disputes if each["payment_id"] != payment["id"]]
        about = {"payment_id": payment["id"], "amount": payment["amount"], "currency": payment["currency"]}
        self.disputes.append(about | {"id": self._id("disp"), "status": status, "phase": phase})

    def settle_refund(self, order_id: str, status: str) -> None:
        payment = self.newest(order_id)
        found = [each for each in self.refunds.values() if each["payment_id"] == payment["id"]]
        found[-1]["status"] = status

    # The interface.

    def _create_order(self, ask: dict[str, Any], _: web.Request) -> Answer:
        wanted = {name: ask[name] for name in ("amount", "currency", "receipt", "notes")}
        order = wanted | {"id": self._id("order"), "entity": "order", "created_at": NOW + len(self.orders)}
        self.orders[order["id"]] = order
        return 200, order

    def _list_orders(self, ask: dict[str, Any], _: web.Request) -> Answer:
        found = [order for order in self.orders.values() if order["receipt"] == ask["receipt"]]
        told = [order | {"payments": collection(self._of(order["id"]))[1]} for order in reversed(found)]
        return collection(told if self.visible else [])

    def _attempts(self, ask: dict[str, Any], _: web.Request) -> Answer:
        return collection(self._of(self.orders[ask["id"]]["id"]))

    def _pay(self, ask: dict[str, Any], _: web.Request) -> Answer:
        order = self.orders[ask["order_id"]]
        missing = [name for name in ("contact", "email", "amount", "currency", "method") if not ask.get(name)]
        if missing or (ask["amount"], ask["currency"]) != (order["amount"], order["currency"]):
            return 400, error("BAD_REQUEST_ERROR", f"wrong or missing: {missing}")
        payment = {
            "id": self._id("pay"),
            "entity": "payment",
            "amount": ask["amount"],
            "currency": ask["currency"],
            "status": "created",
            "captured": False,
            "order_id": order["id"],
            "method": ask["method"],
            "notes": ask.get("notes", []),
            "error_code": None,
            "error_reason": None,
            "created_at": NOW + len(self.payments),
        }
        self.payments[payment["id"]] = payment
        if ask["method"] == "upi":
            return 200, {"razorpay_payment_id": payment["id"], "link": f"upi://pay?pa=shop@bank&tr={payment['id']}"}
        page = f"https://api.razorpay.example/v1/payments/{payment['id']}/authenticate"
        steps = [{"action": "otp_generate", "url": page + "/otp"}, {"action": "redirect", "url": page}]
        return 200, {"razorpay_payment_id": payment["id"], "next": steps}

    def _capture(self, ask: dict[str, Any], _: web.Request) -> Answer:
        payment = self.payments[ask["id"]]
        if payment["status"] != "authorized":
            return 400, error("BAD_REQUEST_ERROR", f"This payment is {payment['status']}")
        if ask["amount"] != payment["amount"]:
            return 400, error("BAD_REQUEST_ERROR", "Capture amount must be equal to the amount authorized")
        payment.update(status="captured", captured=True)
        self._row("payment", payment, payment["amount"], payment["amount"] // 50)
        return 200, payment

    def _refund(self, ask: dict[str, Any], request: web.Request) -> Answer:
        key = request.headers["X-Refund-Idempotency"]
        assert len(key) >= 10
        if key in self.refund_keys:
            before, made = self.refund_keys[key]
            used = error("BAD_REQUEST_ERROR", "Different request with the same idempotency key has been processed")
            return (200, made) if before == ask else (400, used)
        payment = self.payments[ask["id"]]
        given = [each for each in self.refunds.values() if each["payment_id"] == payment["id"]]
        left = payment["amount"] - sum(each["amount"] for each in given if each["status"] != "failed")
        if not payment["captured"] or not 0 < ask["amount"] <= left:
            return 400, error("BAD_REQUEST_ERROR", "The refund amount is greater than the amount captured")
        made = {"id": self._id("rfnd"), "amount": ask["amount"], "payment_id": payment["id"], "status": "processed"}
        made |= {"created_at": NOW + len(self.refunds), "notes": ask["notes"]}
        self.refunds[made["id"]] = made
        self.refund_keys[key] = (ask, made)
        self._row("refund", payment | {"id": made["id"]}, -ask["amount"], 0)
        return 200, made

    def _refunds_of(self, ask: dict[str, Any], _: web.Request) -> Answer:
        found = [each for each in reversed(self.refunds.values()) if each["payment_id"] == ask["id"]]
        return collection(found[: int(ask.get("count", 10))])

    def _report(self, ask: dict[str, Any], _: web.Request) -> Answer:
        day = tuple(int(ask[name]) for name in ("year", "month", "day"))
        found = [row for row in self.rows if _day(row["settled_at"]) == day]
        return collection(found[int(ask["skip"]) : int(ask["skip"]) + int(ask["count"])])

    # How it works inside.

    def _of(self, order_id: str) -> list[dict[str, Any]]:
        return [each for each in self.payments.values() if each["order_id"] == order_id]

    def _row(self, kind: str, about: dict[str, Any], amount: int, fee: int) -> None:
        moved = {"amount": abs(amount), "credit": max(amount - fee, 0), "debit": max(-amount, 0), "fee": fee}
        order = self.orders[about["order_id"]]
        self.rows.append(
            moved
            | {"entity_id": about["id"], "type": kind, "currency": about["currency"], "settled_at": NOW}
            | {"order_id": order["id"], "order_receipt": order["receipt"], "dispute_id": None}
            | {"settlement_id": f"setl_{self._run}"}
        )

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._run}{next(self._numbers):06d}"

    def _does(self, op: str, act: Callable[[dict[str, Any], web.Request], Answer]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = await request.json() if request.method == "POST" else dict(request.query)
            ask = {**body, **request.match_info}

            async def answer(mode: str) -> web.Response:
                self.seen.append((op, request.path))
                self.asked.append(ask)
                if request.headers.get("Authorization") != self.login:
                    return web.json_response(error("BAD_REQUEST_ERROR", "Authentication failed"), status=401)
                if mode == "500_before":
                    return web.json_response(error("SERVER_ERROR", "ordered"), status=500)
                try:
                    status, told = act(ask, request)
                except KeyError:
                    status, told = 400, error("BAD_REQUEST_ERROR", "The id provided does not exist")
                if mode == "500_after":
                    status, told = 500, error("SERVER_ERROR", "ordered")
                return web.json_response(told | self.garbled.get(op, {}), status=status)

            return await self.disturbed(op, request, answer)

        return handle


def collection(items: list[dict[str, Any]]) -> Answer:
    return 200, {"entity": "collection", "count": len(items), "items": items}


def error(code: str, description: str) -> dict[str, Any]:
    return {"error": {"code": code, "description": description, "reason": "NA", "metadata": {}}}


def _day(settled_at: int) -> tuple[int, int, int]:
    # Its days are India's.
    at = datetime.fromtimestamp(settled_at + 19_800, UTC)
    return at.year, at.month, at.day
