"""What `haat serve` refuses before it listens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import Any

import pytest

from haat.cli.addresses import free_port, port_fault
from haat.cli.child import answers
from haat.cli.serve import serve_command
from haat.kit.startup import StartupFault


def test_a_gateway_that_does_not_know_where_the_vault_is_does_not_become_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HAAT_VAULT_URL", raising=False)
    with pytest.raises(StartupFault, match="HAAT_VAULT_URL does not say where it is"):
        serve_command("gateway")


def test_the_vault_shares_its_process_with_no_other_service():
    with pytest.raises(StartupFault, match="The vault is never a part of another process"):
        serve_command("vault", "orders")


def test_the_vault_has_no_second_worker_to_forget_cards_in():
    with pytest.raises(StartupFault, match="The vault has one worker"):
        serve_command("vault", workers=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"port": 70_000}, "There is no port 70000"),
        ({"workers": 0}, "There cannot be 0 workers"),
        ({"workers": -2}, "There cannot be -2 workers"),
        ({"server": "unicorn"}, "There is no server unicorn"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_words(options: dict[str, Any], said: str):
    with pytest.raises(StartupFault, match=said):
        serve_command("inventory", **options)


def test_a_port_that_is_taken_is_told_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupFault, match=f"Port {port} on 127.0.0.1 is taken"):
            serve_command("inventory", port=port)


def test_a_port_that_another_server_of_ours_shares_is_free():
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as old_release:
        port = old_release.getsockname()[1]
        found = port_fault("127.0.0.1", port, shared=True), port_fault("127.0.0.1", port)
    assert [fault is None for fault in found] == [True, False]


@pytest.mark.slow
async def test_a_host_may_be_a_name(database_url: str):
    port = free_port(0, "localhost")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "haat", "serve", "inventory", "--host", "localhost", "--port", str(port)),
        *("--workers", "1"),
        env={**os.environ, "HAAT_DATABASE_URL": database_url, "HAAT_SERVICE_SECRET": "s" * 40},
    )
    try:
        async with asyncio.timeout(240):
            while not await answers(f"http://localhost:{port}/healthz"):  # noqa: ASYNC110 - another process starts
                await asyncio.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = await asyncio.wait_for(process.wait(), 60)
    assert ended == 0
