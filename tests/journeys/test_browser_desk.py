"""The back office's money and stock in a real browser: with and without script, and for everybody's eyes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.journeys.client import ADDRESS, Client
from tests.journeys.conftest import Shelve
from tests.journeys.shops import STAFF_PASSWORD, Shop, eventually
from tests.journeys.storefront import ARTEFACTS, CHROMIUM, DESK, PHONE

BOTH_WAYS = pytest.mark.parametrize("page", [True, False], ids=["script", "no-script"], indirect=True)
BREAK = (
    "INSERT INTO payments.breaks (break_id, provider, kind, subject, matter, ours_minor, theirs_minor, currency, day)"
    " VALUES ($1, 'sandbox', 'missing', $1, 'captures', 100000, 0, 'INR', current_date)"
)
FACT = "INSERT INTO payments.quarantine (provider, provider_id, reason, fact) VALUES ('sandbox', $1, 'amount', '{}')"
# What no code here can read is parked again by whoever meets it.
PARK = (
    "UPDATE checkout.attempts SET state = 'parked', last_error = 'beamed is not known here', tries = 21,"
    " next_run_at = now() + interval '1 hour', saga = '{\"state\": \"beamed\"}' WHERE checkout_id = $1"
)
# As if the answer of orders had been lost: it must find its order again.
MEND = 'UPDATE checkout.attempts SET saga = \'{"state": "committed", "pivoted": true}\' WHERE checkout_id = $1'
Execute = Callable[..., Awaitable[None]]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


async def entered(browser: Browser, desk: Shop, **visitor: Any) -> Page:
    """A member of staff inside."""
    page = await (await browser.new_context(base_url=desk.url, **visitor)).new_page()
    await page.goto("/admin/sign-in")
    await page.get_by_label("E-mail").fill("staff@haat.example")
    await page.get_by_label("Password").fill(STAFF_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="What waits")).to_be_visible()
    return page


@pytest.fixture
async def page(browser: Browser, desk: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    """Staff at a phone; `request.param` False has no script."""
    opened = await entered(browser, desk, viewport=PHONE, java_script_enabled=getattr(request, "param", True))
    refused: list[str] = []
    opened.on("console", lambda line: refused.append(line.text) if "Content Security Policy" in line.text else None)
    opened.on("pageerror", lambda error: refused.append(str(error)))
    yield opened
    await opened.context.close()
    assert refused == []


async def bought(client: Client, shelve: Shelve, payment: dict[str, Any]) -> dict[str, Any]:
    """A guest's order by this payment, as its checkout."""
    lamp = await shelve(5)
    assert (await client.add(lamp["id"]))[0] == 201
    checkout = await client.checkout(shipping_address=ADDRESS)
    status, done = await client.complete(checkout["id"], payment)
    assert (status, done["status"]) == (200, "completed")
    return done


@BOTH_WAYS
async def test_a_gift_card_is_issued_spent_and_explained(page: Page, guest: Client, shelve: Shelve):
    await page.goto("/admin/gift-cards")
    await page.get_by_label("Worth, INR").fill("60,000")
    await page.get_by_role("button", name="Issue").click()
    code = await page.locator(".gift-code").inner_text()
    order = (await bought(guest, shelve, {"method": "credit", "gift_cards": [code]}))["order"]
    await page.get_by_role("link", name="Done").click()
    await page.get_by_label("Code, or its last four").fill(code.lower())
    await page.get_by_role("button", name="Look up").click()
    await expect(page.get_by_role("heading", name="Why is this")).to_contain_text("₹14,001")
    await expect(page.locator(".ledger tbody tr")).to_have_count(3)
    await page.get_by_role("link", name="The order").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(order["number"])
    await expect(page.locator("main")).to_contain_text("₹45,999 of it by gift cards and store credit")


