"""Drives an attempt: carries out effects, decides, and stores what must survive a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import structlog

from haat.contracts.cart import Cart, TakeOrdered
from haat.contracts.fraud import Assess, Fraud
from haat.contracts.inventory import AttemptRef, ExtendHold, Inventory, Line, ReservationGone, Reserve
from haat.contracts.orders import Orders, PlaceOrder
from haat.contracts.payments import AttemptPayment, Authorize, CreditMethod, Method, Payment, Payments, Void
from haat.contracts.promotions import Promotions, Redeem, RedemptionRef
from haat.kit.clock import now
from haat.kit.crashpoints import crashpoint
from haat.kit.message import DomainError, Unavailable
from haat.kit.telemetry import PARKED
from haat.services.checkout.model import guest_of
from haat.services.checkout.saga import (
    DONE,
    LEASE_SECONDS,
    Assessed,
    Away,
    Do,
    Effect,
    Failure,
    Impossible,
    Ordered,
    Outcome,
    Paid,
    Reach,
    Refused,
    Saga,
    State,
    Write,
    drive,
    given_up,
)
from haat.services.checkout.store import Attempt, CheckoutStore, Shown

log = structlog.get_logger("haat.checkout")

HOLD_SECONDS = 600
ACTION_GRACE = timedelta(minutes=5)
# No shopper who has to act at the provider's is given less.
ACTION_SECONDS = 15 * 60
# A bank that has not decided by then keeps nobody else from buying.
UNDECIDED_SECONDS = 30 * 60
REVIEW_ABOVE_MINOR = 5_000_000
CART_SECONDS = 1.0
# Two tries of a risk service elsewhere; of one in this process nothing else ends a call.
ASSESS_SECONDS = 1.0
# Who polls the provider has the attempt for a moment.
WITHDRAW_TRIES, WITHDRAW_SECONDS = 20, 0.1


UNDECIDED = ("authorizing", "pending", "unknown")


class LostLease(Exception):
    """Another driver has taken this attempt over: stop here, it will go on there."""


class Driver:
    """Carries attempts through the saga. Any number may run; the version fence keeps them apart."""

    def __init__(
        self,
        store: CheckoutStore,
        inventory: Inventory,
        promotions: Promotions,
        fraud: Fraud,
        payments: Payments,
        orders: Orders,
        cart: Cart,
        *,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._inventory = inventory
        self._promotions = promotions
        self._fraud = fraud
        self._payments = payments
        self._orders = orders
        self._cart = cart
        self.lease_seconds = lease_seconds
        self._effects: dict[Effect, Callable[[Attempt], Awaitable[Outcome]]] = {
            Effect.RESERVE: self._reserve,
            Effect.REDEEM: self._redeem,
            Effect.ASSESS: self._assess,
            Effect.AUTHORIZE: self._authorize,
            Effect.CONFIRM: self._confirm,
            Effect.COMMIT: self._commit,
            Effect.PLACE: self._place,
            Effect.VOID: self._void,
            Effect.GIVE_BACK: self._give_back,
            Effect.RELEASE: self._release,
        }

    async def drive(self, attempt: Attempt, *, first: bool = False) -> Attempt:
        """As far as it goes now: to its end, to where the shopper must act, or to a neighbour that is away.

        `first` says that nobody can have driven this attempt before.
        """
        saga = msgspec.structs.replace(
            attempt.saga,
            has_coupons=bool(attempt.quote.redeemed),
            reach=Reach.NOTHING if first else attempt.saga.reach,
        )
        journey = drive(saga, attempt.tries, attempt.age_seconds, self.lease_seconds)
        answer: Outcome | Away | None = None
        while True:
            try:
                step = journey.send(answer)
            except StopIteration:
                return attempt
            attempt = msgspec.structs.replace(attempt, saga=step.saga)
            if isinstance(step, Do):
                answer = await self._carry_out(step.effect, attempt)
            else:
                attempt, answer = await self._write(attempt, step), None

    async def withdraw(self, attempt_id: str) -> None:
        """Give an attempt up, as soon as nobody looks any more whether its payment was made. Raises LostLease."""
        for _ in range(WITHDRAW_TRIES):
            for attempt in await self._store.lease([attempt_id], self.lease_seconds):
                await self.give_up(attempt)
                return
            if (await self._store.not_placed([attempt_id])).get(attempt_id) != State.WAITING:
                return
            await asyncio.sleep(WITHDRAW_SECONDS)

    async def give_up(self, attempt: Attempt) -> Attempt:
        """Undo a payment that waits for the shopper; an attempt that does not wait is simply driven on."""
        with suppress(Impossible):
            step = Write(given_up(attempt.saga), 0, self.lease_seconds, 0.0)
            attempt = await self._write(msgspec.structs.replace(attempt, saga=step.saga), step)
        return await self.drive(attempt)

    async def _write(self, attempt: Attempt, step: Write) -> Attempt:
        if step.parked:
            PARKED.labels(step.saga.state).inc()
            log.error("attempt parked", attempt_id=attempt.attempt_id, state=step.saga.state, error=step.error)
        shown = _shown(step.saga) if step.shown else Shown()
        version = await self._store.save(attempt, step, shown)
        if version is None:
            log.info("attempt is driven elsewhere", attempt_id=attempt.attempt_id, state=step.saga.state)
            raise LostLease(attempt.attempt_id)
        return msgspec.structs.replace(attempt, version=version, tries=step.tries)

    async def _carry_out(self, effect: Effect, attempt: Attempt) -> Outcome | Away:
        try:
            return await self._effects[effect](attempt)
        except Unavailable as error:
            return Away(error.detail)
        except DomainError as error:
            return Refused(Failure(error.code, error.detail, error.facts))

    async def _reserve(self, attempt: Attempt) -> Outcome:
        lines = [Line(sku=line.sku, quantity=line.quantity) for line in attempt.quote.items]
        await self._inventory.reserve(Reserve(attempt_id=attempt.attempt_id, lines=lines, hold_seconds=HOLD_SECONDS))
        crashpoint("inv.reserve_acked")
        return DONE

    async def _redeem(self, attempt: Attempt) -> Outcome:
        await self._promotions.redeem(
            Redeem(
                attempt_id=attempt.attempt_id,
                codes=attempt.quote.redeemed,
                user_id=attempt.complete.owner.user_id,
            )
        )
        return DONE

    async def _assess(self, attempt: Attempt) -> Outcome:
        choices, total = attempt.quote.choices, attempt.quote.totals.total
        shipping = choices.shipping_address
        assert shipping is not None and choices.email is not None
        ask = Assess(
            attempt_id=attempt.attempt_id,
            checkout_id=attempt.checkout_id,
            amount=total,
            method=method_name(attempt),
            email=choices.email,
            ship_to_country=shipping.country,
            ship_to_postal_code=shipping.postal_code,
            user_id=attempt.complete.owner.user_id,
            bill_to_postal_code=choices.billing_address.postal_code if choices.billing_address else None,
            network_address=attempt.complete.network_address,
            card_token=getattr(attempt.complete.payment, "token", None),
            quantity=sum(line.quantity for line in attempt.quote.items),
        )
        try:
            async with asyncio.timeout(ASSESS_SECONDS):
                verdict = await self._fraud.assess(ask)
            crashpoint("fraud.done")
            return Assessed(verdict.decision)
        except (Unavailable, TimeoutError):
            # The risk service is away or stalls: simple rules instead, never a blind yes.
            return Assessed("review" if total.amount >= REVIEW_ABOVE_MINOR else "allow")

    async def _authorize(self, attempt: Attempt) -> Outcome:
        payment = await self._payments.authorize(
            Authorize(
                attempt_id=attempt.attempt_id,
                checkout_id=attempt.checkout_id,
                amount=attempt.quote.totals.total,
                method=_method(attempt),
                user_id=attempt.complete.owner.user_id,
                return_url=attempt.complete.return_url,
            )
        )
        return await self._paid(attempt, payment)

    async def _confirm(self, attempt: Attempt) -> Outcome:
        return await self._paid(attempt, await self._payments.of_attempt(AttemptPayment(attempt_id=attempt.attempt_id)))

    async def _paid(self, attempt: Attempt, payment: Payment) -> Outcome:
        if payment.amount != attempt.quote.totals.total:
            return Refused(Failure("payment_mismatch", "The payment is not the one that was agreed"))
        hold = _hold_seconds(attempt, payment)
        if hold > 0:
            # Units whose hold ran out in an outage may still be there once the money is: the commit finds out.
            with suppress(ReservationGone):
                await self._inventory.extend(ExtendHold(attempt_id=attempt.attempt_id, hold_seconds=hold))
        # By the attempt's age, too, which is the database's: no process whose clock is wrong turns a shopper away.
        overdue = attempt.age_seconds > ACTION_SECONDS and _wait_ends(attempt, payment) <= now()
        return Paid(payment.id, payment.state, payment.summary, payment.action, payment.decline_code, overdue)

    async def _commit(self, attempt: Attempt) -> Outcome:
        crashpoint("inv.commit_sent")
        await self._inventory.commit(AttemptRef(attempt_id=attempt.attempt_id))
        return DONE

    async def _place(self, attempt: Attempt) -> Outcome:
        # The units are sold: nothing undoes this order any more, and nobody may order them from the cart again.
        emptying = asyncio.create_task(self._empty_cart(attempt))
        try:
            placed = await self._orders.place(_order(attempt))
        finally:
            await emptying
        crashpoint("order.acked")
        return Ordered(placed.id, placed.number)

    async def _empty_cart(self, attempt: Attempt) -> None:
        """What was ordered leaves the cart, at best: where it fails, the cart hears of the order by its event."""
        units = {line.variant_id: line.quantity for line in attempt.quote.items}
        ask = TakeOrdered(checkout_id=attempt.checkout_id, cart_id=attempt.cart_id, units=units)
        try:
            async with asyncio.timeout(CART_SECONDS):
                await self._cart.take_ordered(ask)
        except Exception as error:
            log.warning("cart not emptied yet", attempt_id=attempt.attempt_id, error=repr(error))

    async def _void(self, attempt: Attempt) -> Outcome:
        crashpoint("comp.midway")
        failure = attempt.saga.failure
        await self._payments.void(Void(attempt_id=attempt.attempt_id, reason=failure.code if failure else "abandoned"))
        return DONE

    async def _give_back(self, attempt: Attempt) -> Outcome:
        if attempt.saga.has_coupons:
            await self._promotions.give_back(RedemptionRef(attempt_id=attempt.attempt_id))
        return DONE

    async def _release(self, attempt: Attempt) -> Outcome:
        await self._inventory.release(AttemptRef(attempt_id=attempt.attempt_id))
        return DONE


def _wait_ends(attempt: Attempt, payment: Payment) -> datetime:
    """Until when units and money wait for a shopper who has to act at the provider's."""
    action = payment.action or attempt.saga.action
    begun = now() - timedelta(seconds=attempt.age_seconds)
    return (action.expires_at if action else begun + timedelta(seconds=HOLD_SECONDS)) + ACTION_GRACE


