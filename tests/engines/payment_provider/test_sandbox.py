"""What only the sandbox's own road promises beyond the suite for all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from aiohttp import web

from haat.engines.payment_provider.sandbox import SandboxProvider
from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import PaymentAsk, Refused
from tests.engines.payment_provider.scripted import Scripted
from tests.engines.payment_provider.worlds import ALL_TIME, EXPIRES, MADE_FOR, SECRET, SandboxWorld, World


async def test_a_qr_code_carries_what_a_upi_app_reads(sandbox_world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "upi", "flow": "qr"})
    outcome = await sandbox_world.provider.authorise(new_id("key"), ask)
    action = outcome.fact.action
    assert (action.type, action.upi_uri[:6]) == ("upi_qr", "upi://")


async def test_an_invalid_request_is_refused_without_effect(sandbox_world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "wallet", "provider": "/"})
    assert isinstance(await sandbox_world.provider.authorise(new_id("key"), ask), Refused)
    assert await sandbox_world.provider.find(ask.reference) == []


async def test_a_payment_in_another_account_is_told_as_foreign(sandbox_world: SandboxWorld):
    payment_id = await sandbox_world.hold()
    other = SandboxProvider(sandbox_world.url, [SECRET], merchant="another shop")
    outcome = await other.fetch(payment_id)
    told = other.verify(body := await sandbox_world.notice(payment_id), sandbox_world.signed(body))
    await other.close()
    assert (outcome.fact.foreign_merchant, told.fact.foreign_merchant) == ("haat", "haat")
    assert (await sandbox_world.provider.fetch(payment_id)).fact.foreign_merchant is None


async def test_a_payment_is_made_in_the_account_of_the_shop(sandbox_world: SandboxWorld):
    other = SandboxProvider(sandbox_world.url, [SECRET], merchant="another shop")
    asked = PaymentAsk(new_id("chk"), Money(1000), {"type": "upi", "flow": "qr"})
    made = await other.authorise(new_id("key"), asked)
    await other.close()
    assert made.fact.foreign_merchant is None
    assert (await sandbox_world.provider.fetch(made.fact.id)).fact.foreign_merchant == "another shop"


@pytest.mark.parametrize(
    "mode", ["drop_before", "drop_after", "500_after", pytest.param("stall", marks=pytest.mark.slow)]
)
async def test_the_failure_of_a_charge_does_not_repeat_the_number(sandbox_world: World, mode: str):
    await sandbox_world.order("authorise", mode)
    with pytest.raises(Unavailable) as lost:
        payment = CardPayment(new_id("chk"), Money(1000), "manual")
        await sandbox_world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES)
    assert "4242" not in repr(lost.value) + repr(lost.value.__context__)


async def test_a_report_that_comes_in_pieces_is_read_to_its_end():
    server = Pieces()
    await server.start([web.get("/v1/movements", server.movements)])
    provider = SandboxProvider(server.url, [SECRET])
    rows = [row.id async for row in provider.report(*ALL_TIME)]
    await provider.close()
    await server.stop()
    assert (len(rows), rows[-1]) == (3, "mov_2")


class Pieces(Scripted):
    """A busy day's report is larger than what one look at the network finds there."""

    async def movements(self, request: web.Request) -> web.StreamResponse:
        row = {"payment_id": "psp_1", "reference": "chk_1", "type": "payment.captured", "amount": 1000, "fee": 20}
        row |= {"currency": "INR", "at": datetime(2026, 11, 29, tzinfo=UTC)}
        body = msgspec.json.encode({"data": [row | {"id": f"mov_{i}"} for i in range(3)], "next_cursor": None})
        answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await answer.prepare(request)
        await answer.write(body[:100])
        await asyncio.sleep(0.05)
        await answer.write(body[100:])
        return answer
