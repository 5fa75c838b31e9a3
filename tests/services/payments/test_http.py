"""`/v1/payments`, `/v1/payment-methods` and webhooks, as a client meets them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Signer

from haat.contracts.identity import AccessToken, Identity, OfUser, Principal, User
from haat.contracts.payments import Capture, CashMethod, Refund, digest
from haat.kit.ids import is_id, new_id
from haat.kit.message import NotFound, Unauthenticated
from haat.kit.money import Money
from haat.services.payments.http import ROUTES
from haat.settings import Settings
from haat.web.gateway.app import gateway
from tests.services.payments.notices import body_about, notice

SECRET = "whsec_c2FuZGJveC10ZXN0cy1zZWNyZXQ="
ROLES = {"finance": ["finance"], "support": ["support"]}


class KnownPeople(Identity):
    """A token is the user's id; `finance` and `support` are staff."""

    async def authenticate(self, ask: AccessToken) -> Principal:
        if not ask.token.startswith(("usr_", "finance", "support")):
            raise Unauthenticated()
        return Principal(
            user_id=ask.token,
            session_id="ses_1",
            roles=ROLES.get(ask.token, []),
            expires_at=datetime.now(UTC) + timedelta(minutes=5),
        )

    async def user(self, ask: OfUser) -> User:
        if not is_id(ask.user_id, "usr"):
            raise NotFound()
        return User(id=ask.user_id, email="asha@example.com", name="Asha", roles=[], created_at=datetime.now(UTC))


@pytest.fixture
def traded_in() -> str:
    """The shop's currency."""
    return "INR"


