"""The shop's further pages in a real browser: gift cards, a bill elsewhere, a forgotten password; and for all eyes."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.journeys.client import visiting
from tests.journeys.conftest import Shelve
from tests.journeys.shops import Shop, eventually
from tests.journeys.storefront import (
    CHROMIUM,
    DESK,
    FIELDS,
    PHONE,
    Visit,
    fill_address,
    look,
    place,
    shoot,
    thanked,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
BOTH_WAYS = pytest.mark.parametrize(
    "page", [Visit(PHONE), Visit(PHONE, script=False)], ids=["script", "no-script"], indirect=True
)


async def gift(market: Shop, amount: int) -> str:
    """The code of a new gift card."""
    async with visiting(market) as staff:
        await staff.sign_in_as_staff()
        status, card = await staff.post("/v1/gift-cards", {"amount": {"amount": amount, "currency": "INR"}})
        assert status == 201, card
        return str(card["code"])


async def check_out(page: Page, laptop: Any) -> None:
    """With one laptop in the cart, as far as the address."""
    await page.goto(f"/p/{laptop['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#count")).to_contain_text("1")
    await page.goto("/checkout")
    await fill_address(page)


async def settled(page: Page) -> None:
    """The prices for the address are on the page."""
    await expect(page.locator(".delivery").first).to_be_visible()
    await page.wait_for_load_state("networkidle")


async def enter(page: Page, code: str) -> None:
    """Type a gift card's code at the checkout, and press Apply."""
    await page.locator("#f-gift_code").fill(code)
    await page.get_by_role("button", name="Apply").first.click()


@BOTH_WAYS
async def test_gift_cards_pay_first_and_cash_the_rest(page: Page, market: Shop, laptops: list[Any]):
    codes = [await gift(market, amount) for amount in (40_000, 10_000)]
    await check_out(page, laptops[0])
    await page.get_by_label("Cash on delivery").check()
    await page.get_by_text("I have a gift card").click()
    await enter(page, "0000-0000-0000-0000")
    await expect(page.locator("#f-gift_code-told")).to_contain_text("We do not know this code")
    await expect(page.locator("#f-line1")).to_have_value(FIELDS["line1"])
    await enter(page, codes[0])
    await expect(page.locator(".credit-card")).to_contain_text(codes[0][-4:])
    await page.get_by_text("Add another gift card").click()
    await enter(page, codes[1])
    await expect(page.locator(".credit-card")).to_have_count(2)
    await page.get_by_role("button", name=f"Remove gift card ending in {codes[1][-4:]}").click()
    await expect(page.locator(".credit-card")).to_have_count(1)
    await expect(page.locator("#order-summary")).to_contain_text("Left to pay₹45,599")
    await expect(page.get_by_label("Cash on delivery")).to_be_checked()
    await shoot(page, "checkout-gift-card")
    await place(page)
    await expect(page.locator(".thanks")).to_contain_text("Please keep ₹45,599 ready")
    await page.goto("/gift-card")
    await page.get_by_label("Gift card code").fill(codes[0])
    await page.get_by_role("button", name="Show what is left").click()
    await expect(page.locator(".door")).to_contain_text("Nothing is left")


