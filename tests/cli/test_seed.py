"""Filling a shop on its own, without a worker beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from haat.background import told_by
from haat.engines.database import embedded
from haat.engines.text_search.view import ViewFinder


def test_the_vaults_outbox_is_left_to_itself():
    assert told_by(["orders", "vault", "catalog"]) == ["orders", "catalog"]


@pytest.mark.slow
def test_what_was_seeded_is_in_the_search_index_when_it_says_so(tmp_path: Path):
    environment = {**os.environ, "HAAT_DATA": str(tmp_path)}
    argv = [sys.executable, "-m", "haat", "seed", "--products", "300"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=900, check=True)
    assert done.stdout.splitlines()[-1] == "seeded"
    assert ViewFinder(tmp_path / "search").view().everything.tally.products == 300


@pytest.mark.slow
def test_a_shop_without_the_demo_has_no_account_whose_password_everybody_knows(tmp_path: Path):
    environment = {**os.environ, "HAAT_DATA": str(tmp_path), "HAAT_STAFF_PASSWORD": "chosen-by-me"}
    argv = [sys.executable, "-m", "haat", "seed", "--no-demo"]
    subprocess.run(argv, env=environment, capture_output=True, timeout=900, check=True)
    with embedded.start(tmp_path / "postgres") as server, psycopg.connect(server.dsn()) as connection:
        found = connection.execute("SELECT email FROM identity.users").fetchall()
    assert found == [("staff@haat.example",)]