@pytest.fixture
async def client(shop: Any, traded_in: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(service_secret="s" * 40, currency=traded_in)
    app = gateway(ROUTES, {"payments": shop.payments, "identity": KnownPeople()}, {"settings": settings})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as opened:
        yield opened


def signed_in(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {user}"}


async def test_the_payer_sees_state_and_history(client: httpx.AsyncClient, shop: Any):
    user = new_id("usr")
    paid = await shop.payments.authorize(shop.ask(CashMethod(), user_id=user))
    answer = await client.get(f"/v1/payments/{paid.id}", headers=signed_in(user))
    body = answer.json()
    assert (answer.status_code, body["state"], body["amount"]) == (
        200,
        "authorized",
        {"amount": 259900, "currency": "INR"},
    )
    assert [event["type"] for event in body["history"]] == ["authorizing", "authorized"]


@pytest.mark.parametrize(("who", "status"), [("finance", 200), ("support", 404), ("usr_other", 404), (None, 401)])
async def test_who_else_sees_a_payment(client: httpx.AsyncClient, shop: Any, who: str | None, status: int):
    paid = await shop.payments.authorize(shop.ask(CashMethod(), user_id=new_id("usr")))
    answer = await client.get(f"/v1/payments/{paid.id}", headers=signed_in(who) if who else {})
    assert answer.status_code == status


async def test_a_guests_payment_belongs_to_no_user(client: httpx.AsyncClient, shop: Any):
    paid = await shop.payments.authorize(shop.ask(CashMethod()))
    assert (await client.get(f"/v1/payments/{paid.id}", headers=signed_in("usr_other"))).status_code == 404


async def test_saved_cards_are_listed_and_forgotten_by_their_owner_only(client: httpx.AsyncClient, shop: Any):
    user = new_id("usr")
    await shop.payments.authorize(shop.ask(await shop.card(save=True), user_id=user))
    (card,) = (await client.get("/v1/payment-methods", headers=signed_in(user))).json()["data"]
    path = f"/v1/payment-methods/{card['id']}"
    statuses = [(await client.delete(path, headers=signed_in(who))).status_code for who in ("usr_other", user, user)]
    assert (card["last4"], statuses) == ("4242", [404, 204, 404])


async def test_saved_cards_come_in_pages_newest_first(client: httpx.AsyncClient, shop: Any):
    user = new_id("usr")
    for number in ("4242424242424242", "4000000000000259"):
        await shop.payments.authorize(shop.ask(await shop.card(number, save=True), user_id=user))
    first = (await client.get("/v1/payment-methods?limit=1", headers=signed_in(user))).json()
    where = f"/v1/payment-methods?limit=1&cursor={first['next_cursor']}"
    second = (await client.get(where, headers=signed_in(user))).json()
    # A cursor is bound to its list.
    refused = (await client.get(where, headers=signed_in(new_id("usr")))).status_code
    assert [each["last4"] for page in (first, second) for each in page["data"]] == ["0259", "4242"]
    assert (first["has_more"], second["has_more"], second["next_cursor"], refused) == (
        True,
        False,
        None,
        400,
    )


async def test_a_signed_notice_is_taken(client: httpx.AsyncClient):
    body, at, webhook_id = b'{"type":"x","data":{}}', datetime.now(UTC), new_id("msg")
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(SECRET).sign(webhook_id, at, body.decode()),
    }
    answer = await client.post("/v1/webhooks/payments/sandbox", content=body, headers=headers)
    assert answer.status_code == 204
    answer = await client.post("/v1/webhooks/payments/sandbox", content=body + b" ", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_refused")


async def test_notices_that_are_stale_or_about_nothing_of_ours_are_taken(client: httpx.AsyncClient, shop: Any):
    ask = shop.ask(await shop.card(), 1_000)
    paid = await shop.payments.authorize(ask)
    held = await body_about(shop, ask.checkout_id, "payment.authorized")
    await shop.payments.capture(Capture(payment_id=paid.id, request_id="c"))
    taken = await body_about(shop, ask.checkout_id, "payment.captured")
    await shop.payments.refund(Refund(payment_id=paid.id, request_id="r", reason="x", amount=Money(400)))
    strange = await body_about(shop, ask.checkout_id, "payment.captured", id="psp_other", reference="chk_other")
    again = notice(held)
    answers = []
    for hook in (again, again, notice(held), notice(taken), notice(strange), notice(taken)):
        path, headers = "/v1/webhooks/payments/sandbox", dict(hook.headers)
        answers.append((await client.post(path, content=hook.body, headers=headers)).status_code)
    assert answers == [204] * 6
    assert await shop.told(ask.attempt_id) == ["PaymentAuthorized", "PaymentCaptured", "PaymentRefunded"]


async def test_a_notice_for_a_provider_not_used_is_not_found(client: httpx.AsyncClient):
    assert (await client.post("/v1/webhooks/payments/other", content=b"{}")).status_code == 404


async def test_a_huge_notice_is_refused(client: httpx.AsyncClient):
    answer = await client.post("/v1/webhooks/payments/sandbox", content=b"x" * 300_000)
    assert answer.status_code == 413


async def test_finance_issues_a_gift_card_and_its_holder_asks_for_the_balance(client: httpx.AsyncClient):
    body = {"amount": {"amount": 5_000, "currency": "INR"}}
    issued = await client.post("/v1/gift-cards", headers=signed_in("finance"), json=body)
    assert (issued.status_code, issued.json()["balance"]) == (201, body["amount"])
    seen = await client.post("/v1/gift-cards/balance", json={"code": issued.json()["code"]})
    assert (seen.status_code, seen.json()["balance"], seen.json()["code"]) == (200, body["amount"], None)
    assert (await client.post("/v1/gift-cards/balance", json={"code": "not-a-gift-card"})).status_code == 404
    kept = digest(issued.json()["code"])
    assert (await client.post("/v1/gift-cards/balance", json={"code": kept})).status_code == 404


async def test_store_credit_is_granted_by_finance_and_shown_to_its_user(client: httpx.AsyncClient):
    user = new_id("usr")
    body = {"user_id": user, "amount": {"amount": 700, "currency": "INR"}, "reason": "late parcel"}
    assert (await client.post("/v1/store-credit", headers=signed_in("finance"), json=body)).status_code == 201
    shown = await client.get("/v1/store-credit", headers=signed_in(user))
    assert shown.json() == {"user_id": user, "balance": {"amount": 700, "currency": "INR"}}
    account = await client.get(f"/v1/ledger/accounts/store_credit:{user}:INR", headers=signed_in("finance"))
    assert account.json()["balances"] == [
        {"posted": {"amount": -700, "currency": "INR"}, "pending": {"amount": 0, "currency": "INR"}}
    ]


async def test_credit_given_by_mistake_is_taken_back_by_finance_once_under_a_key(client: httpx.AsyncClient):
    user, finance = new_id("usr"), signed_in("finance")
    amount = {"amount": 700, "currency": "INR"}
    await client.post("/v1/store-credit", headers=finance, json={"user_id": user, "amount": amount, "reason": "x"})
    path, body = f"/v1/store-credit/{user}/withdraw", {"amount": {**amount, "amount": 400}, "reason": "wrong one"}
    keyed = {**finance, "Idempotency-Key": new_id("k")}
    taken = [await client.post(path, headers=keyed, json=body) for _ in range(2)]
    refused = await client.post(path, headers=finance, json=body)
    assert [(each.status_code, each.json()["balance"]["amount"]) for each in taken] == [(200, 300), (200, 300)]
    assert (refused.status_code, refused.json()["code"], refused.json()["balance"]["amount"]) == (
        409,
        "credit_too_low",
        300,
    )


@pytest.mark.parametrize("amount", [0, -1, 2**63 - 1, 2**63, 10**15 + 1])
async def test_money_at_the_edge_of_what_fits_is_invalid(client: httpx.AsyncClient, amount: int):
    body = {"amount": {"amount": amount, "currency": "INR"}}
    answer = await client.post("/v1/gift-cards", headers=signed_in("finance"), json=body)
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/v1/gift-cards", "/v1/store-credit", "/v1/store-credit/usr_1/withdraw"])
async def test_only_finance_makes_money_or_takes_it_back(client: httpx.AsyncClient, path: str):
    amount = {"amount": 700, "currency": "INR"}
    body = {"amount": amount} | ({"user_id": "usr_1", "reason": "x"} if path == "/v1/store-credit" else {})
    assert (await client.post(path, headers=signed_in("support"), json=body)).status_code == 403
    assert (await client.post(path, json=body)).status_code == 401


async def test_finance_looks_a_gift_card_up_and_explains_a_fact(client: httpx.AsyncClient, shop: Any):
    body = {"amount": {"amount": 5_000, "currency": "INR"}}
    card = (await client.post("/v1/gift-cards", headers=signed_in("finance"), json=body)).json()
    found = await client.get(f"/v1/gift-cards?ending={card['ending']}", headers=signed_in("finance"))
    history = await client.get(f"/v1/gift-cards/{card['id']}", headers=signed_in("finance"))
    assert card["id"] in [each["id"] for each in found.json()["data"]]
    assert [each["spendable"]["amount"] for each in history.json()["data"]] == [5_000]
    told_by = new_id("psp")
    await shop.rows("INSERT INTO payments.quarantine VALUES ('sandbox', $1, 'amount', '{}')", told_by)
    facts = (await client.get("/v1/payment-facts?status=open", headers=signed_in("finance"))).json()["data"]
    path = next(f"/v1/payment-facts/{each['id']}/explanation" for each in facts if each["provider_id"] == told_by)
    refused = await client.post(path, headers=signed_in("support"), json={"note": "seen"})
    done = await client.post(path, headers=signed_in("finance"), json={"note": "seen"})
    assert (refused.status_code, done.status_code, done.json()["note"]) == (403, 200, "finance: seen")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/reconciliation/breaks",
        "/v1/payment-facts",
        "/v1/ledger/accounts/bank",
        "/v1/gift-cards",
    ],
)
async def test_the_books_are_for_finance_only(client: httpx.AsyncClient, path: str):
    assert (await client.get(path, headers=signed_in("finance"))).status_code == 200
    assert (await client.get(path, headers=signed_in("support"))).status_code == 403
    assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("path", ["/v1/gift-cards", "/v1/store-credit"])
