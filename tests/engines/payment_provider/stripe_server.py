"""A Stripe of our own for the tests: its documented objects and states, its idempotency, its own books."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.engines.payment_provider.scripted import Scripted

NOW = int(time.time())
DECLINED, CHALLENGED = "4000000000000002", "4000002760003184"
Act = Callable[[], tuple[int, dict[str, Any]]]


class StripeServer(Scripted):
    """Keeps the first answer to every idempotency key, a 500 included, as Stripe does."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.intents: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.disputes: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.methods: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.searchable = True
        self.searches_offered = True
        # Two servers of one test run must not give the same ids.
        self._run, self._numbers = secrets.token_hex(4), itertools.count(1)

    async def begin(self) -> None:
        post, get = web.post, web.get
        await self.start(
            [
                post("/v1/payment_intents", self._writes("authorise", self._create)),
                get("/v1/payment_intents", self._reads(self._list)),
                get("/v1/payment_intents/search", self._reads(self._search)),
                get("/v1/payment_intents/{id}", self._reads(self._retrieve)),
                post("/v1/payment_intents/{id}/capture", self._writes("capture", self._capture)),
                post("/v1/payment_intents/{id}/cancel", self._writes("void", self._cancel)),
                post("/v1/refunds", self._writes("refund", self._refund)),
                get("/v1/refunds", self._reads(self._list_refunds)),
                get("/v1/disputes", self._reads(self._list_disputes)),
                get("/v1/balance_transactions", self._reads(self._list_lines)),
                post("/v1/payment_methods", self._writes("method", self._create_method)),
                get("/v1/payment_methods/{id}", self._reads(self._method)),
                post("/v1/payment_methods/{id}/attach", self._writes("attach", self._attach)),
                post("/v1/customers", self._writes("customer", lambda ask: (200, {"id": self._id("cus")}))),
            ]
        )

    # What the outside world does.

    def approve(self, intent_id: str) -> None:
        self._succeed(self.intents[intent_id])

    def fail(self, intent_id: str) -> None:
        error = {"type": "card_error", "code": "payment_intent_authentication_failure", "message": "not authenticated"}
        self.intents[intent_id] |= {
            "status": "requires_payment_method",
            "last_payment_error": error,
            "next_action": None,
        }

    def lapse(self, intent_id: str) -> None:
        self.intents[intent_id] |= {"status": "canceled", "cancellation_reason": "automatic"}

    def dispute(self, intent_id: str, status: str) -> None:
        intent = self.intents[intent_id]
        self.charges[intent["latest_charge"]]["disputed"] = True
        case = {"object": "dispute", "amount": intent["amount_received"], "currency": intent["currency"]}
        self.disputes = [each for each in self.disputes if each["payment_intent"] != intent_id]
        self.disputes.append(case | {"id": self._id("dp"), "status": status, "payment_intent": intent_id})

    def settle_refund(self, intent_id: str, status: str) -> None:
        self._refunds(intent_id)[0]["status"] = status

    def shown(self, intent_id: str) -> dict[str, Any]:
        """The intent as a notice carries it."""
        return self._seen(self.intents[intent_id], {})

    # The interface.

    def _create(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        metadata = ask.get("metadata", {})
        intent = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "amount": int(ask["amount"]),
            "amount_received": 0,
            "currency": ask["currency"],
            "status": "requires_confirmation",
            "capture_method": ask.get("capture_method", "automatic"),
            "created": NOW + len(self.intents),
            "metadata": metadata,
            "latest_charge": None,
            "last_payment_error": None,
            "next_action": None,
            "cancellation_reason": None,
            "payment_method": ask.get("payment_method") or self._id("pm"),
            "setup_future_usage": ask.get("setup_future_usage"),
        }
        kept = self.methods.get(intent["payment_method"], {"customer": None, "number": ""})
        if kept["customer"] != ask.get("customer"):
            return 400, error("invalid_request_error", "resource_missing", "attach it first")
        number = kept["number"]
        intent["card"] = {"brand": "visa", "last4": number[-4:], "capture_before": NOW + 7 * 86_400}
        if ask.get("payment_method_types") == {"0": "upi"}:
            hosted = {"hosted_instructions_url": "https://pay.stripe.example/upi", "qr_code": {"expires_at": NOW + 300}}
            action = {"type": "upi_handle_redirect_or_display_qr_code"}
            intent |= {
                "status": "requires_action",
                "next_action": action | {"upi_handle_redirect_or_display_qr_code": hosted},
            }
            self.intents[intent["id"]] = intent
        elif number == DECLINED:
            intent |= {
                "status": "requires_payment_method",
                "last_payment_error": {"code": "card_declined", "decline_code": "generic_decline"},
            }
            self.intents[intent["id"]] = intent
            told = error("card_error", "card_declined", "Your card was declined.")
            told["error"] |= {"decline_code": "generic_decline", "payment_intent": self._seen(intent, {})}
            return 402, told
        elif number == CHALLENGED and "return_url" in ask:
            redirect = {"url": f"https://hooks.stripe.example/{intent['id']}", "return_url": ask["return_url"]}
            action = {"type": "redirect_to_url", "redirect_to_url": redirect}
            intent |= {"status": "requires_action", "next_action": action}
            self.intents[intent["id"]] = intent
        else:
            self._succeed(intent)
        return 200, self._seen(intent, ask)

    def _capture(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        intent = self.intents[ask["id"]]
        amount = int(ask.get("amount_to_capture", intent["amount"]))
        if intent["status"] != "requires_capture":
            return 400, error("invalid_request_error", "payment_intent_unexpected_state", intent["status"])
        if amount > intent["amount"] or amount <= 0:
            return 400, error("invalid_request_error", "amount_too_large", "more than was authorised")
        intent["metadata"] = intent["metadata"] | ask.get("metadata", {})
        self._take(intent, amount)
        return 200, self._seen(intent, ask)

    def _cancel(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        intent = self.intents[ask["id"]]
        if intent["status"] in ("succeeded", "canceled", "processing"):
            return 400, error("invalid_request_error", "payment_intent_unexpected_state", intent["status"])
        intent |= {"status": "canceled", "cancellation_reason": ask.get("cancellation_reason"), "next_action": None}
        self.intents[ask["id"]] = intent
        return 200, self._seen(intent, ask)

    def _refund(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        intent = self.intents.get(ask["payment_intent"])
        if intent is None or intent["status"] != "succeeded":
            return 400, error("invalid_request_error", "charge_not_captured", "nothing to give back")
        before = self._refunds(intent["id"])
        left = intent["amount_received"] - sum(each["amount"] for each in before if each["status"] != "failed")
        amount = int(ask["amount"])
        if not 0 < amount <= left:
            return 400, error("invalid_request_error", "amount_too_large", f"at most {left}")
        made = {
            "id": self._id("re"),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "status": "succeeded",
            "metadata": ask.get("metadata", {}),
            "payment_intent": intent["id"],
        }
        before.insert(0, made)
        self._line("refund", -amount, 0, made)
        expanded = {"expand": {"0": "latest_charge.refunds"}} if "expand" in ask else {}
        return 200, made | {"payment_intent": self._seen(intent, expanded) if expanded else intent["id"]}

    def _retrieve(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self._seen(self.intents[ask["id"]], ask)

    def _list(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        places = list(reversed(self.intents))
        begin = places.index(ask["starting_after"]) + 1 if "starting_after" in ask else 0
        end = begin + int(ask["limit"])
        assert int(ask["created"]["gte"]) > 0
        data = [self._seen(self.intents[place], ask) for place in places[begin:end]]
        return 200, {"object": "list", "data": data, "has_more": len(places) > end}

    def _search(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self.searches_offered:
            return 400, error("invalid_request_error", "", "Search is not available in your country")
        wanted = re.fullmatch(r"metadata\['(\w+)'\]:'(.*)'", ask["query"])
        assert wanted is not None
        found = [each for each in self.intents.values() if each["metadata"].get(wanted[1]) == wanted[2]]
        data = [self._seen(each, {"expand": {"0": "latest_charge.refunds"}}) for each in reversed(found)]
        return 200, {"object": "search_result", "data": data if self.searchable else [], "has_more": False}

    def _list_refunds(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self._refunds(ask["payment_intent"]) if self.intents[ask["payment_intent"]]["latest_charge"] else []
        limit = int(ask["limit"])
        return 200, {"object": "list", "data": found[:limit], "has_more": len(found) > limit}

    def _list_disputes(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = [each for each in self.disputes if each["payment_intent"] == ask["payment_intent"]]
        return 200, {"object": "list", "data": found, "has_more": False}

    def _list_lines(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        window = range(int(ask["created"]["gte"]), int(ask["created"]["lt"]))
        found = [each for each in reversed(self.lines) if each["created"] in window]
        places = [each["id"] for each in found]
        begin = places.index(ask["starting_after"]) + 1 if "starting_after" in ask else 0
        end = begin + int(ask["limit"])
        return 200, {"object": "list", "data": found[begin:end], "has_more": len(found) > end}

    def _method(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, self.methods[ask["id"]]

    def _create_method(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        made = {"id": self._id("pm"), "object": "payment_method", "customer": None, "number": ask["card"]["number"]}
        self.methods[made["id"]] = made
        return 200, {name: value for name, value in made.items() if name != "number"}

    def _attach(self, ask: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.methods[ask["id"]]["customer"] = ask["customer"]
        return 200, self.methods[ask["id"]]

    # How it works inside.

    def _succeed(self, intent: dict[str, Any]) -> None:
        charge = {"id": self._id("ch"), "object": "charge", "disputed": False, "refunds": {"data": []}}
        charge |= {"currency": intent["currency"], "metadata": intent["metadata"], "payment_intent": intent["id"]}
        self.charges[charge["id"]] = charge | {"payment_method_details": {"card": intent["card"]}}
        self.intents[intent["id"]] = intent
        intent |= {"status": "requires_capture", "latest_charge": charge["id"], "next_action": None}
        if intent["capture_method"] == "automatic":
            self._take(intent, intent["amount"])

    def _take(self, intent: dict[str, Any], amount: int) -> None:
        intent |= {"status": "succeeded", "amount_received": amount}
        self._line("charge", amount, amount // 50, self.charges[intent["latest_charge"]] | {"amount": amount})

    def _line(self, kind: str, amount: int, fee: int, source: dict[str, Any]) -> None:
        line = {"id": self._id("txn"), "type": kind, "amount": amount, "fee": fee, "currency": source["currency"]}
        self.lines.append(line | {"created": NOW + len(self.lines), "source": dict(source)})

    def _refunds(self, intent_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.charges[self.intents[intent_id]["latest_charge"]]["refunds"]["data"]
        return found

    def _seen(self, intent: dict[str, Any], ask: dict[str, Any]) -> dict[str, Any]:
        """Charges are ids unless asked for."""
        told = {name: value for name, value in intent.items() if name != "card"}
        if "expand" in ask and told["latest_charge"] is not None:
            charge = self.charges[told["latest_charge"]]
            refunds = charge["refunds"]["data"]
            told["latest_charge"] = charge | {"refunds": {"data": refunds[:10], "has_more": len(refunds) > 10}}
        return told

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._run}{next(self._numbers):06d}"

    def _reads(self, act: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            async def answer(mode: str) -> web.Response:
                if mode.startswith("500"):
                    return told(500, error("api_error", "", "ordered"))
                return told(*self._tried(lambda: act(asked(request, request.query_string)), request))

            return await self.disturbed("read", request, answer)

        return handle

    def _writes(self, op: str, act: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = await request.text()

            async def answer(mode: str) -> web.Response:
                key = request.headers["Idempotency-Key"]
                self.seen.append((op, key))
                place = f"{request.path}?{body}"
                if key in self.answers:
                    before, status, kept = self.answers[key]
                    if before != place:
                        return told(400, error("idempotency_error", "", "used with another request"))
                    return told(status, kept, **{"Idempotent-Replayed": "true"})
                if mode == "500_before":
                    status, made = 500, error("api_error", "", "ordered")
                else:
                    status, made = self._tried(lambda: act(asked(request, body)), request)
                if mode == "500_after":
                    status, made = 500, error("api_error", "", "ordered")
                made = made | self.garbled.get(op, {})
                self.answers[key] = (place, status, json.loads(json.dumps(made)))
                return told(status, made)

            return await self.disturbed(op, request, answer)

        return handle

    def _tried(self, act: Act, request: web.Request) -> tuple[int, dict[str, Any]]:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return 401, error("invalid_request_error", "", "Invalid API Key provided")
        try:
            return act()
        except KeyError as missing:
            return 404, error("invalid_request_error", "resource_missing", f"No such thing: {missing}")


def asked(request: web.Request, encoded: str) -> dict[str, Any]:
    """The parameters as Stripe nests them: `a[b][0]=c`."""
    nested: dict[str, Any] = dict(request.match_info)
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        place = nested
        *path, last = re.findall(r"[^\[\]]+", name)
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def told(status: int, body: dict[str, Any], **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


def error(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code or None, "message": message}}
