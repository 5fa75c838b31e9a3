"""Which purchases of the made-up past become orders: recent ones, of faithful customers, in every way to end."""

from __future__ import annotations

from haat.demo.catalogue import products
from haat.demo.history import history
from haat.demo.past import DAYS, purchases

PRODUCTS = list(products())
PLAN = purchases(history(PRODUCTS), PRODUCTS)
PRICES = {variant.sku: variant.price_minor for product in PRODUCTS for variant in product.variants}


def total(lines: dict[str, int]) -> int:
    return sum(PRICES[sku] * quantity for sku, quantity in lines.items())


def test_forty_customers_place_124_orders_in_two_weeks() -> None:
    ages = [purchase.seconds_ago for purchase in PLAN]
    assert (len(PLAN), len({purchase.customer.number for purchase in PLAN})) == (124, 40)
    assert (ages == sorted(ages, reverse=True), ages[0] < DAYS * 86_400, ages[-1] > 0) == (True, True, True)


def test_a_third_pays_at_the_door_and_some_change_their_minds() -> None:
    cash = [purchase for purchase in PLAN if purchase.method == "cod"]
    assert (len(cash), sum(purchase.canceled for purchase in PLAN)) == (48, 9)


def test_only_the_newest_are_dear_enough_in_cash_to_be_held_for_a_review() -> None:
    dear = [purchase for purchase in PLAN if purchase.method == "cod" and total(purchase.lines) > 2_400_000]
    assert (dear, {total(purchase.lines) >= 10_000_000 for purchase in dear}) == (PLAN[-4:], {True})
