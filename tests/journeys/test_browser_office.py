"""The back office of a shop with a past, in a real browser: what its main pages show, at a phone and at a desk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.journeys.shops import lasting_ports
from tests.journeys.starts import Start
from tests.journeys.storefront import CHROMIUM, DESK, PHONE, shoot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("start"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
# Each page, and what must be on it for it to be worth looking at: the first of these leads to the page after it.
ROUND = {
    "orders": ("/admin/orders?status=delivered", "tr a[href^='/admin/orders/']"),
    "order": ("", "main :text('Packed for sandbox')"),
    "products": ("/admin/products", "tr a[href^='/admin/products/']"),
    "product": ("", "main form"),
    "stock": ("/admin/stock", "tr a[href^='/admin/stock/']"),
    "sku": ("", ".ledger tbody tr"),
    "customers": ("/admin/customers?q=example.org", "tr a[href^='/admin/customers/']"),
    "customer": ("", "section[aria-labelledby=addresses] .events li"),
    "fraud": ("/admin/fraud", ".review .reasons li"),
    "returns": ("/admin/returns", "main :text('Not as expected')"),
    "staff": ("/admin/staff", "main .spread"),
    "mail": ("/admin/mail", "tr a[href^='/admin/mail/']"),
    "letter": ("", "iframe"),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A demo shop, as `haat run` starts it."""
    start = Start(tmp_path_factory.mktemp("office") / "data", next(lasting_ports()))
    try:
        yield start.ready()
        start.stop()
    finally:
        start.clear()


@pytest.fixture
async def page(browser: Browser, office: Start, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """The owner, inside, at a screen of `request.param`."""
    visitor = await browser.new_context(base_url=office.url, viewport=getattr(request, "param", DESK))
    opened = await visitor.new_page()
    refused: list[str] = []
    opened.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    opened.on("pageerror", lambda error: refused.append(str(error)))
    await opened.goto("/admin/sign-in")
    await opened.get_by_label("E-mail").fill("staff@haat.example")
    await opened.get_by_label("Password").fill(office.password())
    await opened.get_by_role("button", name="Sign in").click()
    await expect(opened.get_by_role("heading", name="What waits")).to_be_visible()
    yield opened
    await visitor.close()
    assert refused == []


@pytest.mark.parametrize("page", [PHONE, DESK], ids=["phone", "desk"], indirect=True)
async def test_the_main_pages_show_the_shop_to_everybody(page: Page):
    faults: list[str] = []
    wide: list[str] = []
    lead = page.locator("main")
    for name, (address, there) in ROUND.items():
        await (page.goto(address) if address else lead.click())
        lead = page.locator(there).first
        await expect(lead).to_be_visible()
        wide += [name] * await page.evaluate("Number(document.documentElement.scrollWidth > innerWidth)")
        results = await Axe().run(page)
        await shoot(page, f"office-{name}")
        faults += [f"{name}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in results.response["violations"]]
    assert (faults, wide) == ([], [])


async def test_an_order_tells_its_way_to_the_door(page: Page):
    await page.goto("/admin/orders?status=delivered")
    await page.locator("tr a").first.click()
    for told in ("Order placed", "Packed for sandbox", "Delivered"):
        await expect(page.locator("main")).to_contain_text(told)


async def test_what_is_held_is_approved_and_goes_on(page: Page):
    await page.goto("/admin/fraud")
    await expect(page.locator(".review")).to_have_count(4)
    first = page.locator(".review").first
    await expect(first).to_contain_text("to be collected in cash")
    who = await first.locator(".break a").inner_text()
    await first.get_by_role("button", name="Approve").click()
    await expect(page.locator(".review")).to_have_count(3)
    await page.goto(f"/admin/orders?q={who}")
    await expect(page.locator("tr a").first).to_have_text(re.compile("HT-"))
