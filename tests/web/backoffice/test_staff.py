"""The page on which owners give roles and take them away."""

from __future__ import annotations

from haat.contracts.identity import StaffRole
from tests.web.backoffice.conftest import Enter, House


async def test_staff_are_shown_with_their_roles(enter: Enter) -> None:
    page = await enter("owner").see("/admin/staff")

    assert "Ravi &lt;b&gt;" in page.text
    assert (page.text.count('action="/admin/staff/take"'), page.text.count('value="ravi@example.com"')) == (2, 2)


async def test_only_owners_are_led_to_it(enter: Enter) -> None:
    pages = {role: (await enter(role).see("/admin")).text for role in ("owner", "support")}

    assert ['href="/admin/staff"' in pages[role] for role in ("owner", "support")] == [True, False]


async def test_a_role_is_given_by_email(enter: Enter, house: House) -> None:
    answer = await enter("owner").send("/admin/staff", email=" ravi@example.com ", role="finance")

    assert answer.headers["location"] == "/admin/staff?said=role-given"
    assert house.identity.asked == [StaffRole(email="ravi@example.com", role="finance", actor="usr_owner")]


async def test_an_email_without_an_account_is_told_and_kept(enter: Enter) -> None:
    answer = await enter("owner").send("/admin/staff", email="nobody@example.com", role="finance")

    assert answer.status_code == 422
    assert "Nobody has an account with this e-mail" in answer.text
    assert 'value="nobody@example.com"' in answer.text


async def test_an_address_that_nobody_has_shown_to_be_theirs_is_told_beside_it(enter: Enter) -> None:
    answer = await enter("owner").send("/admin/staff", email="unproven@example.com", role="finance")

    assert answer.status_code == 422
    assert "Nobody has shown that this address is theirs" in answer.text
    assert 'value="unproven@example.com"' in answer.text


async def test_nothing_is_given_without_an_email_and_a_role(enter: Enter, house: House) -> None:
    answer = await enter("owner").send("/admin/staff", email="ravi", role="king")

    assert answer.status_code == 422
    assert ("Type the e-mail of their account" in answer.text, "Choose a role" in answer.text) == (True, True)
    assert house.identity.asked == []


async def test_a_role_is_taken_away(enter: Enter, house: House) -> None:
    answer = await enter("owner").send("/admin/staff/take", email="ravi@example.com", role="support")

    assert answer.headers["location"] == "/admin/staff?said=role-taken"
    assert house.identity.asked == [StaffRole(email="ravi@example.com", role="support", actor="usr_owner")]


async def test_the_last_owner_stays_one(enter: Enter) -> None:
    answer = await enter("owner").send("/admin/staff/take", email="ravi@example.com", role="owner")

    assert answer.status_code == 409
    assert "The shop has no other owner: give somebody else the role first" in answer.text


async def test_a_form_that_names_nobody_takes_nothing(enter: Enter, house: House) -> None:
    answer = await enter("owner").send("/admin/staff/take", role="support")

    assert (answer.status_code, house.identity.asked) == (422, [])
