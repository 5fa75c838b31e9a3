"""A command that cannot do what it is told says why in a sentence; a traceback is for faults of our own."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog

from haat.__main__ import main
from haat.cli.run import VAULT_OFFSET
from haat.cli.supervisor import Child, Supervisor
from haat.kit.startup import StartupFault

Said = Callable[[str], tuple[object, str]]


@pytest.fixture
def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, database_url: str
) -> Said:
    """What a command line ends with, and what it says, on one line; in a folder of its own, with a database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAAT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HAAT_DATABASE_URL", database_url)
    # A command logs to the stderr of its process, which is this test's for a moment only.
    monkeypatch.setattr(structlog, "configure", lambda **_: None)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)

    def run(command: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["haat", *command.split()])
        with pytest.raises(SystemExit) as end:
            main()
        told = capsys.readouterr()
        return end.value.code, " ".join((told.out + told.err).replace("│", " ").split())

    return run


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("events parked --limit -1", 'Invalid value "-1" for --limit. Must be >= 1.'),
        ("seed --products -1", 'Invalid value "-1" for --products. Must be >= 0.'),
        ("bench --users 0", 'Invalid value "0" for --users. Must be >= 1.'),
        ("bench --only lists", 'Invalid value "lists" for --only.'),
        ("inventory bench --seconds 0", 'Invalid value "0.0" for --seconds. Must be > 0.'),
        ("inventory bench --rate nan", 'Invalid value "nan" for --rate. Must be <= 1000000.'),
        ("audit --patience -1", 'Invalid value "-1.0" for --patience. Must be >= 0.'),
    ],
)
def test_a_value_out_of_bounds_is_told(said: Said, command: str, words: str):
    code, told = said(command)
    assert (code, words in told) == (2, True), told


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("inventory rebuild --sku nobody-has-it", "No stock is kept of nobody-has-it."),
        ("events replay --reader stock", "There is no service stock."),
        (f"staff add ravi@shop.example --role {'x' * 41}", f"{'x' * 41} is no role."),
        ("reconcile 9999-12-31", "9999-12-31 has not begun."),
        ("staff remove ravi --role support", "ravi is no email."),
    ],
)
def test_an_option_that_makes_no_sense_is_told(said: Said, command: str, words: str):
    code, told = said(command)
    assert (code, words in told) == (1, True), told


@pytest.mark.parametrize("command", ["identity rotate", "staff list"])
def test_a_setting_that_makes_no_sense_is_told_by_each_command(
    said: Said, monkeypatch: pytest.MonkeyPatch, command: str
):
    monkeypatch.setenv("HAAT_WORKERS", "0")
    code, told = said(command)
    assert (code, "HAAT_WORKERS makes no sense" in told) == (1, True), told


def test_everything_that_is_wrong_with_a_role_is_told_at_once(said: Said):
    _, told = said(f"staff add ravi --role {'x' * 41}")
    assert told.count("haat cannot start:") == 2


@pytest.mark.parametrize("command", ["audit", "staff list", "events parked", "inventory verify", "vault verify"])
def test_a_command_that_looks_into_a_shop_makes_none(
    said: Said, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.delenv("HAAT_DATABASE_URL")
    code, told = said(command)
    assert (code, f"There is no shop in {tmp_path}/data." in told, list(tmp_path.iterdir())) == (1, True, [])


def test_what_is_to_be_imported_and_is_no_file_is_told(said: Said, tmp_path: Path):
    (tmp_path / "products.csv").mkdir()
    assert said("import products.csv") == (2, "products.csv: is a folder, or no file with an end")
    assert said("import others.csv") == (2, "others.csv: cannot be read (No such file or directory)")


def test_a_replay_of_nothing_says_so(said: Said):
    code, told = said("events replay evt_nobody_knows")
    assert (code, told) == (0, "Nothing of this kind is put aside: `haat events parked` shows what is.")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HAAT_PORT", "0", "Nobody would find a shop at any free port."),
        ("HAAT_HOST", "shop..example", "shop..example is no address of this machine"),
    ],
)
def test_a_place_where_no_shop_can_be_is_told(
    said: Said, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
):
    monkeypatch.setenv(name, value)
    code, told = said("run")
    assert (code, words in told) == (1, True), told


def test_a_vault_that_browsers_would_not_find_is_not_begun(said: Said, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("HAAT_PORT", str(port - VAULT_OFFSET))
        monkeypatch.setenv("HAAT_VAULT_PUBLIC_URL", "https://vault.shop.example")
        code, told = said("run")
    assert (code, f"Port {port} on 127.0.0.1 is taken by another program." in told) == (1, True), told


def test_a_part_of_the_shop_that_cannot_ask_another_says_which(said: Said, monkeypatch: pytest.MonkeyPatch):
    for name in ("CART", "CATALOG", "CHECKOUT", "IDENTITY", "ORDERS"):
        monkeypatch.setenv(f"HAAT_{name}_URL", "http://127.0.0.1:9")
    code, told = said("work notifications")
    assert (code, "Payments is asked from here" in told, "HAAT_PAYMENTS_URL" in told) == (1, True, True), told


def test_a_vault_for_which_there_is_no_port_is_not_begun(said: Said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HAAT_PORT", "60000")
    monkeypatch.setenv("HAAT_VAULT_PUBLIC_URL", "https://vault.shop.example")
    code, told = said("run")
    assert (code, "There is no port 70000 for the vault that HAAT_VAULT_PUBLIC_URL leads to." in told) == (1, True), (
        told
    )


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("metrics", "data/metrics is a file, not a folder."),
        ("seeded.json", "data/seeded.json is not as haat wrote it"),
    ],
)
def test_a_broken_data_folder_is_told(
    said: Said, tmp_path: Path, admin_url: str, monkeypatch: pytest.MonkeyPatch, file: str, words: str
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / file).write_text("{")
    monkeypatch.setenv("HAAT_DATABASE_URL", admin_url)
    code, told = said("run")
    assert (code, words in told) == (1, True), told


async def test_a_folder_for_logs_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "logs").write_text("")
    with pytest.raises(StartupFault, match="logs is a file, not a folder"):
        await Supervisor(tmp_path).run([Child("worker", [sys.executable, "-V"])])


@pytest.mark.parametrize("url", ["http://127.0.0.1:many", "nowhere"])
def test_a_shop_to_measure_at_no_address_is_told(said: Said, url: str):
    code, told = said(f"bench --url {url}")
    assert (code, f"No shop answers at {url}." in told) == (1, True), told


def test_what_is_measured_must_be_a_shop(said: Said):
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    code, told = said(f"bench --url http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()
    assert (code, "is no shop of this kind" in told) == (1, True), told


def test_an_approval_that_cannot_be_read_is_told(said: Said, tmp_path: Path):
    (tmp_path / "data" / "audit").mkdir(parents=True)
    (tmp_path / "data" / "audit" / "card-page.json").write_text("[1]")
    code, told = said("vault inspect http://127.0.0.1:1")
    assert (code, "audit/card-page.json is not what was approved" in told) == (1, True)


def test_a_checkout_that_cannot_be_asked_is_told(said: Said):
    code, told = said("vault inspect --approve nowhere")
    assert (code, "The checkout of nowhere cannot be looked at" in told) == (1, True)


def test_the_doctor_asks_nobody_who_is_no_part_of_the_shop(said: Said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HAAT_HOMEPAGE_URL", "http://127.0.0.1:9")
    _, told = said("doctor")
    assert ("HAAT_HOMEPAGE_URL does nothing" in told, told.count("HAAT_HOMEPAGE_URL")) == (True, 1)
