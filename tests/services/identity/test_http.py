"""The public routes of identity, behind the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import copy_context
from typing import Any

import httpx
import pytest

from haat.contracts.cart import Cart, MergeCarts
from haat.contracts.identity import Address, EnsureStaff, Identity, LetterRef, SavedAddress, Tokens, User
from haat.engines.cache.memory import MemoryCache
from haat.engines.database.pool import PostgresDatabase
from haat.kit.ids import new_id
from haat.kit.message import Nothing, Unavailable
from haat.kit.rpc import local
from haat.services.identity.http import ROUTES
from haat.services.identity.service import IdentityService
from haat.services.identity.store import IdentityStore
from haat.web.gateway.app import gateway
from tests.services.shopfloor import all_wait

PASSWORD = "correct horse battery"
HOME = {"name": "Asha Rao", "line1": "12 MG Road", "city": "Bengaluru", "region": "KA", "postal_code": "560001"}


class Merges(Cart):
    """A cart that remembers what was merged; the token `broken` finds it away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def merge(self, ask: MergeCarts) -> Nothing:
        if ask.token == "broken":
            raise Unavailable()
        self.asked.append((ask.user_id, ask.token))
        return Nothing()


@pytest.fixture
def cart() -> Merges:
    return Merges()


@pytest.fixture
async def client(database: PostgresDatabase, cart: Merges) -> AsyncIterator[httpx.AsyncClient]:
    cache = MemoryCache()
    service = IdentityService(IdentityStore(database), cache, "only for these tests")
    app: Any = gateway(ROUTES, {"identity": local(Identity, service), "cart": cart}, {}, cache=cache)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as opened:
        yield opened


async def walked(client: httpx.AsyncClient, path: str, headers: dict[str, str], limit: int) -> list[list[str]]:
    """The ids of each page of a list."""
    pages, where = [], f"{path}?limit={limit}"
    while where:
        page = (await client.get(where, headers=headers)).json()
        pages.append([each["id"] for each in page["data"]])
        where = f"{path}?limit={limit}&cursor={page['next_cursor']}" if page["has_more"] else ""
    return pages


