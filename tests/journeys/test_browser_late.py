"""The shop's pages when answers come late: whoever goes on meanwhile loses nothing, and pays what they have seen."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from tests.journeys.client import CHALLENGED, Client
from tests.journeys.conftest import Shelve
from tests.journeys.shops import Shop
from tests.journeys.storefront import CHROMIUM, DESK, PHONE, fill_address, fill_card, look, place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
CHANGED = "each => each.dispatchEvent(new Event('change', { bubbles: true }))"

# How far things have moved that nobody had touched, once a frame was drawn.
SHIFTS = """async () => {
    window.shifts = [];
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map((each) => each.value))).observe({ type: "layout-shift" });
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""  # noqa: E501


@pytest.fixture
async def page(browser: Browser, desk: Shop) -> AsyncIterator[Page]:
    """A fresh visitor on a phone."""
    visitor = await browser.new_context(viewport=PHONE, base_url=desk.url)
    opened = await visitor.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    yield opened
    await opened.unroute_all(behavior="ignoreErrors")
    await visitor.close()
    assert faults == []


@asynccontextmanager
async def held(page: Page, where: str) -> AsyncIterator[None]:
    """What a script asks for there is answered when this ends."""
    go = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.resource_type == "document":
            return await route.fallback()
        answer = await route.fetch()
        await go.wait()
        await route.fulfill(response=answer)

    await page.route(where, hold)
    yield
    go.set()


async def take(page: Page, product: dict[str, Any]) -> None:
    await look(page, product["product_id"])
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_be_visible()