async def test_a_card_vault_that_does_not_answer_is_told_and_asked_again(page: Page, laptops: list[Any]):
    await page.clock.install()
    await page.route("**/fields?*", lambda route: route.abort())
    await check_out(page, laptops[0])
    await expect(page.locator("#card-fields")).to_contain_text("loading")
    await page.get_by_role("button", name="Place order").click()
    await expect(page.locator("#said")).to_contain_text("have not loaded")
    await page.clock.fast_forward(11_000)
    await expect(page.locator("#card-fields")).to_contain_text("do not load. You can pay another way")
    async with page.expect_response("**/checkout"):
        await page.locator("#f-city").evaluate("each => each.dispatchEvent(new Event('change', { bubbles: true }))")
    await expect(page.locator("#card-fields")).to_contain_text("do not load")
    await shoot(page, "checkout-vault-away")
    await page.unroute("**/fields?*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.frame_locator("#card-fields iframe").get_by_label("Card number")).to_be_visible()
    await expect(page.locator("#card-fields > .hint")).to_have_count(0)


async def test_a_press_is_not_lost_while_the_prices_change(page: Page, laptops: list[Any]):
    await check_out(page, laptops[0])
    await settled(page)
    await page.get_by_text("I have a gift card").hover()
    await page.mouse.down()
    await page.locator("#f-city").evaluate("each => each.dispatchEvent(new Event('change', { bubbles: true }))")
    # Longer than prices take, and than a quick press. Where they take longer still, they come after it.
    await page.wait_for_timeout(2500)
    await page.mouse.up()
    await expect(page.locator("#f-gift_code")).to_be_visible()


async def test_a_press_is_not_lost_while_the_cards_fields_grow(page: Page, laptops: list[Any]):
    await check_out(page, laptops[0])
    await settled(page)
    await page.get_by_text("Confirm on the wallet’s page").hover()
    await page.mouse.down()
    await page.frames[1].evaluate("document.getElementById('alert').textContent = 'The card vault cannot be reached.'")
    await page.wait_for_timeout(300)
    await page.mouse.up()
    await expect(page.locator("[name=payment][value=wallet]")).to_be_checked()


@BOTH_WAYS
async def test_a_gift_card_that_covers_all_asks_for_no_card(page: Page, market: Shop, laptops: list[Any]):
    code = await gift(market, 5_000_000)
    await check_out(page, laptops[0])
    await page.get_by_text("I have a gift card").click()
    await page.locator("#f-gift_code").fill(code)
    await page.locator("#f-gift_code").press("Enter")
    await expect(page.locator(".covered")).to_contain_text("All of it is paid")
    await expect(page.locator("#f-payment")).to_be_hidden()
    await place(page)
    await expect(page.locator(".thanks")).to_contain_text("Paid with Gift card")


async def test_the_back_button_leads_to_the_thanks_again_once_it_is_paid(page: Page, laptops: list[Any]):
    await check_out(page, laptops[0])
    await page.get_by_text("QR code or your app").click()
    await place(page)
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Pay on the provider").click(modifiers=["ControlOrMeta"])
    await (await opened.value).get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_a_guest_has_the_bill_sent_elsewhere_and_cancels_by_the_signed_link(
    browser: Browser, desk: Shop, shelve: Shelve, script: bool
):
    # Where parcels wait for the staff: one that has left is not called back.
    visitor = await browser.new_context(java_script_enabled=script, viewport=PHONE, base_url=desk.url)
    page = await visitor.new_page()
    lamp = await shelve()
    await look(page, lamp["product_id"])
    await check_out(page, {"slug": lamp["product_id"]})
    await page.get_by_label("The bill goes to the same address").uncheck()
    bill = {"name": "Rao & Co", "line1": "1 Fort Street", "postal_code": "110001", "city": "Delhi"}
    for name, value in bill.items():
        await page.locator(f"#f-billing_{name}").fill(value)
    await page.locator("#f-billing_region").select_option("Delhi")
    await page.get_by_label("Cash on delivery").check()
    await place(page)
    # Without script the price of the delivery is new, and is looked at once more.
    await page.wait_for_load_state()
    if "/checkout" in page.url:
        await place(page)
    await thanked(page)
    await page.context.clear_cookies(name="haat_cart")
    await page.reload()
    await expect(page.get_by_text("Rao & Co")).to_be_visible()
    await page.get_by_text("Cancel this order").click()
    await page.get_by_role("button", name="Yes, cancel order").click()
    await expect(page.locator(".status").first).to_contain_text("Cancelled")
    await page.get_by_role("button", name="Buy the same again").click()
    await expect(page.get_by_role("status").first).to_contain_text("Added to your cart")
    await expect(page.locator(".line h2")).to_have_count(1)
    await visitor.close()


async def test_a_forgotten_password_is_replaced_by_the_mailed_link(page: Page, market: Shop):
    async with visiting(market) as person:
        person.email = f"{uuid.uuid4().hex}@example.com"
        await person.register()
    await page.goto("/sign-in")
    await page.get_by_role("link", name="Forgot your password?").click()
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_role("button", name="Mail me a link").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    links: list[str] = []

    async def mailed() -> bool:
        async with visiting(market) as staff:
            await staff.sign_in_as_staff()
            _, mails = await staff.call("GET", f"/v1/mails?to={person.email}")
            for mail in mails["data"]:
                _, whole = await staff.call("GET", f"/v1/mails/{mail['id']}")
                links.extend(re.findall(r"http\S+/reset-password\?token=\S+", whole["text"]))
        return bool(links)

    assert await eventually(mailed)
    await page.goto(links[0])
    await page.get_by_label("New password").fill("an entirely new password")
    await page.get_by_role("button", name="Save the new password").click()
    await expect(page.get_by_role("status").first).to_contain_text("Your new password is set")
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill("an entirely new password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("status").first).to_contain_text("You are signed in")
    await page.goto(links[0])
    await page.get_by_label("New password").fill("once more with feeling")
    await page.get_by_role("button", name="Save the new password").click()
    await expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "where",
    ["home", "search", "product", "cart", "sign in", "forgot", "help", "checkout", "gift card", "paid by credit"],
)
async def test_pages_have_no_accessibility_faults(
    browser: Browser, market: Shop, laptops: list[Any], theme: Any, where: str
):
    product = f"/p/{laptops[0]['slug']}"
    paths = {
        "home": "/",
        "search": "/search?q=laptop",
        "sign in": "/sign-in",
        "forgot": "/forgot-password",
        "help": "/help/shipping",
        "gift card": "/gift-card",
        "paid by credit": "/checkout",
    }
    visitor = await browser.new_context(color_scheme=theme, viewport=DESK, base_url=market.url)
    page = await visitor.new_page()
    await page.goto(product)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_be_visible()
    await page.goto({**paths, "product": product, "cart": "/cart", "checkout": "/checkout"}[where])
    if where == "paid by credit":
        await page.get_by_text("I have a gift card").click()
        await enter(page, await gift(market, 40_000))
        await expect(page.locator(".credit-card")).to_have_count(1)
        await page.get_by_text("Add another gift card").click()
        await enter(page, "0000-0000-0000-0000")
        await expect(page.locator("#f-gift_code-told")).to_be_visible()
    results = await Axe().run(page)
    await shoot(page, f"{where.replace(' ', '-')}-{theme}")
    await visitor.close()
    assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in results.response["violations"]] == []


async def test_pages_are_light(page: Page, laptops: list[Any]):
    sizes: dict[str, int] = {}

    async def weigh(response: Any) -> None:
        kind = response.request.resource_type
        sizes[kind] = sizes.get(kind, 0) + len(await response.body())

    weighing = []
    page.on("response", lambda response: weighing.append(weigh(response)))
    await page.goto(f"/p/{laptops[0]['slug']}", wait_until="networkidle")
    for each in weighing:
        await each
    assert (sizes["document"] < 60_000, sizes["stylesheet"] < 60_000, sizes["script"] < 70_000) == (True, True, True)
