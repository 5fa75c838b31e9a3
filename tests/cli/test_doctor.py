"""The doctor: does each check see the fault it is there for, and name the way out?"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from haat.cli.addresses import free_port
from haat.cli.doctor import Finding, _clock, doctor
from haat.cli.instance import InstanceLock


def findings(data: Path, **options: Any) -> dict[str, Finding]:
    found = doctor(**{"data": data, "host": "127.0.0.1", "port": free_port(), **options})
    return {finding.check: finding for finding in found}


@pytest.fixture
def answering() -> Iterator[tuple[HTTPServer, list[int]]]:
    """A server that answers with the last status of the list."""
    statuses = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[-1])
            self.end_headers()
            self.wfile.write(b"search: down")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server, statuses
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_sound_installation_has_nothing_to_do(tmp_path: Path) -> None:
    assert [finding for finding in findings(tmp_path / "data").values() if not finding.ok] == []


def test_looking_makes_nothing(tmp_path: Path) -> None:
    findings(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_every_check_is_named_once(tmp_path: Path) -> None:
    assert list(findings(tmp_path / "data")) == [
        "python",
        "clock",
        "pictures",
        "open files",
        "data folder",
        "secrets",
        "disk space",
        "port",
        "PostgreSQL",
        "shared memory",
        "connections",
        "front end",
        "payments",
        "mail",
    ]


def test_a_shop_in_production_without_a_mail_server_is_a_fault(tmp_path: Path) -> None:
    found = findings(tmp_path, mail_stays=True)["mail"]
    assert (found.ok, found.what_to_do) == (False, "Name a mail server by HAAT_SMTP_URL.")


def test_the_postgresql_binaries_are_really_run(tmp_path: Path) -> None:
    assert findings(tmp_path)["PostgreSQL"].detail.startswith("postgres (PostgreSQL) 18.")


def test_a_server_of_ones_own_needs_no_binaries(tmp_path: Path, database_url: str) -> None:
    found = findings(tmp_path, database_url=database_url)
    assert ("PostgreSQL" in found, found["database"].ok) == (False, True)


def test_a_server_of_ones_own_that_is_away_is_a_fault(tmp_path: Path) -> None:
    found = findings(tmp_path, database_url=f"postgresql://haat@/haat?host={tmp_path}")["database"]
    assert (found.ok, "HAAT_DATABASE_URL" in found.what_to_do) == (False, True)


def test_the_running_python_is_reported(tmp_path: Path) -> None:
    assert findings(tmp_path)["python"].detail == ".".join(map(str, sys.version_info[:3]))


def test_a_clock_of_long_ago_is_a_fault() -> None:
    found = _clock(datetime(1970, 1, 1, tzinfo=UTC))
    assert (found.ok, found.what_to_do) == (False, "Set the clock of this machine.")


def test_a_package_off_the_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "litestar"\nversion = "0.0.1"\n')
    found = findings(tmp_path, lock=tmp_path / "uv.lock")["packages"]
    assert (found.ok, found.what_to_do) == (False, "Bring them into line: uv sync")
    assert found.detail.endswith("locked 0.0.1")


def test_a_file_as_data_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    found = findings(tmp_path / "data")["data folder"]
    assert (found.ok, found.detail) == (False, f"{tmp_path}/data is a file")


@pytest.mark.skipif(os.geteuid() != 0, reason="makes files of root")
def test_a_database_of_root_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    found = findings(tmp_path)["data folder"]
    assert (found.ok, found.what_to_do) == (
        False,
        f"Give it to an ordinary user: chown -R haat {tmp_path}/postgres/cluster",
    )


def test_a_taken_port_is_a_fault(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        found = findings(tmp_path, port=port)["port"]
    assert (found.ok, found.detail) == (False, f"Port {port} on 127.0.0.1 is taken by another program.")


def test_a_port_that_we_hold_ourselves_is_fine(tmp_path: Path, answering: tuple[HTTPServer, list[int]]) -> None:
    port = answering[0].server_port
    with InstanceLock(tmp_path, f"http://127.0.0.1:{port}"):
        found = findings(tmp_path, port=port)["port"]
    assert (found.ok, found.detail) == (True, f"127.0.0.1:{port} is ours (pid {os.getpid()})")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"api_processes": 7}, Finding("connections", True, "93 of 100 wanted by 7 API processes")),
        (
            {"api_processes": 8},
            Finding("connections", False, "102 of 100 wanted by 8 API processes", "Run at most 7: HAAT_WORKERS=7"),
        ),
        (
            {"api_processes": 4, "pool_size": 20},
            Finding("connections", False, "138 of 100 wanted by 4 API processes", "Run at most 2: HAAT_WORKERS=2"),
        ),
        (
            {"api_processes": 1, "service_roles": True},
            Finding("connections", False, "263 of 100 wanted by 1 API processes", "Choose a smaller HAAT_POOL_SIZE."),
        ),
        (
            {"api_processes": 1, "service_roles": True, "pool_size": 2},
            Finding("connections", True, "77 of 100 wanted by 1 API processes"),
        ),
    ],
)
def test_more_connections_than_there_are_is_a_fault(tmp_path: Path, asked: dict[str, Any], found: Finding) -> None:
    assert findings(tmp_path, **asked)["connections"] == found


def test_a_missing_file_of_the_front_end_is_named(tmp_path: Path) -> None:
    found = findings(tmp_path, front_end=[tmp_path / "shop.css"])["front end"]
    assert (found.ok, found.detail) == (False, f"missing: {tmp_path}/shop.css")


def test_a_ready_instance_is_reported(tmp_path: Path, answering: tuple[HTTPServer, list[int]]) -> None:
    url = f"http://127.0.0.1:{answering[0].server_port}"
    with InstanceLock(tmp_path, url):
        assert findings(tmp_path)["running instance"] == Finding("running instance", True, f"{url} answers 200")


def test_a_degraded_instance_says_what_is_down(tmp_path: Path, answering: tuple[HTTPServer, list[int]]) -> None:
    url = f"http://127.0.0.1:{answering[0].server_port}"
    answering[1].append(503)
    with InstanceLock(tmp_path, url):
        found = findings(tmp_path)["running instance"]
    assert (found.ok, found.detail) == (False, f"{url} answers 503: search: down")


def test_a_silent_instance_is_a_fault(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with InstanceLock(tmp_path, url):
        found = findings(tmp_path)["running instance"]
    assert (found.ok, found.what_to_do) == (
        False,
        f"Look into {tmp_path}/logs, or start it anew (kill {os.getpid()}).",
    )
