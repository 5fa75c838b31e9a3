"""What many products match: counted by a sample, ranked among champions, or answered from a table; all of it fair."""

import random
from collections.abc import Sequence
from itertools import product as every_combination

import pytest
from msgspec.structs import replace
from text_search_shop import ELECTRONICS, FASHION, JANUARY, LAPTOPS, PHONES, SHOES, WOMEN_SHOES, batches

from haat.engines.text_search import breadth, table, view
from haat.ports.text_search import PriceFacet, ProductDocument, SearchQuery

COUNT = 600
LEAVES = ((ELECTRONICS, LAPTOPS), (ELECTRONICS, PHONES), (FASHION, SHOES), (FASHION, WOMEN_SHOES))
BRANDS = ("Vayu", "Megha", "Tarang", "Padma", "")


def crowd() -> list[ProductDocument]:
    """Six hundred kettles; every third is made of steel, the hundredth is popular."""
    chance = random.Random(7)
    return [
        ProductDocument(
            id=f"prd_{number:04}",
            version=1,
            slug=f"kettle-{number}",
            title=f"{'steel ' if number % 3 == 0 else ''}kettle {'for tea ' * (number % 4)}model {number}",
            price_minor=chance.randrange(20_000, 12_000_000),
            published_at=JANUARY,
            card=b'{"id":"prd_%04d"}' % number,
            brand=chance.choice(BRANDS),
            categories=chance.choice(LEAVES),
            rating_average=chance.randrange(0, 51) / 10,
            popularity=5_000.0 if number == 100 else 0.0,
            in_stock=chance.random() < 0.8,
        )
        for number in range(COUNT)
    ]


CROWD = crowd()


@pytest.fixture
async def search(adapter, tmp_path):
    """The crowd in one index, with limits as low as the crowd is small."""
    writer = adapter.writer(tmp_path)
    await writer.rebuild(batches(CROWD[:400]))
    await writer.apply(CROWD[400:])
    yield adapter.search(tmp_path)
    await writer.close()


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "COUNTED_EXACTLY", 250)
    monkeypatch.setattr(view, "SAMPLED", 400)
    monkeypatch.setattr(view, "ENOUGH", 100)


@pytest.fixture
def championed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breadth, "RANKED", 100)


