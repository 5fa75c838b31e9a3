"""What a command makes of its environment: mistyped settings are told, and which one was meant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from haat.cli.environment import read_settings, slips, strangers
from haat.kit.startup import StartupFault
from haat.settings import SERVICES, Settings


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No supervisor's mark, whoever started the tests."""
    monkeypatch.delenv("HAAT_SUPERVISED", raising=False)
    yield monkeypatch


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("HAAT_INVENTROY_URL", "HAAT_INVENTORY_URL"),
        ("HAAT_REPLICA_URLS", "HAAT_REPLICA_URL"),
        ("HAAT_ENVIROMENT", "HAAT_ENVIRONMENT"),
        ("HAAT_WORKER", "HAAT_WORKERS"),
        # Small letters do for a setting, and not for the address of a service.
        ("haat_inventory_url", "HAAT_INVENTORY_URL"),
    ],
)
def test_a_mistyped_setting_is_refused_with_the_one_that_is_meant(plain: pytest.MonkeyPatch, mistyped: str, meant: str):
    plain.setenv(mistyped, "http://10.0.0.7:9001")
    with pytest.raises(StartupFault) as fault:
        read_settings()
    assert (fault.value.what, fault.value.what_to_do) == (
        f"No setting is called {mistyped}.",
        f"Call it {meant}, or leave it out.",
    )


def test_every_setting_and_every_neighbour_is_known():
    names = [f"HAAT_{name.upper()}" for name in Settings.model_fields]
    names += [f"HAAT_{service.upper()}_URL" for service in SERVICES]
    names += ["HAAT_SERVES", "HAAT_SUPERVISED", "HAAT_PYTHON", "haat_port", "PATH"]
    assert (list(slips(names)), strangers(names)) == ([], [])


def test_a_variable_that_may_be_somebody_elses_is_told_and_keeps_nothing_from_starting(
    plain: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    plain.setenv("HAAT_SERVICE_HOST", "10.0.0.1")
    plain.setenv("HAAT_FUZZY", "1")
    read_settings()
    said = [line for line in capsys.readouterr().err.splitlines() if "SERVICE_HOST" in line or "FUZZY" in line]
    assert said == [
        "haat: HAAT_FUZZY does nothing, for no setting is called so.",
        "haat: HAAT_SERVICE_HOST does nothing, for no setting is called so (HAAT_SERVICE_ROLES is the nearest).",
    ]


OF_KUBERNETES = {
    "HAAT_SERVICE_HOST": "10.0.0.1",
    "HAAT_PORT": "tcp://10.0.0.1:8000",
    "HAAT_NOTIFICATIONS_SERVICE_HOST": "10.0.0.2",
    "HAAT_NOTIFICATIONS_PORT": "tcp://10.0.0.2:9001",
    "HAAT_VAULT_DATABASE_SERVICE_HOST": "10.0.0.3",
    "HAAT_VAULT_DATABASE_PORT": "tcp://10.0.0.3:5432",
}


def test_what_kubernetes_says_of_our_services_keeps_nothing_from_starting(plain: pytest.MonkeyPatch):
    for name, value in OF_KUBERNETES.items():
        plain.setenv(name, value)
    assert read_settings().port == 8000


def test_a_port_of_a_service_that_nobody_else_speaks_of_is_a_slip():
    name = "HAAT_NOTIFICATIONS_PORT"
    assert list(slips([name, *OF_KUBERNETES])) == []
    assert list(slips([name])) == [(name, "HAAT_NOTIFICATIONS_URL")]


def test_what_the_supervisor_starts_does_not_say_it_again(
    plain: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    plain.setenv("HAAT_FUZZY", "1")
    plain.setenv("HAAT_SUPERVISED", "0123456789abcdef")
    read_settings()
    assert capsys.readouterr().err == ""


def test_everything_that_is_wrong_is_told_at_once(plain: pytest.MonkeyPatch):
    for name, value in (("HAAT_PORTS", "8000"), ("HAAT_WORKERS", "0"), ("HAAT_CART_URL", "cart:9001")):
        plain.setenv(name, value)
    with pytest.raises(StartupFault) as fault:
        read_settings()
    assert [part.what.split()[-1] for part in fault.value.parts[:1]] == ["HAAT_PORTS."]
    assert sorted(part.what.split()[0] for part in fault.value.parts[1:]) == ["HAAT_CART_URL", "HAAT_WORKERS"]


def test_a_neighbour_without_an_address_is_refused(plain: pytest.MonkeyPatch):
    plain.setenv("HAAT_INVENTORY_URL", "10.0.0.7:9001")
    with pytest.raises(StartupFault, match="HAAT_INVENTORY_URL makes no sense: it is no address such as http"):
        read_settings()
