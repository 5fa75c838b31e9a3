"""The vault's own origin: tokens, the framed fields, the plain form."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from haat.contracts.vault import CardToken, NewCard, Vault
from haat.kit.ids import is_id
from haat.kit.problem import EXCEPTION_HANDLERS, TooMany
from haat.services.vault.http import ROUTES
from haat.settings import Settings
from haat.web.gateway.description import api_config, describe
from tests.journeys.documented import Description

SHOP = "https://shop.example"
CARD = {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2040, "cvc": "123", "name": "Asha Rao"}
RETURN = SHOP + "/checkout/pay?step=2"


@pytest.fixture
async def client(vaulted: Any) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(public_url=SHOP + "/", vault_public_url="https://vault.example")
    app = Litestar(
        ROUTES,
        dependencies={
            "vault": Provide(lambda: vaulted.vault, sync_to_thread=False),
            "settings": Provide(lambda: settings, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as opened:
        yield opened


def hash_of(tag: str, page: str) -> str:
    """What a browser makes of the page's only element of this kind."""
    (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()


async def test_a_card_becomes_a_token(client: httpx.AsyncClient):
    answer = await client.post("/v1/tokens", json=CARD, headers={"Origin": SHOP})
    body = answer.json()
    assert (answer.status_code, body.pop("token")[:4]) == (201, "tok_")
    assert body == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2040}
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["Cache-Control"]) == (SHOP, "no-store")


async def test_every_fault_is_told_at_once_and_readable_by_the_shop(client: httpx.AsyncClient):
    bad = {**CARD, "number": "4242424242424241", "cvc": "1"}
    answer = await client.post("/v1/tokens", json=bad, headers={"Origin": SHOP})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/number", "/cvc"]
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (422, SHOP)
    assert "4242" not in answer.text


async def test_wrong_types_and_unknown_fields_are_told_at_once(client: httpx.AsyncClient):
    answer = await client.post("/v1/tokens", json={"number": 4242424242424242, "exp_month": "x", "user_id": "usr_1"})
    found = sorted(fault["pointer"] for fault in answer.json()["errors"])
    assert (answer.status_code, found) == (422, ["/cvc", "/exp_month", "/exp_year", "/number", "/user_id"])
    assert "4242" not in answer.text


async def test_what_can_be_read_of_a_refused_body_is_looked_at_too(client: httpx.AsyncClient):
    bad = {"number": "4242424242424241", "exp_month": 13, "exp_year": 2040, "name": "Asha", "user_id": "usr_1"}
    answer = await client.post("/v1/tokens", json=bad)
    found = sorted((fault["pointer"], fault["code"]) for fault in answer.json()["errors"])
    assert found == [
        ("/cvc", "required"),
        ("/exp_month", "out_of_range"),
        ("/number", "invalid_card_number"),
        ("/user_id", "unknown_field"),
    ]
    assert "4242" not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *((b"", 400), (b"{", 400), (b"[]", 422), (b'"x"', 422), (b"\xff", 400), (b"x" * 2048, 400)),
        *((b'{"a": 1, ', 400), (b'{"a":' * 400, 400)),
    ],
)
async def test_what_is_no_card_is_refused(client: httpx.AsyncClient, body: bytes, status: int):
    answer = await client.post("/v1/tokens", content=body, headers={"Origin": SHOP})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, SHOP)


async def test_every_refusal_has_an_id_of_its_own(client: httpx.AsyncClient):
    told = [(await client.post("/v1/tokens", content=b"{")).json()["request_id"] for _ in range(2)]
    assert (is_id(told[0], "req"), is_id(told[1], "req"), told[0] == told[1]) == (True, True, False)


