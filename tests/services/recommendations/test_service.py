"""What is recommended after what shoppers did, on the real database and the real engine."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from recommendations_shop import in_a_thread

from haat.contracts.catalog import ProductRemoved
from haat.contracts.recommendations import (
    Click,
    ClicksRecorded,
    ForgetUser,
    HistoricClick,
    Recommend,
    RecordClicks,
    RecordHistory,
)
from haat.kit.clock import now
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.kit.message import Invalid, NotFound, Nothing
from haat.services.recommendations import models


async def shown(service, **ask) -> list[tuple[str, str]]:
    answer = await service.recommend(Recommend(**ask))
    return [(each.product.title, each.reason) for each in answer.data]


async def kept(database) -> list[tuple[str, str | None, str | None]]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT kind, user_id, product_id FROM recommendations.interactions ORDER BY at")
    return [tuple(row) for row in rows]


async def told(database) -> list[ClicksRecorded]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT body FROM recommendations.outbox ORDER BY position")
    return [msgspec.json.decode(row["body"], type=ClicksRecorded) for row in rows]


async def test_bought_together_learns_from_baskets(service, shop):
    tea, cup, lamp = await shop.sells("Tea", "Cup", "Lamp")
    await shop.orders(*[[tea, cup]] * 12, *[[lamp]] * 12)
    await service.train(Nothing())
    assert (await shown(service, kind="bought_together", product_id=tea))[0] == ("Cup", "Often bought with Tea")


async def test_similar_knows_a_product_nobody_has_seen_by_its_words(service, shop):
    (green,) = await shop.sells("Green tea leaves")
    await shop.sells("Black tea leaves", category="gifts")
    await shop.sells("Steel kettle", "Clay pot", "Glass jar")
    await shop.sells("Running shoe", "Walking shoe", category="shoes")
    await service.train(Nothing())
    assert await shown(service, kind="similar", product_id=green, limit=1) == [
        ("Black tea leaves", "Similar to Green tea leaves")
    ]


async def test_a_product_newer_than_the_model_is_like_its_category(service, shop):
    await shop.sells("Old tea")
    await service.train(Nothing())
    (fresh,) = await shop.sells("New tea")
    assert await shown(service, kind="similar", product_id=fresh) == [("Old tea", "Similar to New tea")]


async def test_without_a_model_the_category_and_the_newest_answer(service, shop):
    tea, _ = await shop.sells("Tea", "Other tea")
    await shop.sells("Shoe", category="shoes")
    answer = await service.recommend(Recommend(kind="similar", product_id=tea))
    assert [(each.product.title, each.reason) for each in answer.data] == [
        ("Other tea", "Similar to Tea"),
        ("Shoe", "New in the shop"),
    ]
    assert (answer.model.name, answer.model.trained_at) == ("untrained", None)


async def test_what_is_sold_out_or_gone_is_not_shown_at_once(service, shop):
    tea, sold_out, gone, left = await shop.sells("Tea", "Pot", "Cup", "Sugar")
    (lamp,) = await shop.sells("Lamp", category="light")
    await shop.orders(*[[tea, sold_out, gone, left]] * 12, *[[lamp]] * 12)
    await service.train(Nothing())
    before = await shown(service, kind="bought_together", product_id=tea, limit=3)
    await shop.tells(msgspec.structs.replace(shop.product("Pot", available=0), id=sold_out, version=2))
    await service.take_removed(Batch([ProductRemoved(product_id=gone, version=2)]))
    after = await shown(service, kind="bought_together", product_id=tea, limit=3)
    often = "Often bought with Tea"
    assert sorted(before) == [("Cup", often), ("Pot", often), ("Sugar", often)]
    assert after == [("Sugar", often), ("Lamp", "Popular this week")]


async def test_an_older_version_told_late_changes_nothing(service, shop):
    tea, other = await shop.sells("Tea", "Other", version=5)
    await shop.tells(msgspec.structs.replace(shop.product("Late", available=0), id=other, version=4))
    assert [title for title, _ in await shown(service, kind="similar", product_id=tea)] == ["Other"]


async def test_an_unknown_product_is_not_found(service):
    with pytest.raises(NotFound):
        await service.recommend(Recommend(kind="similar", product_id=new_id("prd")))


async def test_similar_needs_a_product(service):
    with pytest.raises(Invalid) as refused:
        await service.recommend(Recommend(kind="bought_together"))
    assert [each["pointer"] for each in refused.value.facts["errors"]] == ["/product_id"]


async def test_for_you_follows_taste_says_why_and_leaves_out_what_was_bought(service, shop, click):
    teas = await shop.sells(*(f"Tea {number}" for number in range(4)))
    shoes = await shop.sells(*(f"Shoe {number}" for number in range(4)), category="shoes")
    await shop.orders(*[teas] * 6, *[shoes] * 6)
    user_id = new_id("usr")
    await shop.orders([teas[1]], users=[user_id])
    await service.train(Nothing())
    await service.record(RecordClicks(events=[click(teas[0])], user_id=user_id))
    answers = await shown(service, kind="for_you", user_id=user_id, limit=2)
    assert sorted(answers) == [
        ("Tea 2", "Because you looked at Tea 0"),
        ("Tea 3", "Because you looked at Tea 0"),
    ]


async def test_for_you_follows_a_guests_session(service, shop, click):
    teas = await shop.sells(*(f"Tea {number}" for number in range(3)))
    shoes = await shop.sells(*(f"Shoe {number}" for number in range(3)), category="shoes")
    await shop.orders(*[teas] * 6, *[shoes] * 6)
    await service.train(Nothing())
    await service.record(RecordClicks(events=[click(shoes[0], "guest")]))
    titles = [title for title, _ in await shown(service, kind="for_you", session_id="guest", limit=2)]
    assert sorted(titles) == ["Shoe 1", "Shoe 2"]


async def test_for_somebody_unknown_there_is_what_is_popular(service, shop):
    tea, cup = await shop.sells("Tea", "Cup")
    await shop.orders(*[[tea]] * 5, *[[cup]] * 3)
    await service.train(Nothing())
    assert await shown(service, kind="for_you", user_id=new_id("usr")) == [
        ("Tea", "Popular this week"),
        ("Cup", "Popular this week"),
    ]


async def test_another_process_takes_up_a_new_model(service, another, shop, monkeypatch):
    monkeypatch.setattr(models, "LOOK_SECONDS", 0)
    await shop.sells("Tea")
    api = another()
    before = (await api.recommend(Recommend(kind="trending"))).model
    trained = await service.train(Nothing())
    async with asyncio.timeout(120):
        while (await api.recommend(Recommend(kind="trending"))).model != trained:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert before.trained_at is None


async def test_clicks_are_told_once_with_their_user(service, click, database):
    events = [click("prd_a"), click("prd_b", seconds_ago=1)]
    for _ in range(2):
        await service.record(RecordClicks(events=events, user_id="usr_1"))
    assert await kept(database) == [("view", "usr_1", "prd_b"), ("view", "usr_1", "prd_a")]
    assert [(len(event.clicks), event.user_id) for event in await told(database)] == [(2, "usr_1")]


async def test_a_purchase_a_client_claims_is_neither_told_nor_learned(service, shop, click, database):
    tea, cup = await shop.sells("Tea", "Cup")
    for number in range(12):
        claims = [click(each, f"s{number}", type="purchase") for each in (tea, cup)]
        await service.record(RecordClicks(events=claims))
    await service.train(Nothing())
    assert await told(database) == []
    assert {reason for _, reason in await shown(service, kind="trending")} == {"New in the shop"}


async def test_a_click_from_the_future_happened_now(service, click, database):
    await service.record(RecordClicks(events=[click("prd_a", seconds_ago=-86_400)]))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT max(at) <= now() FROM recommendations.interactions")


async def test_every_missing_part_of_a_click_is_told(service):
    clicks = [Click(type=each, at=now(), session_id="s") for each in ("view", "search", "rate")]
    clicks[0] = msgspec.structs.replace(clicks[0], at=datetime(1999, 12, 31, tzinfo=UTC))
    with pytest.raises(Invalid) as refused:
        await service.record(RecordClicks(events=clicks))
    assert [each["pointer"] for each in refused.value.facts["errors"]] == [
        "/events/0/at",
        "/events/0/product_id",
        "/events/1/query",
        "/events/2/product_id",
    ]


async def test_an_order_told_twice_counts_once(service, shop, database):
    event = shop.order(["prd_a", "prd_b"], "usr_1")
    for _ in range(2):
        await service.take_orders(Batch([event]))
    assert sorted(await kept(database)) == [("purchase", "usr_1", "prd_a"), ("purchase", "usr_1", "prd_b")]


def history(sessions: int, products: list[str], word: str = "h") -> list[HistoricClick]:
    """Sessions in which somebody views and buys all of the products."""
    return [
        HistoricClick(
            click=Click(type=kind, at=now() - timedelta(days=2), session_id=f"{word}{number}", product_id=product_id),
            user_id=f"usr_{number}",
        )
        for number in range(sessions)
        for kind in ("view", "purchase")
        for product_id in products
    ]


async def test_a_history_is_learned_from_and_recorded_once(service, shop, database):
    tea, cup, lamp = await shop.sells("Tea", "Cup", "Lamp")
    past = [*history(12, [tea, cup]), *history(12, [lamp], "other")]
    for _ in range(2):
        await service.record_history(RecordHistory(source="demo-1", clicks=past))
    await service.train(Nothing())
    assert len(await kept(database)) == 72
    assert [len(event.clicks) for event in await told(database)] == [72]
    assert (await shown(service, kind="bought_together", product_id=tea))[0] == ("Cup", "Often bought with Tea")


async def test_a_history_of_fifty_thousand_clicks_is_taken_in_one_call(service, database):
    past = history(12_500, ["prd_a", "prd_b"])
    await service.record_history(RecordHistory(source="big", clicks=past))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM recommendations.interactions") == 50_000


async def test_a_user_can_be_forgotten(service, shop, click, database):
    await shop.orders(["prd_a"], users=["usr_gone"])
    await service.record(RecordClicks(events=[click("prd_b", "other")], user_id="usr_stays"))
    await service.forget(ForgetUser(user_id="usr_gone"))
    assert await kept(database) == [("view", "usr_stays", "prd_b")]


async def test_a_rating_without_stars_is_kept_and_says_nothing_for_a_product(service, shop, click, database):
    tea, cup = await shop.sells("Tea", "Cup")
    for number in range(4):
        rated = [click(tea, f"s{number}", type="rate"), click(cup, f"s{number}", type="rate", value=4)]
        await service.record(RecordClicks(events=rated))
    await service.train(Nothing())
    assert len(await kept(database)) == 8
    assert await shown(service, kind="trending") == [("Cup", "Popular this week"), ("Tea", "New in the shop")]


async def test_a_bad_rating_says_nothing_for_a_product(service, shop, click):
    tea, cup = await shop.sells("Tea", "Cup")
    for number in range(4):
        await service.record(
            RecordClicks(
                events=[
                    click(tea, f"s{number}", type="rate", value=1),
                    click(cup, f"s{number}", type="rate", value=5),
                ]
            )
        )
    await service.train(Nothing())
    assert await shown(service, kind="trending") == [("Cup", "Popular this week"), ("Tea", "New in the shop")]


async def count_models(database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM recommendations.models"))


async def test_the_first_training_waits_until_products_have_settled(service, shop, database):
    await shop.sells("Tea")
    await service.trainer.train_if_due()
    early = await count_models(database)
    async with database.connection() as connection:
        await connection.execute("UPDATE recommendations.products SET saved_at = now() - interval '1 minute'")
    await service.trainer.train_if_due()
    await service.trainer.train_if_due()
    assert (early, await count_models(database)) == (0, 1)


async def test_an_old_model_is_renewed_only_when_enough_is_new(service, shop, click, database):
    (tea,) = await shop.sells("Tea")
    await service.train(Nothing())
    async with database.connection() as connection:
        await connection.execute("UPDATE recommendations.models SET trained_at = now() - interval '1 hour'")
        await connection.execute("UPDATE recommendations.products SET saved_at = now() - interval '2 hours'")
    await service.trainer.train_if_due()
    before = await count_models(database)
    for start in (0, 100):
        await service.record(RecordClicks(events=[click(tea, f"s{start + i}") for i in range(100)]))
    await service.trainer.train_if_due()
    assert (before, await count_models(database)) == (1, 2)


async def test_trainings_asked_at_once_run_one_after_the_other(another, database):
    running: list[int] = []
    seen: list[int] = []

    async def train(*ask):
        running.append(1)
        seen.append(len(running))
        model = await in_a_thread(*ask)
        running.pop()
        return model

    services = [another(train) for _ in range(3)]
    await asyncio.gather(*(each.train(Nothing()) for each in services))
    assert (seen, await count_models(database)) == ([1, 1, 1], 3)
