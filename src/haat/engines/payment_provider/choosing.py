"""Which payment provider a shop has, by its settings, and what is wrong with them before anything starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING

from haat.kit.startup import StartupFault
from haat.settings import Settings

if TYPE_CHECKING:
    from haat.ports.card_acquirer import CardAcquirer
    from haat.ports.payment_provider import PaymentProvider

# Where nobody listens: a house without a provider still sells for cash on delivery.
NOBODY = "http://127.0.0.1:1"
NEEDED = {
    "sandbox": (),
    "stripe": ("stripe_key", "stripe_webhook_secret"),
    "razorpay": ("razorpay_key_id", "razorpay_key_secret", "razorpay_webhook_secret", "razorpay_contact"),
}
LIVE_KEYS = {"stripe": ("stripe_key", ("sk_live_", "rk_live_")), "razorpay": ("razorpay_key_id", ("rzp_live_",))}
TEST_KEYS = {"stripe": ("sk_test_", "rk_test_"), "razorpay": ("rzp_test_",)}
LIVE_SECRETS = 2


def providers_of(settings: Settings) -> list[PaymentProvider]:
    """The adapters that payments uses, the first choice first. Raises StartupFault."""
    _check(settings)
    return [_provider(name, settings) for name in settings.payment_providers]


def _provider(name: str, settings: Settings) -> PaymentProvider:
    match name:
        case "stripe":
            from haat.engines.payment_provider.stripe import StripeProvider  # noqa: PLC0415

            key, live = settings.secret("stripe_key"), _live(settings.secret("stripe_webhook_secret"))
            return StripeProvider(key, live, settings.currency, url=settings.stripe_url)
        case "razorpay":
            from haat.engines.payment_provider.razorpay import RazorpayProvider  # noqa: PLC0415
            from haat.engines.payment_provider.razorpay_orders import Payer  # noqa: PLC0415

            return RazorpayProvider(
                settings.secret("razorpay_key_id"),
                settings.secret("razorpay_key_secret"),
                _live(settings.secret("razorpay_webhook_secret")),
                Payer(settings.secret("razorpay_contact"), settings.mail_sender),
                settings.currency,
                settings.public_url or "",
                settings.razorpay_account_id,
                url=settings.razorpay_url,
            )
        case _:
            from haat.engines.payment_provider.sandbox import SandboxProvider  # noqa: PLC0415

            return SandboxProvider(
                settings.provider_url or NOBODY, _live(settings.webhook_secret), merchant=settings.merchant
            )


def cards_of(settings: Settings) -> CardAcquirer:
    """The adapter that the vault uses: every provider takes cards, so the first choice's. Raises StartupFault."""
    _check(settings, hears=False)
    match settings.payment_providers[0]:
        case "stripe":
            from haat.engines.payment_provider.stripe_cards import StripeCards  # noqa: PLC0415

            return StripeCards(settings.secret("stripe_key"), settings.public_url, url=settings.stripe_url)
        case "razorpay":
            from haat.engines.payment_provider.razorpay_cards import RazorpayCards  # noqa: PLC0415
            from haat.engines.payment_provider.razorpay_orders import Payer  # noqa: PLC0415

            return RazorpayCards(
                settings.secret("razorpay_key_id"),
                settings.secret("razorpay_key_secret"),
                Payer(settings.secret("razorpay_contact"), settings.mail_sender),
                settings.public_url,
                url=settings.razorpay_url,
            )
        case _:
            from haat.engines.payment_provider.cards import SandboxCards  # noqa: PLC0415

            return SandboxCards(settings.provider_url or NOBODY, merchant=settings.merchant)


def payment_faults(settings: Settings, hears: bool = True) -> list[StartupFault]:
    """Everything that keeps this shop from being paid, each with the way out.

    A process that does not hear the provider's notices, such as the vault's, needs no secret of theirs.
    """
    chosen = settings.payment_providers
    unknown = [name for name in chosen if name not in NEEDED]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        way_out = f"Set HAAT_PAYMENT_PROVIDER to {', '.join(NEEDED)}, or several of these by commas, each once."
        return [StartupFault(f"HAAT_PAYMENT_PROVIDER={settings.payment_provider!r} names no provider.", way_out)]
    return [
        fault
        for name in chosen
        for fault in (*_package(name), *_secrets(settings, name, hears), *_real_or_not(settings, name))
    ]


def _check(settings: Settings, hears: bool = True) -> None:
    faults = payment_faults(settings, hears)
    if faults:
        raise StartupFault.joined(faults)


def _package(chosen: str) -> Iterator[StartupFault]:
    if chosen != "sandbox" and importlib.util.find_spec(chosen) is None:
        yield StartupFault(f"The official client of {chosen} is not installed.", "uv sync --locked --extra payments")


def _secrets(settings: Settings, chosen: str, hears: bool) -> Iterator[StartupFault]:
    for name in NEEDED[chosen]:
        if not settings.secret(name) and (hears or not name.endswith("_webhook_secret")):
            file = settings.data.absolute() / "secrets" / name.replace("_", "-")
            yield StartupFault(
                f"{chosen} is chosen for payments, and HAAT_{name.upper()} is not set.",
                f"Set it, or write it into {file}; {chosen}'s dashboard tells it."
                if name != "razorpay_contact"
                else f"Set it, or write it into {file}: the shop's own phone, such as +919000090000.",
            )
    if chosen != "sandbox" and len(_live(settings.secret(f"{chosen}_webhook_secret"))) > LIVE_SECRETS:
        yield StartupFault(
            f"HAAT_{chosen.upper()}_WEBHOOK_SECRET names more than {LIVE_SECRETS} secrets.",
            "Keep the new one and the one it replaces, separated by a comma.",
        )


def _real_or_not(settings: Settings, chosen: str) -> Iterator[StartupFault]:
    """Real money in a trial, or none in a shop that is open, is always a mistake."""
    if chosen not in LIVE_KEYS:
        return
    name, live = LIVE_KEYS[chosen]
    key, open_shop = settings.secret(name), settings.environment == "production"
    if not key:
        return
    if not key.startswith((*live, *TEST_KEYS[chosen])):
        yield StartupFault(
            f"HAAT_{name.upper()} is not a key of {chosen}'s.",
            f"It begins with {' or '.join((*live, *TEST_KEYS[chosen]))}; copy it again from the dashboard.",
        )
    elif key.startswith(live) and not open_shop:
        yield StartupFault(
            f"HAAT_{name.upper()} takes real money, and this shop is not in production.",
            "Use a test key, or set HAAT_ENVIRONMENT=production.",
        )
    elif open_shop and key.startswith(TEST_KEYS[chosen]):
        yield StartupFault(
            f"HAAT_{name.upper()} is a test key, and this shop is in production: nobody would be charged.",
            "Use the live key.",
        )


def _live(secrets: str) -> list[str]:
    """Two secrets are live while one replaces the other."""
    return [secret.strip() for secret in secrets.split(",") if secret.strip()]
