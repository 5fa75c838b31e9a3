"""How each service is built: what it asks, where it stores, by which engines, under which settings.

Imports stand in the functions: a process loads what it serves, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from haat.engines.payment_provider.choosing import NOBODY
from haat.kit.secret import secret_in

if TYPE_CHECKING:
    from haat.compose.house import House


def _cart(house: House) -> Any:
    from haat.contracts.catalog import Catalog
    from haat.contracts.inventory import Inventory
    from haat.services.cart.service import CartService
    from haat.services.cart.store import CartStore

    store, currency = CartStore(house.database("cart")), house.settings.currency
    return CartService(store, house.ask(Catalog), house.ask(Inventory), currency)


def _checkout(house: House) -> Any:
    from haat.contracts.cart import Cart
    from haat.contracts.catalog import Catalog
    from haat.contracts.fraud import Fraud
    from haat.contracts.identity import Identity
    from haat.contracts.inventory import Inventory
    from haat.contracts.orders import Orders
    from haat.contracts.payments import Payments
    from haat.contracts.promotions import Promotions
    from haat.contracts.shipping import Shipping
    from haat.services.checkout.driver import Driver
    from haat.services.checkout.model import Shop
    from haat.services.checkout.service import CheckoutService
    from haat.services.checkout.store import CheckoutStore

    store = CheckoutStore(house.database("checkout"))
    inventory, promotions, payments = house.ask(Inventory), house.ask(Promotions), house.ask(Payments)
    asked = (inventory, promotions, house.ask(Fraud), payments, house.ask(Orders), house.ask(Cart))
    driver = Driver(store, *asked, lease_seconds=house.settings.checkout_lease_seconds)
    return CheckoutService(
        store,
        driver,
        Shop(house.settings.currency, house.settings.seller_region, house.settings.upi_by_id),
        identity=house.ask(Identity),
        cart=house.ask(Cart),
        catalog=house.ask(Catalog),
        inventory=inventory,
        payments=payments,
        promotions=promotions,
        shipping=house.ask(Shipping),
    )


def _orders(house: House) -> Any:
    from haat.contracts.inventory import Inventory
    from haat.contracts.payments import Payments
    from haat.contracts.shipping import Shipping
    from haat.engines.invoices.typst_printer import TypstPrinter
    from haat.ports.invoices import Party
    from haat.services.orders.service import OrderService
    from haat.services.orders.store import OrderStore

    settings = house.settings
    store = OrderStore(house.database("orders"))
    payments, inventory, shipping = house.ask(Payments), house.ask(Inventory), house.ask(Shipping)
    return OrderService(
        store,
        payments,
        inventory,
        shipping,
        printer=TypstPrinter(),
        seller=Party(settings.seller_name, settings.seller_address.split(", "), settings.seller_gstin),
        link_secret=settings.service_secret,
        auto_fulfil=settings.auto_fulfil,
        wallets=settings.wallets,
    )


def _inventory(house: House) -> Any:
    from haat.services.inventory.service import InventoryService
    from haat.services.inventory.store import InventoryStore

    return InventoryService(InventoryStore(house.database("inventory")), house.settings.sourcing)


def _identity(house: House) -> Any:
    from haat.services.identity.service import IdentityService
    from haat.services.identity.store import IdentityStore

    settings = house.settings
    secret = settings.service_secret or secret_in(settings.data, "service")
    return IdentityService(IdentityStore(house.database("identity")), house.cache, secret)


def _payments(house: House) -> Any:
    from haat.contracts.vault import Vault
    from haat.engines.payment_provider.choosing import providers_of
    from haat.services.payments.service import PaymentsService
    from haat.services.payments.store import PaymentStore

    provider, *others = map(house.keep, providers_of(house.settings))
    store, fees = PaymentStore(house.database("payments")), house.settings.provider_fee_basis_points
    return PaymentsService(store, provider, house.ask(Vault), others=others, fee_basis_points=fees)


def reconciliations(house: House) -> list[Any]:
    """Each provider's report against the ledger, for the command line."""
    from haat.engines.payment_provider.choosing import providers_of
    from haat.services.payments.reconciliation import Reconciliation

    database, fees = house.database("payments"), house.settings.provider_fee_basis_points
    return [Reconciliation(database, house.keep(provider), fees) for provider in providers_of(house.settings)]


def _vault(house: House) -> Any:
    from haat.engines.payment_provider.choosing import cards_of
    from haat.services.vault.model import Policy
    from haat.services.vault.service import VaultService

    settings = house.settings
    store, keys, trail = vault_records(house)
    acquirer = house.keep(cards_of(settings))
    # The law of India lets nobody but banks and networks keep a number.
    keeps = settings.vault_keeps_numbers and settings.country != "IN"
    policy = Policy(keeps, settings.merchant, settings.vault_tries_per_hour)
    return VaultService(store, keys, acquirer, trail, policy)


