"""T-LED-04: the dearest thing that there may be."""

from __future__ import annotations

from typing import Any

import pytest

from haat.kit.ids import new_id
from haat.kit.money import LIMIT
from tests.services.checkout.test_http import WHERE
from tests.services.shopfloor import Floor


async def test_the_highest_price_is_sold_exactly(floor: Floor, shopfront: Any):
    dear = await floor.variant(stock=1, amount=LIMIT)
    put = await shopfront.post("/v1/cart/items", json={"variant_id": dear.id, "quantity": 1})
    guest = {"Cart-Token": put.headers["Cart-Token"]}
    body = {"email": "asha@example.com", "shipping_address": WHERE}
    opened = (await shopfront.post("/v1/checkouts", headers=guest, json=body)).json()
    path, keyed = f"/v1/checkouts/{opened['id']}/complete", {**guest, "Idempotency-Key": new_id("key")}
    done = await shopfront.post(path, headers=keyed, json={"payment": {"method": "cod"}})
    assert (done.status_code, done.json()["totals"]["total"]["amount"]) == (200, LIMIT)
    booked = await floor.rows("SELECT amount_minor FROM payments.payments WHERE checkout_id = $1", opened["id"])
    assert (booked, await floor.stock(dear)) == ([(LIMIT,)], (0, 0, 0))


@pytest.mark.parametrize("quantity", [2, 10_000])
async def test_a_sum_that_is_too_much_is_refused_before_anything_is_held(floor: Floor, shopfront: Any, quantity: int):
    dear = await floor.variant(stock=10_000, amount=LIMIT)
    put = await shopfront.post("/v1/cart/items", json={"variant_id": dear.id, "quantity": quantity})
    guest = {"Cart-Token": put.headers["Cart-Token"]}
    body = {"email": "asha@example.com", "shipping_address": WHERE}
    opened = await shopfront.post("/v1/checkouts", headers=guest, json=body)
    faults = [(each["pointer"], each["code"]) for each in opened.json().get("errors", [])]
    assert (opened.status_code, opened.json().get("code"), faults) == (422, "invalid", [("/items", "out_of_range")])
    assert await floor.value("SELECT count(*) FROM checkout.attempts WHERE cart_id = $1", put.json()["id"]) == 0
