"""Notifications' use cases: note what deserves a mail, write and send what is due, show the mailbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import structlog

from haat.contracts.cart import Cart, WishCameBack, WishRef
from haat.contracts.catalog import Catalog, ProductRef
from haat.contracts.checkout import Checkouts, ContactOf
from haat.contracts.identity import Identity, LetterRef, LetterWanted, OfUser, RefreshTokenReused, UserRegistered
from haat.contracts.inventory import StockRanLow
from haat.contracts.notifications import Mail, Mailbox, MailRef, Notifications
from haat.contracts.orders import (
    ListOrders,
    Order,
    OrderMoved,
    OrderOf,
    OrderPlaced,
    Orders,
    ParcelUndelivered,
    ReturnMoved,
)
from haat.contracts.payments import PaymentRef, PaymentRefunded, Payments
from haat.kit.cursor import id_in, paged
from haat.kit.database import Batch
from haat.kit.message import Event, NotFound, Page
from haat.kit.money import Money, format_money
from haat.ports.mail import LetterRefused, Mailer, MailUnreachable
from haat.services.notifications.letters import TO_BANK, TO_CREDIT, Scribe
from haat.services.notifications.model import (
    OF_ACCOUNTS,
    SECRET,
    Cause,
    Kind,
    of_letter,
    of_moved,
    of_placed,
    of_refunded,
    of_registered,
    of_return,
    of_reuse,
    of_stock,
    of_undelivered,
    of_wish,
    wait_seconds,
)
from haat.services.notifications.store import DueMail, MailStore, Settled

log = structlog.get_logger("haat.notifications")
E = TypeVar("E", bound=Event)
# A sweep a second takes this many: mails must never crowd out the shop's own work.
PACE = 20
AT_ONCE = 5
LEASE_SECONDS = 120
# What takes longer has failed for now; and nothing is begun that could outlive the lease of its batch: another worker
# would send it once more, and so on.
LONGEST_SECONDS = 40
# After so many tries to find the order of a refund, or units of a wish, there are none.
PATIENT_TRIES = 2
WITH_INVOICE = frozenset({"order_partially_shipped", "order_shipped", "order_delivered"})
BEFORE_THE_DOOR = frozenset({"order_placed", "order_partially_shipped", "order_shipped", "order_out_for_delivery"})
GONE = frozenset({"canceled", "failed"})
NOT_KEPT = "This letter holds a link that is a key to an account: it was sent, and is not kept here."
FOR_OWNERS = "This letter holds a link that is a key to an account: only owners may read it."
_PATHS: dict[Kind, str] = {
    "password_reset": "reset-password?token=",
    "password_changed": "account",
    "email_change": "account/email?token=",
    "email_changed": "help/contact",
}


class NotificationsService(Notifications):
    """A reaction costs one row; the order is asked for and the letter written when its turn to be sent comes."""

    def __init__(
        self,
        store: MailStore,
        orders: Orders,
        identity: Identity,
        checkouts: Checkouts,
        catalog: Catalog,
        cart: Cart,
        payments: Payments,
        mailer: Mailer,
        public_url: str,
        staff_email: str,
    ) -> None:
        self._store = store
        self._orders = orders
        self._identity = identity
        self._checkouts = checkouts
        self._catalog = catalog
        self._cart = cart
        self._payments = payments
        self._mailer = mailer
        self._scribe = Scribe(public_url)
        self._staff_email = staff_email

    async def mailbox(self, ask: Mailbox) -> Page[Mail]:
        filters = f"mails|{ask.to}|{ask.about}"
        before = id_in(filters, ask.cursor)
        async with self._store.connection() as connection:
            found = await self._store.mailbox(connection, ask.to, ask.about, before, ask.limit + 1)
        return paged(filters, found, ask.limit, lambda each: (each.id,))

    async def mail(self, ask: MailRef) -> Mail:
        async with self._store.connection() as connection:
            found = await self._store.mail(connection, ask.mail_id)
        if found is None:
            raise NotFound()
        kind, mail = found
        if kind in SECRET and mail.html and not ask.with_keys:
            return msgspec.structs.replace(mail, html="", text=FOR_OWNERS)
        return mail

    async def send_again(self, ask: MailRef) -> Mail:
        async with self._store.connection() as connection:
            await self._store.send_again(connection, ask.mail_id)
        return await self.mail(ask)

    async def on_placed(self, batch: Batch[OrderPlaced]) -> None:
        """A confirmation for each order."""
        await self._note(batch, [of_placed(event) for event in batch.events])

    async def on_moved(self, batch: Batch[OrderMoved]) -> None:
        """A word about each step that customers care for."""
        await self._note(batch, [of_moved(event) for event in batch.events])

    async def on_undelivered(self, batch: Batch[ParcelUndelivered]) -> None:
        """A word about each parcel that comes back to us."""
        await self._note(batch, [of_undelivered(event) for event in batch.events])

    async def on_return(self, batch: Batch[ReturnMoved]) -> None:
        """A word about what was decided on a return."""
        await self._note(batch, [of_return(event) for event in batch.events])

    async def on_refunded(self, batch: Batch[PaymentRefunded]) -> None:
        """A word about money that goes back."""
        await self._note(batch, [of_refunded(event) for event in batch.events])

    async def on_registered(self, batch: Batch[UserRegistered]) -> None:
        """A welcome to each new user."""
        await self._note(batch, [of_registered(event) for event in batch.events])

    async def on_letters_wanted(self, batch: Batch[LetterWanted]) -> None:
        """Links and words about accounts."""
        await self._note(batch, [of_letter(event) for event in batch.events])

    async def on_token_reused(self, batch: Batch[RefreshTokenReused]) -> None:
        """A warning to those whose sign-in was copied."""
        await self._note(batch, [of_reuse(event) for event in batch.events])

    async def on_stock_low(self, batch: Batch[StockRanLow]) -> None:
        """A word to the staff."""
        await self._note(batch, [of_stock(event, self._staff_email) for event in batch.events])

    async def on_wishes_back(self, batch: Batch[WishCameBack]) -> None:
        """A word to those who wished for it."""
        await self._note(batch, [of_wish(event) for event in batch.events])

    async def send_due(self) -> None:
        """Write and send the mails whose turn it is; what fails for now comes again later."""
        gate = _Gate(LEASE_SECONDS - LONGEST_SECONDS)
        async with self._store.connection() as connection:
            due = await self._store.claim_due(connection, LEASE_SECONDS, PACE)
        if not due:
            return
        written = await asyncio.gather(*(self._written(mail, gate) for mail in due))
        ready = [each for each in written if isinstance(each, DueMail)]
        async with self._store.connection() as connection:
            await self._store.save_rendered(connection, [self._kept(mail) for mail in ready])
        sent = await asyncio.gather(*(self._sent(mail, gate) for mail in ready))
        settled = [*sent, *(each for each in written if isinstance(each, Settled))]
        async with self._store.connection() as connection:
            await self._store.settle(connection, settled)

    async def _note(self, batch: Batch[E], causes: Sequence[Cause | None]) -> None:
        async with self._store.transaction() as transaction:
            fresh = {event.id for event in await transaction.accept(batch)}
            told = zip(batch.events, causes, strict=True)
            new = {cause.cause: cause for event, cause in told if cause is not None and event.id in fresh}
            if new:
                await self._store.note(transaction.connection, list(new.values()))

    async def _written(self, mail: DueMail, gate: _Gate) -> DueMail | Settled:
        if mail.html:
            return mail
        try:
            async with gate.through():
                return await self._write(mail)
        except Exception as error:
            # Whatever keeps one letter from being written must not keep back the others.
            log.warning("mail not written", mail_id=mail.id, kind=mail.kind, error=repr(error))
            return _again(mail, repr(error))

    async def _write(self, mail: DueMail) -> DueMail | Settled:
        if mail.kind in OF_ACCOUNTS:
            return await self._of_account(mail)
        if mail.kind == "stock_low":
            return self._with(mail, "admin/stock/" + quote(mail.facts["sku"], safe=""), mail.facts)
        if mail.kind == "wish_came_back":
            return await self._of_wish(mail)
        order_id = mail.about
        if not order_id:
            async with self._store.connection() as connection:
                order_id = await self._store.order_of_checkout(connection, mail.facts["checkout_id"]) or ""
        if not order_id and mail.kind == "refunded" and mail.tries > PATIENT_TRIES:
            # The letter that knows the order may be forgotten by now: ask before saying that there is none.
            found = await self._orders.orders(ListOrders(text=mail.facts["checkout_id"], limit=1))
            if not found.data:
                return await self._without_order(mail)
            order_id = found.data[0].id
        order = await self._orders.order(OrderOf(order=order_id, any_owner=True))
        link = (await self._orders.link(OrderOf(order=order.id, any_owner=True))).link
        facts = {**mail.facts, "number": order.number, "name": order.shipping_address.name}
        facts["doing"] = "look at it before it is packed" if order.on_hold else "are getting it ready"
        if mail.kind in WITH_INVOICE:
            facts["invoice"] = f"orders/{order.id}/invoice.pdf?token={link}"
        if order.payment.status == "cash_on_delivery" and mail.kind in BEFORE_THE_DOOR:
            payment = await self._payments.payment(PaymentRef(payment_id=order.payment.id))
            if payment.due.amount:
                facts["due"] = _at_the_door(mail.kind, payment.due, order)
        kind: Kind = mail.kind
        if kind == "refunded":
            facts |= _money_back(mail)
            kind = _of_refund(mail, order)
        known = msgspec.structs.replace(mail, about=order.id, address=mail.address or order.email)
        return self._with(known, f"orders/{order.id}?token={link}", facts, order, kind)

    async def _without_order(self, mail: DueMail) -> DueMail:
        """Money went back that no order came of; the notice of an order would have come by now."""
        contact = await self._checkouts.contact(ContactOf(checkout_id=mail.facts["checkout_id"]))
        known = msgspec.structs.replace(mail, address=contact.email)
        return self._with(known, "", _money_back(mail), kind="refunded_without_order")

    async def _of_account(self, mail: DueMail) -> DueMail | Settled:
        """Address and name are asked for now: they are in no event, and may have changed since."""
        if "letter_id" not in mail.facts:
            user = await self._identity.user(OfUser(user_id=mail.about))
            known = msgspec.structs.replace(mail, address=user.email)
            return self._with(known, "" if mail.kind == "welcome" else "account", {"name": user.name})
        try:
            letter = await self._identity.letter(LetterRef(letter_id=mail.facts["letter_id"]))
        except NotFound:
            return Settled(mail.id, mail.tries, "failed", "the link was used or has run out")
        known = msgspec.structs.replace(mail, about=letter.user_id, address=letter.email)
        return self._with(known, _PATHS[mail.kind] + letter.token, {"name": letter.name})

    async def _of_wish(self, mail: DueMail) -> DueMail | Settled:
        """Unless it is gone again: the catalogue hears of units as we do, so its first no may only be early."""
        user = await self._identity.user(OfUser(user_id=mail.about))
        wish = WishRef(user_id=mail.about, product_id=mail.facts["product_id"])
        try:
            product = await self._catalog.product(ProductRef(ref=wish.product_id))
        except NotFound:
            await self._cart.not_told(wish)
            return Settled(mail.id, mail.tries, "failed", "it is not sold any more")
        if not any(variant.available for variant in product.variants):
            if mail.tries <= PATIENT_TRIES:
                return _again(mail, "it is not there yet")
            await self._cart.not_told(wish)
            return Settled(mail.id, mail.tries, "failed", "it was sold out again")
        known = msgspec.structs.replace(mail, address=user.email)
        return self._with(known, f"p/{product.slug}", {"name": user.name, "title": product.title})

    def _with(
        self, mail: DueMail, path: str, facts: dict[str, Any], order: Order | None = None, kind: Kind | None = None
    ) -> DueMail:
        letter = self._scribe.write(kind or mail.kind, path, facts, order)
        return msgspec.structs.replace(mail, subject=letter.subject, html=letter.html, text=letter.text)

    def _kept(self, mail: DueMail) -> DueMail:
        if mail.kind not in SECRET or self._mailer.keeps_letters:
            return mail
        return msgspec.structs.replace(mail, html="", text=NOT_KEPT)

    async def _sent(self, mail: DueMail, gate: _Gate) -> Settled:
        try:
            async with gate.through():
                await self._mailer.send(mail.letter())
        except LetterRefused as error:
            log.warning("mail refused", mail_id=mail.id, kind=mail.kind)
            return Settled(mail.id, mail.tries, "failed", str(error))
        except (MailUnreachable, TimeoutError) as error:
            return _again(mail, str(error) or "it took too long")
        return Settled(mail.id, mail.tries, "sent")


class _Gate:
    """Some at once, each for a while, and none that begins too late: raises TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._until = time.monotonic() + seconds

    @asynccontextmanager
    async def through(self) -> AsyncIterator[None]:
        async with self._places:
            if time.monotonic() >= self._until:
                raise TimeoutError("its turn did not come")
            async with asyncio.timeout(LONGEST_SECONDS):
                yield


