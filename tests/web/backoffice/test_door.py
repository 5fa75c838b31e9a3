"""Who gets in, what each role sees, and what every answer carries."""

from __future__ import annotations

import pytest

from haat.contracts.identity import EndSession
from haat.web.backoffice.app import SCREENS
from haat.web.backoffice.roles import DUTIES
from tests.web.backoffice.conftest import Enter, House
from tests.web.backoffice.neighbours import PASSWORD

PAGES = {
    "/admin": "catalogue finance fulfilment support",
    "/admin/orders": "finance fulfilment support",
    "/admin/orders/ord_1": "finance fulfilment support",
    "/admin/orders/ord_1/invoice.pdf": "finance fulfilment support",
    "/admin/returns": "finance fulfilment support",
    "/admin/products": "catalogue",
    "/admin/products/prd_1": "catalogue",
    "/admin/products/new": "catalogue",
    "/admin/imports": "catalogue",
    "/admin/imports/imp_1": "catalogue",
    "/admin/exports/products.jsonl": "catalogue",
    "/admin/stock": "catalogue fulfilment support",
    "/admin/stock/LAMP-1": "catalogue fulfilment support",
    "/admin/customers": "finance support",
    "/admin/customers/usr_1": "finance support",
    "/admin/fraud": "finance",
    "/admin/coupons": "catalogue",
    "/admin/coupons/WELCOME10": "catalogue",
    "/admin/mail": "support",
    "/admin/mail/mail_1": "support",
    "/admin/mail/mail_1/preview": "support",
    "/admin/staff": "",
    "/admin/system": "catalogue finance fulfilment support",
    "/admin/events": "finance fulfilment",
    "/admin/gift-cards": "finance",
    "/admin/gift-cards/gft_1": "finance",
    "/admin/reconciliation": "finance",
    "/admin/reconciliation/facts": "finance",
    "/admin/parked": "support",
    "/admin/parked/att_1": "support",
    "/admin/stuck": "finance fulfilment support",
}
FORMS = {
    "/admin/orders/ord_1/ship": "fulfilment",
    "/admin/orders/ord_1/capture": "finance",
    "/admin/orders/ord_1/refund": "finance",
    "/admin/orders/ord_1/cancel": "finance fulfilment support",
    "/admin/returns/ret_1": "fulfilment",
    "/admin/returns/ret_1/approve": "fulfilment",
    "/admin/returns/ret_1/reject": "fulfilment",
    "/admin/products": "catalogue",
    "/admin/products/prd_1": "catalogue",
    "/admin/products/prd_1/remove": "catalogue",
    "/admin/imports": "catalogue",
    "/admin/stock/LAMP-1": "fulfilment",
    "/admin/customers/usr_1/sessions/ses_9/end": "finance support",
    "/admin/fraud/rev_1": "finance",
    "/admin/coupons": "catalogue",
    "/admin/events": "finance fulfilment",
    "/admin/staff": "",
    "/admin/staff/take": "",
    "/admin/mail/mail_1": "support",
    "/admin/gift-cards": "finance",
    "/admin/gift-cards/look-up": "finance",
    "/admin/reconciliation/breaks/brk_1": "finance",
    "/admin/reconciliation/facts/fct_1": "finance",
    "/admin/parked": "support",
}


async def test_a_stranger_is_led_to_the_door_and_from_there_back(enter: Enter) -> None:
    stranger = enter("")

    led = {address: (await stranger.see(address)).headers.get("location") for address in PAGES}

    assert led == {address: f"/admin/sign-in?next={address.replace('/', '%2F')}" for address in PAGES}


async def test_which_methods_a_page_answers_to_is_no_secret(enter: Enter) -> None:
    answer = await enter("").client.request("OPTIONS", "/admin/stock/LAMP-1")

    assert (answer.status_code, sorted(answer.headers["allow"].split(", "))) == (204, ["GET", "OPTIONS", "POST"])


async def test_the_door_leads_back_to_an_address_in_any_script(enter: Enter) -> None:
    answer = await enter("owner").see("/admin/sign-in?next=/admin/stock/%E0%A4%B9")

    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/stock/%E0%A4%B9")


async def test_a_shopper_meets_a_refusal_on_every_page(enter: Enter) -> None:
    shopper = enter("shopper")

    assert {(await shopper.see(address)).status_code for address in PAGES} == {403}


async def test_a_shopper_is_told_kindly_what_to_do(enter: Enter) -> None:
    assert "You are signed in as a shopper" in (await enter("shopper").see("/admin")).text


@pytest.mark.parametrize("role", ["catalogue", "finance", "fulfilment", "support"])
async def test_each_role_opens_its_own_pages_only(enter: Enter, role: str) -> None:
    person = enter(role)

    opened = {address for address in PAGES if (await person.see(address)).status_code == 200}

    assert opened == {address for address, roles in PAGES.items() if role in roles.split()}


async def test_an_owner_opens_every_page(enter: Enter) -> None:
    person = enter("owner")

    assert [address for address in PAGES if (await person.see(address)).status_code != 200] == []


@pytest.mark.parametrize("role", ["catalogue", "finance", "fulfilment", "support"])
async def test_each_role_sends_its_own_forms_only(enter: Enter, role: str) -> None:
    person = enter(role)

    refused = {address for address in FORMS if (await person.send(address)).status_code == 403}

    assert refused == {address for address, roles in FORMS.items() if role not in roles.split()}


