"""The shop as a person meets it: the walk-through in a real browser, with and without script, in both themes."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.journeys.client import CARD, visiting
from tests.journeys.shops import Shop, eventually, running

CHROMIUM = shutil.which("chromium")
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "browser"
PASSWORD = "namaste-haat"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
FIELDS = {
    "email": "asha@example.com",
    "name": "Asha Rao",
    "phone": "98765 43210",
    "line1": "12 Residency Road",
    "postal_code": "560025",
    "city": "Bengaluru",
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("shop")) as started:
        yield started


@pytest.fixture(scope="module")
async def laptops(shop: Shop) -> list[dict[str, Any]]:
    """Three laptops, one of them outside the price range that the journeys ask for."""
    async with visiting(shop) as staff:
        await staff.sign_in_as_staff()
        made = [await staff.sell(f"TW-{price}", stock=50, amount=price) for price in (4_599_900, 5_299_900, 8_999_900)]

        async def found() -> bool:
            _, page = await staff.call("GET", "/v1/search?q=laptop")
            return bool(page["total"] == len(made))

        assert await eventually(found)
        return made


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser, shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """A fresh visitor on a phone; `request.param` False has no script."""
    script = getattr(request, "param", True)
    visitor = await browser.new_context(java_script_enabled=script, viewport=PHONE, base_url=shop.url)
    opened = await visitor.new_page()
    refused: list[str] = []
    opened.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    opened.on("pageerror", lambda error: refused.append(str(error)))
    yield opened
    await visitor.close()
    assert refused == []


async def sign_in(page: Page, shop: Shop) -> None:
    """An account made by the API, entered by the door."""
    async with visiting(shop) as person:
        person.email = f"{uuid.uuid4().hex}@example.com"
        await person.register()
    await page.goto("/sign-in")
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("status").first).to_contain_text("You are signed in")


async def find_laptop(page: Page) -> None:
    """Search, narrow to ₹30,000 to ₹60,000, sort by price, open the first."""
    await page.get_by_label("Search the market").fill("laptop")
    await page.get_by_label("Search the market").press("Enter")
    await page.goto(f"{page.url}&min=30000&max=60000&sort=price_asc")
    await expect(page.locator(".card")).to_have_count(2)
    await page.locator(".card-title a").first.click()
    await expect(page.locator(".buy-price")).to_contain_text("₹45,999")


async def fill_address(page: Page) -> None:
    for name, value in FIELDS.items():
        await page.locator(f"#f-{name}").fill(value)
    await page.locator("#f-region").select_option("Karnataka")


async def place(page: Page) -> None:
    await page.get_by_role("button", name="Place order").click()


async def thanked(page: Page) -> None:
    """The order exists, is shown with its number, and leads to its own page."""
    await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible(timeout=20_000)
    await expect(page.locator(".thanks .number")).to_contain_text("HT-")
    await page.get_by_role("link", name="Track this order").click()
    await expect(page.locator(".track li").first).to_contain_text("Ordered")


async def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


async def test_a_member_buys_a_laptop_by_card(page: Page, shop: Shop, laptops: list[Any]):
    await sign_in(page, shop)
    await find_laptop(page)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_contain_text("In your cart")
    await expect(page.locator("#count")).to_contain_text("1")
    await page.get_by_role("link", name="Checkout").click()
    await fill_address(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    card = page.frame_locator("#card-fields iframe")
    await card.get_by_label("Card number").fill(CARD["number"])
    await card.get_by_label("Name on card").fill(CARD["name"])
    await card.get_by_label("Month").fill("12")
    await card.get_by_label("Year").fill("2034")
    await card.get_by_label("Security code").fill("123")
    await shoot(page, "checkout-card")
    await place(page)
    await expect(page.get_by_role("heading", name="In the same spirit")).to_be_visible(timeout=20_000)
    await shoot(page, "thanks")
    await thanked(page)
    await shoot(page, "order")


@pytest.mark.parametrize("page", [False], indirect=True, ids=["without script"])
async def test_a_member_buys_a_laptop_by_card_without_script(page: Page, shop: Shop, laptops: list[Any]):
    await sign_in(page, shop)
    await find_laptop(page)
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Go to checkout").click()
    await fill_address(page)
    await page.get_by_role("button", name="Show delivery dates").click()
    await expect(page.locator(".delivery").first).to_be_visible()
    await place(page)
    await page.get_by_label("Card number").fill(CARD["number"])
    await page.get_by_label("Month").fill("12")
    await page.get_by_label("Year").fill("2034")
    await page.get_by_label("Security code").fill("123")
    await shoot(page, "vault-without-script")
    await page.get_by_role("button", name="Use this card").click()
    await expect(page.locator("#card-ready")).to_be_visible()
    await expect(page.locator("#f-line1")).to_have_value(FIELDS["line1"])
    await place(page)
    await expect(page.get_by_role("heading", name="In the same spirit")).to_be_visible()
    await thanked(page)


async def test_a_guest_pays_by_upi_on_the_providers_page(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await page.get_by_role("link", name="Checkout").click()
    await fill_address(page)
    await page.locator("[name=payment][value=upi]").check()
    await expect(page.locator(".delivery").first).to_be_visible()
    await place(page)
    await pay_by_upi(page)


@pytest.mark.parametrize("page", [False], indirect=True, ids=["without script"])
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


async def pay_by_upi(page: Page) -> None:
    """The code is shown; the provider's page is approved and leads back."""
    await expect(page.locator(".qr")).to_be_visible()
    await shoot(page, "upi")
    await page.get_by_role("link", name="Pay on the provider").click()
    await page.get_by_role("button", name="Approve").click()
    await thanked(page)


