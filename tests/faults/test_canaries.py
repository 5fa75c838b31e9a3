"""The hunt: card numbers that went every way through the shop are afterwards nowhere but at the provider."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from haat.engines.database.embedded_processes import processes_of
from tests.faults.conftest import Shelve
from tests.faults.hunting import Hunt, canary, contents, descendants, name_of, spellings, writable
from tests.journeys.client import CARD, Client, visiting
from tests.journeys.shops import APART, Shop, running, until_ready

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("canaries")]
CVC = "7391"
TYPED = {**CARD, "cvc": "739"}
# Bare digits are in gigabytes of memory by chance: as JSON, as a form, as a message between services, they are not.
TOLD = (f'"cvc":"{CVC}"'.encode(), f'"cvc": "{CVC}"'.encode(), f"cvc={CVC}".encode(), b"\xa3cvc\xa4" + CVC.encode())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("canaries"), APART, durable=True) as started:
        yield started


async def test_card_numbers_are_nowhere_after_every_flow_every_fault_and_kills(shop: Shop, shelve: Shelve):
    variant, _ = await shelve(100)
    numbers = iter(range(1_000))
    used: list[str] = []

    def fresh() -> str:
        used.append(canary(next(numbers)))
        return used[-1]

    async with visiting(shop) as guest, visiting(shop) as member:
        await member.register()
        for one in (guest, member):
            await one.buy(variant, payment={"method": "card", "token": await one.card(fresh()), "save": one is member})
        await pay_again(member, variant)
        await guest.card(fresh())
        await refused_tokens(guest, fresh)
        await plain_forms(guest, fresh)
        for mode in ("drop_before", "drop_after", "500_before", "500_after"):
            await fault(shop, mode)
            await finish(guest, variant, fresh)
        for victim in ("vault", "payments", "gateway", "provider"):
            buying = [asyncio.create_task(finish_alone(shop, variant, fresh)) for _ in range(5)]
            await asyncio.wait(buying, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.to_thread(shop.kill, victim)
            await asyncio.to_thread(shop.start, victim)
            # Those who were buying live with its death; who comes next finds it open again.
            await asyncio.to_thread(until_ready, f"{shop.urls[victim]}/healthz")
            await asyncio.gather(*buying)
        await no_number_is_kept(shop)
    # Everything that was still in a hurry is over, and what the database held back is on disk.
    await asyncio.sleep(3)
    hunt = await hunted(shop, used)
    assert (len(used) >= 35, hunt.bytes > 500_000_000) == (True, True)
    assert sorted(hunt.found) == []


async def test_security_codes_are_nowhere_either(shop: Shop, shelve: Shelve):
    """Four digits are found anywhere by chance; what a hundred cards share would be found a hundred times."""
    variant, _ = await shelve(10)
    american = {**CARD, "number": "378282246310005", "cvc": CVC}
    before = await codes(shop)
    async with visiting(shop) as guest:
        for _ in range(100):
            assert (await guest.call("POST", f"{shop.vault_url}/v1/tokens", american))[0] == 201
        for _ in range(5):
            _, made = await guest.call("POST", f"{shop.vault_url}/v1/tokens", american)
            await guest.buy(variant, payment={"method": "card", "token": made["token"]})
    assert await codes(shop) - before < 50
    assert named_codes(others(shop)) == []


async def test_a_code_that_somebody_was_told_is_found_in_memory(shop: Shop):
    for nth, way in enumerate(TOLD):
        file = shop.data / f"told-{nth}"
        file.write_bytes(way)
        with holding(file) as pid:
            assert len(named_codes([pid])) == 1


async def test_the_hunt_finds_what_is_planted(shop: Shop):
    """In each spelling, in a file, in a table, and in the memory of a process that has it from elsewhere."""
    number = canary(-1)
    file = shop.data / "planted.log"
    file.write_bytes(b"\n".join(spellings(number).values()))
    owner = await asyncpg.connect(shop.database_url)
    await owner.execute("CREATE TABLE orders.planted (held bytea)")
    await owner.executemany("INSERT INTO orders.planted VALUES ($1)", [(each,) for each in spellings(number).values()])
    hunt = Hunt([number])
    try:
        with holding(file) as pid:
            hunt.memory([pid])
        hunt.files(shop.data)
        await hunt.tables(shop.database_url)
    finally:
        file.unlink()
        await owner.execute("DROP TABLE orders.planted")
        await owner.close()
    places = {place.partition(" ")[0] for place, _, _ in hunt.found}
    seen = {(place.partition(" ")[0], spelling) for place, spelling, _ in hunt.found}
    assert places == {"file", "table", "memory"}
    assert seen == {(place, spelling) for place in places for spelling in spellings(number)}


@contextmanager
def holding(file: Path) -> Iterator[int]:
    """A process that has read this file."""
    program = "import sys; held = bytearray(open(sys.argv[1], 'rb').read()); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process.pid
        process.kill()


async def hunted(shop: Shop, numbers: list[str]) -> Hunt:
    """Logs, the data folder, the database's files with its WAL, every table, and every process but the vault's."""
    hunt = Hunt(numbers)
    owner = await asyncpg.connect(shop.database_url)
    await owner.execute("CHECKPOINT")
    await owner.close()
    await hunt.tables(shop.database_url)
    hunt.files(shop.folder, but=[shop.folder / "provider"])
    hunt.memory(others(shop))
    return hunt


def others(shop: Shop) -> list[int]:
    """Every process of the shop but the vault's own and the bank."""
    alone = [process.pid for name, process in shop.processes.items() if name not in ("vault", "provider")]
    pids = [each for pid in alone for each in descendants(pid)] + processes_of(shop.folder / "postgres" / "cluster")
    assert len(pids) > 20
    return pids


