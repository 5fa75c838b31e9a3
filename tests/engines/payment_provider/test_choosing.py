"""The settings choose the provider, and what is wrong with them is said before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from haat.engines.payment_provider import choosing
from haat.engines.payment_provider.choosing import cards_of, payment_faults, providers_of
from haat.kit.startup import StartupFault
from haat.settings import Settings

COMPLETE = {
    "sandbox": {},
    "stripe": {"stripe_key": "sk_test_1", "stripe_webhook_secret": "whsec_1"},
    "razorpay": {
        "razorpay_key_id": "rzp_test_1",
        "razorpay_key_secret": "secret",
        "razorpay_webhook_secret": "whsec_1",
        "razorpay_contact": "+919000090000",
    },
}
KEYS = {
    "stripe": ("stripe_key", "sk_live_1", "sk_test_1", "pk_test_1"),
    "razorpay": ("razorpay_key_id", "rzp_live_1", "rzp_test_1", "secret"),
}


def settings(provider: str, data: Path, **values: str) -> Settings:
    return Settings(payment_provider=provider, data=data, **values)


@pytest.mark.parametrize("provider", COMPLETE)
def test_the_chosen_provider_is_built_for_payments_and_vault(provider: str, tmp_path: Path):
    chosen = settings(provider, tmp_path, **COMPLETE[provider])
    assert (payment_faults(chosen), [each.name for each in providers_of(chosen)]) == ([], [provider])
    assert type(cards_of(chosen)).__name__.lower() == f"{provider}cards"


@pytest.mark.parametrize(("provider", "missing"), [(each, name) for each in COMPLETE for name in COMPLETE[each]])
def test_a_missing_secret_is_named_with_the_way_out(provider: str, missing: str, tmp_path: Path):
    incomplete = settings(provider, tmp_path, **(COMPLETE[provider] | {missing: ""}))
    with pytest.raises(StartupFault) as fault:
        providers_of(incomplete)
    assert f"HAAT_{missing.upper()} is not set" in fault.value.what
    assert str(tmp_path / "secrets" / missing.replace("_", "-")) in fault.value.what_to_do


@pytest.mark.parametrize("provider", KEYS)
def test_the_vault_needs_no_secret_of_notices(provider: str, tmp_path: Path):
    deaf = settings(provider, tmp_path, **(COMPLETE[provider] | {f"{provider}_webhook_secret": ""}))
    assert type(cards_of(deaf)).__name__.lower() == f"{provider}cards"
    with pytest.raises(StartupFault):
        providers_of(deaf)


@pytest.mark.parametrize(("provider", "name"), [(each, name) for each in COMPLETE for name in COMPLETE[each]])
def test_a_secret_may_lie_in_a_file(provider: str, name: str, tmp_path: Path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / name.replace("_", "-")).write_text(COMPLETE[provider][name] + "\n")
    assert payment_faults(settings(provider, tmp_path, **(COMPLETE[provider] | {name: ""}))) == []


@pytest.mark.parametrize("named", ["paypal", "stripe,paypal", "", " , ", "sandbox,sandbox"])
def test_an_unknown_provider_is_told_with_those_there_are(named: str, tmp_path: Path):
    (fault,) = payment_faults(settings(named, tmp_path, **COMPLETE["stripe"]))
    assert (repr(named) in fault.what, "sandbox, stripe" in fault.what_to_do) == (True, True)


def test_several_may_be_chosen_and_the_first_takes_the_cards(tmp_path: Path):
    both = settings("stripe, razorpay", tmp_path, **COMPLETE["stripe"], **COMPLETE["razorpay"])
    assert [each.name for each in providers_of(both)] == ["stripe", "razorpay"]
    assert (type(cards_of(both)).__name__, both.payment_methods) == ("StripeCards", ["card", "upi", "wallet", "cod"])


@pytest.mark.parametrize("provider", COMPLETE)
def test_what_a_shopper_is_offered_is_what_the_adapter_takes(provider: str, tmp_path: Path):
    chosen = settings(provider, tmp_path, **COMPLETE[provider])
    (built,) = providers_of(chosen)
    assert {*chosen.payment_methods} == {*built.abilities.methods} - {"network_token"} | {"cod"}


@pytest.mark.parametrize(
    ("provider", "environment", "which"),
    [
        (each, *way)
        for each in KEYS
        for way in (("development", 1), ("test", 1), ("production", 2), ("development", 3), ("production", 3))
    ],
)
def test_keys_for_real_money_and_for_trials_are_not_mixed_up(provider, environment: str, which: int, tmp_path: Path):
    name = KEYS[provider][0]
    values = COMPLETE[provider] | {name: KEYS[provider][which]}
    faults = payment_faults(settings(provider, tmp_path, environment=environment, **values))
    assert [f"HAAT_{name.upper()}" in fault.what for fault in faults] == [True]


@pytest.mark.parametrize(
    ("provider", "environment", "which"),
    [(each, *way) for each in KEYS for way in (("development", 2), ("production", 1))],
)
def test_the_right_key_is_taken(provider, environment: str, which: int, tmp_path: Path):
    values = COMPLETE[provider] | {KEYS[provider][0]: KEYS[provider][which]}
    assert payment_faults(settings(provider, tmp_path, environment=environment, **values)) == []


@pytest.mark.parametrize("provider", KEYS)
def test_three_live_webhook_secrets_are_one_too_many(provider: str, tmp_path: Path):
    values = COMPLETE[provider] | {f"{provider}_webhook_secret": "whsec_1,whsec_2,whsec_3"}
    (fault,) = payment_faults(settings(provider, tmp_path, **values))
    assert "more than 2 secrets" in fault.what


@pytest.mark.parametrize("provider", KEYS)
def test_a_client_that_is_not_installed_is_told(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choosing.importlib.util, "find_spec", lambda name: None)
    (fault,) = payment_faults(settings(provider, tmp_path, **COMPLETE[provider]))
    assert (f"client of {provider} is not installed" in fault.what, "uv sync" in fault.what_to_do) == (True, True)


def test_a_shop_cannot_be_started_without_its_key(tmp_path: Path):
    ended = subprocess.run(
        [sys.executable, "-m", "haat", "serve", "gateway"],
        env={"HAAT_PAYMENT_PROVIDER": "stripe", "HAAT_DATA": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, "HAAT_STRIPE_KEY is not set" in ended.stderr, "Traceback" in ended.stderr) == (
        1,
        True,
        False,
    )


@pytest.mark.parametrize("provider", COMPLETE)
def test_no_client_is_imported_before_it_is_needed(provider: str):
    code = (
        "import sys; from haat.settings import Settings; from haat.engines.payment_provider.choosing import *;"
        f"s = Settings(payment_provider={provider!r}, **{COMPLETE[provider]!r}); providers_of(s); cards_of(s);"
        "print(sorted({'stripe', 'razorpay', 'requests'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
