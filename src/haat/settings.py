"""One frozen settings object, read once from the environment."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FilePath
from pydantic_settings import BaseSettings, SettingsConfigDict

# Every service of the house.
SERVICES = (
    "identity",
    "media",
    "inventory",
    "orders",
    "catalog",
    "search",
    "recommendations",
    "cart",
    "promotions",
    "shipping",
    "vault",
    "payments",
    "fraud",
    "checkout",
    "notifications",
)

# What each provider's adapter is asked for.
METHODS_BY_PROVIDER = {
    "sandbox": ("card", "upi", "wallet"),
    "stripe": ("card", "upi"),
    "razorpay": ("card", "upi", "wallet"),
}

# The wallets that a provider sends shoppers to, by its own names.
WALLETS_BY_PROVIDER = {
    "sandbox": {"sandbox": "Sandbox Wallet"},
    "razorpay": {"phonepe": "PhonePe", "mobikwik": "MobiKwik", "amazonpay": "Amazon Pay"},
}

PORT = 8000
# What to serve is handed to the server's worker processes by the environment.
SERVES_VARIABLE = "HAAT_SERVES"
_EVERY_INTERFACE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not bound
# Without its scheme an address is taken for a path, or for nothing, by whoever opens it later.
_WEB = r"^(https?://[^\s/].*)?$"
# Pages live at the top of their host.
_ORIGIN = r"^(https?://[^\s/?#@]+/?)?$"
_POSTGRESQL = r"^postgres(ql)?://"
_NEIGHBOUR_PREFIX, _NEIGHBOUR_SUFFIX = "HAAT_", "_URL"


def reached_at(host: str) -> str:
    """The host of an address at which this machine reaches what listens on `host`."""
    known = _EVERY_INTERFACE.get(host, host)
    return f"[{known}]" if ":" in known else known


def _own_port(given: object) -> object:
    """Kubernetes tells HAAT_PORT=tcp://10.0.0.1:8000 where a service is called haat: that is not for us."""
    return PORT if isinstance(given, str) and given.startswith("tcp://") else given


def _or_none(given: object) -> object:
    return given or None


def _read_as_text(file: Path | None) -> Path | None:
    """The file, which would else keep the search from starting."""
    try:
        if file is not None:
            file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read as UTF-8 ({error})") from error
    return file