@pytest.mark.parametrize(("path", "most"), [("/v1/tokens", 2048), ("/card-form", 5120)])
async def test_what_is_too_large_is_not_read(client: httpx.AsyncClient, path: str, most: int):
    assert (await client.post(path, content=b" " * (most + 1))).status_code == 413


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), ("https://evil.example", None), ("null", None)])
async def test_only_the_shops_pages_may_ask(client: httpx.AsyncClient, origin: str, allowed: str | None):
    answer = await client.options("/v1/tokens", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (204, allowed)


async def test_a_page_may_send_what_the_api_asks_of_every_post(client: httpx.AsyncClient):
    answer = await client.options("/v1/tokens", headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"})
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Idempotency-Key"


async def test_the_fields_may_be_framed_by_the_shop_only(client: httpx.AsyncClient):
    answer = await client.get("/fields", params={"origin": SHOP})
    assert (answer.status_code, f'data-origin="{SHOP}"' in answer.text) == (200, True)
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src '{hash_of('style', answer.text)}'; base-uri 'none';"
        f" script-src '{hash_of('script', answer.text)}'; connect-src 'self'; form-action 'none';"
        f" frame-ancestors {SHOP}; require-trusted-types-for 'script'"
    )


@pytest.mark.parametrize("origin", ["https://evil.example", SHOP + ".evil.example", SHOP + "/", "*", ""])
async def test_no_other_page_gets_the_fields(client: httpx.AsyncClient, origin: str):
    assert (await client.get("/fields", params={"origin": origin})).status_code == 422


async def test_the_plain_form_leads_back_with_a_token(client: httpx.AsyncClient):
    form = {**{name: str(value) for name, value in CARD.items()}, "exp_year": "40", "return_to": RETURN}
    answer = await client.post("/card-form", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(RETURN + "&token=tok_")


async def test_a_faulty_form_comes_back_without_number_and_code(client: httpx.AsyncClient):
    form = {"number": "4242424242424241", "cvc": "987", "name": '"><script>', "return_to": RETURN}
    answer = await client.post("/card-form", data=form)
    assert answer.status_code == 422
    assert [word in answer.text for word in ("4242", "987", "<script>", "This is not a card number")] == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example/",
        "https://shop.example@evil.example/",
        "https://shop.example.evil.example/",
        "//evil.example",
        "/checkout",
        "javascript:alert(1)",
        "https://shop.example\\@evil.example/",
        "https://shop.example:8443/",
        "http://shop.example/",
        "https://shop.example/\r\nSet-Cookie: x=1",
        "https://[",
        "https://shop.example]/",
        "ftp://shop.example/",
    ],
)
async def test_a_token_is_led_nowhere_but_to_the_shop(client: httpx.AsyncClient, return_to: str):
    form = {**{name: str(value) for name, value in CARD.items()}, "return_to": return_to}
    answers = [
        await client.get("/card-form", params={"return_to": return_to}),
        await client.post("/card-form", data=form, follow_redirects=False),
    ]
    assert [answer.status_code for answer in answers] == [422, 422]


async def test_the_pages_load_nothing_from_elsewhere(client: httpx.AsyncClient):
    pages = [
        await client.get("/fields", params={"origin": SHOP}),
        await client.get("/card-form", params={"return_to": RETURN}),
    ]
    assert [page.status_code for page in pages] == [200] * 2
    text = "".join(page.text.replace(SHOP, "") for page in pages)
    # Nor do they tell anything to whoever may be listening.
    words = ("http:", "https:", "@import", "url(", " src=", "<link", "'*'", '"*"')
    assert [word for word in words if word in text] == []


class Heard(Vault):
    """A vault that writes down who asks, and refuses."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def tokenize(self, ask: NewCard) -> CardToken:
        self.addresses.append(ask.network_address)
        raise TooMany()


@pytest.mark.parametrize(("proxies", "heard"), [(0, "127.0.0.1"), (1, "93.184.216.7")])
async def test_behind_our_own_proxies_tries_are_counted_by_the_shoppers_address(proxies: int, heard: str):
    vault, settings = Heard(), Settings(public_url=SHOP + "/", trusted_proxies=proxies)
    dependencies = {
        "vault": Provide(lambda: vault, sync_to_thread=False),
        "settings": Provide(lambda: settings, sync_to_thread=False),
    }
    app = Litestar(ROUTES, dependencies=dependencies, exception_handlers=EXCEPTION_HANDLERS)
    headers = {"Origin": SHOP, "X-Forwarded-For": "1.2.3.4, 93.184.216.7"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        await client.post("/v1/tokens", json=CARD, headers=headers)
    assert vault.addresses == [heard]


@pytest.fixture(scope="module")
def description() -> Description:
    needs = {name: Provide(lambda: None, sync_to_thread=False) for name in ("vault", "settings")}
    return Description(describe(Litestar(ROUTES, dependencies=needs, openapi_config=api_config(()))))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (CARD, 201),
        ({**CARD, "number": "4242424242424241"}, 422),
        ({**CARD, "extra": 1}, 422),
        ({"number": 4}, 422),
        ("no card", 422),
        ({**CARD, "name": "x" * 3_000}, 413),
    ],
)
async def test_every_answer_is_as_described(
    client: httpx.AsyncClient, description: Description, body: object, status: int
):
    answer = await client.post("/v1/tokens", json=body)
    kind = answer.headers["Content-Type"]
    assert answer.status_code == status
    assert description.faults("POST", "/v1/tokens", status, kind, answer.json()) == []


async def test_no_path_of_the_vault_gives_a_card_back(client: httpx.AsyncClient):
    token = (await client.post("/v1/tokens", json=CARD)).json()["token"]
    served = {(path, method) for route in ROUTES for path in route.paths for method in route.http_methods}
    assert served == {
        ("/v1/tokens", "POST"),
        ("/v1/tokens", "OPTIONS"),
        ("/fields", "GET"),
        ("/card-form", "GET"),
        ("/card-form", "POST"),
    }
    asked = [await client.get(path) for path in (f"/v1/tokens/{token}", f"/v1/cards/{token}", f"/fields/{token}")]
    assert [answer.status_code for answer in asked] == [404] * 3
    pages = [await client.get(path, params={"token": token, "return_to": RETURN}) for path in ("/fields", "/card-form")]
    assert [re.search("424242", page.text) for page in pages] == [None, None]
