"""Events put aside, as staff meet them."""

from __future__ import annotations

from tests.web.backoffice.conftest import Enter, House


async def test_what_was_put_aside_is_shown_with_its_error_and_facts(enter: Enter) -> None:
    page = (await enter("finance").see("/admin/events")).text

    assert "orders.OrderPlaced" in page
    assert "ValueError(&#39;broken&#39;)" in page
    assert "&#34;order_id&#34;: &#34;ord_1&#34;" in page


async def test_one_event_is_asked_for_again_by_whoever_pressed(enter: Enter, house: House) -> None:
    answer = await enter("finance").send("/admin/events", reader="cart", event="evt_1")

    assert answer.headers["location"] == "/admin/events?said=replaying"
    assert house.parked.asked == [("usr_finance", "cart", "evt_1")]


async def test_all_are_asked_for_at_once(enter: Enter, house: House) -> None:
    await enter("finance").send("/admin/events")

    assert house.parked.asked == [("usr_finance", None, None)]


async def test_the_system_page_says_how_many_were_put_aside(enter: Enter) -> None:
    page = (await enter("finance").see("/admin/system")).text

    assert "2 events were put aside" in page