def named_codes(pids: Iterable[int]) -> list[str]:
    """Who has the code in memory under its name, as whoever was told it would."""
    seen: set[tuple[str, str, str]] = set()
    return [name_of(pid) for pid in pids if any(way in data for data in writable(pid, seen) for way in TOLD)]


async def no_number_is_kept(shop: Shop) -> None:
    """Not even sealed, of any card that was authorised."""
    owner = await asyncpg.connect(shop.database_url)
    kinds = await owner.fetch("SELECT DISTINCT kind FROM vault.cards")
    await owner.close()
    assert [row["kind"] for row in kinds] == ["network_token"]


async def codes(shop: Shop) -> int:
    """How often the code stands, as text, in the database's files, its WAL, and the logs."""
    owner = await asyncpg.connect(shop.database_url)
    await owner.execute("CHECKPOINT")
    await owner.close()
    files = [path for path in shop.folder.rglob("*") if path.is_file() and shop.folder / "provider" not in path.parents]
    return sum(chunk.count(CVC.encode()) for path in files for chunk in contents(path))


async def pay_again(member: Client, variant: str) -> None:
    saved: list[dict[str, Any]] = []
    while not saved:
        saved = (await member.call("GET", "/v1/payment-methods"))[1]["data"]
        await asyncio.sleep(0.1)
    await member.buy(variant, payment={"method": "card", "token": saved[0]["token"]})


async def refused_tokens(guest: Client, fresh: Any) -> None:
    """Each body holds a whole number, and something that is wrong."""
    url = f"{guest.shop.vault_url}/v1/tokens"
    bodies: list[Any] = [
        {**TYPED, "number": fresh(), "exp_year": 2019},
        {**TYPED, "number": fresh(), "cvc": "12"},
        {**TYPED, "number": int(fresh())},
        {**TYPED, "number": fresh(), "card_number": fresh()},
        {**TYPED, "number": "4242", "name": fresh()},
        {"number": fresh()},
        [fresh()],
    ]
    for body in bodies:
        assert (await guest.call("POST", url, body))[0] == 422
    for raw, status in ((f'{{"number": "{fresh()}', 400), (fresh() + " " * 3000, 413)):
        async with guest.session.post(url, data=raw) as answer:
            assert answer.status == status
    # Where a number does not belong at all, it is refused as well.
    assert (await guest.call("GET", f"{guest.shop.vault_url}/{fresh()}"))[0] == 404


async def plain_forms(guest: Client, fresh: Any) -> None:
    form = {**TYPED, "exp_month": "12", "exp_year": "34", "return_to": guest.shop.url + "/checkout"}
    for changes, status in (({}, 303), ({"cvc": "1"}, 422), ({"return_to": "https://evil.example/"}, 422)):
        data = {**form, "number": fresh(), **changes}
        async with guest.session.post(f"{guest.shop.vault_url}/card-form", data=data, allow_redirects=False) as answer:
            assert answer.status == status


async def finish(client: Client, variant: str, fresh: Any) -> None:
    """Buy whatever fails on the way; a card that was forgotten or given up is entered again."""
    assert (await client.add(variant))[0] == 201
    checkout = await client.checkout()
    status, answer = 402, {}
    while status != 200:
        token = await card(client, fresh())
        status, answer = await client.complete_surely(checkout["id"], {"method": "card", "token": token})
        assert status == 200 or answer.get("decline_code") in ("card_token_unknown", "expired"), answer


async def finish_alone(shop: Shop, variant: str, fresh: Any) -> None:
    async with visiting(shop) as client:
        await finish(client, variant, fresh)


async def card(client: Client, number: str) -> str:
    """A token, as soon as there is a vault to make it."""
    while True:
        try:
            return await client.card(number)
        except aiohttp.ClientError:
            await asyncio.sleep(0.2)


async def fault(shop: Shop, mode: str) -> None:
    body = {"op": "authorize", "mode": mode, "times": 1}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{shop.urls['provider']}/sandbox/faults", json=body) as answer,
    ):
        assert answer.status < 300, await answer.text()
