"""What a person does in the shop's pages, whatever their screen."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import FrameLocator, Page, expect

from tests.journeys.client import CARD, visiting
from tests.journeys.shops import Shop, eventually

CHROMIUM = shutil.which("chromium")
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "browser"
PASSWORD = "namaste-haat"
SMALL, PHONE, DESK = {"width": 360, "height": 740}, {"width": 390, "height": 844}, {"width": 1280, "height": 900}
FIELDS = {
    "email": "asha@example.com",
    "name": "Asha Rao",
    "phone": "98765 43210",
    "line1": "12 Residency Road",
    "postal_code": "560025",
    "city": "Bengaluru",
}
# Wider than its box by what no eye sees: browsers round.
CUT_OFF = "() => [...document.querySelectorAll('input')].filter(i => i.scrollWidth > i.clientWidth).map(i => i.id)"


class Visit(NamedTuple):
    """How a visitor looks at the shop."""

    screen: Any = PHONE
    script: bool = True


async def sign_in(page: Page, market: Shop) -> None:
    """An account made by the API, entered by the door."""
    async with visiting(market) as person:
        person.email = f"{uuid.uuid4().hex}@example.com"
        await person.register()
    await page.goto("/sign-in")
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("status").first).to_contain_text("You are signed in")


async def find_laptop(page: Page) -> None:
    """Search, narrow to ₹30,000 to ₹60,000 by the filters' form, sort by price, open the first."""
    await page.get_by_label("Search the market").fill("laptop")
    await page.get_by_label("Search the market").press("Enter")
    await expect(page.locator(".card")).to_have_count(3)
    for button in await page.locator(".filter-button:visible").all():
        # The filters of a phone come up when asked for.
        await button.click()
    await page.get_by_label("From rupees").fill("30000")
    await page.get_by_label("To rupees").fill("60000")
    await page.get_by_role("button", name="Set").click()
    await expect(page.locator(".card")).to_have_count(2)
    await page.get_by_label("Sort").select_option("price_asc")
    for button in await page.locator(".sort button:visible").all():
        # Without script a choice must be sent.
        await button.click()
    await page.wait_for_url("**sort=price_asc**")
    await page.locator(".card-title a").first.click()
    await expect(page.locator(".buy-price")).to_contain_text("₹45,999")


async def look(page: Page, product: str) -> None:
    """At a product that has just come onto the shelf."""
    await page.goto(f"/p/{product}")

    async def there() -> bool:
        await page.reload()
        return bool(await page.get_by_role("button", name="Add to cart").count())

    assert await eventually(there)


async def fill_address(page: Page) -> None:
    for name, value in FIELDS.items():
        await page.locator(f"#f-{name}").fill(value)
    await page.locator("#f-region").select_option("Karnataka")


async def fill_card(page: Page, where: Page | FrameLocator | None = None, number: str = str(CARD["number"])) -> None:
    """In the vault's frame, unless told where else."""
    card = where or page.frame_locator("#card-fields iframe")
    await card.get_by_label("Card number").fill(number)
    await card.get_by_label("Name on card").fill(str(CARD["name"]))
    await card.get_by_label("Month").fill("12")
    await card.get_by_label("Year").fill("2034")
    await card.get_by_label("Security code").fill("123")


async def cut_off(page: Page) -> list[str]:
    """The fields of the card's frame that do not show all that was typed into them."""
    frame = await (await page.locator("#card-fields iframe").element_handle()).content_frame()  # type: ignore[union-attr]
    assert frame is not None
    return list(await frame.evaluate(CUT_OFF))


async def show_delivery(page: Page) -> None:
    """Without script the days of delivery must be asked for."""
    for button in await page.locator("button:visible", has_text="Show delivery dates").all():
        await button.click()


async def place(page: Page) -> None:
    await page.get_by_role("button", name="Place order").click()


async def similar(page: Page) -> set[str]:
    """The titles of the products that are like this one."""
    shelf = page.locator("section").filter(has=page.locator("#similar"))
    await expect(shelf.locator(".card-title").first).to_be_visible()
    return {title.strip() for title in await shelf.locator(".card-title").all_inner_texts()}


async def thanked(page: Page) -> None:
    """The order exists, is shown with its number, and leads to its own page."""
    await expect(page.get_by_role("heading", name="Dhanyavaad")).to_be_visible()
    await expect(page.locator(".thanks .number")).to_contain_text("HT-")
    await page.get_by_role("link", name="Track this order").click()
    await expect(page.locator(".track li").first).to_contain_text("Ordered")


async def followed(page: Page, step: str) -> None:
    """Looked at again and again, the order's page comes to this step."""

    async def there() -> bool:
        await page.reload()
        done = await page.locator(".track li:not(.track-ahead)").all_inner_texts()
        return any(step in text for text in done)

    assert await eventually(there)


async def pay_by_upi(page: Page) -> None:
    """The code is shown; the provider's page is approved and leads back."""
    await expect(page.locator(".qr")).to_be_visible()
    await shoot(page, "upi")
    await page.get_by_role("link", name="Pay on the provider").click()
    await page.get_by_role("button", name="Approve").click()
    await thanked(page)


async def shoot(page: Page, name: str) -> None:
    """A picture for people to look at, one for each width."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    width = (page.viewport_size or DESK)["width"]
    await page.screenshot(path=ARTEFACTS / f"{name}-{width}.png", full_page=True)
