"""A forgotten password and a new e-mail address, as a visitor without script meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from haat.contracts.identity import AskEmailChange, AskReset, ConfirmEmail, ResetPassword, SignIn
from haat.web import storefront
from tests.web.storefront.conftest import Visitor

# As typed, blanks and all: the API takes it so, too.
NEW = " an entirely new password "


async def test_asking_for_a_link_answers_the_same_for_everybody(visitor: Visitor):
    await visitor.register()
    visitor.client.cookies.clear()
    known = await visitor.send("/forgot-password", email="asha@example.com")
    unknown = await visitor.send("/forgot-password", email="ravi@example.com")
    assert known.text.replace("asha@", "ravi@").replace("asha%40", "ravi%40") == unknown.text
    asked = [each for each in visitor.behind.identity.asked if isinstance(each, AskReset)]
    assert [each.email for each in asked] == ["asha@example.com", "ravi@example.com"]


async def test_a_browser_that_was_let_in_says_so_the_next_time(visitor: Visitor):
    await visitor.register()
    await visitor.send("/sign-out")
    await visitor.send("/sign-in", email="asha@example.com", password="namaste-haat")
    signed_in = [each for each in visitor.behind.identity.asked if isinstance(each, SignIn)]
    assert [each.device for each in signed_in] == ["", "device-usr_0"]


async def test_an_address_that_is_none_is_told(visitor: Visitor):
    answer = await visitor.send("/forgot-password", email="asha")
    assert (answer.status_code, visitor.behind.identity.asked) == (422, [])


async def test_looking_at_the_link_uses_nothing_up_and_tells_no_one_its_address(visitor: Visitor):
    page = await visitor.see("/reset-password?token=ltr_1.good")
    assert 'name="token" value="ltr_1.good"' in page.text
    assert '<meta name="referrer" content="same-origin">' in page.text
    assert visitor.behind.identity.asked == []


async def test_a_new_password_leads_to_the_door(visitor: Visitor):
    await visitor.register()
    answer = await visitor.send("/reset-password", token="ltr_1.good", password=NEW)
    assert answer.headers["Location"] == "/sign-in?said=new-password"
    assert visitor.behind.identity.asked[1:] == [ResetPassword(token="ltr_1.good", password=NEW)]
    assert (await visitor.see("/account")).headers["Location"] == "/sign-in?next=/account"


async def test_the_browser_that_set_a_password_is_known_when_it_signs_in(visitor: Visitor):
    await visitor.register()
    visitor.client.cookies.clear()
    await visitor.send("/reset-password", token="ltr_1.good", password=NEW)
    await visitor.send("/sign-in", email="asha@example.com", password="namaste-haat")
    signed_in = [each for each in visitor.behind.identity.asked if isinstance(each, SignIn)]
    assert signed_in[-1].device == "device-of-the-link"


async def test_a_link_that_is_over_offers_another(visitor: Visitor):
    answer = await visitor.send("/reset-password", token="ltr_1.used", password=NEW)
    assert (answer.status_code, 'href="/forgot-password"' in answer.text) == (410, True)


async def test_a_short_password_is_told_and_the_link_kept(visitor: Visitor):
    answer = await visitor.send("/reset-password", token="ltr_1.good", password="short")
    assert (answer.status_code, 'value="ltr_1.good"' in answer.text) == (422, True)


async def test_a_new_address_is_asked_for_with_the_password(visitor: Visitor):
    await visitor.register()
    wrong = await visitor.send("/account/email", email="new@example.com", email_password="guess")
    right = await visitor.send("/account/email", email="new@example.com", email_password="namaste-haat")
    assert (wrong.status_code, "This is not your password" in wrong.text) == (422, True)
    assert ("new@example.com" in right.text, visitor.behind.identity.asked[1:]) == (
        True,
        [AskEmailChange(user_id="usr_0", email="new@example.com", current_password="namaste-haat")],
    )


async def test_a_new_address_is_confirmed_by_a_button_not_by_looking(visitor: Visitor):
    await visitor.register()
    await visitor.see("/account/email?token=ltr_1.good")
    assert len(visitor.behind.identity.asked) == 1
    answer = await visitor.send("/account/email/confirm", token="ltr_1.good")
    assert (answer.headers["Location"], visitor.behind.identity.asked[1:]) == (
        "/account?said=new-email",
        [ConfirmEmail(token="ltr_1.good", session_id="ses_1")],
    )


@pytest.mark.parametrize("path", ["/forgot-password", "/reset-password?token=x", "/account/email?token=x"])
async def test_each_page_is_one_document_that_no_index_keeps(visitor: Visitor, path: str):
    page = await visitor.see(path)
    assert (page.status_code, page.text.count("<h1"), 'content="noindex"' in page.text) == (200, 1, True)


async def test_no_page_keeps_its_forms_from_saying_where_they_come_from(visitor: Visitor):
    """With `no-referrer` browsers send `Origin: null` along with a page's own forms, which no door of ours lets in."""
    folder = Path(storefront.__file__).parent / "pages"
    assert [path.name for path in folder.rglob("*.html") if "no-referrer" in path.read_text()] == []
    answer = await visitor.send("/forgot-password", email="asha@example.com", origin="null")
    assert answer.status_code == 403
