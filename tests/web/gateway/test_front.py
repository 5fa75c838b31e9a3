"""What every request goes through: id, caller, headers, refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Response, get

from haat.engines.cache.memory import MemoryCache
from haat.settings import Settings
from haat.web.gateway.app import gateway
from haat.web.sessions import csrf_config
from tests.web.gateway.conftest import ROUTES, People

ASHA = {"Authorization": "Bearer asha"}
STAFF = {"Authorization": "Bearer staff"}
# A digest of the token: accounts are stored beside what they asked, and the token is a key.
GUEST = "guest:" + hashlib.blake2b(b"crt_1.x", digest_size=16).hexdigest()


async def test_a_request_id_is_echoed(client: httpx.AsyncClient):
    answer = await client.get("/v1/who", headers={"Request-Id": "my-1"})
    assert answer.headers["Request-Id"] == "my-1"


@pytest.mark.parametrize("given", ["", "x" * 129, "caf\u00e9"])
async def test_a_request_id_that_is_none_is_replaced(client: httpx.AsyncClient, given: str):
    answer = await client.get("/v1/who", headers=[(b"Request-Id", given.encode("latin-1"))])
    assert answer.headers["Request-Id"].startswith("req_")


async def test_a_bearer_token_speaks_for_its_user(client: httpx.AsyncClient):
    assert (await client.get("/v1/who", headers=ASHA)).json()["account"] == "usr_asha"


async def test_a_guest_is_known_by_the_cart(client: httpx.AsyncClient):
    assert (await client.get("/v1/who", headers={"Cart-Token": "crt_1.x"})).json()["account"] == GUEST


async def test_cookies_do_not_speak_for_api_calls(client: httpx.AsyncClient):
    answer = await client.get("/v1/who", headers={"Cookie": "haat_access=asha"})
    assert answer.json()["account"] == "address:203.0.113.9"


@pytest.mark.parametrize("path", ["//v1/who", "/%2Fv1/who", "/v1//who", "/v1/who//", "///v1/who", "//page"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_path_with_an_empty_part_leads_nowhere(
    client: httpx.AsyncClient, people: People, method: str, path: str
):
    answer = await client.request(method, f"http://shop{path}", headers={**ASHA, "Cookie": "haat_access=asha"})
    assert (answer.status_code, answer.json()["code"], people.asked) == (404, "not_found", 0)


async def test_a_path_without_its_first_slash_leads_nowhere(people: People):
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    front: Any = gateway(ROUTES, {"identity": people}, {})
    headers = [(b"cookie", b"haat_access=asha")]
    scope = {"type": "http", "method": "GET", "path": "v1/who", "query_string": b"", "headers": headers, "client": None}
    await front(scope, None, send)
    assert (sent[0]["status"], msgspec.json.decode(sent[1]["body"])["code"], people.asked) == (404, "not_found", 0)


async def test_bearer_tokens_do_not_speak_for_pages(client: httpx.AsyncClient):
    by_token = await client.get("/page", headers=ASHA)
    by_cookie = await client.get("/page", headers={"Cookie": "haat_access=asha"})
    assert (by_token.json()["account"], by_cookie.json()["account"]) == ("address:203.0.113.9", "usr_asha")


async def test_a_stale_cookie_shows_the_page_to_a_guest(client: httpx.AsyncClient):
    answer = await client.get("/page", headers={"Cookie": "haat_access=old"})
    assert (answer.status_code, answer.json()["account"]) == (200, "address:203.0.113.9")


async def test_a_bad_token_is_401_with_a_problem(client: httpx.AsyncClient):
    answer = await client.get("/v1/who", headers={"Authorization": "Bearer old", "Request-Id": "r1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert (answer.json()["code"], answer.json()["request_id"]) == ("token_refused", "r1")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/mine", {}, 401),
        ("/v1/mine", ASHA, 200),
        ("/v1/theirs", {}, 401),
        ("/v1/theirs", ASHA, 403),
        ("/v1/theirs", STAFF, 200),
    ],
)
async def test_a_route_says_who_may_call_it(client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int):
    assert (await client.get(path, headers=headers)).status_code == status


async def test_a_known_token_is_asked_about_once(opened: Callable[..., httpx.AsyncClient], people):
    client = opened(cache=MemoryCache())
    for _ in range(3):
        await client.get("/v1/who", headers=ASHA)
    assert people.asked == 1


async def test_a_token_is_asked_about_again_once_its_user_is_invalidated(
    opened: Callable[..., httpx.AsyncClient], people
):
    cache = MemoryCache()
    client = opened(cache=cache)
    await client.get("/v1/who", headers=ASHA)
    await cache.invalidate("user:usr_asha")
    await client.get("/v1/who", headers=ASHA)
    assert people.asked == 2


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("GET", "/nothing", None, 404, "not_found"),
        ("PUT", "/v1/who", None, 405, "method_not_allowed"),
        ("GET", "/v1/who?x=%00", None, 400, "malformed"),
        ("GET", "/v1/%00", None, 400, "malformed"),
        ("POST", "/v1/wishes", b"{bad", 400, "malformed"),
        ("POST", "/v1/wishes", b"", 400, "malformed"),
        ("POST", "/v1/wishes", b'{"name": "\xff"}', 400, "malformed"),
        ("POST", "/v1/wishes", b'{"a":' * 5_000, 400, "malformed"),
        ("POST", "/v1/wishes", b'{"name": "\\ud800"}', 400, "malformed"),
        ("POST", "/v1/wishes", b" " * 10_000_000, 413, "too_large"),
        ("POST", "/v1/wishes", b"[]", 422, "invalid"),
        ("POST", "/v1/wishes", b"null", 422, "invalid"),
        ("POST", "/v1/wishes", b'{"name": "x", "price": 1}', 422, "invalid"),
        ("GET", "/v1/broken", None, 500, "internal"),
        ("GET", "/problems/nothing", None, 404, "not_found"),
        ("GET", "/assets/nothing.0.js", None, 404, "not_found"),
    ],
)
async def test_every_refusal_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, content: bytes | None, status: int, code: str
):
    answer = await client.request(method, path, content=content)
    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert sorted(problem) == ["code", "detail", "errors", "request_id", "status", "title", "type"]


async def test_a_fault_of_ours_is_not_explained_to_strangers(client: httpx.AsyncClient):
    assert "secret" not in (await client.get("/v1/broken")).text


async def test_two_megabytes_are_taken(client: httpx.AsyncClient):
    body = b'{"name": "' + b"x" * 1_999_980 + b'"}'
    assert (await client.post("/v1/wishes", content=body)).status_code == 201


async def test_all_faults_of_a_body_are_told_at_once(client: httpx.AsyncClient):
    answer = await client.post("/v1/wishes", json={"quantity": "two", "price": 1})
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("/name", "required"),
        ("/quantity", "wrong_type"),
        ("/price", "unknown_field"),
    ]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_idempotency_key_has_a_length(client: httpx.AsyncClient, key: str):
    answer = await client.post("/v1/wishes", json={"name": "x"}, headers={"Idempotency-Key": key})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/Idempotency-Key"]


async def test_the_fingerprint_covers_the_body(client: httpx.AsyncClient):
    headers = {"Idempotency-Key": "k"}
    keys = [
        (await client.post("/v1/wishes", json={"name": name}, headers=headers)).json()["key"]
        for name in ("x", "x", "y")
    ]
    assert (keys[0] == keys[1], keys[0] == keys[2]) == (True, False)


async def test_a_head_request_is_answered_without_a_body(client: httpx.AsyncClient):
    whole, head = await client.get("/v1/who"), await client.head("/v1/who")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (
        200,
        b"",
        whole.headers["Content-Length"],
    )


@pytest.mark.parametrize(("path", "allowed"), [("/v1/who", "GET, OPTIONS"), ("/v1/wishes", "GET, OPTIONS, POST")])
async def test_options_tells_the_methods(client: httpx.AsyncClient, path: str, allowed: str):
    answer = await client.options(path)
    assert (answer.status_code, answer.headers["Allow"]) == (204, allowed)


async def test_no_other_site_may_read_answers(client: httpx.AsyncClient):
    answer = await client.get("/v1/who", headers={"Origin": "https://evil.example"})
    assert [name for name in answer.headers if name.startswith("access-control")] == []


async def test_answers_carry_security_headers(client: httpx.AsyncClient):
    headers = (await client.get("/v1/who")).headers
    assert {name: headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options")} == {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Frame-Options": "SAMEORIGIN",
    }
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/v1/who", {"Cart-Token": "crt_1.x"}),
        ("GET", "/v1/who?by=framework", {"Cart-Token": "crt_1.x"}),
        ("GET", "/v1/mine", {}),
        ("GET", "/v1/mine", {"Authorization": "Bearer nonsense"}),
        ("GET", "/v1/nothing", {}),
        ("POST", "/v1/wishes", {}),
        ("HEAD", "/v1/who", ASHA),
    ],
)
async def test_what_is_one_callers_is_kept_for_nobody_else(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
):
    answer = await client.request(method, path, headers=headers)
    assert answer.headers.get_list("Cache-Control") == ["private, no-cache"]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("limit=&word=&cursor=", {"limit": 20, "word": "any", "cursor": None}),
        ("word=&limit=3", {"limit": 3, "word": "any", "cursor": None}),
        ("cursor=YQ==&limit=", {"limit": 20, "word": "any", "cursor": "YQ=="}),
        ("word==&=", {"limit": 20, "word": "=", "cursor": None}),
        ("word=%20", {"limit": 20, "word": " ", "cursor": None}),
    ],
)
async def test_a_parameter_that_is_empty_is_left_out(client: httpx.AsyncClient, query: str, answer: dict[str, Any]):
    assert (await client.get(f"/v1/words?{query}")).json() == answer


@pytest.mark.parametrize("query", ["word=café&limit=", "word=caf%C3%A9"])
async def test_a_query_is_utf_8_also_where_nothing_is_escaped(people: People, query: str):
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = gateway(ROUTES, {"identity": people}, {})
    scope = {"type": "http", "method": "GET", "path": "/v1/words", "headers": [], "client": None}
    await app({**scope, "query_string": query.encode()}, None, send)
    assert (sent[0]["status"], msgspec.json.decode(sent[1]["body"])["word"]) == (200, "café")


async def test_what_everybody_may_keep_carries_nobodys_cookie(people: People):
    @get("/.well-known/keys")
    async def keys() -> Response[str]:
        return Response("", headers={"Cache-Control": "public, max-age=300"})

    app: Any = gateway([keys], {"identity": people}, {}, csrf=csrf_config(Settings(service_secret="s" * 40)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as visitor:
        answer = await visitor.get("/.well-known/keys")
    assert (answer.headers["Cache-Control"], "Set-Cookie" in answer.headers) == ("public, max-age=300", False)


async def test_without_a_limit_nothing_is_said_of_one(client: httpx.AsyncClient):
    assert "RateLimit" not in (await client.get("/v1/who")).headers


async def test_the_limit_is_told_and_then_refused(opened: Callable[..., httpx.AsyncClient]):
    client = opened(limit_per_minute=3)
    answers = [await client.get("/v1/who", headers=ASHA) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=3;w=60'
    assert answers[0].headers["RateLimit"] == '"default";r=2;t=20'
    assert (answers[3].json()["code"], 18 <= int(answers[3].headers["Retry-After"]) <= 20) == (
        "too_many_requests",
        True,
    )


async def test_bad_tokens_count_against_their_address(opened: Callable[..., httpx.AsyncClient]):
    client = opened(limit_per_minute=1)
    answers = [await client.get("/v1/who", headers={"Authorization": f"Bearer {n}"}) for n in range(101)]
    assert [answer.status_code for answer in answers] == [401] * 100 + [429]


async def test_pages_are_not_limited(opened: Callable[..., httpx.AsyncClient]):
    client = opened(limit_per_minute=1)
    answers = [await client.get("/page") for _ in range(102)]
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, ["198.51.100.7"], "203.0.113.9"),
        (1, [], "203.0.113.9"),
        (1, ["198.51.100.7"], "198.51.100.7"),
        (1, ["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        (1, ["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
        (2, ["1.2.3.4, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (2, ["198.51.100.7"], "198.51.100.7"),
        (1, ["198.51.100.7:4711"], "198.51.100.7"),
        (1, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, ["2001:DB8::1"], "2001:db8::1"),
        (1, ["<script>"], "203.0.113.9"),
        (1, ["1.2.3.4, unknown"], "203.0.113.9"),
    ],
)
async def test_only_our_own_proxies_are_believed_about_an_address(
    opened: Callable[..., httpx.AsyncClient], proxies: int, told: list[str], address: str
):
    headers = [("X-Forwarded-For", each) for each in told]
    answer = await opened(trusted_proxies=proxies).get("/v1/who", headers=headers)
    assert answer.json()["account"] == f"address:{address}"
