"""What the search finds after what others tell, on the real database and the real engine."""

import asyncio
from datetime import timedelta

import msgspec
import pytest
from neighbours import Shelves, product

from haat.contracts.catalog import Product, ProductRemoved, ProductSaved
from haat.contracts.orders import OrderLine, OrderPlaced
from haat.contracts.recommendations import Click, ClicksRecorded
from haat.contracts.search import DslSearch, InvalidQuery, SearchProducts, SuggestFor
from haat.engines.database.pool import PostgresDatabase
from haat.engines.events.postgres_log import PostgresLog
from haat.kit.clock import now
from haat.kit.cursor import InvalidCursor
from haat.kit.database import Batch
from haat.kit.ids import new_id
from haat.kit.message import Nothing, Unavailable
from haat.kit.money import Money
from haat.kit.reactions import Reader
from haat.services.search import indexing
from haat.services.search.model import POINTS
from haat.services.search.reactions import REACTIONS
from haat.services.search.service import SearchService
from haat.services.search.store import SearchStore


async def tell(service: SearchService, *products: Product) -> None:
    await service.take_saved(Batch([ProductSaved(product=each) for each in products]))
    await service.indexer.flush()


async def titles(service: SearchService, **ask) -> list[str]:
    return [card.title for card in (await service.search(SearchProducts(**ask))).data]


def clicks(product_id: str, sessions: int, kind="view") -> ClicksRecorded:
    return ClicksRecorded(
        clicks=[Click(type=kind, at=now(), session_id=f"s{i}", product_id=product_id) for i in range(sessions)]
    )


def order(product_id: str) -> OrderPlaced:
    line = OrderLine(product_id=product_id, variant_id="var_1", sku="S", title="T", quantity=3, total=Money(100))
    order_id = new_id("ord")
    return OrderPlaced(
        order_id=order_id, number="1", checkout_id="chk_1", cart_id="crt_1", lines=[line], total=Money(100)
    )


async def test_a_told_product_is_found_with_its_card_and_facets(service):
    laptop = product("Vayu Slim laptop")
    await tell(service, laptop)
    found = await service.search(SearchProducts(q="laptop"))
    card = found.data[0]
    assert (found.total, card.id, card.price, card.in_stock) == (1, laptop.id, Money(4_500_000), True)
    facets = found.facets
    assert [(each.value, each.label) for each in facets.category] == [
        ("electronics", "Electronics"),
        ("laptops", "Laptops"),
    ]
    assert [(each.value, each.label, each.count) for each in facets.price if each.count] == [
        ("3000000-5999999", "₹30,000 to ₹60,000", 1)
    ]
    assert next((each.value, each.label) for each in facets.rating if each.count) == ("4-5", "4 stars and up")


async def test_an_older_version_told_late_changes_nothing(service):
    newer = product("Megha Pro", version=3)
    await tell(service, newer)
    await tell(service, msgspec.structs.replace(newer, title="Megha Old", version=2))
    assert await titles(service, q="megha") == ["Megha Pro"]


async def test_of_two_versions_in_one_batch_the_newer_counts(service):
    newer = product("Tarang Two", version=2)
    await tell(service, newer, msgspec.structs.replace(newer, title="Tarang One", version=1))
    assert await titles(service, q="tarang") == ["Tarang Two"]


async def test_an_older_version_told_before_the_commit_changes_nothing(service, store):
    newer = product("Megha Pro", version=3)
    for version in (3, 2):
        await service.take_saved(Batch([ProductSaved(product=msgspec.structs.replace(newer, version=version))]))
    async with store.connection() as connection:
        assert [each.version for each in await store.pending(connection, 10)] == [3]


async def test_it_tells_how_many_products_wait_for_the_index(service):
    for n in range(3):
        await service.take_saved(Batch([ProductSaved(product=product(f"Nila {n}"))]))
    before = await service.waiting(Nothing())
    await service.indexer.flush()
    assert (before.products, (await service.waiting(Nothing())).products) == (3, 0)


async def test_a_removed_product_is_gone_and_stays_gone(service):
    laptop = product("Nila laptop", version=4)
    await tell(service, laptop)
    await service.take_removed(Batch([ProductRemoved(product_id=laptop.id, version=5)]))
    await service.indexer.flush()
    await tell(service, laptop)
    assert await titles(service, q="nila") == []


