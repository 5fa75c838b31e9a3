"""The demo shop's past has the structure that recommendations are meant to find."""

from collections import Counter

from haat.demo.catalogue import products
from haat.demo.history import history

PRODUCTS = list(products())
CATEGORY = {product.slug: product.category for product in PRODUCTS}
SKUS = {variant.sku: product.slug for product in PRODUCTS for variant in product.variants}
PAST = history(PRODUCTS, seed=1)
BASKETS: dict[int, list[str]] = {}
for _order in PAST.orders:
    BASKETS.setdefault(_order.customer, []).extend(line.slug for line in _order.lines)


def buyers(category: str) -> set[int]:
    return {customer for customer, slugs in BASKETS.items() if any(CATEGORY[slug] == category for slug in slugs)}


def test_laptop_buyers_buy_mice_far_more_often_than_others_do() -> None:
    laptops, mice = buyers("laptops"), buyers("mice")
    others = len(PAST.customers) - len(laptops)
    assert len(laptops & mice) / len(laptops) > 4 * len(mice - laptops) / others


def test_phone_buyers_buy_cases_far_more_often_than_others_do() -> None:
    phones, cases = buyers("smartphones"), buyers("phone-cases")
    others = len(PAST.customers) - len(phones)
    assert len(phones & cases) / len(phones) > 4 * len(cases - phones) / others


def test_a_third_of_the_orders_with_a_laptop_carry_a_mouse_or_a_bag_too() -> None:
    baskets = [{CATEGORY[line.slug] for line in order.lines} for order in PAST.orders]
    with_laptop = [basket for basket in baskets if "laptops" in basket]
    assert sum(bool(basket & {"mice", "laptop-bags"}) for basket in with_laptop) > len(with_laptop) / 3


def hit_share(recommend: dict[str, Counter[str]], popular: Counter[str]) -> float:
    hits = 0
    for slugs in BASKETS.values():
        known, wanted = slugs[:-1], slugs[-1]
        scores: Counter[str] = Counter()
        for slug in known:
            scores.update(recommend.get(slug, popular))
        best = [slug for slug, _ in (scores or popular).most_common(40) if slug not in known][:10]
        hits += wanted in best
    return hits / len(BASKETS)


def test_neighbours_predict_the_last_purchase_better_than_popularity_does() -> None:
    together: dict[str, Counter[str]] = {}
    popular: Counter[str] = Counter()
    for slugs in BASKETS.values():
        popular.update(slugs[:-1])
        for slug in slugs[:-1]:
            together.setdefault(slug, Counter()).update(other for other in slugs[:-1] if other != slug)
    for counts in together.values():
        for other in counts:
            counts[other] = counts[other] * 1000 // (popular[other] + 5)
    assert hit_share(together, popular) > 1.5 * hit_share({}, popular)


def test_popularity_has_a_long_tail() -> None:
    sold = Counter(line.slug for order in PAST.orders for line in order.lines)
    top = sum(count for _, count in sold.most_common(len(PRODUCTS) // 5))
    assert 0.4 < top / sum(sold.values()) < 0.9
    assert len(sold) > 250


def test_festival_weeks_draw_more_looks_at_sarees_than_the_weeks_before() -> None:
    day = 86_400
    ages = [e.seconds_ago // day for e in PAST.events if e.kind == "view" and CATEGORY[e.slug or ""] == "sarees"]
    assert sum(18 <= age < 34 for age in ages) > 2 * sum(40 <= age < 56 for age in ages)


def test_events_orders_and_ratings_agree() -> None:
    bought = Counter((e.customer, e.sku) for e in PAST.events if e.kind == "purchase")
    lines = Counter((order.customer, line.sku) for order in PAST.orders for line in order.lines)
    assert bought == lines
    assert all(SKUS[line.sku] == line.slug for order in PAST.orders for line in order.lines)
    assert all(rating.slug in BASKETS[rating.customer] for rating in PAST.ratings)
    assert {event.kind for event in PAST.events} == {"search", "click", "view", "add_to_cart", "purchase"}


def test_everything_happened_within_120_days_oldest_first() -> None:
    ages = [event.seconds_ago for event in PAST.events]
    assert min(ages) > 0
    assert max(ages) <= 120 * 86_400
    assert ages == sorted(ages, reverse=True)
    assert [order.number for order in PAST.orders] == list(range(1, len(PAST.orders) + 1))


def test_customers_are_many_and_reachable_by_nobody() -> None:
    addresses = {customer.email for customer in PAST.customers}
    assert len(addresses) == len(PAST.customers) == 600
    assert {address.split("@")[1] for address in addresses} == {"example.com", "example.org", "example.net"}
    assert all(len(customer.pin) == 6 and customer.pin.isdigit() for customer in PAST.customers)


def test_the_past_is_the_same_every_time() -> None:
    assert history(PRODUCTS, seed=1) == PAST
    assert history(PRODUCTS, seed=2) != PAST
