"""The SQL of checkouts and attempts, on real PostgreSQL: who may drive, and who may write."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from haat.contracts.cart import Owner
from haat.contracts.checkout import CheckoutAbandoned
from haat.kit.idempotency import Idempotency
from haat.kit.ids import new_id
from haat.services.checkout.model import owner_key
from haat.services.checkout.saga import Saga, State, Write
from haat.services.checkout.store import Attempt, CheckoutStore, Shown, StoredCheckout
from tests.services.shopfloor import CASH, Floor


@pytest.fixture
def store(floor: Floor) -> CheckoutStore:
    return CheckoutStore(floor.database)


@pytest.fixture
async def guest(floor: Floor) -> Owner:
    return await floor.guest((await floor.variant(), 1))


async def opened(floor: Floor, store: CheckoutStore, owner: Owner) -> StoredCheckout:
    found = await store.load((await floor.open(owner)).id, owner_key(owner))
    assert found is not None
    return found


async def claim(
    floor: Floor,
    store: CheckoutStore,
    owner: Owner,
    checkout: StoredCheckout,
    key: str | None = None,
    lease: float = 60,
) -> str | None:
    """The attempt that took the checkout; None when somebody else has it."""
    ask = floor.asked(owner, checkout.id, CASH, key)
    found = await store.claim(ask, owner_key(owner), checkout.version, lease)
    return found[1].attempt_id if found else None


async def claimed(floor: Floor, store: CheckoutStore, owner: Owner, lease: float = 60) -> Attempt:
    attempt_id = await claim(floor, store, owner, await opened(floor, store, owner), lease=lease)
    attempt = await store.attempt(attempt_id or "")
    assert attempt is not None
    return attempt


def step(state: State, lease: float = 60, **more: Any) -> Write:
    return Write(Saga(state), 0, lease, 0, **more)


async def save(store: CheckoutStore, attempt: Attempt, state: State, shown: Shown) -> int | None:
    return await store.save(attempt, step(state), shown)


async def test_what_is_being_paid_gets_no_new_quote(floor: Floor, store: CheckoutStore, guest: Owner):
    before = await opened(floor, store, guest)
    await claim(floor, store, guest, before)
    paid = await store.load(before.id, owner_key(guest))
    assert paid is not None
    found = [await store.requote(known, known.cart_version + 1, known.quote, 300) for known in (before, paid)]
    assert (found, await store.load(before.id, owner_key(guest))) == ([None, None], paid)


async def test_of_two_new_quotes_made_of_one_look_the_second_is_not_written(
    floor: Floor, store: CheckoutStore, guest: Owner
):
    before = await opened(floor, store, guest)
    first = await store.requote(before, before.cart_version + 1, before.quote, None)
    second = await store.requote(before, before.cart_version + 2, before.quote, None)
    assert (first.cart_version, second) == (before.cart_version + 1, None)


async def test_of_twenty_claims_with_keys_of_their_own_one_wins(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout = await opened(floor, store, guest)
    found = await asyncio.gather(*(claim(floor, store, guest, checkout) for _ in range(20)))
    assert sum(attempt is not None for attempt in found) == 1
    assert await floor.value("SELECT count(*) FROM checkout.attempts WHERE checkout_id = $1", checkout.id) == 1


async def test_of_twenty_claims_with_one_key_one_wins(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout, key = await opened(floor, store, guest), new_id("key")
    found = await asyncio.gather(*(claim(floor, store, guest, checkout, key) for _ in range(20)))
    assert sum(attempt is not None for attempt in found) == 1


async def test_one_version_of_a_cart_is_claimed_once(floor: Floor, store: CheckoutStore, guest: Owner):
    tabs = [await opened(floor, store, guest) for _ in range(5)]
    found = await asyncio.gather(*(claim(floor, store, guest, tab) for tab in tabs))
    assert sum(attempt is not None for attempt in found) == 1


async def test_a_lost_claim_leaves_its_checkout_open(floor: Floor, store: CheckoutStore, guest: Owner):
    first, second = await opened(floor, store, guest), await opened(floor, store, guest)
    await claim(floor, store, guest, first)
    assert await claim(floor, store, guest, second) is None
    assert await floor.value("SELECT status FROM checkout.checkouts WHERE id = $1", second.id) == "open"


async def test_a_failed_attempt_leaves_the_cart_to_the_next(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    await save(store, attempt, State.FAILED, Shown("open"))
    again = await store.load(attempt.checkout_id, owner_key(guest))
    assert again is not None
    assert await claim(floor, store, guest, again) is not None


async def test_a_quote_that_has_run_out_cannot_be_claimed(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout = await opened(floor, store, guest)
    await floor.rows("UPDATE checkout.checkouts SET expires_at = now() WHERE id = $1", checkout.id)
    assert await claim(floor, store, guest, checkout) is None


async def test_without_a_version_only_a_complete_checkout_is_claimed(floor: Floor, store: CheckoutStore, guest: Owner):
    lacking, whole = await floor.open(guest, email=None), await floor.open(guest)
    asks = [floor.asked(guest, each.id, CASH) for each in (lacking, whole)]
    found = [await store.claim(ask, owner_key(guest), None, 60) for ask in asks]
    assert [each is not None for each in found] == [False, True]


async def test_a_quote_that_was_changed_meanwhile_cannot_be_claimed(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout = await opened(floor, store, guest)
    await store.requote(checkout, checkout.cart_version, checkout.quote, 300)
    assert await claim(floor, store, guest, checkout) is None


async def test_a_stranger_finds_no_checkout(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout = await opened(floor, store, guest)
    stranger = Idempotency(account="usr_x", key="k", fingerprint="f")
    assert await store.load(checkout.id, "usr_x") is None
    assert await store.load_with_attempt(checkout.id, "usr_x", stranger) == (None, None)


async def test_who_lost_the_lease_writes_nothing(floor: Floor, store: CheckoutStore, guest: Owner):
    slow = await claimed(floor, store, guest, lease=0)
    (quick,) = await store.lease([slow.attempt_id], 60)
    assert await save(store, slow, State.PLACED, Shown("completed", order_id="ord_1")) is None
    seen = await store.load(slow.checkout_id, owner_key(guest))
    kept = await store.attempt(slow.attempt_id)
    assert seen is not None and kept is not None
    assert (seen.status, seen.order_id, kept.state, kept.version) == ("completing", None, "claimed", quick.version)


async def test_of_ten_drivers_at_one_version_one_writes(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    found = await asyncio.gather(*(save(store, attempt, State.WAITING, Shown()) for _ in range(10)))
    assert sorted(version or 0 for version in found) == [0] * 9 + [2]


async def test_a_lease_that_holds_is_not_given_away(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    due = [each.attempt_id for each in await store.lease_due(60, 1000)]
    assert (await store.lease([attempt.attempt_id], 60), attempt.attempt_id in due) == ([], False)


async def test_what_is_due_is_leased_to_one_of_many(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest, lease=0)
    found = await asyncio.gather(*(store.lease_due(60, 1000) for _ in range(6)))
    assert [each.attempt_id for some in found for each in some].count(attempt.attempt_id) == 1


async def test_an_attempt_at_its_end_is_never_leased(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    await store.save(attempt, step(State.PLACED, 0), Shown())
    due = [each.attempt_id for each in await store.lease_due(60, 1000)]
    assert (await store.lease([attempt.attempt_id], 60), attempt.attempt_id in due) == ([], False)


async def test_an_attempt_comes_back_with_all_it_needs(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    _, known = await store.load_with_attempt(attempt.checkout_id, owner_key(guest), attempt.complete.idempotency)
    assert known == attempt


async def test_a_step_of_an_old_attempt_does_not_touch_a_checkout_that_moved_on(
    floor: Floor, store: CheckoutStore, guest: Owner
):
    attempt = await claimed(floor, store, guest)
    await floor.rows("UPDATE checkout.checkouts SET status = 'canceled' WHERE id = $1", attempt.checkout_id)
    await save(store, attempt, State.FAILED, Shown("open"))
    assert await floor.value("SELECT status FROM checkout.checkouts WHERE id = $1", attempt.checkout_id) == "canceled"


async def test_quotes_run_out_once_and_are_told(floor: Floor, store: CheckoutStore, guest: Owner):
    checkout = await opened(floor, store, guest)
    await floor.rows("UPDATE checkout.checkouts SET expires_at = now() - interval '1 s' WHERE id = $1", checkout.id)
    service = floor.house.service("checkout")
    await asyncio.gather(*(service.expire_due() for _ in range(4)))
    told = await floor.rows("SELECT body FROM checkout.outbox WHERE key = $1", checkout.id)
    (event,) = [msgspec.json.decode(body, type=CheckoutAbandoned) for (body,) in told]
    assert event.status == "expired"


async def parked(floor: Floor, store: CheckoutStore, guest: Owner) -> Attempt:
    """An attempt whose stored state this code does not know, due."""
    attempt = await claimed(floor, store, guest, lease=0)
    newer = 'UPDATE checkout.attempts SET saga = \'{"state": "beamed"}\' WHERE attempt_id = $1'
    await floor.rows(newer, attempt.attempt_id)
    return attempt


async def test_a_state_of_another_version_is_parked_and_holds_nobody(floor: Floor, store: CheckoutStore, guest: Owner):
    strange = await parked(floor, store, guest)
    other = await claimed(floor, store, await floor.guest((await floor.variant(), 1)), lease=0)
    due = {each.attempt_id for each in await store.lease_due(60, 1000)}
    assert (other.attempt_id in due, strange.attempt_id in due) == (True, False)
    (row,) = [each for each in await store.parked("", 100) if each.attempt_id == strange.attempt_id]
    assert (row.checkout_id, row.state, "beamed" in row.error) == (strange.checkout_id, "beamed", True)
    saga = await floor.value("SELECT saga ->> 'state' FROM checkout.attempts WHERE attempt_id = $1", strange.attempt_id)
    assert saga == "beamed"


async def test_a_parked_attempt_waits_until_somebody_lets_it_go_on(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    await store.save(attempt, Write(Saga(State.AUTHORIZED), 21, 0, 3600, shown=False, parked=True), Shown())
    waiting = [each.attempt_id for each in await store.lease_due(0, 1000)]
    await store.go_on([attempt.attempt_id])
    (due,) = [each for each in await store.lease_due(0, 1000) if each.attempt_id == attempt.attempt_id]
    assert (attempt.attempt_id in waiting, due.state, due.saga.state) == (False, "parked", State.AUTHORIZED)


async def test_going_on_again_under_the_same_key_does_nothing(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    key = Idempotency(account="usr_staff", key=new_id("key"), fingerprint="these")
    await store.save(attempt, Write(Saga(State.AUTHORIZED), 21, 0, 3600, shown=False, parked=True), Shown())
    await store.go_on([attempt.attempt_id], key)
    await floor.value(
        "UPDATE checkout.attempts SET next_run_at = now() + interval '1 hour' WHERE attempt_id = $1 RETURNING 1",
        attempt.attempt_id,
    )
    await store.go_on([attempt.attempt_id], key)
    assert attempt.attempt_id not in [each.attempt_id for each in await store.lease_due(0, 1000)]


async def test_what_is_at_stake_in_a_parked_attempt_can_be_seen(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    saga = Saga(State.COMMITTED, payment_id="pay_1", payment_summary="Visa •••• 4242", pivoted=True)
    await store.save(attempt, Write(saga, 21, 0, 3600, shown=False, parked=True, error="no answer"), Shown())
    seen = await store.parked_one(attempt.attempt_id)
    assert seen is not None
    assert (seen.attempt.state, seen.attempt.error, seen.parked, seen.tries) == ("committed", "no answer", True, 21)
    assert (seen.sold, seen.payment_id, seen.payment_summary, seen.method) == (True, "pay_1", "Visa •••• 4242", "cod")
    assert (seen.items, seen.totals, seen.name) == (attempt.quote.items, attempt.quote.totals, "Asha Rao")
    assert seen.order is None


async def test_an_attempt_that_has_gone_on_shows_its_order(floor: Floor, store: CheckoutStore, guest: Owner):
    attempt = await claimed(floor, store, guest)
    done = Saga(State.PLACED, order_id="ord_1", order_number="HT-1")
    await store.save(attempt, Write(done, 0, 0, 0), Shown("completed", order_id="ord_1", order_number="HT-1"))
    seen = await store.parked_one(attempt.attempt_id)
    assert seen is not None and seen.order is not None
    assert (seen.parked, seen.order.id, seen.order.number) == (False, "ord_1", "HT-1")
    assert await store.parked_one("att_none") is None


async def test_what_another_version_wrote_can_be_looked_at(floor: Floor, store: CheckoutStore, guest: Owner):
    strange = await parked(floor, store, guest)
    seen = await store.parked_one(strange.attempt_id)
    assert seen is not None and (seen.attempt.state, seen.sold, seen.payment_id) == ("beamed", False, None)


async def test_a_guests_token_is_stored_nowhere_and_their_order_is_known_by_it(floor: Floor, shopfront: Any):
    owner = await floor.guest((await floor.variant(), 1))
    assert owner.token is not None
    checkout = await floor.open(owner)
    headers = {"Cart-Token": owner.token, "Idempotency-Key": new_id("key")}
    answer = await shopfront.post(
        f"/v1/checkouts/{checkout.id}/complete", json={"payment": {"method": "cod"}}, headers=headers
    )
    order_id = answer.json()["order"]["id"]
    secret = owner.token.partition(".")[2]
    assert (await shopfront.get(f"/v1/orders/{order_id}", headers={"Cart-Token": owner.token})).status_code == 200
    assert len(secret) > 16
    for table in (
        "checkout.attempts",
        "checkout.checkouts",
        "checkout.idempotency",
        "checkout.outbox",
        "orders.orders",
    ):
        found = await floor.value(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%' || $1 || '%'", secret)
        assert (table, found) == (table, 0)