class Settings(BaseSettings):
    """Everything a process may be told: `HAAT_…` in the environment, or values passed in."""

    model_config = SettingsConfigDict(env_prefix="HAAT_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_own_port)] = Field(PORT, ge=0, le=65535)
    data: Path = Field(Path(".haat"), description="data directory")
    workers: int = Field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)), ge=1, le=64)
    environment: str = Field("development", pattern="^(development|test|production)$")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    database_url: str | None = Field(
        None,
        pattern=_POSTGRESQL,
        description="PostgreSQL, postgresql://user@host/name; the embedded server when absent",
    )
    replica_url: str | None = Field(None, pattern=f"({_POSTGRESQL}|^$)")
    pool_size: int = Field(8, ge=1, le=50)
    service_roles: bool = Field(False, description="each service connects under its own database role")
    service_secret: str = Field(
        "", description="signs calls between services; made and kept in the data directory when empty"
    )
    staff_email: str = Field(
        "staff@haat.example", pattern=r"^[^@\s.]+(\.[^@\s.]+)*@[^@\s.]+(\.[^@\s.]+)+$", max_length=254
    )
    staff_password: str | None = Field(
        None,
        pattern="^(.{8,200})?$",
        description="8 characters at least; made and kept in the data directory when absent",
    )
    public_url: str | None = Field(
        None,
        pattern=_ORIGIN,
        description="scheme and host (and port) where browsers find the shop, when not at http://HAAT_HOST:HAAT_PORT",
    )
    vault_public_url: str | None = Field(
        None, pattern=_WEB, description="where they find the vault, under another host or port"
    )
    vault_database_url: str | None = Field(
        None,
        pattern=f"({_POSTGRESQL}|^$)",
        description="the vault's own database or role; role haat_vault of the database in use when absent",
    )
    vault_keeps_numbers: bool = Field(
        False, description="keep the numbers of saved cards, not only network tokens for them; never in India"
    )
    vault_tries_per_hour: int = Field(
        10, ge=0, le=10_000, description="cards that one public address may try without paying; 0 is no limit"
    )
    merchant: str = Field("haat", min_length=1, max_length=60, description="our name at the provider")
    payment_provider: str = Field(
        "sandbox",
        description="sandbox, stripe, razorpay, or several by commas: the first that takes a method gets new payments",
    )
    stripe_key: str = Field("", description="Stripe's secret or restricted key; secrets/stripe-key when empty")
    stripe_webhook_secret: str = Field("", description="one, or the new and the old separated by a comma")
    stripe_url: str | None = Field(None, pattern=_WEB, description="another place than Stripe's own, for trials")
    razorpay_key_id: str = ""
    razorpay_key_secret: str = ""
    razorpay_webhook_secret: str = Field("", description="one, or the new and the old separated by a comma")
    razorpay_contact: str = Field("", description="the shop's own phone, told with every payment: +919000090000")
    razorpay_account_id: str = Field("", description="acc_…: notices of other accounts are then passed over")
    razorpay_url: str | None = Field(None, pattern=_WEB, description="another place than Razorpay's own, for trials")
    upi_collect: bool | None = Field(
        None, description="ask a shopper's app by UPI ID; absent: with the sandbox only, for the scheme has ended it"
    )
    provider_url: str | None = Field(None, pattern=_WEB, description="the payment provider's sandbox")
    provider_fee_basis_points: int | None = Field(
        None, ge=0, le=10_000, description="the agreed fee of a capture, which the daily reconciliation expects"
    )
    carrier_url: str | None = Field(None, pattern=_WEB, description="the carrier's sandbox")
    webhook_secret: str = ""
    smtp_url: str | None = Field(
        None,
        pattern=r"^(smtps?://([^\s/]*@)?(\[[0-9A-Fa-f:]+\]|[^\s/:@]+)(:[0-9]{1,5})?/?)?$",
        description="a mail server, smtp://user:password@host:587 or smtps://…; a local mailbox when absent",
    )
    mail_sender: str = Field(
        "orders@haat.example", pattern=r"^[^@\s,<>]+@[^@\s,<>]+$", description="the address that mails come from"
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=_WEB,
        description="a collector of traces, OTLP over HTTP: http://collector:4318; nothing is traced without one",
    )
    # In capitals, as they are compared with those of addresses and prices.
    country: str = Field("IN", pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    currency: str = Field("INR", pattern="^[A-Z]{3}$", description="ISO 4217")
    seller_region: str = Field(
        "KA",
        pattern="^[A-Z0-9]{1,3}$",
        description="the state the shop ships from, ISO 3166-2 part: decides CGST/SGST or IGST",
    )
    seller_name: str = Field("haat, a demonstration", description="who sells, on invoices")
    seller_address: str = Field(
        "Plot 12, KIADB Industrial Area, Hoskote 562114, Karnataka", description="lines parted by a comma and a space"
    )
    seller_gstin: str = Field("", pattern="^([0-9A-Z]{15})?$", description="the seller's GST number, on invoices")
    auto_fulfil: bool = Field(True, description="the demo's warehouse packs and hands over parcels by itself")
    synonyms: Annotated[FilePath | None, BeforeValidator(_or_none), AfterValidator(_read_as_text)] = Field(
        None, description="the shop's own words for the same thing, a file of lines such as `tv, telly` in UTF-8"
    )
    sourcing: Literal["fewest_parcels", "priority"] = Field(
        "fewest_parcels", description="from which locations a cart is served; each location has a priority"
    )
    fraud_attempts_per_hour: int = Field(
        60,
        ge=0,
        le=10_000,
        description="payment attempts of one person, card or address that look normal; 0 counts none",
    )
    checkout_lease_seconds: float = Field(
        30, ge=1, le=600, description="how long a half-done checkout is left to whoever drives it"
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="proxies of ours before this server: so many entries of X-Forwarded-For are believed",
    )
    request_limit_per_minute: int = Field(
        6_000,
        ge=0,
        le=10_000_000,
        description="API calls of a user or guest in each worker; of an address a hundred times as many; 0 is no limit",
    )

    def secret(self, name: str) -> str:
        """The setting `name`, or what lies in the data folder's file of that name: `secrets/stripe-key`."""
        given: str = getattr(self, name)
        file = self.data / "secrets" / name.replace("_", "-")
        return given or (file.read_text().strip() if file.is_file() else "")

    @property
    def payment_providers(self) -> list[str]:
        """The names of the chosen providers, the first choice first."""
        return [name.strip() for name in self.payment_provider.split(",") if name.strip()]

    @property
    def payment_methods(self) -> list[str]:
        """What a shopper can pay with, cash on delivery included."""
        offered = [method for name in self.payment_providers for method in METHODS_BY_PROVIDER.get(name, ())]
        return [*dict.fromkeys(offered), "cod"]

    @property
    def wallets(self) -> dict[str, str]:
        """The wallets of the provider that wallet payments go to: its name for each, and what people call it."""
        return next((WALLETS_BY_PROVIDER[name] for name in self.payment_providers if name in WALLETS_BY_PROVIDER), {})

    @property
    def upi_by_id(self) -> bool:
        """Whether a shopper's app may be asked by UPI ID."""
        return self.payment_providers[:1] == ["sandbox"] if self.upi_collect is None else self.upi_collect

    @cached_property
    def own_url(self) -> str:
        """Where programs of this machine reach the shop. Every interface at once is an address for nobody to go to."""
        return f"http://{reached_at(self.host)}:{self.port}"

    @cached_property
    def shop_url(self) -> str:
        """Scheme, host and port that browsers know the pages by."""
        return (self.public_url or self.own_url).rstrip("/")

    @cached_property
    def neighbours(self) -> dict[str, str]:
        """Services reached over HTTP: `HAAT_INVENTORY_URL=http://…` makes inventory remote."""
        own = {"HAAT_" + name.upper() for name in type(self).model_fields}
        return {
            name[len(_NEIGHBOUR_PREFIX) : -len(_NEIGHBOUR_SUFFIX)].lower(): value
            for name, value in os.environ.items()
            if name.startswith(_NEIGHBOUR_PREFIX) and name.endswith(_NEIGHBOUR_SUFFIX) and name not in own and value
        }
