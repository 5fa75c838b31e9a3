"""Tax invoices: who gets one, when, under which number, and that it sums up."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from haat.contracts.orders import Order, OrderOf, OrderStateError
from haat.kit.ids import new_id
from haat.kit.message import NotFound
from haat.kit.money import Money
from haat.services.orders.invoices import Issued, financial_year, invoice_number, invoice_of
from haat.services.orders.store import OrderStore
from tests.services.orders.asking import SELLER, OlderLook, cancel, orders_without, ship
from tests.services.shopfloor import ADDRESS, Floor

INDIA = ZoneInfo("Asia/Kolkata")


def staff(order: Order) -> OrderOf:
    return OrderOf(order=order.id, any_owner=True)


async def packed(floor: Floor, **how: object) -> Order:
    order = await floor.bought((await floor.variant(), 2), **how)
    return await floor.orders.ship(ship(order))


async def test_an_invoice_is_issued_once_and_shown_ever_after(floor: Floor):
    order = await packed(floor)
    found = await asyncio.gather(*(floor.orders.invoice(staff(order)) for _ in range(6)))
    assert len({each.number for each in found}) == 1
    assert found[0].pdf.startswith(b"%PDF")


async def test_numbers_have_no_gaps(floor: Floor):
    orders = [await packed(floor) for _ in range(3)]
    waiting = await floor.bought((await floor.variant(), 1))
    asks = [floor.orders.invoice(staff(order)) for order in [*orders, waiting, *orders]]
    found = await asyncio.gather(*asks, return_exceptions=True)
    counts = {int(each.number[-6:]) for each in found if not isinstance(each, BaseException)}
    after = int((await floor.orders.invoice(staff(await packed(floor)))).number[-6:])
    assert sorted(counts) == list(range(after - 3, after))


async def test_before_it_is_packed_there_is_none(floor: Floor):
    order = await floor.bought((await floor.variant(), 1))
    with pytest.raises(OrderStateError):
        await floor.orders.invoice(staff(order))
    await floor.orders.cancel(cancel(order))
    with pytest.raises(OrderStateError):
        await floor.orders.invoice(staff(order))


async def test_what_is_canceled_while_its_invoice_is_asked_for_gets_none(floor: Floor):
    order = await packed(floor)
    store = OlderLook(floor.database)
    await store.look(order)
    await floor.orders.cancel(cancel(order))
    with pytest.raises(OrderStateError):
        await orders_without(floor, store)[0].invoice(staff(order))
    assert await floor.rows("SELECT number FROM orders.invoices WHERE order_id = $1", order.id) == []


async def test_a_stranger_is_told_nothing_and_the_link_opens_it(floor: Floor):
    order = await packed(floor)
    link = (await floor.orders.link(staff(order))).link
    with pytest.raises(NotFound):
        await floor.orders.invoice(OrderOf(order=order.id, user_id=new_id("usr")))
    with pytest.raises(NotFound):
        await floor.orders.invoice(OrderOf(order=order.id, link=link[:-1]))
    assert (await floor.orders.invoice(OrderOf(order=order.id, link=link))).number.startswith("HT")


async def test_lines_and_taxes_sum_to_what_was_paid(floor: Floor):
    elsewhere = msgspec.structs.replace(ADDRESS, name="Rao & Co", region="Delhi", postal_code="110001")
    order = await floor.bought((await floor.variant(amount=33_333), 2), billing_address=elsewhere)
    stored = await OrderStore(floor.database).load(order.id)
    assert stored is not None
    made = invoice_of(stored, Issued("HT2627-000001", order.placed_at), SELLER)
    assert sum((line.total for line in made.lines), Money(0)) == order.totals.total == made.total
    assert sum((line.tax for line in made.lines), Money(0)) == order.totals.tax
    assert sum((each.amount for each in made.taxes), Money(0)) == order.totals.tax
    assert all(line.taxable + line.tax == line.total for line in made.lines)
    assert (made.buyer.name, made.ship_to.name, made.place_of_supply) == ("Rao & Co", "Asha Rao", "Karnataka")
    assert [line.title for line in made.lines] == ["Reading lamp", "Delivery"]
    assert made.lines[1].rate_basis_points == 1800


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2026, 3, 31, 23, 59, tzinfo=INDIA), "2526"),
        (datetime(2026, 4, 1, 0, 0, tzinfo=INDIA), "2627"),
        (datetime(2099, 12, 1, tzinfo=INDIA), "9900"),
    ],
)
def test_a_year_begins_in_april(moment: datetime, year: str):
    assert financial_year(moment) == year


def test_a_number_fits_the_rules():
    assert (invoice_number("2627", 7), len(invoice_number("2627", 999_999)) <= 16) == ("HT2627-000007", True)


async def test_the_file_comes_over_http(shopfront, floor: Floor):
    order = await packed(floor)
    link = (await floor.orders.link(staff(order))).link
    answer = await shopfront.get(f"/v1/orders/{order.id}/invoice", params={"token": link})
    assert (answer.status_code, answer.headers["Content-Type"], answer.content[:4]) == (200, "application/pdf", b"%PDF")
    assert (await shopfront.get(f"/v1/orders/{order.id}/invoice")).status_code == 404