async def test_a_product_that_sells_out_leaves_the_in_stock_list(service):
    laptop = product("Surya laptop", version=1)
    await tell(service, laptop)
    variants = [msgspec.structs.replace(each, available=0) for each in laptop.variants]
    await tell(service, msgspec.structs.replace(laptop, variants=variants, version=2))
    assert (await titles(service, q="surya"), await titles(service, q="surya", in_stock=True)) == (
        ["Surya laptop"],
        [],
    )


async def test_a_product_told_again_is_found_by_the_new_title_of_a_category_above_it(service, shelves: Shelves):
    laptop = product("Vasant laptop")
    await tell(service, laptop)
    shelves.tree = msgspec.structs.replace(shelves.tree, title="Gadgets")
    await tell(service, laptop)
    found = await service.search(SearchProducts(q="laptop"))
    assert [each.label for each in found.facets.category] == ["Gadgets", "Laptops"]


async def test_an_unknown_category_finds_nothing(service):
    await tell(service, product("Agni laptop"))
    found = await service.search(SearchProducts(category="no-such-category"))
    assert (found.total, found.data) == (0, [])


async def test_a_cursor_leads_on_and_belongs_to_its_filters(service):
    await tell(service, *(product(f"Pawan laptop {i}", rupees=1_000 + i) for i in range(3)))
    first = await service.search(SearchProducts(q="pawan", sort="price_asc", limit=2))
    rest = await titles(service, q="pawan", sort="price_asc", limit=2, cursor=first.next_cursor)
    assert ([card.title for card in first.data], first.has_more, rest) == (
        ["Pawan laptop 0", "Pawan laptop 1"],
        True,
        ["Pawan laptop 2"],
    )
    with pytest.raises(InvalidCursor):
        await service.search(SearchProducts(q="laptop", sort="price_asc", limit=2, cursor=first.next_cursor))


async def test_hot_pages_end_with_the_next_commit(service):
    await tell(service, product("Veena laptop"))
    ask = SearchProducts(q="veena")
    totals = [(await service.search(ask)).total for _ in range(3)]
    await tell(service, product("Veena phone"))
    assert (totals, (await service.search(ask)).total) == ([1, 1, 1], 2)


async def test_suggestions_complete_the_word(service):
    laptop = product("Lehar Slim laptop")
    await tell(service, laptop)
    suggested = await service.suggest(SuggestFor(q="leh"))
    assert ([(each.text, each.slug) for each in suggested.products], suggested.queries) == (
        [("Lehar Slim laptop", laptop.slug)],
        ["lehar"],
    )


async def test_the_designs_example_answers_as_elasticsearch_would(service):
    await tell(service, product("Kiran laptop", rupees=45_000), product("Kiran gaming laptop", rupees=85_000))
    price = {"range": {"price": {"gte": 30000, "lte": 60000}}}
    body = {"query": {"bool": {"must": [{"match": {"name": "laptop"}}], "filter": [price]}}}
    answer = msgspec.json.decode((await service.query(DslSearch(body=body))).body)
    assert answer["hits"]["total"] == {"value": 1, "relation": "eq"}
    assert [(hit["_source"]["name"], hit["_source"]["price"]) for hit in answer["hits"]["hits"]] == [
        ("Kiran laptop", 45000)
    ]


async def test_a_clause_outside_the_subset_is_named(service):
    with pytest.raises(InvalidQuery) as refused:
        await service.query(DslSearch(body={"query": {"fuzzy": {"name": "x"}}, "knn": {}}))
    assert [each["pointer"] for each in refused.value.facts["errors"]] == ["/knn", "/query/fuzzy"]


async def test_popular_products_come_first_after_the_refresh(service, shelves: Shelves):
    loved, plain = product("Moti laptop one"), product("Moti laptop two")
    shelves.put(loved, plain)
    await tell(service, plain, loved)
    await service.count_clicks(Batch([clicks(plain.id, 5)]))
    await service.count_orders(Batch([order(loved.id)]))
    await service.indexer.refresh_popularity()
    assert await titles(service, q="moti", sort="popularity") == ["Moti laptop one", "Moti laptop two"]


async def test_archived_products_do_not_keep_others_from_the_refresh(service, shelves: Shelves, monkeypatch, store):
    monkeypatch.setattr(indexing, "POPULARITY_AT_ONCE", 1)
    archived, loved, plain = product("Rekha one", status="archived"), product("Rekha two"), product("Rekha three")
    shelves.put(archived, loved, plain)
    await tell(service, loved, plain)
    await service.count_clicks(Batch([clicks(archived.id, 50), clicks(loved.id, 9), clicks(plain.id, 3)]))
    for _ in range(3):
        await service.indexer.refresh_popularity()
    async with store.connection() as connection:
        moved = await store.moved(connection, now(), 10)
    assert (moved, await points_of(store, archived.id)) == ([], 50.0)
    assert await titles(service, q="rekha", sort="popularity") == ["Rekha two", "Rekha three"]


