"""The shop as a person meets it: the walk-through in a browser, on a phone and at a desk, with and without script."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.journeys.shops import Shop
from tests.journeys.storefront import (
    CHROMIUM,
    DESK,
    FIELDS,
    PHONE,
    SMALL,
    Visit,
    cut_off,
    fill_address,
    fill_card,
    find_laptop,
    followed,
    pay_by_upi,
    place,
    shoot,
    show_delivery,
    sign_in,
    similar,
    thanked,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
WITHOUT_SCRIPT = pytest.mark.parametrize("page", [Visit(PHONE, script=False)], indirect=True, ids=["without script"])


@pytest.mark.parametrize(
    "page", [Visit(PHONE), Visit(SMALL), Visit(DESK)], indirect=True, ids=["phone", "small", "desk"]
)
async def test_a_member_buys_a_laptop_by_card(page: Page, market: Shop, laptops: list[Any]):
    await sign_in(page, market)
    await find_laptop(page)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_contain_text("In your cart")
    await expect(page.locator("#count")).to_contain_text("1")
    await page.get_by_role("link", name="Checkout").click()
    await fill_address(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    await fill_card(page)
    assert await cut_off(page) == []
    await shoot(page, "checkout-card")
    await place(page)
    assert await similar(page) == {"Trailwood 14 laptop"}
    await shoot(page, "thanks")
    await thanked(page)
    await followed(page, "Delivered")
    await shoot(page, "order")
    await page.goto("/account")
    await expect(page.locator("#addresses")).to_contain_text(FIELDS["line1"])


@WITHOUT_SCRIPT
async def test_a_member_buys_a_laptop_by_card_without_script(page: Page, market: Shop, laptops: list[Any]):
    await sign_in(page, market)
    await find_laptop(page)
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Go to checkout").click()
    await fill_address(page)
    await page.get_by_role("button", name="Show delivery dates").click()
    await expect(page.locator(".delivery").first).to_be_visible()
    await place(page)
    await fill_card(page, page)
    await shoot(page, "vault-without-script")
    await page.get_by_role("button", name="Use this card").click()
    await expect(page.locator("#card-ready")).to_be_visible()
    await expect(page.locator("#f-line1")).to_have_value(FIELDS["line1"])
    await place(page)
    assert await similar(page) == {"Trailwood 14 laptop"}
    await thanked(page)
    await followed(page, "Delivered")


async def test_a_guest_pays_by_upi_on_the_providers_page(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Checkout").click()
    await fill_address(page)
    await page.locator("[name=payment][value=upi]").check()
    await expect(page.locator(".delivery").first).to_be_visible()
    await place(page)
    await pay_by_upi(page)


@pytest.mark.parametrize(
    "page", [Visit(DESK), Visit(PHONE, script=False)], indirect=True, ids=["desk", "without script"]
)
async def test_a_member_pays_from_a_wallet(page: Page, market: Shop, laptops: list[Any]):
    await sign_in(page, market)
    await page.goto(f"/p/{laptops[0]['slug']}")
    assert await similar(page) == {"Trailwood 14 laptop"}
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#count")).to_contain_text("1")
    await page.goto("/checkout")
    await fill_address(page)
    await page.locator("[name=payment][value=wallet]").check()
    await show_delivery(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    await place(page)
    await page.get_by_role("link", name="Continue to the wallet").click()
    await expect(page.get_by_role("heading", name="Pay from your wallet")).to_be_visible()
    await page.get_by_role("button", name="Approve").click()
    await thanked(page)
    await followed(page, "On its way")


@WITHOUT_SCRIPT
async def test_nobody_pays_a_total_they_have_not_seen(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Go to checkout").click()
    await fill_address(page)
    await page.locator("[name=shipping_method]").first.wait_for(state="detached")
    await page.locator("[name=payment][value=upi]").check()
    await page.get_by_role("button", name="Show delivery dates").click()
    await page.locator("[name=shipping_method][value=express]").check()
    await place(page)
    await expect(page.locator(".notice-strong")).to_contain_text("The total has changed")
    await place(page)
    await pay_by_upi(page)


async def test_a_declined_card_keeps_everything_that_was_typed(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_be_visible()
    await page.goto("/checkout")
    await fill_address(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    await fill_card(page, number="4000 0000 0000 0002")
    await place(page)
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    await expect(page.locator("#f-line1")).to_have_value(FIELDS["line1"])
    await shoot(page, "declined")
