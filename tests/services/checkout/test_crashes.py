"""Checkouts that a crash or an absent neighbour cuts short: finished by any worker, with one order and one payment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from haat.contracts.cart import Cart, Owner, ViewCart
from haat.contracts.catalog import Catalog
from haat.contracts.checkout import Checkout, ParkedOf
from haat.contracts.fraud import Assess, Fraud, Verdict
from haat.contracts.identity import Identity
from haat.contracts.orders import Placed, PlaceOrder
from haat.contracts.payments import AttemptPayment, Authorize, Payment, PaymentRef, UpiMethod
from haat.kit.message import Invalid, Unavailable
from haat.kit.money import Money
from haat.kit.rpc import local
from haat.services.checkout.driver import ACTION_GRACE, ASSESS_SECONDS, REVIEW_ABOVE_MINOR, Driver
from haat.services.checkout.model import Shop, owner_key
from haat.services.checkout.saga import MOST_TRIES, State
from haat.services.checkout.service import CheckoutService
from haat.services.checkout.store import Attempt, CheckoutStore
from tests.services.shopfloor import CASH, DECLINED, Away, Floor, later


def checkouts_without(floor: Floor, shop: Shop | None = None, **away: Any) -> tuple[CheckoutService, dict[str, Any]]:
    """The service with neighbours that do not answer a certain call, until told to, or with somebody in their place."""
    names = ("inventory", "promotions", "fraud", "payments", "orders", "cart")
    asked: dict[str, Any] = {name: Away(getattr(floor, name)) for name in names}
    for name, call in away.items():
        asked[name] = Away(getattr(floor, name), call) if isinstance(call, str) else call
    store = CheckoutStore(floor.database)
    service = CheckoutService(
        store,
        Driver(store, **asked),
        shop or Shop(),
        identity=floor.house.ask(Identity),
        cart=floor.house.ask(Cart),
        catalog=floor.house.ask(Catalog),
        inventory=floor.inventory,
        payments=asked["payments"],
        promotions=floor.promotions,
        shipping=floor.shipping,
    )
    return service, asked


async def counted(floor: Floor, checkout_id: str) -> tuple[int, list[str]]:
    """How many orders a checkout has come to, and the states of its payments at the provider."""
    orders = await floor.value("SELECT count(*) FROM orders.orders WHERE checkout_id = $1", checkout_id)
    return orders, [row["state"] for row in await floor.books(checkout_id)]


async def resume(floor: Floor, service: CheckoutService, checkout_id: str) -> None:
    """The wait of an attempt is over, and several workers come by."""
    await floor.rows(
        "UPDATE checkout.attempts SET next_run_at = now(), lease_until = now() WHERE checkout_id = $1", checkout_id
    )
    await asyncio.gather(*(service.resume_due() for _ in range(3)))


async def opened(floor: Floor, stock: int = 10, **choices: Any) -> tuple[Owner, Checkout, Any]:
    lamp = await floor.variant(stock=stock)
    owner = await floor.guest((lamp, 2))
    return owner, await floor.open(owner, **choices), lamp


async def test_an_attempt_left_right_after_its_claim_is_finished(floor: Floor):
    owner, checkout, lamp = await opened(floor)
    store = CheckoutStore(floor.database)
    assert await store.claim(floor.asked(owner, checkout.id, await floor.card()), owner_key(owner), None, 0)
    await resume(floor, floor.house.service("checkout"), checkout.id)
    seen = await floor.seen(owner, checkout.id)
    assert (seen.status, await counted(floor, checkout.id)) == ("completed", (1, ["authorized"]))
    assert await floor.stock(lamp) == (8, 0, 8)


async def test_an_attempt_that_is_driven_is_left_alone(floor: Floor):
    owner, checkout, _ = await opened(floor)
    store = CheckoutStore(floor.database)
    assert await store.claim(floor.asked(owner, checkout.id, CASH), owner_key(owner), None, 60)
    await floor.house.service("checkout").resume_due()
    assert (await floor.seen(owner, checkout.id)).status == "completing"


@pytest.mark.parametrize(
    ("neighbour", "call"),
    [
        ("inventory", "reserve"),
        ("promotions", "redeem"),
        ("payments", "authorize"),
        ("inventory", "commit"),
        ("orders", "place"),
    ],
)
async def test_with_a_neighbour_away_the_checkout_waits_and_is_finished_later(floor: Floor, neighbour: str, call: str):
    code = await floor.coupon(limit_total=1)
    owner, checkout, lamp = await opened(floor, coupon_codes=[code])
    service, asked = checkouts_without(floor, **{neighbour: call})
    told = await service.complete(floor.asked(owner, checkout.id, await floor.card()))
    asked[neighbour].dead.clear()
    await resume(floor, service, checkout.id)
    seen = await floor.seen(owner, checkout.id)
    assert (told.status, seen.status) == ("completing", "completed")
    assert (await counted(floor, checkout.id), await floor.stock(lamp)) == ((1, ["authorized"]), (8, 0, 8))
    assert await floor.value("SELECT used FROM promotions.coupons WHERE code = $1", code) == 1


@pytest.mark.parametrize(
    ("neighbour", "call"), [("payments", "void"), ("promotions", "give_back"), ("inventory", "release")]
)
async def test_with_a_neighbour_away_the_undoing_waits_and_is_finished_later(floor: Floor, neighbour: str, call: str):
    code = await floor.coupon(limit_total=1)
    owner, checkout, lamp = await opened(floor, coupon_codes=[code])
    service, asked = checkouts_without(floor, **{neighbour: call})
    told = await service.complete(floor.asked(owner, checkout.id, await floor.card(DECLINED)))
    asked[neighbour].dead.clear()
    await resume(floor, service, checkout.id)
    seen = await floor.seen(owner, checkout.id)
    assert (told.status, seen.status, seen.failure) == ("completing", "open", "payment_declined")
    assert await floor.stock(lamp) == (10, 0, 10)
    assert await floor.value("SELECT used FROM promotions.coupons WHERE code = $1", code) == 0


@pytest.mark.parametrize(("amount", "held"), [(100_000, False), (REVIEW_ABOVE_MINOR, True)])
async def test_without_the_risk_service_much_is_looked_at_and_little_goes_through(
    floor: Floor, amount: int, held: bool
):
    owner = await floor.guest((await floor.variant(amount=amount), 1))
    checkout = await floor.open(owner)
    service, _ = checkouts_without(floor, fraud="assess")
    done = await service.complete(floor.asked(owner, checkout.id, await floor.card()))
    assert done.order is not None
    assert (await floor.order(done.order.id)).on_hold is held


class Stalled(Fraud):
    """Hears, and never answers."""

    async def assess(self, ask: Assess) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize(("amount", "held"), [(100_000, False), (REVIEW_ABOVE_MINOR, True)])
async def test_a_risk_service_that_stalls_in_this_process_is_not_waited_for(floor: Floor, amount: int, held: bool):
    owner = await floor.guest((await floor.variant(amount=amount), 1))
    checkout = await floor.open(owner)
    service, _ = checkouts_without(floor, fraud=local(Fraud, Stalled()))
    asked = floor.asked(owner, checkout.id, await floor.card())
    done = await asyncio.wait_for(service.complete(asked), ASSESS_SECONDS + 60)
    assert done.order is not None
    assert (await floor.order(done.order.id)).on_hold is held


async def test_a_neighbour_away_again_and_again_is_asked_with_growing_patience(floor: Floor):
    owner, checkout, _ = await opened(floor)
    service, _ = checkouts_without(floor, inventory="reserve")
    await service.complete(floor.asked(owner, checkout.id, CASH))
    waits = []
    for _ in range(3):
        # Its lease ended when it was put off.
        query = "SELECT extract(epoch FROM next_run_at - lease_until)::float8 FROM checkout.attempts"
        waits.append(await floor.value(f"{query} WHERE checkout_id = $1", checkout.id))
        await resume(floor, service, checkout.id)
    tries = await floor.value("SELECT tries FROM checkout.attempts WHERE checkout_id = $1", checkout.id)
    assert (waits, tries) == ([0.4, 0.8, 1.6], 4)
    assert await counted(floor, checkout.id) == (0, [])


async def in_cart(floor: Floor, owner: Owner) -> dict[str, int]:
    """Units by variant."""
    lines = (await floor.cart.contents(ViewCart(owner=owner))).lines
    return {line.variant_id: line.quantity for line in lines}


class Gone:
    """A cart that cannot be reached."""

    async def take_ordered(self, _: object) -> Any:
        raise Unavailable("nobody answers")


class Broken:
    """A cart with a mistake in it."""

    async def take_ordered(self, _: object) -> Any:
        raise ZeroDivisionError("not what a neighbour may do")


class Silent:
    """A cart that never answers."""

    async def take_ordered(self, _: object) -> Any:
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    "absent", [Away(object(), "take_ordered"), Broken(), Silent()], ids=["away", "broken", "silent"]
)
async def test_without_the_cart_the_order_is_complete_and_its_event_empties_the_cart_once(floor: Floor, absent: Any):
    owner, checkout, lamp = await opened(floor)
    service, _ = checkouts_without(floor, cart=absent)
    done = await service.complete(floor.asked(owner, checkout.id, CASH))
    full = await in_cart(floor, owner)
    await floor.put(owner, (lamp, 1))
    assert done.order is not None
    for _ in range(2):
        await floor.deliver("cart", "orders", done.order.id)
    assert (done.status, full, await in_cart(floor, owner)) == ("completed", {lamp.id: 2}, {lamp.id: 1})


class Forgetful:
    """Orders whose answer is lost."""

    def __init__(self, orders: Any) -> None:
        self.orders, self.lost = orders, True

    async def place(self, ask: PlaceOrder) -> Placed:
        placed: Placed = await self.orders.place(ask)
        if self.lost:
            raise Unavailable("nobody answers")
        return placed


async def test_what_a_crash_left_in_the_cart_leaves_it_by_the_event_and_not_once_more_by_whoever_goes_on(floor: Floor):
    owner, checkout, lamp = await opened(floor)
    orders = Forgetful(floor.orders)
    cart = Away(floor.cart, "take_ordered")
    service, _ = checkouts_without(floor, orders=orders, cart=cart)
    told = await service.complete(floor.asked(owner, checkout.id, CASH))
    order_id = await floor.value("SELECT id FROM orders.orders WHERE checkout_id = $1", checkout.id)
    await floor.deliver("cart", "orders", order_id)
    await floor.put(owner, (lamp, 2))
    orders.lost = False
    cart.dead.clear()
    await resume(floor, service, checkout.id)
    seen = await floor.seen(owner, checkout.id)
    assert (told.status, seen.status, await in_cart(floor, owner)) == ("completing", "completed", {lamp.id: 2})


async def test_while_orders_are_away_nobody_orders_the_same_units_again(floor: Floor):
    owner, checkout, _ = await opened(floor)
    bulb = await floor.variant()
    service, asked = checkouts_without(floor, orders="place")
    told = await service.complete(floor.asked(owner, checkout.id, CASH))
    await floor.put(owner, (bulb, 1))
    second = await floor.open(owner)
    asked["orders"].dead.clear()
    await resume(floor, service, checkout.id)
    assert (told.status, [line.sku for line in second.items]) == ("completing", [bulb.sku])
    assert ((await floor.seen(owner, checkout.id)).status, await in_cart(floor, owner)) == ("completed", {bulb.id: 1})


async def test_before_its_units_are_sold_an_order_takes_nothing_out_of_the_cart(floor: Floor):
    owner, checkout, lamp = await opened(floor)
    service, asked = checkouts_without(floor, inventory="commit")
    await service.complete(floor.asked(owner, checkout.id, CASH))
    before = await in_cart(floor, owner)
    asked["inventory"].dead.clear()
    await resume(floor, service, checkout.id)
    assert (before, await in_cart(floor, owner)) == ({lamp.id: 2}, {})


class Otherwise:
    """Payments whose answer is changed on its way."""

    def __init__(self, payments: Any, change: Callable[[Payment], Payment]) -> None:
        self._payments, self._change = payments, change
        self.void = payments.void

    async def authorize(self, ask: Authorize) -> Payment:
        return self._change(await self._payments.authorize(ask))

    async def of_attempt(self, ask: AttemptPayment) -> Payment:
        return self._change(await self._payments.of_attempt(ask))


async def driven(floor: Floor, owner: Owner, checkout: Checkout, payment: Any, change: Any) -> Attempt:
    """An attempt as far as it gets with payments that answer otherwise."""
    store = CheckoutStore(floor.database)
    payments = Otherwise(floor.payments, change)
    claimed = await store.claim(floor.asked(owner, checkout.id, payment), owner_key(owner), None, 30)
    assert claimed is not None
    driver = Driver(store, floor.inventory, floor.promotions, floor.fraud, payments, floor.orders, floor.cart)  # type: ignore[arg-type]
    return await driver.drive(claimed[1], first=True)


async def test_a_payment_of_another_amount_is_let_go_of(floor: Floor):
    def less(payment: Payment) -> Payment:
        return msgspec.structs.replace(payment, amount=Money(payment.amount.amount - 1))

    owner, checkout, lamp = await opened(floor)
    attempt = await driven(floor, owner, checkout, await floor.card(), less)
    assert attempt.saga.failure is not None
    assert (attempt.saga.state, attempt.saga.failure.code) == ("failed", "payment_mismatch")
    assert (await counted(floor, checkout.id), await floor.stock(lamp)) == ((0, ["voided"]), (10, 0, 10))


async def test_units_wait_as_long_as_the_provider_does(floor: Floor):
    until = later(minutes=40)

    def patient(payment: Payment) -> Payment:
        assert payment.action is not None
        return msgspec.structs.replace(payment, action=msgspec.structs.replace(payment.action, expires_at=until))

    owner, checkout, _ = await opened(floor)
    attempt = await driven(floor, owner, checkout, UpiMethod(flow="qr"), patient)
    held = await floor.value("SELECT expires_at FROM inventory.reservations WHERE attempt_id = $1", attempt.attempt_id)
    assert held >= until + ACTION_GRACE - timedelta(seconds=5)


WAITS, OVER = ("requires_action", 2, ["requires_action"]), ("open", 0, ["voided"])


@pytest.mark.parametrize(("over", "age", "left"), [(4, 16, WAITS), (6, 14, WAITS), (6, 16, OVER)])
async def test_a_shopper_who_never_comes_back_holds_units_and_money_no_longer_than_the_provider_asks(
    floor: Floor, over: int, age: int, left: tuple[str, int, list[str]]
):
    def asked_until(payment: Payment) -> Payment:
        # The sandbox ends its challenges by itself; others leave them standing.
        assert payment.action is not None
        return msgspec.structs.replace(
            payment, action=msgspec.structs.replace(payment.action, expires_at=later(minutes=-over))
        )

    owner, checkout, lamp = await opened(floor)
    await floor.complete(owner, checkout.id, UpiMethod(flow="qr"))
    await floor.rows(
        "UPDATE checkout.attempts SET created_at = now() - make_interval(mins => $2) WHERE checkout_id = $1",
        checkout.id,
        age,
    )
    service, _ = checkouts_without(floor, payments=Otherwise(floor.payments, asked_until))
    await resume(floor, service, checkout.id)
    _total, held, _free = await floor.stock(lamp)
    status = await floor.value("SELECT status FROM checkout.checkouts WHERE id = $1", checkout.id)
    assert (status, held, (await counted(floor, checkout.id))[1]) == left


@pytest.mark.parametrize("left", ["saga", """'{"state": "claimed"}'"""], ids=["put off", "dead"])
async def test_an_order_on_a_hold_that_ended_before_it_stood_is_placed_and_canceled(floor: Floor, left: str):
    owner, checkout, lamp = await opened(floor)
    service, asked = checkouts_without(floor, orders="place")
    await service.complete(floor.asked(owner, checkout.id, await floor.card()))
    attempt = await floor.value("SELECT attempt_id FROM checkout.attempts WHERE checkout_id = $1", checkout.id)
    payment_id = await floor.value("SELECT payment_id FROM payments.payments WHERE attempt_id = $1", attempt)
    await floor.let_go_at_the_bank(checkout.id)
    await floor.payments.payment(PaymentRef(payment_id=payment_id, confirm=True))
    await floor.deliver("orders", "payments", attempt)
    asked["orders"].dead.clear()
    # What a driver writes down is the step that it waits at; one that dies leaves the step that it began with.
    await floor.rows(f"UPDATE checkout.attempts SET saga = {left} WHERE attempt_id = $1", attempt)
    for _ in range(2):
        await resume(floor, service, checkout.id)
    done = await floor.seen(owner, checkout.id)
    assert done.order is not None
    await floor.taken(done.order.id)
    await floor.house.service("orders").finish_tasks()
    order = await floor.order(done.order.id)
    assert (done.status, order.status, order.payment.status) == ("completed", "canceled", "voided")
    assert (await counted(floor, checkout.id), await floor.stock(lamp)) == ((1, ["voided"]), (10, 0, 10))


async def test_a_bank_that_decides_after_an_outage_in_which_the_hold_ran_out_still_makes_the_order(floor: Floor):
    def undecided(payment: Payment) -> Payment:
        return msgspec.structs.replace(payment, state="pending")

    owner, checkout, lamp = await opened(floor)
    attempt = await driven(floor, owner, checkout, await floor.card(), undecided)
    await floor.rows("UPDATE inventory.reservations SET expires_at = now() WHERE attempt_id = $1", attempt.attempt_id)
    await floor.house.service("inventory").expire_holds()
    free = await floor.stock(lamp)
    service, _ = checkouts_without(floor, payments=Otherwise(floor.payments, undecided))
    await resume(floor, service, checkout.id)
    waits = (await floor.seen(owner, checkout.id)).status
    await resume(floor, floor.house.service("checkout"), checkout.id)
    assert (free, waits) == ((10, 0, 10), "completing")
    assert ((await floor.seen(owner, checkout.id)).status, await floor.stock(lamp)) == ("completed", (8, 0, 8))


@pytest.mark.parametrize(("age", "longer"), [(28 * 60, True), (31 * 60, False)], ids=["in time", "too long"])
async def test_units_wait_half_an_hour_for_a_bank_that_has_not_decided(floor: Floor, age: int, longer: bool):
    def undecided(payment: Payment) -> Payment:
        return msgspec.structs.replace(payment, state="pending")

    owner, checkout, _ = await opened(floor)
    attempt = await driven(floor, owner, checkout, await floor.card(), undecided)
    ends = "SELECT expires_at FROM inventory.reservations WHERE attempt_id = $1"
    await floor.rows(
        "UPDATE inventory.reservations SET expires_at = now() + interval '60 s' WHERE attempt_id = $1",
        attempt.attempt_id,
    )
    soon = await floor.value(ends, attempt.attempt_id)
    await floor.rows(
        "UPDATE checkout.attempts SET created_at = now() - make_interval(secs => $2) WHERE attempt_id = $1",
        attempt.attempt_id,
        float(age),
    )
    service, _ = checkouts_without(floor, payments=Otherwise(floor.payments, undecided))
    await resume(floor, service, checkout.id)
    half = "SELECT created_at + interval '30 min' FROM checkout.attempts WHERE attempt_id = $1"
    over, held = await floor.value(half, attempt.attempt_id), await floor.value(ends, attempt.attempt_id)
    # To the half hour, and past it by what lies between the look at the clock and the extension.
    assert (held == soon, over <= held < over + timedelta(minutes=1)) == (not longer, longer)


async def test_a_shop_that_does_not_ask_by_upi_id_says_so_before_anything_happens(floor: Floor):
    owner, checkout, lamp = await opened(floor)
    service, _ = checkouts_without(floor, Shop(upi_collect=False))
    with pytest.raises(Invalid) as refused:
        await service.complete(floor.asked(owner, checkout.id, UpiMethod(vpa="ok@sandbox")))
    untouched = (await floor.seen(owner, checkout.id)).status, await floor.stock(lamp)
    done = await service.complete(floor.asked(owner, checkout.id, UpiMethod(flow="qr")))
    assert refused.value.facts["errors"][0]["pointer"] == "/payment/vpa"
    assert (untouched, done.status) == (("open", (10, 0, 10)), "requires_action")


async def test_an_attempt_that_nothing_can_help_is_an_alarm(floor: Floor):
    owner, checkout, _ = await opened(floor)
    service, _ = checkouts_without(floor, orders="place")
    await service.complete(floor.asked(owner, checkout.id, CASH))
    last = "UPDATE checkout.attempts SET tries = $2 WHERE checkout_id = $1 RETURNING attempt_id"
    attempt_id = await floor.value(last, checkout.id, MOST_TRIES)
    before = parked_so_far()
    with capture_logs() as logs:
        await resume(floor, service, checkout.id)
    told = [(line["log_level"], line["attempt_id"]) for line in logs if line["event"] == "attempt parked"]
    assert (told, parked_so_far() - before) == ([("error", attempt_id)], 1)
    assert attempt_id in [each.attempt_id for each in (await service.parked(ParkedOf(limit=100))).data]


class Slow:
    """An inventory that begins a reservation, and ends it or breaks when it is told to."""

    def __init__(self, inventory: Any, fault: Exception | None) -> None:
        self._inventory, self._fault = inventory, fault
        self.commit, self.release = inventory.commit, inventory.release
        self.asked, self.told = asyncio.Event(), asyncio.Event()

    async def reserve(self, ask: Any) -> Any:
        self.asked.set()
        await self.told.wait()
        if self._fault is not None:
            raise self._fault
        return await self._inventory.reserve(ask)


async def left_alone(floor: Floor, fault: Exception | None) -> list[tuple[str, str]]:
    """What the log tells of a drive whose shopper left in the middle, and whose attempt others have ended since."""
    owner, checkout, _ = await opened(floor)
    slow = Slow(floor.inventory, fault)
    service, _ = checkouts_without(floor, inventory=slow)
    with capture_logs() as logs:
        paying = asyncio.create_task(service.complete(floor.asked(owner, checkout.id, CASH)))
        await slow.asked.wait()
        paying.cancel()
        await asyncio.wait([paying])
        driving = [task for task in asyncio.all_tasks() if "Driver.drive" in repr(task)]
        await resume(floor, checkouts_without(floor)[0], checkout.id)
        slow.told.set()
        await asyncio.wait(driving)
    assert (await floor.seen(owner, checkout.id)).status == "completed"
    return [(line["log_level"], line["event"]) for line in logs if "attempt_id" in line]


async def test_a_drive_whose_shopper_left_is_refused_and_says_so(floor: Floor):
    assert await left_alone(floor, None) == [("info", "attempt is driven elsewhere")]


async def test_a_fault_after_the_shopper_left_is_told(floor: Floor):
    assert await left_alone(floor, ZeroDivisionError()) == [("error", "attempt failed to go on")]


async def test_parked_attempts_are_paged_the_oldest_first(floor: Floor):
    service, _ = checkouts_without(floor, orders="place")
    park = "UPDATE checkout.attempts SET state = 'parked' WHERE checkout_id = $1 RETURNING attempt_id"
    attempts = []
    for owner, checkout, _ in [await opened(floor), await opened(floor)]:
        await service.complete(floor.asked(owner, checkout.id, CASH))
        attempts.append(await floor.value(park, checkout.id))
    listed = [each.attempt_id for each in (await service.parked(ParkedOf(limit=100))).data]
    first = await service.parked(ParkedOf(limit=1))
    second = await service.parked(ParkedOf(limit=1, cursor=first.next_cursor))
    assert [each for each in listed if each in attempts] == attempts
    assert [each.attempt_id for each in [*first.data, *second.data]] == listed[:2]


def parked_so_far() -> float:
    """What the operator's alarm looks at."""
    parked = {"state": State.COMMITTED}
    return REGISTRY.get_sample_value("haat_checkout_parked_total", parked) or 0.0
