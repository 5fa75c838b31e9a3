"""The provider as a process: what it has acknowledged outlives it."""

import asyncio

import aiohttp
import pytest

pytestmark = pytest.mark.slow


async def test_payments_and_keys_survive_a_kill(spawn, tmp_path, card_payment):
    provider = await spawn("provider", tmp_path)
    first = await provider.post("/v1/payments", card_payment("kept"), key="kept-1")
    await provider.kill()
    again = await spawn("provider", tmp_path)
    assert await again.post("/v1/payments", card_payment("kept"), key="kept-1") == first
    assert len(await again.books_of("kept")) == 1


async def test_the_moved_clock_and_its_timers_survive_a_kill(spawn, tmp_path, card_payment):
    provider = await spawn("provider", tmp_path)
    _, payment = await provider.post("/v1/payments", card_payment("timed", "4000002760003184"))
    await provider.advance(400)
    await provider.kill()
    again = await spawn("provider", tmp_path)
    _, before = await again.get(f"/v1/payments/{payment['id']}")
    await again.advance(201)
    _, after = await again.get(f"/v1/payments/{payment['id']}")
    assert (before["state"], after["state"]) == ("requires_action", "expired")


async def test_a_slow_answer_cut_off_by_a_kill_is_there_for_the_repeated_key(spawn, tmp_path, card_payment):
    ask = card_payment("cut-off", "4000000000000077")
    provider = await spawn("provider", tmp_path)
    first = asyncio.create_task(provider.post("/v1/payments", ask, key="cut-1"))
    await provider.booked("cut-off")
    await provider.kill()
    (lost,) = await asyncio.gather(first, return_exceptions=True)
    again = await spawn("provider", tmp_path)
    await again.advance(31)
    status, payment = await again.post("/v1/payments", ask, key="cut-1")
    assert (isinstance(lost, aiohttp.ClientConnectionError), status, payment["state"]) == (True, 201, "authorized")


@pytest.mark.parametrize("name", ["provider", "carrier"])
async def test_a_termination_ends_it_cleanly(spawn, tmp_path, name):
    sandbox = await spawn(name, tmp_path)
    assert await sandbox.stop() == 0


async def test_a_stalled_call_does_not_hold_up_the_end(spawn, tmp_path, card_payment):
    provider = await spawn("provider", tmp_path)
    await provider.post("/sandbox/faults", {"op": "authorize", "mode": "stall", "seconds": 3000})
    stalled = asyncio.create_task(provider.post("/v1/payments", card_payment("stalled")))
    await provider.booked("stalled")
    assert await provider.stop() == 0
    await asyncio.gather(stalled, return_exceptions=True)


@pytest.mark.parametrize("name", ["provider", "carrier"])
async def test_a_second_process_on_the_same_folder_is_refused(spawn, refused, tmp_path, name):
    await spawn(name, tmp_path)
    status, said = await refused(name, tmp_path)
    assert (status, "database is locked" in said) == (2, True)


async def test_a_taken_port_is_explained(spawn, refused, tmp_path):
    first = await spawn("provider", tmp_path / "one")
    port = first.url.rpartition(":")[2]
    status, said = await refused("provider", tmp_path / "two", "--port", port)
    assert (status, f"port {port}" in said) == (2, True)