def _hold_seconds(attempt: Attempt, payment: Payment) -> int:
    """For how long from now the units have to wait for a payment under way; 0 when nobody waits for it."""
    if payment.action is not None and attempt.saga.state is not State.WAITING:
        # The shopper acts at the provider's: their units wait as long as the provider does.
        left = int((_wait_ends(attempt, payment) - now()).total_seconds())
        return max(HOLD_SECONDS, min(left, 86_400))
    if payment.state in UNDECIDED:
        return min(HOLD_SECONDS, UNDECIDED_SECONDS - int(attempt.age_seconds))
    return 0


def _order(attempt: Attempt) -> PlaceOrder:
    saga, choices = attempt.saga, attempt.quote.choices
    assert choices.shipping_address is not None and choices.email is not None
    return PlaceOrder(
        checkout_id=attempt.checkout_id,
        attempt_id=attempt.attempt_id,
        cart_id=attempt.cart_id,
        items=attempt.quote.items,
        totals=attempt.quote.totals,
        email=choices.email,
        shipping_address=choices.shipping_address,
        billing_address=choices.billing_address,
        shipping_method=attempt.quote.shipping_method or "standard",
        payment_id=saga.payment_id or "",
        payment_method=method_name(attempt),
        payment_summary=saga.payment_summary,
        paid=saga.captured,
        user_id=attempt.complete.owner.user_id,
        on_hold=saga.on_hold,
        coupon_codes=attempt.quote.redeemed,
        guest_hash=guest_of(attempt.owner),
    )