def vault_records(house: House) -> tuple[Any, Any, Any]:
    """The vault's records, its keys and its audit trail, for its upkeep."""
    from haat.engines.audit_anchors.file import FileAnchors
    from haat.engines.key_store.file import FileKeyStore
    from haat.services.vault.audit import AuditTrail
    from haat.services.vault.store import TrailStore, VaultStore

    database, keys = house.database("vault"), FileKeyStore(house.settings.data)
    return VaultStore(database), keys, AuditTrail(TrailStore(database), keys, FileAnchors(house.settings.data))


def _catalog(house: House) -> Any:
    from haat.contracts.inventory import Inventory
    from haat.contracts.orders import Orders
    from haat.engines.documents.postgres import PostgresDocuments
    from haat.services.catalog.service import CatalogService
    from haat.services.catalog.store import CatalogStore

    database = house.database("catalog")
    return CatalogService(
        CatalogStore(database),
        PostgresDocuments(database, "catalog.documents"),
        house.cache,
        house.ask(Inventory),
        house.ask(Orders),
        house.settings.currency,
    )


def _promotions(house: House) -> Any:
    from haat.services.promotions.service import PromotionsService
    from haat.services.promotions.store import PromotionStore

    return PromotionsService(PromotionStore(house.database("promotions")))


def _shipping(house: House) -> Any:
    from haat.engines.carrier.sandbox import SandboxCarrier
    from haat.services.shipping.service import ShippingService
    from haat.services.shipping.store import ShippingStore

    settings = house.settings
    live = [secret.strip() for secret in settings.webhook_secret.split(",") if secret.strip()]
    carrier = house.keep(SandboxCarrier(settings.carrier_url or NOBODY, live))
    return ShippingService(ShippingStore(house.database("shipping")), carrier, settings.seller_region)


def _fraud(house: House) -> Any:
    from haat.services.fraud.model import Limits
    from haat.services.fraud.service import FraudService
    from haat.services.fraud.store import FraudStore

    settings = house.settings
    limits = Limits(per_hour=settings.fraud_attempts_per_hour, country=settings.country)
    return FraudService(FraudStore(house.database("fraud")), limits)


def _search(house: House) -> Any:
    from haat.contracts.catalog import Catalog
    from haat.engines.text_search.tantivy_engine import TantivySearch
    from haat.engines.text_search.writer import TantivyWriter
    from haat.kit.money import exponent
    from haat.services.search.service import SearchService
    from haat.services.search.store import SearchStore

    settings = house.settings
    folder, minor_per_major = settings.data / "search", 10 ** exponent(settings.currency)
    service = SearchService(
        SearchStore(house.database("search")),
        house.ask(Catalog),
        TantivySearch(folder, minor_per_major, settings.synonyms),
        lambda: TantivyWriter(folder, minor_per_major),
        house.cache,
        settings.currency,
    )
    return house.keep(service)


def _media(house: House) -> Any:
    from haat.engines.blobs.folder import FolderBlobs
    from haat.engines.pictures.workers import PictureWorkers
    from haat.services.media.service import MediaService
    from haat.services.media.store import MediaRows

    # Two pictures at a time on the whole machine: every API worker has a pool of its own.
    pictures = house.keep(PictureWorkers(max(1, 2 // house.settings.workers)))
    blobs = FolderBlobs(house.settings.data / "media")
    return MediaService(MediaRows(house.database("media")), blobs, pictures)


def _recommendations(house: House) -> Any:
    from haat.engines.training.apart import train_apart
    from haat.engines.training.implicit_engine import ImplicitTrainingEngine
    from haat.services.recommendations.service import RecommendationService
    from haat.services.recommendations.store import RecommendationStore

    store = RecommendationStore(house.database("recommendations"))
    return RecommendationService(store, house.settings.data / "models", ImplicitTrainingEngine().load, train_apart)


def _notifications(house: House) -> Any:
    from haat.contracts.cart import Cart
    from haat.contracts.catalog import Catalog
    from haat.contracts.checkout import Checkouts
    from haat.contracts.identity import Identity
    from haat.contracts.orders import Orders
    from haat.contracts.payments import Payments
    from haat.engines.mail.local import LocalMailbox
    from haat.engines.mail.smtp import SmtpMailer
    from haat.services.notifications.service import NotificationsService
    from haat.services.notifications.store import MailStore

    settings = house.settings
    mailer = SmtpMailer(settings.smtp_url, settings.mail_sender) if settings.smtp_url else LocalMailbox()
    store = MailStore(house.database("notifications"))
    orders, identity, checkouts = house.ask(Orders), house.ask(Identity), house.ask(Checkouts)
    catalog, cart, payments = house.ask(Catalog), house.ask(Cart), house.ask(Payments)
    return NotificationsService(
        store, orders, identity, checkouts, catalog, cart, payments, mailer, settings.shop_url, settings.staff_email
    )


BUILDERS: dict[str, Callable[[House], Any]] = {
    "recommendations": _recommendations,
    "search": _search,
    "fraud": _fraud,
    "promotions": _promotions,
    "payments": _payments,
    "vault": _vault,
    "identity": _identity,
    "inventory": _inventory,
    "cart": _cart,
    "catalog": _catalog,
    "checkout": _checkout,
    "orders": _orders,
    "shipping": _shipping,
    "media": _media,
    "notifications": _notifications,
}