async def check_out(page: Page, product: dict[str, Any]) -> None:
    """With one of it in the cart, as far as the delivery."""
    await take(page, product)
    await page.goto("/checkout")
    await fill_address(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    await page.wait_for_load_state("networkidle")


async def reprice(page: Page) -> None:
    """A line of the address changes, and new prices are asked for."""
    await page.locator("#order-summary").evaluate("each => { each.dataset.old = '1'; }")
    await page.locator("#f-city").evaluate(CHANGED)


async def repriced(page: Page) -> None:
    """The new prices are on the page."""
    await expect(page.locator("#order-summary[data-old]")).to_have_count(0)


async def test_two_things_taken_out_one_after_the_other_are_both_gone(page: Page, shelve: Shelve):
    for _ in range(2):
        await take(page, await shelve())
    await page.goto("/cart")
    async with held(page, "**/cart/items/*"):
        await page.get_by_role("button", name="Remove").first.click()
        await page.get_by_role("button", name="Remove").last.click()
    await expect(page.get_by_role("heading", name="Nothing in it yet")).to_be_visible()
    await expect(page.locator("#count")).to_contain_text("0")


async def test_a_quantity_that_is_typed_while_one_is_on_its_way_counts(page: Page, shelve: Shelve):
    await take(page, await shelve())
    await page.goto("/cart")
    async with page.expect_response("**/cart/items/*"), held(page, "**/cart/items/*"):
        await page.locator(".quantity").fill("3")
        async with page.expect_request("**/cart/items/*"):
            await page.locator(".quantity").press("Tab")
        await page.locator(".quantity").fill("2")
    await page.locator(".quantity").press("Tab")
    await expect(page.locator(".line-total")).to_have_text("₹91,998")
    await expect(page.locator(".sum-total")).to_contain_text("₹91,998")


async def test_a_quantity_counts_for_whoever_goes_straight_to_the_checkout(page: Page, shelve: Shelve):
    await take(page, await shelve())
    await page.goto("/cart")
    await page.locator(".quantity").fill("3")
    await page.get_by_role("link", name="Go to checkout").click()
    await expect(page.locator(".mini-count")).to_contain_text("3")


async def test_whoever_asks_for_more_than_there_is_stays_and_is_told(page: Page, shelve: Shelve):
    await take(page, await shelve(2))
    await page.goto("/cart")
    await page.locator(".quantity").fill("3")
    await page.get_by_role("link", name="Go to checkout").click()
    await expect(page.get_by_role("alert")).to_contain_text("Only 2 left")


async def test_an_answer_that_comes_while_the_checkout_is_pressed_is_told_all_the_same(page: Page, shelve: Shelve):
    await take(page, await shelve(2))
    await page.goto("/cart")
    await page.locator(".quantity").fill("3")
    await page.get_by_role("link", name="Go to checkout").hover()
    async with page.expect_response("**/cart/items/*") as answered:
        await page.mouse.down()
    await (await answered.value).finished()
    await page.mouse.up()
    await expect(page.get_by_role("alert")).to_contain_text("Only 2 left")


async def test_a_double_click_adds_one(page: Page, shelve: Shelve):
    await look(page, (await shelve())["product_id"])
    async with held(page, "**/cart/items"):
        await page.get_by_role("button", name="Add to cart").dblclick()
    await expect(page.locator(".added")).to_be_visible()
    await page.goto("/cart")
    await expect(page.locator(".quantity")).to_have_value("1")


async def test_what_was_chosen_in_a_row_stays_chosen(page: Page, staff: Client):
    variants = [
        {"sku": uuid.uuid4().hex, "price": {"amount": 99_900, "currency": "INR"}, "stock": 9, "weight_grams": 300}
        | {"options": {"Colour": colour, "Size": size}}
        for colour in ("Red", "Blue")
        for size in ("S", "L")
    ]
    kurta = {"title": "Kurta", "brand": "Loom", "category": "kurtas", "description": "Cotton.", "variants": variants}
    assert (await staff.call("POST", "/v1/categories", {"slug": "kurtas", "title": "Kurtas"}))[0] == 204
    status, made = await staff.call("POST", "/v1/products", kurta)
    assert status == 201, made
    await look(page, made["slug"])
    async with held(page, f"**/p/{made['slug']}?*"):
        await page.get_by_label("Blue").check()
        await page.get_by_label("L", exact=True).check()
        await page.locator("#quantity").select_option("4")
    await expect(page.locator("legend strong").first).to_have_text("Blue")
    await expect(page.locator("legend strong").last).to_have_text("L")
    await expect(page.locator("#quantity")).to_have_value("4")


async def test_a_refusal_is_told_beside_what_was_asked(page: Page, shelve: Shelve):
    await look(page, (await shelve())["product_id"])
    page_of_error = "<!doctype html><header class='top'></header><main><h1>Something went wrong</h1></main>"
    await page.route("**/cart/items", lambda route: route.fulfill(status=503, body=page_of_error))
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#said")).to_contain_text("did not get through")
    await expect(page.get_by_role("button", name="Add to cart")).to_be_enabled()
    await expect(page.locator("main")).to_have_count(1)


async def test_suggestions_that_come_after_the_box_was_left_stay_away(page: Page, shelve: Shelve):
    await page.goto("/")
    async with held(page, "**/suggest?*"):
        async with page.expect_request("**/suggest?*"):
            await page.get_by_label("Search the market").fill("trail")
        async with page.expect_event("requestfailed"):
            await page.get_by_label("Search the market").press("Tab")
    await expect(page.locator("#suggestions")).to_be_hidden()


async def test_a_coupon_that_is_typed_while_prices_are_on_their_way_stays(page: Page, shelve: Shelve):
    await check_out(page, await shelve())
    async with held(page, "**/checkout"):
        await reprice(page)
        await page.get_by_text("I have a coupon").click()
        await page.locator("#f-coupon").press_sequentially("WEL")
    await repriced(page)
    await page.keyboard.type("COME")
    await expect(page.locator("#f-coupon")).to_have_value("WELCOME")


async def test_new_prices_leave_the_focus_where_it_is(page: Page, shelve: Shelve):
    await check_out(page, await shelve())
    for focused in (page.locator("#pay"), page.get_by_text("I have a gift card")):
        async with held(page, "**/checkout"):
            await reprice(page)
            await focused.focus()
        await repriced(page)
        await expect(focused).to_be_focused()


async def test_a_key_that_is_down_while_prices_come_still_presses(page: Page, shelve: Shelve):
    await check_out(page, await shelve())
    await page.get_by_text("I have a gift card").focus()
    await page.keyboard.down("Space")
    async with page.expect_response("**/checkout"):
        await reprice(page)
    await page.wait_for_timeout(300)
    await page.keyboard.up("Space")
    await expect(page.locator("#f-gift_code")).to_be_visible()


async def test_a_gift_card_is_not_overtaken_by_new_prices(page: Page, staff: Client, shelve: Shelve):
    _, card = await staff.post("/v1/gift-cards", {"amount": {"amount": 10_000, "currency": "INR"}})
    await check_out(page, await shelve())
    await page.get_by_text("I have a gift card").click()
    await page.locator("#f-gift_code").fill(card["code"])
    async with held(page, "**/checkout"):
        await page.get_by_role("button", name="Apply").first.click()
        await reprice(page)
    await expect(page.locator(".credit-card")).to_contain_text(card["code"][-4:])
    await expect(page.locator("#order-summary")).to_contain_text("Left to pay₹45,899")


async def test_a_total_that_comes_after_the_order_was_asked_for_is_not_paid_unseen(page: Page, shelve: Shelve):
    await check_out(page, await shelve())
    await fill_card(page)
    async with held(page, "**/v1/tokens"), page.expect_response("**/checkout"), held(page, "**/checkout"):
        await page.locator("[name=shipping_method][value=express]").check()
        await place(page)
    await expect(page.locator(".notice-strong")).to_contain_text("The total has changed")


async def test_a_card_that_is_ready_after_the_shopper_was_told_otherwise_waits_for_them(page: Page, shelve: Shelve):
    await page.clock.install()
    await check_out(page, await shelve())
    await fill_card(page)
    async with held(page, "**/v1/tokens"):
        async with page.expect_request("**/v1/tokens"):
            await place(page)
        await page.clock.fast_forward(21_000)
        await expect(page.locator("#said")).to_contain_text("Nothing was charged")
    await expect(page.locator("#card-fields")).to_contain_text("Your card is ready")
    await expect(page.get_by_label("Card number")).to_have_count(0)
    await place(page)
    await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible()


async def test_another_card_pays_for_whoever_comes_back_from_the_bank(desk: Shop, shelve: Shelve):
    """Browsers keep the page that was left, with all that its script knew; the tests' own browser does not."""
    kept = {"ignore_default_args": ["--disable-back-forward-cache"], "args": ["--no-sandbox"]}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, **kept)  # type: ignore[arg-type]
        page = await browser.new_page(base_url=desk.url)
        await check_out(page, await shelve())
        await fill_card(page, number=CHALLENGED)
        await place(page)
        await expect(page.get_by_role("heading", name="Your bank wants to know")).to_be_visible()
        await page.go_back(wait_until="commit")
        await expect(page.locator("[name=card_token]")).to_have_value("")
        await fill_card(page)
        await place(page)
        await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible()
        await browser.close()