@pytest.fixture
def tabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text has a table at once."""
    monkeypatch.setattr(table, "FEWEST_ROWS", 1)
    monkeypatch.setattr(table, "ASKS_BEFORE", 0)
    monkeypatch.setattr(table, "ROWS_AN_ASK", 10_000)


def fitting(ask: SearchQuery) -> list[ProductDocument]:
    """What the filters keep of the crowd, worked out by hand."""
    low, high = ask.price_min_minor or 0, ask.price_max_minor or 10**12
    return [
        each
        for each in CROWD
        if low <= each.price_minor <= high
        and each.rating_average >= (ask.rating_min or 0)
        and ask.in_stock in (None, each.in_stock)
        and (not ask.brands or each.brand.lower() in {brand.lower() for brand in ask.brands})
        and (not ask.categories or any(ref.slug in ask.categories for ref in each.categories))
    ]


async def walked(search, ask: SearchQuery) -> list[str]:
    found: list[str] = []
    while True:
        answer = await search.search(ask)
        found += [hit.id for hit in answer.hits]
        if answer.next_cursor is None:
            return found
        ask = replace(ask, cursor=answer.next_cursor)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_a_level_holds_its_share_of_all_products(level: int):
    held = sum(breadth.sample_level(f"prd_{number}") >= level for number in range(64_000))
    assert abs(held / 64_000 * 2**level - 1) < 0.1


def test_what_people_buy_is_a_champion_whatever_its_id():
    levels = [breadth.champion_level(f"prd_{number}", 1_000.0) for number in range(1_000)]
    assert (min(levels), breadth.champion_level("prd_1", 1e12)) == (9, breadth.DEEPEST_LEVEL)


def test_a_level_is_as_deep_as_it_must_be():
    assert [breadth.level_for(matches, 4_000) for matches in (0, 4_000, 4_001, 16_000, 10**12)] == [0, 0, 1, 2, 16]


async def test_a_broad_total_without_filters_is_exact(search, sampled):
    answer = await search.search(SearchQuery("kettle"))
    assert (answer.total, answer.total_exact, answer.facets.exact) == (COUNT, True, False)


async def test_a_broad_total_with_filters_is_an_estimate_that_says_so(search, sampled):
    ask = SearchQuery("kettle", price_min_minor=1_000_000)
    answer = await search.search(ask)
    assert not answer.total_exact
    assert abs(answer.total / len(fitting(ask)) - 1) < 0.2


async def test_facets_of_a_sample_are_near_the_truth(search, sampled):
    facets = (await search.search(SearchQuery("kettle"))).facets
    counted = {each.value: each.count for each in facets.brand}
    for brand in BRANDS[:-1]:
        assert abs(counted[brand] / len(fitting(SearchQuery(brands=(brand,)))) - 1) < 0.35


async def test_few_results_of_a_broad_text_are_counted_one_by_one(search, sampled):
    ask = SearchQuery("kettle", brands=("Vayu",), in_stock=True)
    answer = await search.search(ask)
    assert (answer.total, answer.total_exact) == (len(fitting(ask)), True)


async def test_pages_among_champions_show_every_product_once(search, championed):
    found = await walked(search, SearchQuery("kettle", limit=50))
    assert (len(found), set(found)) == (COUNT, {each.id for each in CROWD})


async def test_champions_come_first(search, championed):
    levels = {each.id: breadth.champion_level(each.id, each.popularity) for each in CROWD}
    # The first level that holds at most a hundred.
    chosen = next(level for level in range(1, 9) if sum(each >= level for each in levels.values()) <= 100)
    found = await walked(search, SearchQuery("kettle", limit=50))
    champions = {product_id for product_id, level in levels.items() if level >= chosen}
    assert set(found[: len(champions)]) == champions
    assert "prd_0100" in champions


async def test_a_narrow_result_is_ranked_among_all(search, championed, monkeypatch: pytest.MonkeyPatch):
    ask = SearchQuery("steel kettle", brands=("Vayu",), limit=50)
    ranked = await walked(search, ask)
    monkeypatch.setattr(breadth, "RANKED", 10_000)
    assert ranked == await walked(search, replace(ask, limit=49))


@pytest.fixture
def relaxed(championed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breadth, "RANKED_RELAXED", 100)


async def test_what_has_every_word_comes_first_among_champions_of_a_relaxed_text(search, relaxed):
    level = breadth.champion_level("prd_0303", 0.0)
    answer = await search.search(SearchQuery("kettle model 303"))
    assert (level, answer.total, answer.hits[0].id) == (0, COUNT, "prd_0303")


async def test_pages_of_a_relaxed_text_show_every_product_once(search, relaxed):
    found = await walked(search, SearchQuery("kettle model 303", limit=50))
    assert (len(found), set(found)) == (COUNT, {each.id for each in CROWD})


async def test_prices_of_a_broad_text_are_counted_one_by_one(search, sampled):
    facets = (await search.search(SearchQuery("kettle", price_min_minor=1_000_000))).facets
    counted = {each.from_minor: each.count for each in facets.price}
    assert counted[100_000] == sum(100_000 <= each.price_minor < 250_000 for each in CROWD)


NAMES = ("brands", "categories", "price_min_minor", "price_max_minor", "rating_min", "in_stock")
CHOICES = (
    ((), ("Vayu", "padma")),
    ((), ("electronics",), ("shoes",)),
    (None, 500_000),
    (None, 6_000_000),
    (None, 3.5),
    (None, True),
)
FILTERS: Sequence[dict[str, object]] = [dict(zip(NAMES, each, strict=True)) for each in every_combination(*CHOICES)]


async def test_a_table_answers_what_the_engine_does(search, tabled, monkeypatch: pytest.MonkeyPatch):
    """Hits with their order and scores, totals and facets, for every combination of filters."""
    asks = [SearchQuery("steel kettle", limit=30, offset=5, **filters) for filters in FILTERS]  # type: ignore[arg-type]
    by_table = [await search.search(ask) for ask in asks]
    monkeypatch.setattr(table, "MOST_ROWS", 0)
    by_engine = [await search.search(replace(ask, text="Steel  kettle")) for ask in asks]
    for ask, one, other in zip(asks, by_table, by_engine, strict=True):
        expected = [each for each in fitting(ask) if "steel" in each.title]
        assert (one.hits, one.total, one.facets) == (other.hits, len(expected), other.facets)


async def test_a_table_is_made_when_it_has_been_earned_and_makes_estimates_exact(search, sampled, monkeypatch):
    """Four askings, and one more for each 300 rows."""
    asks = [SearchQuery("kettle", price_min_minor=1_000_000 + n) for n in range(8)]
    exact = [(await search.search(ask)).total_exact for ask in asks]
    assert exact == [False] * 6 + [True] * 2
    again = await search.search(replace(asks[0], limit=19))
    assert (again.total, again.facets.exact) == (len(fitting(asks[0])), True)


async def test_a_table_that_had_to_go_is_earned_again(search, sampled, monkeypatch):
    monkeypatch.setattr(table, "ASKS_BEFORE", 0)
    monkeypatch.setattr(table, "ROWS_KEPT", 700)
    asks = [SearchQuery("kettle", price_min_minor=1_000_000 + n) for n in range(6)]
    others = [SearchQuery("kettle model", price_min_minor=1_000_000 + n) for n in range(3)]
    exact = [(await search.search(ask)).total_exact for ask in (*asks[:3], *others, *asks[3:])]
    assert exact == [False, False, True, False, False, True, False, False, True]


async def test_a_table_goes_with_the_state_it_was_made_of(adapter, tmp_path, tabled):
    writer, search = adapter.writer(tmp_path), adapter.search(tmp_path)
    await writer.rebuild(batches(CROWD[:40]))
    before = await search.search(SearchQuery("kettle", price_min_minor=0))
    new = replace(CROWD[50], brand="Nayi", categories=(FASHION,), price_minor=30_000)
    await writer.apply([new])
    after = await search.search(SearchQuery("kettle", price_min_minor=0, brands=("Nayi",)))
    await writer.close()
    assert (before.total, after.total, after.hits[0].id) == (40, 1, new.id)
    assert after.facets.price == (PriceFacet(0, 50_000, 1),)
