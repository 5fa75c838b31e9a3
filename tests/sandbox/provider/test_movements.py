"""The report: what came in and went out, once each, between two moments."""

import pytest

ALL_TIME = "since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z"


async def moved(provider, payment_id, query=ALL_TIME):
    _, page = await provider.get(f"/v1/movements?{query}")
    return [(row["type"], row["amount"], row["fee"]) for row in page["data"] if row["payment_id"] == payment_id]


async def test_captures_refunds_and_disputes_are_booked_once(provider, card_payment):
    _, payment = await provider.post("/v1/payments", card_payment("movements"))
    path = f"/v1/payments/{payment['id']}"
    await provider.post(path + "/captures", {"amount": 1001}, key="movements-capture")
    await provider.post(path + "/captures", {"amount": 1001}, key="movements-capture")
    await provider.post(path + "/refunds", {"amount": 400}, key="movements-refund")
    await provider.post(f"/sandbox/disputes/{payment['id']}", {"outcome": "opened"})
    await provider.post(f"/sandbox/disputes/{payment['id']}", {"outcome": "won"})
    assert await moved(provider, payment["id"]) == [
        ("payment.captured", 1001, 21),
        ("refund.succeeded", -400, 0),
        ("dispute.opened", -601, 0),
        ("dispute.won", 601, 0),
    ]


async def test_holds_voids_and_failing_refunds_move_nothing(provider, card_payment):
    _, held = await provider.post("/v1/payments", card_payment("movements-held"))
    await provider.post(f"/v1/payments/{held['id']}/voids")
    _, taken = await provider.post("/v1/payments", card_payment("movements-taken", capture="automatic", amount=500))
    await provider.post("/sandbox/faults", {"op": "refund", "mode": "fail"})
    await provider.post(f"/v1/payments/{taken['id']}/refunds", {"amount": 500})
    await provider.advance(3)
    assert await moved(provider, held["id"]) == []
    assert await moved(provider, taken["id"]) == [("payment.captured", 500, 10)]


async def test_the_report_comes_in_pages_of_a_window(provider, card_payment):
    for number in range(3):
        await provider.post("/v1/payments", card_payment(f"movements-page-{number}", capture="automatic"))
    _, first = await provider.get(f"/v1/movements?{ALL_TIME}&limit=2")
    _, second = await provider.get(f"/v1/movements?{ALL_TIME}&limit=2&cursor={first['next_cursor']}")
    _, outside = await provider.get("/v1/movements?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z")
    assert (len(first["data"]), first["has_more"]) == (2, True)
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}
    assert (outside["data"], outside["has_more"]) == ([], False)


@pytest.mark.parametrize("window", ["", "since=today&until=tomorrow", "since=2026-01-01&until=2026-01-02"])
async def test_a_window_without_moments_is_refused(provider, window):
    status, _ = await provider.get(f"/v1/movements?{window}")
    assert status == 422