async def test_nothing_on_the_checkout_moves_by_itself(page: Page, shelve: Shelve):
    await page.set_viewport_size(DESK)
    await check_out(page, await shelve())
    await page.locator("#payment").evaluate("each => each.scrollIntoView()")
    async with held(page, "**/assets/storefront/shop.*.js"):
        await page.reload(wait_until="commit")
        await expect(page.locator("#f-payment")).to_be_visible()
        await page.locator("#payment").evaluate("each => each.scrollIntoView()")
        await page.evaluate(SHIFTS)
    await expect(page.frame_locator("#card-fields iframe").get_by_role("button")).to_have_count(0)
    await page.wait_for_timeout(300)
    assert await page.evaluate("shifts") == []


async def test_a_second_click_while_a_page_is_slow_sends_nothing_more(page: Page):
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    go = asyncio.Event()

    async def hold(route: Route) -> None:
        await go.wait()
        await route.fallback()

    await page.goto("/forgot-password")
    await page.get_by_label("E-mail").fill("nobody@example.com")
    await page.route("**/forgot-password", hold)
    button = page.get_by_role("button", name="Mail me a link")
    async with page.expect_console_message():
        await button.evaluate(
            "each => { each.click(); setTimeout(() => { each.click(); console.log('twice'); }, 100); }"
        )
    go.set()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    assert len(sent) == 1
