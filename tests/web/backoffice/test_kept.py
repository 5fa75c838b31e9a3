"""What must not be lost or told wrongly: pictures of a form that was refused, and parts that do not answer."""

from __future__ import annotations

import msgspec
import pytest

from haat.contracts.catalog import CreateProduct
from haat.contracts.inventory import SetLowMark
from haat.contracts.orders import OrderStateError
from haat.kit.message import Unavailable
from haat.web.backoffice.product_form import shown
from tests.web.backoffice.conftest import Enter, House, field
from tests.web.backoffice.neighbours import product

LAMP = {"title": "Lamp", "category": "lamps", "status": "draft", "variant.0.sku": "LAMP-9"}


@pytest.fixture
def silent(house: House) -> None:
    """Orders and the search do not answer."""

    async def nothing(_: object) -> None:
        raise Unavailable()

    vars(house.orders)["orders"] = nothing
    vars(house.search)["search"] = nothing


async def test_pictures_of_a_form_with_a_fault_wait_for_its_next_try(enter: Enter, house: House) -> None:
    staff = enter("catalogue")
    refused = await staff.send("/admin/products", **LAMP, **{"variant.0.price": "much"}, pictures=["front.png"])
    kept = {name: field(refused, name) for name in ("image.0.url", "image.0.alt", "image.0.media")}
    assert (refused.status_code, kept["image.0.media"]) == (422, "med_1")

    await staff.send("/admin/products", **LAMP, **{"variant.0.price": "10"}, **kept)

    (ask,) = house.catalog.asked
    assert isinstance(ask, CreateProduct)
    assert [(each.url, each.media_id, each.width) for each in ask.product.images] == [("/media/1.jpg", "med_1", 4)]


async def test_pictures_of_a_change_that_came_too_late_stay_in_the_form(enter: Enter, house: House) -> None:
    fields, rows = shown(product())
    typed = {**fields, **{f"variant.0.{name}": value for name, value in rows.variants[0].items()}}
    house.catalog.one = product(title="Theirs", version=5)

    answer = await enter("catalogue").send("/admin/products/prd_1", **typed, pictures=["front.png"])

    assert (answer.status_code, field(answer, "image.0.media")) == (412, "med_1")


async def test_the_address_of_a_picture_is_never_taken_from_the_form(enter: Enter, house: House) -> None:
    typed = {**LAMP, "variant.0.price": "10", "image.0.url": "https://elsewhere.example/a.jpg", "image.0.media": "x"}
    await enter("catalogue").send("/admin/products", **typed)
    assert [ask.product.images for ask in house.catalog.asked] == [[]]


@pytest.mark.parametrize("path", ["/admin", "/admin/customers/usr_shopper"])
async def test_orders_that_do_not_answer_are_not_told_to_be_none(enter: Enter, silent: None, path: str) -> None:
    page = (await enter("support").see(path)).text
    assert ("Orders do not answer at the moment" in page, "No order" in page, "₹0" in page) == (True, False, False)


async def test_a_search_that_does_not_answer_has_not_found_nothing(enter: Enter, silent: None) -> None:
    page = await enter("catalogue").see("/admin/products?q=brass")
    assert (page.status_code, "A part of the shop does not answer" in page.text) == (503, True)


async def test_an_exact_address_is_found_while_the_search_does_not_answer(enter: Enter, silent: None) -> None:
    page = await enter("catalogue").see("/admin/products?q=lamp")
    assert (page.status_code, 'href="/admin/products/prd_1"' in page.text) == (200, True)


async def test_each_place_has_a_low_mark_of_its_own(enter: Enter, house: House) -> None:
    house.inventory.elsewhere = [msgspec.structs.replace(house.inventory.level, location="hub", low_stock_at=7)]
    staff = enter("fulfilment")
    form = (await staff.see("/admin/stock/LAMP-1")).text.partition('name="act" value="mark"')[2].partition("</form>")[0]
    assert [f'value="{place}">{place}, now {mark}' in form for place, mark in (("main", 5), ("hub", 7))] == [True, True]

    await staff.send("/admin/stock/LAMP-1", act="mark", low_stock_at="10", location="hub")

    assert house.inventory.asked[-1] == SetLowMark(sku="LAMP-1", low_stock_at=10, location="hub")


async def test_a_refusal_that_no_form_tells_is_told_in_the_services_words(enter: Enter, house: House) -> None:
    async def refuse(_: object) -> None:
        raise OrderStateError("There is no invoice before the parcel is packed", state="placed")

    vars(house.orders)["invoice"] = refuse
    page = await enter("finance").see(f"/admin/orders/{house.orders.one.id}/invoice.pdf")
    assert (page.status_code, "There is no invoice before the parcel is packed" in page.text) == (409, True)
