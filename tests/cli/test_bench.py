"""`haat bench` as people type it: against the shop that runs, or one of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from haat.cli.addresses import free_port
from haat.cli.bench import _with_floor
from tests.journeys.starts import HAAT, environment, haat


@pytest.mark.slow
def test_without_a_shop_one_is_started_measured_and_gone(tmp_path: Path):
    command = [*HAAT, "bench", "--seconds", "1", "--only", "journey", "--json"]
    own = environment(tmp_path, free_port())
    ended = subprocess.run(command, env=own, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stderr
    closed, opened = json.loads(ended.stdout)
    assert (closed["operation"], closed["load"], closed["failed"], opened["failed"]) == ("journey", "24 users", 0, 0)
    assert min(closed["rate"], closed["services_ms"], closed["postgres_ms"], closed["of_pgbench"]) > 0
    assert closed["statements"] <= 50
    assert list(tmp_path.iterdir()) == []


def test_a_shop_that_is_named_and_not_there_is_explained(tmp_path: Path):
    port = free_port()
    ended = haat(tmp_path, port, "bench", "--url", f"http://127.0.0.1:{port}")
    assert (ended.returncode, "No shop answers" in ended.stderr, "Traceback" in ended.stderr) == (1, True, False)


def test_a_database_that_lets_us_measure_nothing_is_explained(
    tmp_path: Path, nowhere: str, capsys: pytest.CaptureFixture[str]
):
    assert _with_floor([], tmp_path, nowhere, 1, 1.0) == []
    assert capsys.readouterr().err.startswith("no comparison with pgbench: connection")