async def test_credit_that_could_buy_nothing_here_is_not_given(client: httpx.AsyncClient, path: str):
    body: dict[str, Any] = {"amount": {"amount": 100, "currency": "USD"}}
    body |= {"user_id": new_id("usr"), "reason": "x"} if path == "/v1/store-credit" else {}
    answer = await client.post(path, headers=signed_in("finance"), json=body)
    assert (answer.status_code, [(each["pointer"], each["code"]) for each in answer.json()["errors"]]) == (
        422,
        [("/amount/currency", "not_allowed")],
    )


@pytest.mark.parametrize("traded_in", ["EUR"])
async def test_credit_is_told_in_the_currency_that_the_shop_trades_in(client: httpx.AsyncClient):
    user, euros = new_id("usr"), {"amount": 700, "currency": "EUR"}
    body = {"user_id": user, "amount": euros, "reason": "late parcel"}
    await client.post("/v1/store-credit", headers=signed_in("finance"), json=body)
    own = await client.get("/v1/store-credit", headers=signed_in(user))
    told = await client.get(f"/v1/store-credit/{user}", headers=signed_in("finance"))
    assert (own.json()["balance"], told.json()["credit"]["balance"]) == (euros, euros)


@pytest.mark.parametrize("currency", ["inr", "", "IN", "INR\n", "INRR", "I R", "१२३"])
@pytest.mark.parametrize("path", ["/v1/gift-cards", "/v1/store-credit", "/v1/store-credit/usr_1/withdraw"])
async def test_credit_is_in_a_currency(client: httpx.AsyncClient, path: str, currency: str):
    body: dict[str, Any] = {"amount": {"amount": 100, "currency": currency}}
    body |= {"/v1/gift-cards": {}, "/v1/store-credit": {"user_id": new_id("usr")}}.get(path, {})
    body |= {} if path == "/v1/gift-cards" else {"reason": "x"}
    answer = await client.post(path, headers=signed_in("finance"), json=body)
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/amount/currency"])


async def test_nobody_is_given_no_credit(client: httpx.AsyncClient):
    body = {"user_id": "usr_typo", "amount": {"amount": 100, "currency": "INR"}, "reason": "x"}
    answer = await client.post("/v1/store-credit", headers=signed_in("finance"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_gift_card_ends_at_the_same_moment_everywhere(client: httpx.AsyncClient):
    body = {"amount": {"amount": 100, "currency": "INR"}, "expires_at": "2030-01-01T00:00:00"}
    assert (await client.post("/v1/gift-cards", headers=signed_in("finance"), json=body)).status_code == 422


async def test_a_gift_card_that_has_ended_is_not_issued(client: httpx.AsyncClient):
    body = {"amount": {"amount": 100, "currency": "INR"}, "expires_at": "2020-01-01T00:00:00Z"}
    answer = await client.post("/v1/gift-cards", headers=signed_in("finance"), json=body)
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, ["/expires_at"])
