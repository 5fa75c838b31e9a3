"""A shop to be broken: its processes, shoppers who do not give up, points at which it dies, and what the bank knows."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import asyncpg

from tests.journeys.client import ADDRESS, DECLINED, PRICE, Client, visiting
from tests.journeys.shops import APART, Shop, audited, running

TIMEOUT = aiohttp.ClientTimeout(total=60)
LEASE_SECONDS = 3
GOOD = "4242 4242 4242 4242"
REST_SECONDS, LOOK_SECONDS = 120.0, 10.0
# Processes with a clock of their own. What is run beside them, such as the audit, has one under the name of all.
EACH = "{process}"
CLOCKS = ("gateway", "worker", *(name + kind for name in APART for kind in ("", "-work")))
PASSWORD = "namaste-haat"
# Nothing of a checkout is under way: no attempt, no payment or refund, no work on an order, no event that waits, no
# money that should be taken now.
UNREST = """
SELECT (SELECT count(*) FROM checkout.attempts WHERE state NOT IN ('placed', 'failed', 'waiting'))
     + (SELECT count(*) FROM payments.refunds WHERE state = 'pending')
     + (SELECT count(*) FROM orders.tasks WHERE NOT done)
     + (SELECT count(*) FROM payments.payments WHERE NOT tombstone AND (state IN ('authorizing', 'unknown', 'pending')
            OR state = 'authorized' AND provider <> 'cash' AND (void_reason IS NOT NULL OR EXISTS (
                SELECT FROM orders.orders o WHERE o.payment_id = payments.payment_id AND NOT o.on_hold))))
     + (SELECT count(*) FROM checkout.outbox) + (SELECT count(*) FROM orders.outbox)
     + (SELECT count(*) FROM payments.outbox) + (SELECT count(*) FROM inventory.outbox)
     + (SELECT count(*) FROM promotions.outbox)
"""
ORDERS = "SELECT checkout_id, count(*) AS orders FROM orders.orders WHERE checkout_id = ANY($1) GROUP BY 1"


class Deaths:
    """Kills and restarts processes of a shop; what died by itself at an armed point is noticed and restarted."""

    def __init__(self, shop: Shop, armed: Path, rng: Random, longest_pause: float) -> None:
        self.shop, self._armed, self._rng, self._longest = shop, armed, rng, longest_pause
        self.died: list[tuple[str, str]] = []
        # When the last of them died: all must be well two minutes later, however long it stayed away.
        self.last = time.monotonic()
        self._seen: set[str] = set()
        self._restarts: list[asyncio.Task[None]] = []

    def arm(self, *points: str) -> None:
        """Whoever next passes a point dies there."""
        for point in points:
            (self._armed / point).touch()

    def left(self) -> list[str]:
        """Points that nobody has passed since they were armed."""
        return sorted(path.name for path in self._armed.iterdir() if "@" not in path.name)

    def disarm(self) -> None:
        for path in self._armed.iterdir():
            path.unlink()

    def look(self) -> None:
        """Who has died since the last look: all of that process group goes, and comes back after a while."""
        for path in self._armed.iterdir():
            point, _, group = path.name.partition("@")
            if not group or path.name in self._seen:
                continue
            self._seen.add(path.name)
            names = [name for name, process in self.shop.processes.items() if process.pid == int(group)]
            self.died += [(point, name) for name in names]
            for name in names:
                self._restarts.append(asyncio.create_task(self.fell(name)))

    async def fell(self, name: str) -> None:
        """End what is left of a process and start it anew after a random pause."""
        self.last = time.monotonic()
        with suppress(ProcessLookupError):
            os.killpg(self.shop.processes[name].pid, signal.SIGKILL)
        await asyncio.to_thread(self.shop.processes[name].wait)
        await asyncio.sleep(self._rng.random() * self._longest)
        self.shop.start(name)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Until everything that died is up again, were it since the last look."""
        self.look()
        while self._restarts:
            await self._restarts.pop()


