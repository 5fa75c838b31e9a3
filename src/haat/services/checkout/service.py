"""The checkout's use cases: open, change, look, cancel, complete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec
import structlog

from haat.contracts.cart import Cart, CartContents, Owner, ViewCart
from haat.contracts.catalog import Catalog, ForSale, TaxClasses, VariantsForSale
from haat.contracts.checkout import (
    ChangeCheckout,
    Checkout,
    CheckoutAbandoned,
    CheckoutIncomplete,
    CheckoutRef,
    Checkouts,
    CheckoutStateError,
    Complete,
    Contact,
    ContactOf,
    EmptyCart,
    GoOn,
    OpenCheckout,
    OrderRef,
    ParkedAttempt,
    ParkedCheckout,
    ParkedOf,
    ParkedRef,
    PriceChanged,
    SaveTaxRates,
    TaxRate,
)
from haat.contracts.identity import Identity, OfUser
from haat.contracts.inventory import Inventory, StockOf
from haat.contracts.payments import PaymentAuthorized, PaymentFailed, Payments, Void
from haat.contracts.promotions import DiscountLine, Discounts, PriceWith, Promotions
from haat.contracts.shipping import RatesFor, Shipping, ShippingOption
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.cursor import id_in, paged
from haat.kit.database import Batch
from haat.kit.idempotency import IdempotencyConflict, IdempotencyInFlight, replayed
from haat.kit.ids import new_id
from haat.kit.message import DomainError, NotFound, Nothing, Page
from haat.kit.money import Money
from haat.services.checkout.driver import Driver, LostLease, drive_all, tell_failure
from haat.services.checkout.model import (
    Choices,
    Facts,
    Quote,
    Shop,
    check_offered,
    check_payable,
    frozen,
    owner_key,
    quote,
    requirements,
    same_prices,
    view,
    with_told,
)
from haat.services.checkout.saga import FINAL, State
from haat.services.checkout.store import Attempt, CheckoutStore, StoredCheckout

log = structlog.get_logger("haat.checkout")

QUOTE_SECONDS = 1800.0
INLINE_SECONDS = 8.0
RATES_SECONDS = 60.0
SWEEP_BATCH = 100


class CheckoutService(Checkouts):
    """Quotes are frozen here; the saga turns one into exactly one order, driven inline and by any worker."""

    def __init__(
        self,
        store: CheckoutStore,
        driver: Driver,
        shop: Shop,
        *,
        identity: Identity,
        cart: Cart,
        catalog: Catalog,
        inventory: Inventory,
        payments: Payments,
        promotions: Promotions,
        shipping: Shipping,
    ) -> None:
        self._store = store
        self._driver = driver
        self._shop = shop
        self._identity = identity
        self._cart = cart
        self._catalog = catalog
        self._inventory = inventory
        self._payments = payments
        self._promotions = promotions
        self._shipping = shipping
        self._rates: tuple[float, Sequence[TaxRate]] = (0.0, [])

    async def open(self, ask: OpenCheckout) -> Checkout:
        owner = owner_key(ask.owner)
        choices = Choices(network_address=ask.network_address).changed(ask)
        if choices.email is None and ask.owner.user_id is not None:
            user = await self._identity.user(OfUser(user_id=ask.owner.user_id))
            choices = msgspec.structs.replace(choices, email=user.email)
        try:
            quoted, cart_id, version = await self._quote(ask.owner, choices)
        except EmptyCart:
            # What is missing may have been ordered by the checkout that this very request has opened.
            return await self._opened_before(ask)
        made = StoredCheckout(new_id("chk"), owner, cart_id, version, "open", quoted, now(), 1)
        opened = await self._insert(ask, made)
        crashpoint("cart.frozen")
        return opened

    async def change(self, ask: ChangeCheckout) -> Checkout:
        stored = await self._stored(ask.owner, ask.checkout_id)
        if stored.status not in ("open", "expired"):
            raise CheckoutStateError(state=stored.status)
        before, choices = stored.quote, stored.quote.choices.changed(ask)
        if stored.status == "open" and not stored.ran_out and before.tax_classes and not ask.afresh:
            contents, variants = frozen(before, stored.cart_id, stored.cart_version)
            quoted = with_told(await self._priced(ask.owner, choices, contents, variants), before, still_holds=True)
            changed = await self._store.requote(stored, stored.cart_version, quoted, None)
        else:
            quoted, _, version = await self._quote(ask.owner, choices)
            quoted = quoted if ask.afresh else with_told(quoted, before, still_holds=False)
            changed = await self._store.requote(stored, version, quoted, QUOTE_SECONDS)
        if changed is None:
            raise CheckoutStateError("This checkout is being changed elsewhere")
        return _view(changed)

    async def checkout(self, ask: CheckoutRef) -> Checkout:
        stored = await self._stored(ask.owner, ask.checkout_id)
        if stored.status == "requires_action" and stored.attempt_id is not None:
            # The shopper is back and asks: look at once rather than wait for the provider's notice.
            leased = await self._store.lease([stored.attempt_id], self._driver.lease_seconds)
            if leased:
                await drive_all(self._driver, leased)
                stored = await self._stored(ask.owner, ask.checkout_id)
        return _view(stored)

    async def contact(self, ask: ContactOf) -> Contact:
        found = await self._store.contact(ask.checkout_id)
        if found is None:
            raise NotFound("Nobody is named there")
        return found

    async def cancel(self, ask: CheckoutRef) -> Checkout:
        stored = await self._stored(ask.owner, ask.checkout_id)
        if stored.status != "canceled":
            await self._give_up(stored)
            async with self._store.transaction() as transaction:
                if await self._store.cancel(transaction.connection, stored.id, stored.owner) is not None:
                    transaction.publish(CheckoutAbandoned(checkout_id=stored.id, status="canceled"))
            stored = await self._stored(ask.owner, ask.checkout_id)
        if stored.status != "canceled":
            raise CheckoutStateError(state=stored.status)
        return _view(stored)

    async def complete(self, ask: Complete) -> Checkout:
        owner = owner_key(ask.owner)
        check_offered(ask.payment, self._shop)
        claimed = await self._store.claim(ask, owner, None, self._driver.lease_seconds)
        if claimed is None:
            slowly = await self._claim_slowly(ask, owner)
            if isinstance(slowly, Checkout):
                return slowly
            claimed = slowly
        crashpoint("idem.claimed")
        stored, attempt = claimed
        driving = asyncio.create_task(self._driver.drive(attempt, first=True))
        try:
            async with asyncio.timeout(INLINE_SECONDS):
                attempt = await asyncio.shield(driving)
        except (TimeoutError, LostLease) as early:
            log.info("a checkout goes on without its shopper", attempt_id=attempt.attempt_id, why=type(early).__name__)
            return _view(await self._stored(ask.owner, ask.checkout_id))
        finally:
            # The shopper waits no longer, or has left: nobody else would hear of a fault.
            if not driving.done():
                driving.add_done_callback(partial(tell_failure, attempt.attempt_id))
        return _outcome(stored, attempt)

    async def resume_due(self) -> None:
        """Sweep: go on with what a crash or an absent neighbour left half-done."""
        await drive_all(self._driver, await self._store.lease_due(self._driver.lease_seconds, SWEEP_BATCH))

    async def expire_due(self) -> None:
        """Sweep: close quotes that have run out."""
        async with self._store.transaction() as transaction:
            for checkout_id in await self._store.expire(transaction.connection, SWEEP_BATCH):
                transaction.publish(CheckoutAbandoned(checkout_id=checkout_id, status="expired"))

    async def payments_moved(self, batch: Batch[PaymentAuthorized] | Batch[PaymentFailed]) -> None:
        """The provider has spoken: go on with those attempts at once. Money that came after the end goes back."""
        states = await self._store.not_placed([event.attempt_id for event in batch.events])
        waiting = [attempt_id for attempt_id, state in states.items() if state != State.FAILED]
        if waiting:
            await drive_all(self._driver, await self._store.lease(waiting, self._driver.lease_seconds))
        for event in batch.events:
            if isinstance(event, PaymentAuthorized) and states.get(event.attempt_id) == State.FAILED:
                await self._payments.void(Void(attempt_id=event.attempt_id, reason="late authorisation"))

    async def parked(self, ask: ParkedOf) -> Page[ParkedAttempt]:
        found = await self._store.parked(id_in("parked", ask.cursor) or "", ask.limit + 1)
        return paged("parked", found, ask.limit, lambda each: (each.attempt_id,))

    async def parked_one(self, ask: ParkedRef) -> ParkedCheckout:
        found = await self._store.parked_one(ask.attempt_id)
        if found is None:
            raise NotFound("There is no such attempt")
        return found

    async def go_on(self, ask: GoOn) -> Nothing:
        await self._store.go_on(ask.attempt_ids, ask.idempotency)
        return Nothing()

    async def save_tax_rates(self, ask: SaveTaxRates) -> Nothing:
        # The names come first: a class with rates that no product may carry would be of no use.
        await self._catalog.save_tax_classes(TaxClasses(classes=[rate.tax_class for rate in ask.rates]))
        await self._store.save_tax_rates(ask.rates)
        return Nothing()

    async def tell_tax_classes(self) -> None:
        """Sweep: the catalogue may have been away, or be younger than the rates."""
        rates = await self._store.tax_rates()
        if rates:
            await self._catalog.save_tax_classes(TaxClasses(classes=sorted({rate.tax_class for rate in rates})))

    async def _opened_before(self, ask: OpenCheckout) -> Checkout:
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Checkout)
        if stored is None:
            raise EmptyCart()
        return stored

    async def _insert(self, ask: OpenCheckout, made: StoredCheckout) -> Checkout:
        if ask.idempotency is None:
            async with self._store.connection() as connection:
                return _view(await self._store.insert(connection, made, QUOTE_SECONDS))
        async with self._store.transaction() as transaction:
            stored = await transaction.replay(ask.idempotency, Checkout)
            if stored is not None:
                return stored
            made = await self._store.insert(transaction.connection, made, QUOTE_SECONDS)
            return transaction.remember(_view(made))

    async def _quote(self, owner: Owner, choices: Choices) -> tuple[Quote, str, int]:
        contents = await self._cart.contents(ViewCart(owner=owner))
        ids = [line.variant_id for line in contents.lines]
        variants = (await self._catalog.variants_for_sale(VariantsForSale(variant_ids=ids))).data if ids else []
        if not variants:
            raise EmptyCart()
        return await self._priced(owner, choices, contents, variants), contents.cart_id, contents.version

    async def _priced(
        self, owner: Owner, choices: Choices, contents: CartContents, variants: Sequence[ForSale]
    ) -> Quote:
        stock = await self._inventory.stock_of(StockOf(skus=[variant.sku for variant in variants]))
        by_id = {variant.variant_id: variant for variant in variants}
        bought = [(by_id[line.variant_id], line.quantity) for line in contents.lines if line.variant_id in by_id]
        subtotal = Money(sum(each.price.amount * quantity for each, quantity in bought), self._shop.currency)
        check_payable(subtotal)
        facts = Facts(
            contents=contents,
            variants=variants,
            stock=stock.available,
            discounts=await self._discounts(choices.coupon_codes, bought, owner),
            options=await self._options(choices, sum(each.weight_grams * n for each, n in bought), subtotal),
            rates=await self._tax_rates(),
            at=now(),
        )
        made = quote(facts, choices, self._shop)
        check_payable(made.totals.total)
        return made

    async def _discounts(self, codes: Sequence[str], bought: list, owner: Owner) -> Discounts:  # type: ignore[type-arg]
        if not codes:
            return Discounts(applied=[], faults=[])
        lines = [
            DiscountLine(
                sku=variant.sku,
                product_id=variant.product_id,
                quantity=quantity,
                total=variant.price.times(quantity),
                category_path=variant.category_path,
            )
            for variant, quantity in bought
        ]
        return await self._promotions.price_with(PriceWith(codes=codes, lines=lines, user_id=owner.user_id))

    async def _options(self, choices: Choices, weight_grams: int, subtotal: Money) -> Sequence[ShippingOption]:
        if choices.shipping_address is None:
            return []
        ask = RatesFor(address=choices.shipping_address, weight_grams=weight_grams, subtotal=subtotal)
        return (await self._shipping.rates(ask)).options

    async def _tax_rates(self) -> Sequence[TaxRate]:
        read_at, rates = self._rates
        moment = asyncio.get_running_loop().time()
        if not rates or moment - read_at > RATES_SECONDS:
            rates = await self._store.tax_rates()
            self._rates = (moment, rates)
        return rates

    async def _stored(self, owner: Owner, checkout_id: str) -> StoredCheckout:
        stored = await self._store.load(checkout_id, owner_key(owner))
        if stored is None:
            raise NotFound("There is no such checkout")
        return stored

    async def _still_good(self, owner: Owner, stored: StoredCheckout) -> StoredCheckout:
        """The checkout with a quote that holds. Raises PriceChanged with the new one, CheckoutStateError."""
        if stored.status not in ("open", "expired"):
            raise CheckoutStateError(state=stored.status)
        if stored.status == "open" and not stored.ran_out:
            return stored
        quoted, _, version = await self._quote(owner, stored.quote.choices)
        fresh: StoredCheckout | None = await self._store.requote(stored, version, quoted, QUOTE_SECONDS)
        if fresh is None:
            raise CheckoutStateError("This checkout is being changed elsewhere")
        if not same_prices(stored.quote, quoted):
            raise PriceChanged(checkout=msgspec.to_builtins(_view(fresh)))
        return fresh

    async def _claim_slowly(self, ask: Complete, owner: str) -> Checkout | tuple[StoredCheckout, Attempt]:
        """Why a checkout could not simply be claimed: an answer this key has, or a claim after putting things right."""
        found, known = await self._store.load_with_attempt(ask.checkout_id, owner, ask.idempotency)
        if found is None:
            raise NotFound("There is no such checkout")
        if known is not None:
            return _repeated(ask, found, known)
        stored = found
        if stored.status == "requires_action":
            await self._give_up(stored)
            stored = await self._stored(ask.owner, ask.checkout_id)
        if stored.status == "completed":
            return _view(stored)
        stored = await self._still_good(ask.owner, stored)
        missing = requirements(stored.quote)
        if missing:
            raise CheckoutIncomplete(requirements=msgspec.to_builtins(missing))
        claimed = await self._store.claim(ask, owner, stored.version, self._driver.lease_seconds)
        if claimed is not None:
            return claimed
        known = await self._store.attempt_of(ask.idempotency)
        if known is None:
            raise CheckoutStateError("This checkout, or another one of the same cart, is being paid or was ordered")
        raise IdempotencyInFlight() if known.fingerprint == ask.idempotency.fingerprint else IdempotencyConflict()

    async def _give_up(self, stored: StoredCheckout) -> None:
        """Undo a payment that waits for the shopper, so that the checkout is open again."""
        if stored.attempt_id is None:
            return
        try:
            await self._driver.withdraw(stored.attempt_id)
        except LostLease as error:
            raise CheckoutStateError("This checkout is being completed by another request") from error


def _repeated(ask: Complete, stored: StoredCheckout, known: Attempt) -> Checkout:
    """The answer that this key already has."""
    if known.fingerprint != ask.idempotency.fingerprint:
        raise IdempotencyConflict()
    if known.saga.state not in FINAL | {State.WAITING}:
        raise IdempotencyInFlight()
    replayed.set(True)
    return _outcome(stored, known)


def _view(stored: StoredCheckout) -> Checkout:
    expired = stored.status == "open" and stored.ran_out
    order = OrderRef(id=stored.order_id, number=stored.order_number or "") if stored.order_id else None
    return view(
        stored.id,
        "expired" if expired else stored.status,
        stored.quote,
        stored.expires_at,
        action=stored.action if stored.status == "requires_action" else None,
        order=order,
        failure=stored.failure,
    )


def _outcome(stored: StoredCheckout, attempt: Attempt) -> Checkout:
    """What this attempt came to: the completed checkout, the action to take, or its refusal again."""
    saga = attempt.saga
    if saga.state is State.FAILED and saga.failure is not None:
        kind = DomainError.known.get(saga.failure.code, DomainError)
        raise kind(saga.failure.detail, **saga.failure.facts)
    status = {State.PLACED: "completed", State.WAITING: "requires_action"}.get(saga.state, "completing")
    order = OrderRef(id=saga.order_id, number=saga.order_number or "") if saga.order_id else None
    return view(stored.id, status, stored.quote, stored.expires_at, action=saga.action, order=order)