@BOTH_WAYS
async def test_a_break_and_a_fact_are_explained(page: Page, execute: Execute):
    subject = f"psp_{uuid.uuid4().hex}"
    await execute(BREAK, subject)
    await execute(FACT, subject)
    for address in ("/admin/reconciliation", "/admin/reconciliation/facts"):
        await page.goto(address)
        card = page.locator(".cards > li").filter(has_text=subject)
        await card.get_by_role("button", name="Explain").click()
        await expect(card.locator(".fault")).to_contain_text("Say why")
        await card.get_by_label("Why is it so?").fill("A test of theirs.")
        await card.get_by_role("button", name="Explain").click()
        await expect(page.get_by_role("status").first).to_contain_text("Explained")
        await expect(page.get_by_text(subject)).to_have_count(0)
        await page.get_by_role("link", name="Explained").click()
        await expect(page.locator(".cards > li").filter(has_text=subject)).to_contain_text("A test of theirs.")


@BOTH_WAYS
async def test_a_parked_checkout_is_looked_at_and_goes_on(page: Page, guest: Client, shelve: Shelve, execute: Execute):
    done = await bought(guest, shelve, {"method": "cod"})
    await execute(PARK, done["id"])
    await page.goto("/admin/parked")
    await page.get_by_role("link", name=f"…{done['id'][-8:]}").click()
    await expect(page.locator(".alert")).to_contain_text("beamed")
    await execute(MEND, done["id"])
    await page.reload()
    await expect(page.locator("main")).to_contain_text("the order must be placed")
    await page.get_by_role("button", name="Try again now").click()
    await expect(page.get_by_role("status").first).to_contain_text("A worker goes on with it")
    gone_on = page.get_by_role("link", name=done["order"]["number"])

    async def there() -> bool:
        await page.reload()
        return bool(await gone_on.count())

    assert await eventually(there)
    await gone_on.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(done["order"]["number"])


@BOTH_WAYS
async def test_units_move_and_a_crowd_is_expected(page: Page, shelve: Shelve):
    sku = (await shelve(5))["sku"]
    await page.goto(f"/admin/stock/{sku}")
    await page.get_by_text("Move to another place").click()
    await page.get_by_label("Units").fill("9")
    await page.get_by_label("To", exact=False).last.fill("hub")
    await page.get_by_role("button", name="Move").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Units").fill("2")
    await page.get_by_role("button", name="Move").click()
    await expect(page.get_by_role("status").first).to_contain_text("Moved.")
    await expect(page.locator("#places + dl")).to_contain_text("hub2 of 2")
    await page.get_by_text("Expect a crowd").click()
    await page.get_by_label("Until").fill("2099-11-24T12:00")
    await page.get_by_role("button", name="Announce").click()
    await expect(page.locator(".head")).to_contain_text("crowd expected")
    await page.get_by_role("button", name="Call it off").click()
    await expect(page.get_by_role("status").first).to_contain_text("Called off.")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
async def test_pages_have_no_accessibility_faults(
    browser: Browser,
    desk: Shop,
    staff: Client,
    guest: Client,
    shelve: Shelve,
    execute: Execute,
    theme: Any,
    viewport: Any,
):
    subject = f"psp_{uuid.uuid4().hex}"
    await execute(BREAK, subject)
    await execute(FACT, subject)
    _, card = await staff.post("/v1/gift-cards", {"amount": {"amount": 5_000_000, "currency": "INR"}})
    done = await bought(guest, shelve, {"method": "credit", "gift_cards": [card["code"]]})
    await execute(PARK, done["id"])
    _, parked = await staff.call("GET", "/v1/parked-checkouts")
    addresses = {
        "gift-cards": "/admin/gift-cards",
        "gift-card": f"/admin/gift-cards/{card['id']}",
        "breaks": "/admin/reconciliation",
        "facts": "/admin/reconciliation/facts",
        "parked": "/admin/parked",
        "parked-one": f"/admin/parked/{parked['data'][0]['attempt_id']}",
        "stock": f"/admin/stock/{(await shelve(5))['sku']}",
        "home": "/admin",
    }
    page = await entered(browser, desk, color_scheme=theme, viewport=viewport)
    faults = []
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for name, address in addresses.items():
        await page.goto(address)
        for folded in await page.locator("details.act > summary").all():
            await folded.click()
        results = await Axe().run(page)
        await page.screenshot(path=ARTEFACTS / f"desk-{name}-{theme}-{viewport['width']}.png", full_page=True)
        faults += [f"{name}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in results.response["violations"]]
    await page.context.close()
    assert faults == []