async def signed_in(client: httpx.AsyncClient, email: str, **headers: str) -> dict[str, Any]:
    answer = await client.post("/v1/sessions", json={"email": email, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 201
    return dict(answer.json())


def bearer(tokens: dict[str, Any] | Tokens) -> dict[str, str]:
    token = tokens.access_token if isinstance(tokens, Tokens) else tokens["access_token"]
    return {"Authorization": f"Bearer {token}"}


async def test_registering_answers_the_user(client: httpx.AsyncClient):
    email = f"{new_id('u')}@example.com"
    answer = await client.post("/v1/users", json={"email": email, "password": PASSWORD, "name": "Asha"})
    body = answer.json()
    assert (answer.status_code, body["email"], body["name"], body["roles"]) == (201, email, "Asha", [])
    assert sorted(body) == ["created_at", "email", "id", "name", "phone", "roles"]


async def test_a_taken_e_mail_is_a_conflict(client: httpx.AsyncClient, asha: User):
    answer = await client.post("/v1/users", json={"email": asha.email, "password": PASSWORD, "name": "A"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_a_repeated_registration_says_so(client: httpx.AsyncClient):
    body = {"email": f"{new_id('u')}@example.com", "password": PASSWORD, "name": "Asha"}
    headers = {"Idempotency-Key": new_id("k")}
    first = await client.post("/v1/users", json=body, headers=headers)
    again = await client.post("/v1/users", json=body, headers=headers)
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")


async def test_every_fault_of_a_registration_is_told_at_once(client: httpx.AsyncClient):
    answer = await client.post("/v1/users", json={"email": "a", "password": "short", "admin": True})
    told = [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
    assert (answer.status_code, told) == (
        422,
        [
            ("/email", "out_of_range"),
            ("/password", "out_of_range"),
            ("/name", "required"),
            ("/admin", "unknown_field"),
        ],
    )


async def test_a_zero_character_is_refused(client: httpx.AsyncClient):
    email = f"{new_id('u')}@example.com"
    answer = await client.post("/v1/users", json={"email": email, "password": PASSWORD, "name": "A\0B"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_signing_in_answers_what_the_api_promises(client: httpx.AsyncClient, asha: User):
    tokens = await signed_in(client, asha.email)
    assert sorted(tokens) == ["access_token", "device_token", "expires_in", "refresh_token", "token_type"]
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)


async def test_a_wrong_password_is_401(client: httpx.AsyncClient, asha: User):
    answer = await client.post("/v1/sessions", json={"email": asha.email, "password": "guess"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")


async def test_too_many_guesses_are_429_with_the_time_to_wait(client: httpx.AsyncClient):
    body = {"email": f"{new_id('u')}@example.com", "password": "guess"}
    answers = [await client.post("/v1/sessions", json=body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 890 <= int(answers[-1].headers["Retry-After"]) <= 901


async def test_the_guests_cart_joins_the_users(client: httpx.AsyncClient, asha: User, cart: Merges):
    await signed_in(client, asha.email, **{"Cart-Token": "crt_1.secret"})
    assert cart.asked == [(asha.id, "crt_1.secret")]


async def test_signing_in_does_not_depend_on_the_cart(client: httpx.AsyncClient, asha: User):
    assert "access_token" in await signed_in(client, asha.email, **{"Cart-Token": "broken"})


async def test_an_expired_token_sent_along_does_not_keep_from_renewing(client: httpx.AsyncClient, tokens: Tokens):
    answer = await client.post(
        "/v1/sessions/refresh",
        json={"refresh_token": tokens.refresh_token},
        headers={"Authorization": "Bearer old"},
    )
    assert answer.status_code == 200


async def test_a_bad_token_is_refused_elsewhere(client: httpx.AsyncClient):
    answer = await client.get("/v1/users/me", headers={"Authorization": "Bearer old"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


async def test_a_token_is_dead_right_after_signing_out(client: httpx.AsyncClient, tokens: Tokens):
    before = await client.get("/v1/users/me", headers=bearer(tokens))
    out = await client.delete("/v1/sessions/current", headers=bearer(tokens))
    after = await client.get("/v1/users/me", headers=bearer(tokens))
    assert (before.status_code, out.status_code, out.content, after.status_code) == (200, 204, b"", 401)


async def test_another_session_is_ended_by_its_id(client: httpx.AsyncClient, asha: User, tokens: Tokens):
    other = await signed_in(client, asha.email)
    listed = (await client.get("/v1/sessions", headers=bearer(tokens))).json()["data"]
    [theirs] = [session["id"] for session in listed if not session["current"]]
    ended = await client.delete(f"/v1/sessions/{theirs}", headers=bearer(tokens))
    dead = await client.get("/v1/users/me", headers=bearer(other))
    assert (ended.status_code, dead.status_code) == (204, 401)


async def test_whoever_confirms_a_new_address_stays_signed_in_and_others_are_out_at_once(
    client: httpx.AsyncClient, database: PostgresDatabase, identity: IdentityService, asha: User, tokens: Tokens
):
    other = await signed_in(client, asha.email)
    before = await client.get("/v1/users/me", headers=bearer(other))
    new = f"{new_id('new')}@example.com"
    ask = {"email": new, "current_password": PASSWORD}
    asked = await client.post("/v1/users/me/email", json=ask, headers=bearer(tokens))
    async with database.connection() as connection:
        letter_id = await connection.fetchval("SELECT letter_id FROM identity.letters WHERE email = $1", new)
    link = (await identity.letter(LetterRef(letter_id=letter_id))).token
    confirmed = await client.post("/v1/email-confirmations", json={"token": link}, headers=bearer(tokens))
    after = [await client.get("/v1/users/me", headers=bearer(who)) for who in (tokens, other)]
    assert (before.status_code, asked.status_code, confirmed.json()["email"]) == (200, 202, new)
    assert [answer.status_code for answer in after] == [200, 401]


async def test_a_profile_is_changed(client: httpx.AsyncClient, tokens: Tokens):
    answer = await client.patch("/v1/users/me", json={"name": "Asha R."}, headers=bearer(tokens))
    assert (answer.status_code, answer.json()["name"]) == (200, "Asha R.")


@pytest.mark.parametrize("phone", ["9812345678", "+91 98123 45678", "+0123456789", "+91", "+9198123456789012", ""])
async def test_a_phone_that_is_not_e164_is_refused_where_it_stands(
    client: httpx.AsyncClient, tokens: Tokens, phone: str
):
    in_book = await client.post("/v1/users/me/addresses", json={**HOME, "phone": phone}, headers=bearer(tokens))
    of_user = await client.patch("/v1/users/me", json={"phone": phone}, headers=bearer(tokens))
    refusals = [
        (each.status_code, [fault["pointer"] for fault in each.json()["errors"]]) for each in (in_book, of_user)
    ]
    assert refusals == [(422, ["/phone"])] * 2


async def test_a_phone_stays_when_it_is_left_out_and_is_forgotten_when_it_is_null(
    client: httpx.AsyncClient, tokens: Tokens
):
    bodies = ({"phone": "+919812345678"}, {"name": "Asha"}, {"phone": None})
    told = [(await client.patch("/v1/users/me", json=body, headers=bearer(tokens))).json()["phone"] for body in bodies]
    assert told == ["+919812345678", "+919812345678", None]


async def test_a_phone_in_e164_is_kept(client: httpx.AsyncClient, tokens: Tokens):
    body = {**HOME, "phone": "+919812345678"}
    made = await client.post("/v1/users/me/addresses", json=body, headers=bearer(tokens))
    assert (made.status_code, made.json()["phone"]) == (201, "+919812345678")


async def test_an_address_is_kept_changed_and_removed(client: httpx.AsyncClient, tokens: Tokens):
    headers = bearer(tokens)
    made = (await client.post("/v1/users/me/addresses", json=HOME, headers=headers)).json()
    where = f"/v1/users/me/addresses/{made['id']}"
    changed = await client.patch(where, json={"city": "Mysuru", "line2": "2nd floor"}, headers=headers)
    listed = (await client.get("/v1/users/me/addresses", headers=headers)).json()
    removed = await client.delete(where, headers=headers)
    gone = await client.get(where, headers=headers)
    expected = {**HOME, "id": made["id"], "is_default": True, "country": "IN", "phone": None}
    assert made == {**expected, "line2": None}
    assert changed.json() == {**expected, "city": "Mysuru", "line2": "2nd floor"}
    assert (listed["data"], removed.status_code, gone.status_code) == ([changed.json()], 204, 404)


async def test_public_keys_are_open_to_all(client: httpx.AsyncClient):
    answer = await client.get("/.well-known/jwks.json")
    assert {(key["kty"], key["crv"], key["alg"], key["use"]) for key in answer.json()["keys"]} == {
        ("OKP", "Ed25519", "EdDSA", "sig")
    }
    assert all("d" not in key for key in answer.json()["keys"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/sessions/current"),
        ("DELETE", "/v1/sessions/ses_1"),
        ("GET", "/v1/users/me"),
        ("PATCH", "/v1/users/me"),
        ("GET", "/v1/users/me/addresses"),
        ("POST", "/v1/users/me/addresses"),
        ("DELETE", "/v1/users/me/addresses/adr_1"),
        ("GET", "/v1/users"),
    ],
)
async def test_whoever_has_not_signed_in_gets_401(client: httpx.AsyncClient, method: str, path: str):
    assert (await client.request(method, path)).status_code == 401


async def test_searching_accounts_needs_the_role(client: httpx.AsyncClient, tokens: Tokens):
    answer = await client.get("/v1/users", headers=bearer(tokens))
    assert (answer.status_code, answer.json()["role"]) == (403, "support")


async def test_support_finds_an_account(client: httpx.AsyncClient, identity: IdentityService, asha: User):
    email = f"{new_id('staff')}@example.com"
    await identity.ensure_staff(EnsureStaff(email=email, name="S", password=PASSWORD, roles=["support"]))
    answer = await client.get("/v1/users", params={"q": asha.email}, headers=bearer(await signed_in(client, email)))
    assert [user["id"] for user in answer.json()["data"]] == [asha.id]


async def test_sessions_and_addresses_come_in_pages(client: httpx.AsyncClient, tokens: dict[str, Any], asha: User):
    for _ in range(2):
        await signed_in(client, asha.email)
    headers = bearer(tokens)
    book = [(await client.post("/v1/users/me/addresses", json=HOME, headers=headers)).json()["id"] for _ in range(3)]
    assert await walked(client, "/v1/users/me/addresses", headers, 2) == [book[:2], book[2:]]
    whole = (await client.get("/v1/sessions", headers=headers)).json()
    newest = [each["id"] for each in whole["data"]]
    assert (len(newest), newest, whole["has_more"]) == (3, sorted(newest, reverse=True), False)
    assert await walked(client, "/v1/sessions", headers, 2) == [newest[:2], newest[2:]]


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/users/me/addresses"])
@pytest.mark.parametrize(("query", "status"), [("limit=0", 422), ("limit=101", 422), ("cursor=bm8", 400)])
async def test_a_page_that_cannot_be_is_refused(
    client: httpx.AsyncClient, tokens: dict[str, Any], path: str, query: str, status: int
):
    assert (await client.get(f"{path}?{query}", headers=bearer(tokens))).status_code == status


async def test_a_change_of_an_address_keeps_what_was_changed_beside_it(
    client: httpx.AsyncClient, database: PostgresDatabase, tokens: dict[str, Any], asha: User
):
    headers, store = bearer(tokens), IdentityStore(database)
    made = (await client.post("/v1/users/me/addresses", json=HOME, headers=headers)).json()
    where = f"/v1/users/me/addresses/{made['id']}"
    change = client.patch(where, json={"line1": "7 Park Street"}, headers=headers)
    elsewhere = copy_context()
    async with store.transaction() as transaction:
        await store.lock_user(transaction.connection, asha.id)
        late = asyncio.create_task(change, context=elsewhere)
        await all_wait(transaction, 1)
        moved = SavedAddress(id=made["id"], address=Address(**HOME | {"line2": "Flat 4"}), is_default=True)
        await store.save_address(transaction.connection, asha.id, moved, is_new=False)
    changed = (await late).json()
    assert (changed["line1"], changed["line2"]) == ("7 Park Street", "Flat 4")
