"""The doctor looks at the keys on the disk, and at everything that the settings name elsewhere."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from haat.cli.doctor_outside import Elsewhere, _clocks
from haat.cli.findings import Finding
from haat.engines.database.migrations import every_unit, migrate
from haat.engines.database.templates import template_database
from haat.engines.key_store.file import FileKeyStore
from tests.cli.test_doctor import findings


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The data folder of a shop that ran once."""
    (tmp_path / "seeded.json").write_text("{}")
    FileKeyStore(tmp_path)
    return tmp_path


def test_a_folder_says_whether_a_shop_is_in_it(shop: Path):
    (shop / "empty").mkdir()
    found = [findings(folder)["data folder"].detail for folder in (shop, shop / "empty", shop / "new")]
    assert [detail.partition("(")[2] for detail in found] == [
        "exists, with a shop in it)",
        "exists, no shop in it yet)",
        "will be made)",
    ]


def test_keys_that_are_whole_and_ours_alone_are_fine(shop: Path):
    assert findings(shop)["secrets"] == Finding("secrets", True, "3 files, ours alone")


def test_keys_that_others_may_read_are_named(shop: Path):
    (shop / "secrets" / "vault-kek").chmod(0o640)
    assert findings(shop)["secrets"] == Finding(
        "secrets", False, "others may read vault-kek", f"chmod -R go= {shop}/secrets"
    )


def test_a_key_that_was_cut_short_is_named(shop: Path):
    (shop / "secrets" / "vault-audit").write_bytes(b"")
    found = findings(shop)["secrets"]
    assert (found.ok, found.detail) == (False, "no key any more: vault-audit")


@pytest.mark.parametrize("lost", ["vault-kek", ""])
def test_a_shop_without_its_keys_is_told_before_it_makes_new_ones(shop: Path, lost: str):
    for path in (shop / "secrets").glob(f"{lost}*"):
        path.unlink()
    found = findings(shop)["secrets"]
    assert (found.ok, found.detail.startswith("the keys of the vault are not in")) == (False, True)


def test_the_database_of_this_version_has_our_time_and_room_enough(tmp_path: Path, database_url: str):
    found = findings(tmp_path, database_url=database_url)
    assert [found[check].detail for check in ("database clock", "tables")] == ["as ours", "of this version"]
    assert found["connections"].ok


def test_a_database_that_goes_by_another_clock_is_a_fault():
    found = _clocks(datetime(2026, 11, 30, 12, 0, tzinfo=UTC), datetime(2026, 11, 30, 11, 58, tzinfo=UTC))
    assert (found.ok, found.detail) == (False, "120 s from ours")


@pytest.mark.slow
def test_a_database_of_another_version_is_a_fault(tmp_path: Path, admin_url: str):
    with template_database(admin_url, "doctored", "template1") as url:
        behind = findings(tmp_path, database_url=url)["tables"]
        migrate(url, every_unit())
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE orders.alembic_version SET version_num = '9999'")
        ahead = findings(tmp_path, database_url=url)["tables"]
    assert (behind.ok, behind.what_to_do) == (False, "Run `haat migrate`.")
    assert (ahead.ok, ahead.detail) == (False, "of a newer version: orders")


@pytest.fixture
def server() -> Iterator[str]:
    """Somebody who answers to /healthz, and says 503 to anything else."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listener = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=listener.serve_forever)
    thread.start()
    yield f"127.0.0.1:{listener.server_port}"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_what_is_named_elsewhere_and_answers_is_fine(tmp_path: Path, server: str, database_url: str):
    named = Elsewhere(
        databases={"HAAT_REPLICA_URL": database_url},
        services={"HAAT_INVENTORY_URL": f"http://{server}/"},
        servers={"HAAT_SMTP_URL": f"smtp://shop:secret@{server}"},
    )
    found = findings(tmp_path, named=named)
    assert [found[setting].detail for setting in ("HAAT_REPLICA_URL", "HAAT_INVENTORY_URL", "HAAT_SMTP_URL")] == [
        "it lets us in",
        "it answers",
        f"{server} takes connections",
    ]


def test_what_is_named_elsewhere_and_is_away_is_a_fault_each(tmp_path: Path, server: str, silent: str, nowhere: str):
    named = Elsewhere(
        databases={"HAAT_VAULT_DATABASE_URL": nowhere},
        services={"HAAT_CART_URL": f"http://{server}/cart", "HAAT_INVENTORY_URL": f"http://{silent}"},
        servers={"HAAT_OTLP_ENDPOINT": f"http://{silent}"},
    )
    found = [each for name, each in findings(tmp_path, named=named).items() if name.startswith("HAAT_")]
    assert [(each.check, each.ok, each.check in each.what_to_do) for each in found] == [
        ("HAAT_VAULT_DATABASE_URL", False, True),
        ("HAAT_CART_URL", False, True),
        ("HAAT_INVENTORY_URL", False, True),
        ("HAAT_OTLP_ENDPOINT", False, True),
    ]
    assert found[1].detail == "what is there answers 503"


def test_an_address_that_is_none_is_a_fault_each(tmp_path: Path):
    named = Elsewhere(
        services={"HAAT_CART_URL": "http://127.0.0.1:many", "HAAT_INVENTORY_URL": "http://in ventory:9001"},
        servers={"HAAT_OTLP_ENDPOINT": "http://collector:many", "HAAT_SMTP_URL": "smtp://[mail"},
    )
    found = [each for name, each in findings(tmp_path, named=named).items() if name.startswith("HAAT_")]
    assert [(each.ok, f"correct {each.check}." in each.what_to_do) for each in found] == [(False, True)] * 4


def test_a_shop_of_somebody_else_is_told(not_ours: Path):
    found = findings(not_ours)
    assert [found[check].ok for check in ("data folder", "secrets")] == [False, False]