async def points_of(store: SearchStore, product_id: str, days: int = 0) -> float:
    async with store.connection() as connection:
        found = await store.popularity(connection, [product_id], now() + timedelta(days=days))
    return round(found.get(product_id, 0.0), 2)


async def test_an_event_told_twice_counts_once(service, store):
    laptop, event = product("Chand laptop"), order("prd_x")
    told = Batch([event, order(laptop.id)])
    await service.count_orders(told)
    await service.count_orders(told)
    assert await points_of(store, laptop.id) == POINTS["purchase"]


async def test_points_fade_by_half_in_thirty_days(service, store):
    laptop = product("Tara laptop")
    await service.count_clicks(Batch([clicks(laptop.id, 8)]))
    assert (await points_of(store, laptop.id), await points_of(store, laptop.id, days=30)) == (8.0, 4.0)


async def test_one_shopper_clicking_often_counts_once(service, store):
    laptop = product("Dhara laptop")
    event = clicks(laptop.id, 1)
    await service.count_clicks(Batch([ClicksRecorded(clicks=event.clicks * 50)]))
    assert await points_of(store, laptop.id) == 1.0


async def test_popularity_of_products_that_never_were_is_forgotten(service, store):
    await service.count_clicks(Batch([clicks("prd_made_up", 30)]))
    await service.indexer.refresh_popularity()
    assert await points_of(store, "prd_made_up") == 0.0


async def test_a_crash_between_commit_and_settling_repeats_without_harm(service, store):
    laptop = product("Jharna laptop")
    await tell(service, laptop)
    # What waits was indexed, but is still there, as after a crash.
    await tell(service, laptop)
    async with store.connection() as connection:
        waiting = await store.pending(connection, 10)
    assert (await titles(service, q="jharna"), waiting) == (["Jharna laptop"], [])


async def test_a_word_that_comes_while_indexing_is_not_settled_away(service, store):
    laptop = product("Sagar laptop", version=1)
    await service.take_saved(Batch([ProductSaved(product=laptop)]))
    async with store.connection() as connection:
        read = await store.pending(connection, 10)
    await service.take_saved(Batch([ProductSaved(product=msgspec.structs.replace(laptop, version=2))]))
    async with store.connection() as connection:
        await store.settle(connection, read)
        assert [each.version for each in await store.pending(connection, 10)] == [2]


async def test_without_an_index_search_is_unavailable_and_the_worker_builds_one(another, shelves: Shelves):
    shelves.put(product("Parvat laptop"))
    worker, api = another(), another()
    with pytest.raises(Unavailable):
        await api.search(SearchProducts(q="parvat"))
    await worker.indexer.rebuild_if_needed()
    assert await titles(api, q="parvat") == ["Parvat laptop"]


async def test_a_rebuild_asked_elsewhere_is_done_by_the_writers_process(service, another, shelves: Shelves):
    shelves.put(product("Jheel laptop"))
    api = another()
    asked = asyncio.create_task(api.rebuild(Nothing()))
    async with asyncio.timeout(120):
        while not asked.done():
            await service.indexer.rebuild_if_needed()
            await asyncio.sleep(0.05)
    assert (asked.result().products, await titles(api, q="jheel")) == (1, ["Jheel laptop"])


async def test_a_process_that_only_rebuilt_lets_the_worker_write(another, shelves: Shelves):
    api, worker = another(), another()
    await api.rebuild(Nothing())
    await tell(worker, product("Kamal laptop"))
    assert await titles(api, q="kamal") == ["Kamal laptop"]


async def test_a_new_product_is_found_through_the_event_log(
    service, another, database: PostgresDatabase, database_url: str
):
    laptop = product("Udaan laptop")
    async with database.transaction("catalog") as transaction:
        transaction.publish(ProductSaved(product=laptop))
    log = PostgresLog(database_url)
    reading = asyncio.create_task(Reader(new_id("reader"), service, REACTIONS, log).run())
    api = another()
    try:
        async with asyncio.timeout(120):
            while await titles(api, q="udaan") != ["Udaan laptop"]:
                await log.relay(["catalog"])
                await service.indexer.flush()
                await asyncio.sleep(0.02)
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await log.stop()