async def test_a_shopper_sends_no_form(enter: Enter) -> None:
    shopper = enter("shopper")

    assert {(await shopper.send(address)).status_code for address in FORMS} == {403}


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("fulfilment", {"ship", "cancel"}),
        ("finance", {"refund", "cancel"}),
        ("support", {"cancel"}),
        ("owner", {"ship", "refund", "cancel"}),
    ],
)
async def test_an_order_offers_what_the_role_may_do(enter: Enter, role: str, shown: set[str]) -> None:
    page = (await enter(role).see("/admin/orders/ord_1")).text

    forms = {form for form in ("ship", "capture", "refund", "cancel") if f"/admin/orders/ord_1/{form}" in page}
    assert forms == shown


async def test_the_navigation_leads_only_where_the_role_gets_in(enter: Enter) -> None:
    page = (await enter("fulfilment").see("/admin")).text

    assert 'href="/admin/returns"' in page
    assert 'href="/admin/products"' not in page


def test_every_route_names_its_duty() -> None:
    duties = {handler.opt.get("duty", "missing") for screen in SCREENS for handler in screen.ROUTES}

    assert duties == {*DUTIES, None}


async def test_an_answer_is_never_kept_nor_framed_and_runs_our_scripts_only(enter: Enter) -> None:
    answer = await enter("owner").see("/admin")

    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)


async def test_a_letter_can_do_nothing_in_its_frame(enter: Enter) -> None:
    answer = await enter("support").see("/admin/mail/mail_1/preview")

    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"} <= set(policy)


@pytest.mark.parametrize(("role", "seen"), [("owner", True), ("support", False)])
async def test_keys_to_accounts_are_shown_to_owners_only(enter: Enter, role: str, seen: bool) -> None:
    page = (await enter(role).see("/admin/mail/mail_1")).text
    letter = (await enter(role).see("/admin/mail/mail_1/preview")).text

    assert ("Hello" in page, "Hello" in letter) == (seen, seen)
    assert ("<iframe" in page, '<p class="note">For owners</p>' in page) == (seen, not seen)


async def test_what_services_say_is_escaped(enter: Enter) -> None:
    page = (await enter("owner").see("/admin/orders/ord_1")).text

    assert "Thing 1 &lt;b&gt;" in page
    assert "Thing 1 <b>" not in page


async def test_staff_sign_in_and_go_on_where_they_wanted(enter: Enter) -> None:
    person = enter("")

    answer = await person.send(
        "/admin/sign-in", email="finance@haat.example", password=PASSWORD, next="/admin/fraud?state=open"
    )

    assert answer.headers["location"] == "/admin/fraud?state=open"
    assert person.client.cookies["haat_access"] == "finance"


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "/orders"])
async def test_signing_in_never_leads_out_of_the_back_office(enter: Enter, elsewhere: str) -> None:
    answer = await enter("").send("/admin/sign-in", email="owner@haat.example", password=PASSWORD, next=elsewhere)

    assert answer.headers["location"] == "/admin"


async def test_a_shopper_who_signs_in_here_stays_out_and_their_session_ends(enter: Enter, house: House) -> None:
    person = enter("")

    answer = await person.send("/admin/sign-in", email="shopper@haat.example", password=PASSWORD)

    assert answer.status_code == 403
    assert "haat_access" not in person.client.cookies
    assert house.identity.asked[-1] == EndSession(user_id="usr_shopper", session_id="ses_1")


async def test_a_wrong_password_is_told_and_the_email_kept(enter: Enter) -> None:
    answer = await enter("").send("/admin/sign-in", email="owner@haat.example", password="wrong-one")

    assert answer.status_code == 401
    assert "E-mail or password is wrong" in answer.text
    assert 'value="owner@haat.example"' in answer.text
    assert "wrong-one" not in answer.text


async def test_an_expired_session_is_renewed_without_a_word(enter: Enter) -> None:
    person = enter("")
    person.client.cookies.set("haat_refresh", "refresh-support")

    answer = await person.see("/admin/mail")

    assert answer.status_code == 200
    assert person.client.cookies["haat_access"] == "support"


async def test_signing_out_ends_the_session_and_empties_the_browser(enter: Enter, house: House) -> None:
    person = enter("owner")

    answer = await person.send("/admin/sign-out")

    assert house.identity.asked == [EndSession(user_id="usr_owner", session_id="ses_1")]
    dropped = [cookie.split("=")[0] for cookie in answer.headers.get_list("set-cookie") if "Max-Age=0" in cookie]
    assert dropped == ["haat_access", "haat_refresh"]


async def test_a_form_without_its_token_is_refused_with_a_page(enter: Enter, house: House) -> None:
    answer = await enter("owner").client.post("/admin/fraud/rev_1", data={"decision": "approve", "key": "k"})

    assert answer.status_code == 403
    assert "This form has expired" in answer.text
    assert house.fraud.asked == []


async def test_a_form_from_another_site_is_refused(enter: Enter, house: House) -> None:
    answer = await enter("owner").send("/admin/fraud/rev_1", origin="https://evil.example", decision="approve")

    assert answer.status_code == 403
    assert house.fraud.asked == []


async def test_an_address_that_leads_nowhere_is_a_page_of_ours(enter: Enter) -> None:
    answer = await enter("owner").see("/admin/nowhere/at/all")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
