"""Where the shop is, as its settings say, and what is said of settings that make no sense."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from haat.settings import Settings


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("192.168.1.5", "http://192.168.1.5:8001"),
        ("shop.lan", "http://shop.lan:8001"),
        # Whoever listens everywhere is found here, and nobody at "everywhere".
        ("0.0.0.0", "http://127.0.0.1:8001"),
        ("::", "http://[::1]:8001"),
        ("::1", "http://[::1]:8001"),
    ],
)
def test_the_shop_is_where_browsers_can_go(host: str, own: str):
    settings = Settings(host=host, port=8001, public_url=None)
    assert (settings.own_url, settings.shop_url) == (own, own)


def test_browsers_go_to_the_public_address_and_programs_of_this_machine_to_its_own():
    settings = Settings(host="0.0.0.0", port=8001, public_url="https://shop.example/")
    assert (settings.own_url, settings.shop_url) == ("http://127.0.0.1:8001", "https://shop.example")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        # Compared with "IN": in small letters the law of India would not count for this shop.
        ("country", "in"),
        ("currency", "inr"),
        # Every sale would be one to another state.
        ("seller_region", "ka"),
        ("seller_region", "Karnataka"),
        ("smtp_url", "mail.example:587"),
        ("smtp_url", "smtp://"),
        ("smtp_url", "smtp://mail.example:five"),
        ("public_url", "shop.example"),
        # Every link of a page begins at the top of its host.
        ("public_url", "https://example.com/shop"),
        ("provider_url", "localhost:9000"),
        ("otlp_endpoint", "collector:4318"),
        # Understood by one driver and not by the other.
        ("database_url", "host=localhost dbname=haat"),
        ("database_url", ""),
        ("replica_url", "db2.example:5432"),
        ("staff_email", "boss@localhost"),
        ("mail_sender", "orders"),
        ("mail_sender", "haat <orders@shop.example>"),
    ],
)
def test_a_setting_that_would_be_misread_later_is_refused_at_once(name: str, wrong: str):
    with pytest.raises(ValueError, match=f"Settings\n{name}\n"):
        Settings(**{name: wrong})


@pytest.mark.parametrize(
    "url", ["", "smtp://mail.example", "smtps://me%40shop.example:p@ss@mail.example:465", "smtp://[::1]:25/"]
)
def test_a_mail_server_is_named_in_any_of_its_forms(url: str):
    assert Settings(smtp_url=url).smtp_url == url


def test_a_file_of_synonyms_in_another_encoding_is_refused_at_once(tmp_path: Path):
    (tmp_path / "words.txt").write_bytes("café, coffee".encode("latin-1"))
    with pytest.raises(ValueError, match=r"Settings\nsynonyms\n.*cannot be read as UTF-8"):
        Settings(synonyms=tmp_path / "words.txt")


def test_an_empty_file_name_is_none():
    assert Settings(synonyms="").synonyms is None


def test_every_setting_that_makes_no_sense_is_named_in_words():
    wrong = {"HAAT_PORT": "eighty", "HAAT_WORKERS": "0", "HAAT_STAFF_PASSWORD": "short"}
    ended = subprocess.run(
        [sys.executable, "-m", "haat", "doctor"],
        env={**os.environ, **wrong},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = [line.split(" makes")[0] for line in ended.stderr.splitlines() if "makes no sense" in line]
    assert (ended.returncode, said) == (1, [f"haat cannot start: {name}" for name in wrong])
    assert "short" not in ended.stderr
