"""A seeded past of the demo shop: customers, clicks, orders and ratings with tastes behind them.

Every time is `seconds_ago`, counted back from the moment of seeding, within 120 days. Tastes have four parts: a
persona draws to categories, a price level and a style draw to products within them, things are bought together, and
some categories have a season. A model that learns from neighbours therefore beats plain popularity.
"""

from collections.abc import Iterable
from itertools import accumulate
from random import Random

from msgspec import Struct

from haat.demo.people import Customer, customers_of
from haat.demo.records import DemoProduct
from haat.demo.source import table

_DAY = 86_400
_DAYS = 120
_STYLES = 4


class Event(Struct, frozen=True):
    """One step of a session; `kind` is search, click, view, add_to_cart or purchase, `query` only with search."""

    customer: int
    session: int
    seconds_ago: int
    kind: str
    slug: str | None = None
    sku: str | None = None
    query: str | None = None


class OrderLine(Struct, frozen=True):
    """A quantity of one SKU at its price in paise."""

    slug: str
    sku: str
    quantity: int
    unit_price_minor: int


class Order(Struct, frozen=True):
    """What one customer bought at once."""

    number: int
    customer: int
    session: int
    seconds_ago: int
    lines: list[OrderLine]


class Rating(Struct, frozen=True):
    """1 to 5 stars for a product some days after its order."""

    customer: int
    slug: str
    rating: int
    seconds_ago: int


class History(Struct, frozen=True):
    """Everything that happened, events and orders from the oldest to the newest."""

    customers: list[Customer]
    events: list[Event]
    orders: list[Order]
    ratings: list[Rating]


def history(products: Iterable[DemoProduct], seed: int = 1, customer_count: int = 600) -> History:
    """The past of these products; equal arguments give equal histories."""
    writer = _Writer(list(products), seed)
    for customer in customers_of(customer_count, seed):
        writer.live(customer)
    writer.events.sort(key=lambda event: -event.seconds_ago)
    writer.orders.sort(key=lambda order: -order.seconds_ago)
    orders = [
        Order(number, order.customer, order.session, order.seconds_ago, order.lines)
        for number, order in enumerate(writer.orders, 1)
    ]
    return History(writer.customers, writer.events, orders, writer.ratings)


class _Shelf:
    """The products of one category with cumulative weights for each price level and style."""

    def __init__(self, products: list[DemoProduct], rng: Random) -> None:
        self.products = sorted(products, key=lambda product: product.variants[0].price_minor)
        count = len(products)
        styles = [rng.randrange(_STYLES) for _ in products]
        self.weights: dict[tuple[int, int], list[float]] = {}
        for level in range(3):
            for style in range(_STYLES):
                self.weights[level, style] = list(
                    accumulate(
                        product.popularity_hint**0.6
                        * (0.15 + max(0.0, 1 - abs((place + 0.5) / count - (level + 0.5) / 3) * 2.2))
                        * (4.0 if styles[place] == style else 1.0)
                        for place, product in enumerate(self.products)
                    )
                )

    def pick(self, level: int, style: int, rng: Random) -> DemoProduct:
        return rng.choices(self.products, cum_weights=self.weights[level, style])[0]