class Lab:
    """One shop for many experiments."""

    def __init__(self, shop: Shop, staff: Client, armed: Path, clocks: Path, workers: int) -> None:
        self.shop, self.staff, self.armed, self.workers = shop, staff, armed, workers
        self._clocks = clocks

    def deaths(self, rng: Random, longest_pause: float) -> Deaths:
        return Deaths(self.shop, self.armed, rng, longest_pause)

    def shift(self, seconds: int, *processes: str) -> None:
        """The clocks of these processes are wrong by so many seconds from now on."""
        for name in processes:
            (self._clocks / name).write_text(str(seconds))

    async def shelve(self, units: int, amount: int = PRICE) -> tuple[str, str]:
        """A new product's only variant, and its SKU."""
        await self.until(self.staff.sign_in_as_staff)
        sku = uuid.uuid4().hex
        return (await self.until(self.staff.sell, sku, units, amount))["variants"][0]["id"], sku

    async def coupon(self, limit: int, **more: Any) -> str:
        code = uuid.uuid4().hex[:12].upper()
        body = {"code": code, "title": "Ten percent", "percent_basis_points": 1000, "limit_total": limit, **more}
        await Stubborn(self.staff).until("POST", "/v1/coupons", body, 201)
        return code

    async def until(self, act: Callable[..., Awaitable[Any]], *told: object) -> Any:
        """Once more while the shop is still getting up from the last experiment."""
        for _ in range(100):
            with suppress(AssertionError, aiohttp.ClientError, TimeoutError, OSError):
                return await act(*told)
            await asyncio.sleep(0.3)
        return await act(*told)

    async def value(self, sql: str, *values: object) -> Any:
        return (await self.rows(sql, *values))[0][0]

    async def rows(self, sql: str, *values: object) -> list[Any]:
        connection = await asyncpg.connect(self.shop.database_url)
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    @asynccontextmanager
    async def shopper(self) -> AsyncIterator[Stubborn]:
        async with visiting(self.shop, timeout=TIMEOUT) as client:
            yield Stubborn(client)

    async def at_rest(self, since: float) -> float | None:
        """Seconds after `since` when nothing was under way any more; None when it took too long."""
        # Those who watched may have taken long themselves: there are some seconds to look in any case.
        deadline = max(since + REST_SECONDS, time.monotonic() + LOOK_SECONDS)
        while time.monotonic() < deadline:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if await self.value(UNREST) == 0:
                    return time.monotonic() - since
            await asyncio.sleep(0.1)
        return None

    async def fault(self, op: str, mode: str, **more: Any) -> None:
        """The bank's next calls of this kind go wrong."""
        body = {"op": op, "mode": mode, **more}
        status, answer = await self.staff.call("POST", f"{self.shop.urls['provider']}/sandbox/faults", body)
        assert status < 300, answer

    async def books(self) -> list[dict[str, Any]]:
        """The bank's own rows."""
        _, books = await self.staff.call("GET", f"{self.shop.urls['provider']}/sandbox/books")
        return list(books["data"])

    async def faults(
        self,
        checkouts: Sequence[str],
        patience: int = int(REST_SECONDS),
        charges: int | Mapping[str, int] = 1,
        again: bool = False,
    ) -> list[str]:
        """What is wrong by the audit, and by the bank's books: each checkout has one order, paid once, or neither.

        `charges` is how many payments the bank keeps for an order, of any or by checkout: none that is paid in cash.
        `again` as `taken_twice` says.
        """
        wrong = await asyncio.to_thread(audited, self.shop, patience)
        orders = {row["checkout_id"]: row["orders"] for row in await self.rows(ORDERS, checkouts)}
        paid: dict[str, int] = dict.fromkeys(checkouts, 0)
        theirs = [row for row in await self.books() if row["reference"] in paid]
        wrong += taken_twice(theirs, again)
        for row in theirs:
            paid[row["reference"]] += row["captured"] > row["refunded"]
        for checkout in checkouts:
            found = (orders.get(checkout, 0), paid[checkout])
            if found not in ((0, 0), (1, charges if isinstance(charges, int) else charges.get(checkout, 0))):
                wrong.append(f"{checkout}: orders and charges are {found}")
        return wrong


def taken_twice(books: Sequence[Mapping[str, Any]], again: bool = False) -> list[str]:
    """Checkouts of which the bank took money more than once, were it given back since.

    `again`: the shopper paid another way while the first was open. Then it is each attempt that pays once at most; the
    bank knows it by the key of its authorisation, which begins with the payment's id.
    """
    taken = Counter[str](_attempt(row) if again else row["reference"] for row in books if row["captured"])
    return [f"{who}: money was taken {times} times" for who, times in taken.items() if times > 1]


def _attempt(row: Mapping[str, Any]) -> str:
    (key,) = {call["key"] for call in row["calls"] if call["op"] == "authorize"}
    return f"{row['reference']} {key.partition(':')[0]}"


async def decided(ask: Callable[[], Awaitable[tuple[int, Any]]]) -> tuple[int, Any]:
    """The answer of a shop that has the time for one: while it is too busy, it is asked again."""
    deadline = time.monotonic() + REST_SECONDS
    while True:
        status, answer = await ask()
        if status != 503 or time.monotonic() > deadline:
            return status, answer
        await asyncio.sleep(0.3)


async def posted(client: Client, path: str, body: Any = None) -> tuple[int, Any]:
    """A POST under one key until it is decided."""
    return await decided(partial(client.call, "POST", path, body, Idempotency_Key=str(uuid.uuid4())))