async def test_a_declined_card_keeps_everything_that_was_typed(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_be_visible()
    await page.goto("/checkout")
    await fill_address(page)
    await expect(page.locator(".delivery").first).to_be_visible()
    card = page.frame_locator("#card-fields iframe")
    await card.get_by_label("Card number").fill("4000 0000 0000 0002")
    await card.get_by_label("Month").fill("12")
    await card.get_by_label("Year").fill("2034")
    await card.get_by_label("Security code").fill("123")
    await place(page)
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was charged", timeout=20_000)
    await expect(page.locator("#f-line1")).to_have_value(FIELDS["line1"])
    await shoot(page, "declined")


async def gift(shop: Shop, amount: int) -> str:
    """The code of a new gift card."""
    async with visiting(shop) as staff:
        await staff.sign_in_as_staff()
        status, card = await staff.post("/v1/gift-cards", {"amount": {"amount": amount, "currency": "INR"}})
        assert status == 201, card
        return str(card["code"])


async def enter(page: Page, code: str) -> None:
    """Type a gift card's code at the checkout, and press Apply."""
    await page.locator("#f-gift_code").fill(code)
    await page.get_by_role("button", name="Apply").first.click()


@pytest.mark.parametrize("page", [True, False], ids=["script", "no-script"], indirect=True)
async def test_gift_cards_pay_first_and_cash_the_rest(page: Page, shop: Shop, laptops: list[Any]):
    codes = [await gift(shop, amount) for amount in (40_000, 10_000)]
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#count")).to_contain_text("1")
    await page.goto("/checkout")
    await fill_address(page)
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
    await expect(page.locator(".thanks")).to_contain_text("Please keep ₹45,599 ready", timeout=20_000)
    await page.goto("/gift-card")
    await page.get_by_label("Gift card code").fill(codes[0])
    await page.get_by_role("button", name="Show what is left").click()
    await expect(page.locator(".door")).to_contain_text("Nothing is left")


@pytest.mark.parametrize("page", [True, False], ids=["script", "no-script"], indirect=True)
async def test_a_gift_card_that_covers_all_asks_for_no_card(page: Page, shop: Shop, laptops: list[Any]):
    code = await gift(shop, 5_000_000)
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#count")).to_contain_text("1")
    await page.goto("/checkout")
    await fill_address(page)
    await page.get_by_text("I have a gift card").click()
    await page.locator("#f-gift_code").fill(code)
    await page.locator("#f-gift_code").press("Enter")
    await expect(page.locator(".covered")).to_contain_text("All of it is paid")
    await expect(page.locator("#f-payment")).to_be_hidden()
    await place(page)
    await expect(page.locator(".thanks")).to_contain_text("Paid with Gift card", timeout=20_000)


@pytest.mark.parametrize("page", [True, False], ids=["script", "no-script"], indirect=True)
async def test_a_guest_has_the_bill_sent_elsewhere_and_cancels_by_the_signed_link(page: Page, laptops: list[Any]):
    await page.goto(f"/p/{laptops[0]['slug']}")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator("#count")).to_contain_text("1")
    await page.goto("/checkout")
    await fill_address(page)
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


async def test_a_forgotten_password_is_replaced_by_the_mailed_link(page: Page, shop: Shop):
    async with visiting(shop) as person:
        person.email = f"{uuid.uuid4().hex}@example.com"
        await person.register()
    await page.goto("/sign-in")
    await page.get_by_role("link", name="Forgot your password?").click()
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_role("button", name="Mail me a link").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    links: list[str] = []

    async def mailed() -> bool:
        async with visiting(shop) as staff:
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
    browser: Browser, shop: Shop, laptops: list[Any], theme: Any, where: str
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
    visitor = await browser.new_context(color_scheme=theme, viewport=DESK, base_url=shop.url)
    page = await visitor.new_page()
    await page.goto(product)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(".added")).to_be_visible()
    await page.goto({**paths, "product": product, "cart": "/cart", "checkout": "/checkout"}[where])
    if where == "paid by credit":
        await page.get_by_text("I have a gift card").click()
        await enter(page, await gift(shop, 40_000))
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
