"""What `haat serve` refuses before it listens."""

from __future__ import annotations

import pytest

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
