"""What only the sandbox's own road promises beyond the suite for all."""

from __future__ import annotations

import pytest

from haat.kit.ids import new_id
from haat.kit.message import Unavailable
from haat.kit.money import Money
from haat.ports.card_acquirer import CardPayment
from haat.ports.payment_provider import PaymentAsk, Refused
from tests.engines.payment_provider.worlds import EXPIRES, MADE_FOR, World


async def test_a_qr_code_carries_what_a_upi_app_reads(sandbox_world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "upi", "flow": "qr"})
    outcome = await sandbox_world.provider.authorise(new_id("key"), ask)
    action = outcome.fact.action
    assert (action.type, action.upi_uri[:6]) == ("upi_qr", "upi://")


async def test_an_invalid_request_is_refused_without_effect(sandbox_world: World):
    ask = PaymentAsk(new_id("chk"), Money(1000), {"type": "wallet", "provider": "/"})
    assert isinstance(await sandbox_world.provider.authorise(new_id("key"), ask), Refused)
    assert await sandbox_world.provider.find(ask.reference) == []


@pytest.mark.parametrize(
    "mode", ["drop_before", "drop_after", "500_after", pytest.param("stall", marks=pytest.mark.slow)]
)
async def test_the_failure_of_a_charge_does_not_repeat_the_number(sandbox_world: World, mode: str):
    await sandbox_world.order("authorise", mode)
    with pytest.raises(Unavailable) as lost:
        payment = CardPayment(new_id("chk"), Money(1000), "manual")
        await sandbox_world.cards.charge(new_id("key"), payment, MADE_FOR["good"] | EXPIRES)
    assert "4242" not in repr(lost.value) + repr(lost.value.__context__)