def _method(attempt: Attempt) -> Method:
    """How it is paid: as the shopper said, or by nothing at all where there is nothing to pay."""
    return attempt.complete.payment if attempt.quote.totals.total.amount else CreditMethod()


def method_name(attempt: Attempt) -> str:
    """`card`, `upi`, `wallet`, `cod` or `credit`."""
    tag = type(_method(attempt)).__struct_config__.tag
    return str(tag)


def _shown(saga: Saga) -> Shown:
    match saga.state:
        case State.PLACED:
            return Shown("completed", order_id=saga.order_id, order_number=saga.order_number)
        case State.WAITING:
            return Shown("requires_action", action=saga.action)
        case State.FAILED:
            # The checkout opens again: another payment method, or fewer units, may do.
            return Shown("open", failure=saga.failure.code if saga.failure else None)
        case _:
            return Shown("completing")


async def drive_all(driver: Driver, attempts: list[Attempt]) -> None:
    """Drive several attempts side by side; one that fails does not hold the others."""

    async def one(attempt: Attempt) -> None:
        try:
            await driver.drive(attempt)
        except LostLease:
            pass
        except Exception:
            log.exception("attempt failed to go on", attempt_id=attempt.attempt_id)

    await asyncio.gather(*(one(attempt) for attempt in attempts))


def tell_failure(attempt_id: str, driving: asyncio.Task[Attempt]) -> None:
    """What a drive that nobody waits for any more came to, if it failed; the sweep goes on with the attempt."""
    error = None if driving.cancelled() else driving.exception()
    if error is not None and not isinstance(error, LostLease):
        log.error("attempt failed to go on", attempt_id=attempt_id, exc_info=error)