def _at_the_door(kind: Kind, due: Money, order: Order) -> str:
    """The cash to have ready; each courier takes what is in their own parcel."""
    parcels = [each for each in order.shipments if each.direction == "outbound" and each.status not in GONE]
    parts = kind == "order_partially_shipped" or len(parcels) > 1
    return f"{format_money(due)} in cash to the courier{', with each parcel its part' if parts else ''}"


def _of_refund(mail: DueMail, order: Order) -> Kind:
    if mail.facts.get("payment_id", order.payment.id) != order.payment.id:
        # Money of another payment of its checkout that came too late, or twice: the order keeps its own.
        return "refunded_beside_order"
    # What the courier collected no bank sends back: people do.
    in_cash = order.payment.method == "cod" and not mail.facts.get("to_credit")
    return "refunded_in_cash" if in_cash else "refunded"


def _money_back(mail: DueMail) -> dict[str, str]:
    amount = format_money(Money(mail.facts["amount"], mail.facts["currency"]))
    return {"amount": amount, "where": TO_CREDIT if mail.facts.get("to_credit") else TO_BANK}


def _again(mail: DueMail, why: str) -> Settled:
    wait = wait_seconds(mail.kind, mail.tries)
    if wait is None:
        return Settled(mail.id, mail.tries, "failed", why[:500])
    return Settled(mail.id, mail.tries, "queued", why[:500], wait)
