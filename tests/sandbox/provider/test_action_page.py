"""The page on which a shopper approves or declines."""

import re

import pytest


@pytest.fixture
def page_of(provider):
    def url(payment):
        return f"{provider.url}/sandbox/actions/{payment['id']}"

    return url


async def test_the_action_names_a_page_of_the_sandbox(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("named", "4000002760003184"))
    assert payment["action"]["type"] == "three_d_secure"
    assert payment["action"]["url"] == f"https://pay.example/sandbox/actions/{payment['id']}"


async def test_a_upi_intent_carries_its_link(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("intent", method={"type": "upi", "flow": "intent"}))
    expected = f"upi://pay?pa=haat@sandbox&pn=haat&tr={payment['id']}&am=45999.00&cu=INR"
    assert (payment["action"]["type"], payment["action"]["upi_uri"]) == ("upi_intent", expected)


async def test_the_page_shows_the_amount_and_both_buttons(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("shown", "4000002760003184"))
    async with provider.session.get(page_of(payment)) as answer:
        text = await answer.text()
    wanted = ["₹45,999.00", "haat", 'value="approve"', 'value="decline"', "visa ending in 3184", "Closes in"]
    assert [part for part in wanted if part not in text] == []


async def test_the_page_loads_nothing_from_elsewhere(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("qr", method={"type": "upi", "flow": "qr"}))
    async with provider.session.get(page_of(payment)) as answer:
        text, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert ([one[:14] for one in loaded], "<script" in text) == (["data:,", "data:image/svg"], False)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


async def test_a_reference_cannot_bring_markup_into_the_page(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("<b>x</b>", "4000002760003184"))
    async with provider.session.get(page_of(payment)) as answer:
        assert "<b>x" not in await answer.text()


@pytest.mark.parametrize(
    ("method", "outcome", "state", "code"),
    [
        ({"type": "wallet", "provider": "paywell"}, "approve", "captured", None),
        ({"type": "wallet", "provider": "paywell"}, "decline", "declined", "declined_by_customer"),
        ({"type": "upi", "flow": "qr"}, "approve", "captured", None),
        ({"type": "upi", "vpa": "asha@bank"}, "decline", "declined", "declined_by_customer"),
    ],
)
async def test_the_button_decides(provider, card_payment, page_of, method, outcome, state, code):
    _, payment = await provider.post("/v1/payments", card_payment("button", method=method))
    async with provider.session.post(page_of(payment), data={"outcome": outcome}) as answer:
        assert answer.status == 200
    _, decided = await provider.get(f"/v1/payments/{payment['id']}")
    assert (decided["state"], decided.get("decline_code"), "action" in decided) == (state, code, False)


@pytest.mark.parametrize(("outcome", "state"), [("approve", "authorized"), ("decline", "declined")])
async def test_a_challenge_leads_back_to_the_shop(provider, card_payment, page_of, outcome, state):
    back = "https://shop.example/checkout/7?step=paid"
    _, payment = await provider.post("/v1/payments", card_payment("back", "4000002760003184", return_url=back))
    async with provider.session.post(page_of(payment), data={"outcome": outcome}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, back)
    _, decided = await provider.get(f"/v1/payments/{payment['id']}")
    assert decided["state"] == state


async def test_the_form_may_lead_to_the_shop_and_nowhere_else(provider, card_payment, page_of):
    ask = card_payment("policy", "4000002760003184", return_url="https://shop.example/back")
    _, payment = await provider.post("/v1/payments", ask)
    async with provider.session.get(page_of(payment)) as answer:
        assert "form-action 'self' https://shop.example;" in answer.headers["Content-Security-Policy"]


async def test_a_decision_made_cannot_be_turned_round(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("decided", "4000002760003184"))
    await provider.session.post(page_of(payment), data={"outcome": "decline"})
    async with provider.session.post(page_of(payment), data={"outcome": "approve"}) as answer:
        assert "Payment declined" in await answer.text()
    _, decided = await provider.get(f"/v1/payments/{payment['id']}")
    assert decided["state"] == "declined"


async def test_an_approval_after_the_expiry_changes_nothing(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("too-late", "4000002760003184"))
    await provider.advance(601)
    async with provider.session.post(page_of(payment), data={"outcome": "approve"}) as answer:
        assert "The time to pay is over" in await answer.text()


async def test_anything_but_approve_and_decline_is_refused(provider, card_payment, page_of):
    _, payment = await provider.post("/v1/payments", card_payment("neither", "4000002760003184"))
    async with provider.session.post(page_of(payment), data={"outcome": "maybe"}) as answer:
        assert answer.status == 422


async def test_an_unknown_page_is_not_found(provider):
    async with provider.session.get(provider.url + "/sandbox/actions/psp_nothing") as answer:
        assert answer.status == 404
