"""What every payment provider's adapter promises, tried against the provider's real process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from standardwebhooks import Webhook as Signer

from haat.engines.payment_provider.cards import SandboxCards
from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import Answered, PaymentAsk, Refused, Unknown

SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="
UPI = {"type": "upi", "flow": "qr"}
CARD = {"type": "card", "number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}


@pytest.fixture(scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "haat.sandbox.provider", "--data", str(tmp_path_factory.mktemp("provider"))),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield (await asyncio.wait_for(process.stdout.readline(), 15)).decode().removeprefix("ready ").strip()
    process.kill()
    await process.wait()


@pytest.fixture
async def provider(url: str) -> AsyncIterator[SandboxProvider]:
    adapter = SandboxProvider(url, [SECRET], timeout_seconds=1.5)
    yield adapter
    await adapter.close()


@pytest.fixture
async def cards(url: str) -> AsyncIterator[SandboxCards]:
    adapter = SandboxCards(url, timeout_seconds=1.5)
    yield adapter
    await adapter.close()


async def post(url: str, path: str, body: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as session, session.post(url + path, json=body) as answer:
        assert answer.status < 300


def ask(amount: int = 1000, method: dict[str, Any] = UPI) -> PaymentAsk:
    return PaymentAsk(new_id("chk"), Money(amount), method)


async def authorised(cards: SandboxCards, provider: SandboxProvider, amount: int = 1000) -> str:
    payment = CardPayment(new_id("chk"), Money(amount), "manual")
    outcome = provider.read(*await cards.charge(new_id("key"), payment, CARD))
    assert isinstance(outcome, Answered)
    return outcome.fact.id


async def test_an_authorisation_tells_what_to_do(provider: SandboxProvider):
    asked = ask()
    outcome = await provider.authorise(new_id("key"), asked)
    assert isinstance(outcome, Answered)
    fact = outcome.fact
    assert (fact.state, fact.amount, fact.reference) == ("requires_action", Money(1000), asked.reference)
    assert fact.action is not None
    assert (fact.action.type, (fact.action.upi_uri or "")[:6]) == ("upi_qr", "upi://")


async def test_the_same_key_has_one_effect(provider: SandboxProvider):
    asked, key = ask(), new_id("key")
    first, second = await provider.authorise(key, asked), await provider.authorise(key, asked)
    found = await provider.find(asked.reference)
    assert first == second
    assert not isinstance(found, Unknown)
    assert len(found) == 1


async def test_a_key_used_for_something_else_is_not_a_refusal(provider: SandboxProvider):
    key = new_id("key")
    await provider.authorise(key, ask())
    assert isinstance(await provider.authorise(key, ask(2000)), Unknown)


async def test_an_invalid_request_is_refused_without_effect(provider: SandboxProvider):
    asked = ask(method={"type": "wallet", "provider": "/"})
    assert isinstance(await provider.authorise(new_id("key"), asked), Refused)
    assert await provider.find(asked.reference) == []


@pytest.mark.parametrize("mode", ["drop_before", "drop_after", "500_after", "stall"])
async def test_a_lost_answer_is_unknown_never_refused(provider: SandboxProvider, url: str, mode: str):
    await post(url, "/sandbox/faults", {"op": "authorize", "mode": mode})
    assert isinstance(await provider.authorise(new_id("key"), ask()), Unknown)


async def test_nobody_there_is_unknown():
    adapter = SandboxProvider("http://127.0.0.1:1", [], timeout_seconds=1)
    asked = ask()
    outcomes = [
        await adapter.authorise("k", asked),
        await adapter.capture("k", "psp_1", 1),
        await adapter.void("k", "psp_1"),
        await adapter.refund("k", "psp_1", 1, "x"),
        await adapter.fetch("psp_1"),
        await adapter.find("chk_1"),
    ]
    await adapter.close()
    assert {type(outcome) for outcome in outcomes} == {Unknown}


async def test_capture_then_refund_in_parts(provider: SandboxProvider, cards: SandboxCards):
    payment_id = await authorised(cards, provider)
    await provider.capture(new_id("key"), payment_id, 1000)
    outcome = await provider.refund(new_id("key"), payment_id, 400, "damaged")
    assert isinstance(outcome, Answered)
    fact = outcome.fact
    assert (fact.state, fact.captured_minor, fact.refunds[-1].amount_minor) == ("captured", 1000, 400)


async def test_more_than_was_authorised_is_refused(provider: SandboxProvider, cards: SandboxCards):
    payment_id = await authorised(cards, provider)
    assert isinstance(await provider.capture(new_id("key"), payment_id, 1001), Refused)


async def test_a_void_ends_the_hold_and_cannot_follow_a_capture(provider: SandboxProvider, cards: SandboxCards):
    held, taken = await authorised(cards, provider), await authorised(cards, provider)
    await provider.capture(new_id("key"), taken, 1000)
    voided = await provider.void(new_id("key"), held)
    assert isinstance(voided, Answered)
    assert voided.fact.state == "voided"
    assert isinstance(await provider.void(new_id("key"), taken), Refused)


async def test_an_unknown_payment_is_refused(provider: SandboxProvider):
    assert isinstance(await provider.fetch("psp_nothing"), Refused)


async def test_a_hold_that_ran_out_has_lapsed(provider: SandboxProvider, cards: SandboxCards, url: str):
    payment_id = await authorised(cards, provider)
    await post(url, "/sandbox/clock", {"advance_seconds": 8 * 86_400})
    outcome = await provider.fetch(payment_id)
    assert isinstance(outcome, Answered)
    assert outcome.fact.state == "lapsed"


async def test_the_vaults_road_tells_an_unknown_outcome_apart(cards: SandboxCards, url: str):
    await post(url, "/sandbox/faults", {"op": "authorize", "mode": "drop_after"})
    with pytest.raises(Unavailable):
        await cards.charge(new_id("key"), CardPayment(new_id("chk"), Money(1000), "manual"), CARD)


async def test_the_failure_of_a_charge_does_not_repeat_the_number(cards: SandboxCards, url: str):
    await post(url, "/sandbox/faults", {"op": "authorize", "mode": "drop_before"})
    with pytest.raises(Unavailable) as lost:
        await cards.charge(new_id("key"), CardPayment(new_id("chk"), Money(1000), "manual"), CARD)
    assert "4242" not in repr(lost.value) + repr(lost.value.__context__)


def test_a_notice_is_read_from_signed_bytes():
    at = datetime.now(UTC)
    payment = {"id": "psp_1", "reference": "chk_1", "amount": 5, "currency": "INR", "state": "captured"}
    body = msgspec.json.encode(
        {"type": "payment.captured", "data": {"payment": payment | {"captured": 5, "refunded": 0}}}
    )
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Signer(SECRET).sign("msg_1", at, body.decode()),
    }
    provider = SandboxProvider("http://127.0.0.1:1", [SECRET])
    notice = provider.verify(body, headers)
    assert notice is not None
    assert notice.fact is not None
    assert (notice.id, notice.fact.captured_minor, provider.verify(body + b" ", headers)) == ("msg_1", 5, None)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"not json", b'{"type": 1}', b"[]"])
def test_a_signed_notice_that_makes_no_sense_is_none(body: bytes):
    provider = SandboxProvider("http://127.0.0.1:1", [SECRET])
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(SECRET).sign("msg_1", at, body.decode(errors="replace")),
    }
    assert provider.verify(body, headers) is None