class _Writer:
    """Lets customers live through their sessions and notes down what they do."""

    def __init__(self, products: list[DemoProduct], seed: int) -> None:
        self.rng = Random(seed * 31 + 7)  # noqa: S311
        by_category: dict[str, list[DemoProduct]] = {}
        for product in products:
            by_category.setdefault(product.category, []).append(product)
        self.shelves = {slug: _Shelf(found, self.rng) for slug, found in by_category.items()}
        self.customers: list[Customer] = []
        self.events: list[Event] = []
        self.orders: list[Order] = []
        self.ratings: list[Rating] = []
        self._sessions = 0

    def live(self, customer: Customer) -> None:
        """One customer's four months: few sessions for most, many for some."""
        rng = self.rng
        self.customers.append(customer)
        persona = table("personas")["persona"][customer.persona]
        draws = {
            slug: weight * rng.choice((0.3, 1, 1, 2))
            for slug, weight in persona["draws"].items()
            if slug in self.shelves
        }
        if not draws:
            return
        level = min(2, max(0, persona["level"] + rng.choice((-1, 0, 0, 0, 1))))
        style = rng.randrange(_STYLES)
        for _ in range(min(48, 4 + int(rng.paretovariate(0.9) * 2))):
            self._session(customer, draws, level, style)

    def _session(self, customer: Customer, draws: dict[str, float], level: int, style: int) -> None:
        rng = self.rng
        self._sessions += 1
        session, days = self._sessions, rng.random() * (_DAYS - 2) + 1
        clock = int(days * _DAY)
        seasoned = {slug: weight * _season(slug, days) for slug, weight in draws.items()}
        category = rng.choices(list(seasoned), list(seasoned.values()))[0]
        if rng.random() < 0.12:
            category = rng.choice(list(self.shelves))
        if rng.random() < 0.45:
            self._note(customer, session, clock, "search", query=_query(category, rng))
        basket: list[OrderLine] = []
        for step in range(rng.randint(2, 6)):
            clock -= rng.randint(8, 90)
            product = self.shelves[category].pick(level, style, rng)
            self._note(customer, session, clock, "click", product.slug)
            self._note(customer, session, clock - 2, "view", product.slug)
            if rng.random() < 0.16 + 0.05 * (step > 2):
                clock = self._take(customer, session, clock, product, basket)
                for other, chance in table("personas")["together"].get(category, ()):
                    if other in self.shelves and rng.random() * 100 < chance:
                        clock -= rng.randint(10, 60)
                        added = self.shelves[other].pick(level, style, rng)
                        self._note(customer, session, clock, "view", added.slug)
                        clock = self._take(customer, session, clock, added, basket)
                break
        if basket and rng.random() < 0.72:
            self._buy(customer, session, clock - rng.randint(40, 400), basket)

    def _take(self, customer: Customer, session: int, clock: int, product: DemoProduct, basket: list[OrderLine]) -> int:
        rng = self.rng
        variant = rng.choice(product.variants)
        if any(line.slug == product.slug for line in basket):
            return clock
        quantity = rng.choice((1, 1, 2, 3)) if variant.price_minor < 50_000 else 1
        basket.append(OrderLine(product.slug, variant.sku, quantity, variant.price_minor))
        self._note(customer, session, clock - 6, "add_to_cart", product.slug, variant.sku)
        return clock - 6

    def _buy(self, customer: Customer, session: int, clock: int, basket: list[OrderLine]) -> None:
        rng = self.rng
        self.orders.append(Order(0, customer.number, session, clock, basket))
        for line in basket:
            self._note(customer, session, clock, "purchase", line.slug, line.sku)
            wait = rng.randint(4 * _DAY, 15 * _DAY)
            if rng.random() < 0.5 and clock - wait > 0:
                # A product has a quality of its own, so that ratings agree with one another.
                quality = sum(line.slug.encode()) % 3
                rating = rng.choices(
                    (5, 4, 3, 2, 1), ((25, 30, 25, 13, 7), (45, 35, 12, 5, 3), (68, 24, 5, 2, 1))[quality]
                )
                self.ratings.append(Rating(customer.number, line.slug, rating[0], clock - wait))

    def _note(
        self,
        customer: Customer,
        session: int,
        clock: int,
        kind: str,
        slug: str | None = None,
        sku: str | None = None,
        query: str | None = None,
    ) -> None:
        self.events.append(Event(customer.number, session, clock, kind, slug, sku, query))


def _season(category: str, days_ago: float) -> float:
    first, last, factor = table("personas")["season"].get(category, (0, 0, 1))
    return float(factor) if first <= days_ago <= last else 1.0


def _query(category: str, rng: Random) -> str:
    known = table("personas")["queries"].get(category)
    return str(rng.choice(known)) if known else category.replace("-", " ")
