"""Every request that our adapter makes has a shape that Stripe accepts, by the judgement of its own stripe-mock."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from haat.engines.payment_provider.stripe import StripeProvider
from haat.engines.payment_provider.stripe_cards import StripeCards
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import PaymentAsk
from tests.engines.payment_provider.worlds import BACK, EXPIRES, MADE_FOR

BINARY = Path(__file__).parents[3] / ".go" / "bin" / "stripe-mock"
STARTUP_SECONDS = 120
KEY = "sk_test_123"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("stripe-mock"),
    pytest.mark.skipif(not BINARY.exists() and "CI" not in os.environ, reason="stripe-mock is not built"),
]


class Witness:
    """Passes requests on to stripe-mock and remembers how each was answered."""

    def __init__(self, behind: str, session: aiohttp.ClientSession) -> None:
        self.answers: list[tuple[str, str, int]] = []
        self.complaints: list[str] = []
        self.keys: list[str | None] = []
        self.url = ""
        self._behind = behind
        self._session = session

    async def pass_on(self, request: web.Request) -> web.Response:
        passed = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with self._session.request(
            request.method, self._behind + request.raw_path, headers=passed, data=await request.read()
        ) as answer:
            body = await answer.read()
        path = re.sub(r"/(pi|pm|cus|re)_\w+", "/ID", request.path)
        self.answers.append((request.method, path, answer.status))
        self.complaints += [body.decode()] if answer.status >= 400 else []
        self.keys += [request.headers.get("Idempotency-Key")] if request.method == "POST" else []
        return web.Response(status=answer.status, body=body, headers={"Content-Type": "application/json"})


@pytest.fixture(scope="module")
async def mock_url() -> AsyncIterator[str]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]
    # Left to itself it would listen to the whole world on its second port.
    process = await asyncio.create_subprocess_exec(
        *(str(BINARY), "-http-addr", addresses[0], "-https-addr", addresses[1]), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(STARTUP_SECONDS), aiohttp.ClientSession() as session:
            while not await _answers(session, addresses[0]):  # noqa: ASYNC110 - another process's start
                await asyncio.sleep(0.1)
        yield f"http://{addresses[0]}"
    finally:
        process.kill()
        await process.wait()


async def _answers(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"http://{address}/"):
            return True
    except aiohttp.ClientError:
        return False


@pytest.fixture
async def witness(mock_url: str) -> AsyncIterator[Witness]:
    async with aiohttp.ClientSession() as session:
        seen = Witness(mock_url, session)
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", seen.pass_on)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield seen
        await runner.cleanup()


@pytest.fixture
async def provider(witness: Witness) -> AsyncIterator[StripeProvider]:
    adapter = StripeProvider(KEY, [], "INR", url=witness.url)
    yield adapter
    await adapter.close()


@pytest.fixture
async def cards(witness: Witness) -> AsyncIterator[StripeCards]:
    adapter = StripeCards(KEY, url=witness.url)
    yield adapter
    await adapter.close()


async def test_the_commands_are_accepted(provider: StripeProvider, witness: Witness):
    await provider.capture("key-1", "pi_1", 400)
    await provider.void("key-2", "pi_1")
    await provider.refund("key-3", "pi_1", 400, "damaged")
    assert witness.complaints == []
    assert witness.answers == [
        ("POST", "/v1/payment_intents/ID/capture", 200),
        ("POST", "/v1/payment_intents/ID/cancel", 200),
        # Whether it was made before under our key: Stripe forgets keys.
        ("GET", "/v1/refunds", 200),
        ("POST", "/v1/refunds", 200),
    ]
    assert witness.keys == ["key-1", "key-2", "key-3"]


async def test_the_questions_are_accepted(provider: StripeProvider, witness: Witness):
    await provider.fetch("pi_1")
    await provider.find("chk_1'\\")
    async for _ in provider._recent():
        break
    await provider._disputes("pi_1")
    async for _ in provider.report(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)):
        break
    assert witness.complaints == []
    assert witness.answers == [
        ("GET", "/v1/payment_intents/ID", 200),
        ("GET", "/v1/payment_intents/search", 200),
        ("GET", "/v1/payment_intents", 200),
        ("GET", "/v1/disputes", 200),
        ("GET", "/v1/balance_transactions", 200),
    ]


async def test_a_upi_payment_is_accepted(provider: StripeProvider, witness: Witness):
    ask = PaymentAsk("chk_1", Money(1000), {"type": "upi", "flow": "qr"}, BACK)
    await provider.authorise("key-1", ask)
    assert (witness.complaints, witness.answers) == ([], [("POST", "/v1/payment_intents", 200)])


@pytest.mark.parametrize("capture", ["manual", "automatic"])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("cvc", ["123", None])
async def test_a_card_payment_is_accepted(
    cards: StripeCards, witness: Witness, capture: str, keep: bool, cvc: str | None
):
    payment = CardPayment("chk_1", Money(1000), capture, BACK, keep)
    method = MADE_FOR["good"] | {name: value for name, value in (EXPIRES | {"cvc": cvc}).items() if value is not None}
    await cards.charge("key-1", payment, method)
    assert witness.complaints == []
    assert witness.answers == [("POST", "/v1/payment_methods", 200), ("POST", "/v1/payment_intents", 200)]


async def test_a_kept_card_is_accepted(cards: StripeCards, witness: Witness):
    await cards.charge(
        "key-1", CardPayment("chk_1", Money(1000), "manual", BACK), {"type": "network_token", "token": "pm_1"}
    )
    await cards.fetch("pi_1")
    assert (witness.complaints, {status for _, _, status in witness.answers}) == ([], {200})


@pytest.mark.parametrize("wrong", [{"amount": "ten"}, {"amounts": 5}, {"capture_method": "later"}])
async def test_a_wrong_shape_is_noticed(cards: StripeCards, witness: Witness, wrong: dict):
    right = {"amount": 5, "currency": "inr"}
    status, _ = await cards._calls.ask(lambda client: client.v1.payment_intents.create_async(right | wrong))
    assert (status, len(witness.complaints)) == (400, 1)
