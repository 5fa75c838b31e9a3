"""The card fields in a real browser: who may frame them, whom they listen to, and whom they tell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Frame, Page, async_playwright, expect

from tests.journeys.client import CARD
from tests.journeys.shops import HAAT, lasting_ports, until_ready
from tests.journeys.storefront import CHROMIUM

PORT = next(lasting_ports())
SHOP, EVIL = f"http://shop.localhost:{PORT}", f"http://evil.localhost:{PORT}"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
# Both pages write down what they are told, and by whom; the frame is as the shop's own script makes it.
PAGE = """<!doctype html><script>
window.told = [];
addEventListener("message", (event) => told.push([event.origin, event.data]));
</script><iframe id="card" sandbox="allow-scripts allow-same-origin allow-forms" src="{fields}"></iframe>{beside}"""


@pytest.fixture(scope="module")
def vault(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The vault of a shop whose pages come from SHOP."""
    port = next(lasting_ports())
    environment = {
        **os.environ,
        "HAAT_DATABASE_URL": database_url,
        "HAAT_DATA": str(tmp_path_factory.mktemp("data")),
        "HAAT_PUBLIC_URL": SHOP,
        "HAAT_SERVICE_SECRET": "only-for-tests-" + "x" * 32,
    }
    command = [*HAAT, "serve", "vault", "--port", str(port), "--workers", "1"]
    with subprocess.Popen(command, env=environment) as process:
        until_ready(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
async def page(vault: str) -> AsyncIterator[Page]:
    """A browser in a world of two origins, a shop's and somebody else's."""

    async def answer(request: web.Request) -> web.Response:
        beside = f'<iframe src="{EVIL}/inside"></iframe>' if request.host.startswith("shop") else ""
        inner = "" if request.path == "/inside" else PAGE.format(fields=f"{vault}/fields?origin={SHOP}", beside=beside)
        return web.Response(text=inner, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = await browser.new_page()
        yield opened
        await browser.close()
    await runner.cleanup()


async def fill(page: Page) -> None:
    card = page.frame_locator("#card")
    for label, name in (("Card number", "number"), ("Name on card", "name"), ("Security code", "cvc")):
        await card.get_by_label(label).fill(str(CARD[name]))
    await card.get_by_label("Month").fill("12")
    await card.get_by_label("Year").fill("2034")


async def told(page: Page, kind: str) -> list[Any]:
    return await page.evaluate("kind => told.filter(([_, data]) => data.haat === kind)", kind)  # type: ignore[no-any-return]


async def test_the_shop_is_told_the_token_and_nothing_of_the_card(page: Page, vault: str):
    await page.goto(f"{SHOP}/")
    await fill(page)
    await page.evaluate(f"document.getElementById('card').contentWindow.postMessage({{haat: 'tokenize'}}, '{vault}')")
    await page.wait_for_function("told.some(([_, data]) => data.haat === 'card')")
    ((origin, card),) = await told(page, "card")
    assert (origin, sorted(card)) == (vault, ["brand", "exp_month", "exp_year", "haat", "last4", "token"])
    assert "4242424242424242" not in str(await page.evaluate("told")).replace(" ", "")
    await expect(page.frame_locator("#card").get_by_label("Card number")).to_have_value("")


async def test_nobody_else_may_frame_the_fields(page: Page, vault: str):
    refused: list[str] = []
    page.on("console", lambda line: refused.append(line.text))
    async with page.expect_console_message():
        await page.goto(f"{EVIL}/")
    assert await page.evaluate("told") == []
    assert ["frame-ancestors" in line for line in refused] == [True]


async def test_a_message_of_another_origin_does_nothing(page: Page, vault: str):
    """Neither one that sits beside the fields, nor the fields themselves."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    await page.goto(f"{SHOP}/")
    await fill(page)
    for frame in page.frames[1:]:
        await knock(frame)
    await page.wait_for_timeout(500)
    assert [each for each in asked if each.startswith("POST")] == []
    assert await told(page, "card") == []


async def knock(frame: Frame) -> None:
    await frame.evaluate("window.parent.frames[0].postMessage({haat: 'tokenize'}, '*')")


async def test_the_page_runs_and_loads_nothing_that_was_not_in_it(page: Page, vault: str):
    """Its policy holds in the browser: no script of others, no connection elsewhere, no markup made from text."""
    await page.goto(f"{SHOP}/")
    await fill(page)
    inside = page.frames[1]
    tries = {
        "script": "() => { try { const made = document.createElement('script'); made.textContent = 'window.x = 1';"
        " document.head.append(made); } catch { } return window.x === undefined; }",
        "connect": f"() => fetch('{EVIL}/').then(() => false, () => true)",
        "markup": "() => { try { document.body.innerHTML = '<b>x</b>'; return false; } catch { return true; } }",
    }
    assert {name: await inside.evaluate(tried) for name, tried in tries.items()} == dict.fromkeys(tries, True)