class Stubborn:
    """A shopper who asks again, under the same key, until there is an answer; a member signs in again when need be."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.checkout = ""
        self.member = False

    async def register(self) -> None:
        await self.client.register()
        self.member = True

    async def _let_in(self, status: int) -> bool:
        """Whether a member was turned away, and is in again."""
        if status != 401 or not self.member:
            return False
        del self.client.headers["Authorization"]
        body = {"email": self.client.email, "password": PASSWORD}
        tokens = await self.until("POST", "/v1/sessions", body, 201)
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return True

    async def until(self, method: str, path: str, body: Any, *good: int, key: str | None = None) -> Any:
        headers = {"Idempotency_Key": key} if key else {}
        deadline, seen = time.monotonic() + REST_SECONDS, []
        while time.monotonic() < deadline:
            try:
                status, answer = await self.client.call(method, path, body, **headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                status, answer = 0, {"detail": str(error)}
            if status in good:
                return answer
            if await self._let_in(status):
                continue
            seen.append((status, answer.get("code")))
            await asyncio.sleep(0.3)
        raise AssertionError(f"{path}: {seen[-5:]}")

    async def begin(self, variant: str, quantity: int = 1, **choices: Any) -> str:
        """A cart with units in it, and an open checkout; its id."""
        item = {"variant_id": variant, "quantity": quantity}
        await self.until("POST", "/v1/cart/items", item, 201, key=str(uuid.uuid4()))
        body = {"email": self.client.email, "shipping_address": ADDRESS, **choices}
        self.checkout = (await self.until("POST", "/v1/checkouts", body, 201, key=str(uuid.uuid4())))["id"]
        return self.checkout

    async def card(self, number: str = GOOD) -> dict[str, Any]:
        card = {"number": number, "exp_month": 12, "exp_year": 2034, "cvc": "123", "name": "Asha Rao"}
        made = await self.until("POST", f"{self.client.shop.vault_url}/v1/tokens", card, 201)
        return {"method": "card", "token": made["token"]}

    async def pay(self, number: str = GOOD) -> tuple[int, Any]:
        """The answer; a card whose code the vault has forgotten in its death is entered again."""
        while True:
            status, answer = await self.client.complete_surely(self.checkout, await self.card(number))
            again = answer.get("decline_code") in ("card_token_unknown", "expired") or await self._let_in(status)
            if not again:
                return status, answer

    async def asked_to_act(self, payment: dict[str, Any], key: str) -> dict[str, Any]:
        """The checkout once its payment waits for the shopper, were it after the answer."""
        path, deadline = f"/v1/checkouts/{self.checkout}", time.monotonic() + REST_SECONDS
        answer = await self.until("POST", f"{path}/complete", {"payment": payment}, 202, key=key)
        while not answer.get("action") and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
            answer = await self.until("GET", path, None, 200)
        return dict(answer)

    async def pay_by_phone(self, after: float = 0.0) -> tuple[int, Any]:
        """UPI: the shopper approves on the bank's page after a while, and looks until the order is there."""
        key, path = str(uuid.uuid4()), f"/v1/checkouts/{self.checkout}"
        body = {"payment": {"method": "upi", "flow": "qr"}}
        answer = await self.until("POST", f"{path}/complete", body, 200, 202, key=key)
        deadline = time.monotonic() + REST_SECONDS
        await asyncio.sleep(after)
        while answer["status"] != "completed" and time.monotonic() < deadline:
            if answer.get("action"):
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    form = {"outcome": "approve"}
                    async with self.client.session.post(answer["action"]["url"], data=form):
                        pass
            await asyncio.sleep(0.3)
            answer = await self.until("GET", path, None, 200)
        return 200, answer

    async def decline_then_pay(self) -> tuple[int, Any]:
        """A card that the bank refuses, then a good one."""
        status, answer = await self.pay(DECLINED)
        assert status == 402, answer
        return await self.pay()


@asynccontextmanager
async def lab(folder: Path, workers: int = 1, apart: Sequence[str] = APART, **settings: str) -> AsyncIterator[Lab]:
    """A durable shop whose deaths can be armed; with several workers of the gateway everything is inside of them."""
    armed, clocks = folder / "armed", folder / "clocks"
    armed.mkdir(parents=True)
    clocks.mkdir()
    for name in (*CLOCKS, EACH):
        (clocks / name).write_text("0")
    own = {
        "CRASH_AT": str(armed),
        "CLOCK_SHIFT": str(clocks / EACH),
        "HAAT_CHECKOUT_LEASE_SECONDS": str(LEASE_SECONDS),
        "HAAT_AUTO_FULFIL": "false",
        "HAAT_FRAUD_ATTEMPTS_PER_HOUR": "0",
        "HAAT_REQUEST_LIMIT_PER_MINUTE": "0",
    }
    with running(folder, () if workers > 1 else apart, workers, durable=True, **{**own, **settings}) as shop:
        async with visiting(shop, timeout=TIMEOUT) as staff:
            await staff.sign_in_as_staff()
            yield Lab(shop, staff, armed, clocks, workers)
