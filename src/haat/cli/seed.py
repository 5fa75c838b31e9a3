"""`haat seed`: the demo shop, or a catalogue of any size for load work. Every step may be repeated."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar

from haat.background import opened, told_by, working
from haat.cli.environment import read_settings
from haat.cli.options import Products
from haat.cli.steps import Steps
from haat.compose import SERVICES, House
from haat.contracts.catalog import (  # fmt: skip
    Catalog,
    Image,
    ImportRow,
    ImportRows,
    NewCategory,
    NewProduct,
    NewVariant,
    SaveCategories,
    WriteReview,
)
from haat.contracts.checkout import Checkouts, SaveTaxRates, TaxRate
from haat.contracts.identity import EmailTaken, EnsureStaff, Identity, Register
from haat.contracts.media import MediaStore, Upload
from haat.contracts.promotions import NewCoupon, Promotions, SaveCoupon
from haat.contracts.recommendations import Recommender, RecordHistory
from haat.contracts.search import Search
from haat.demo.history import History
from haat.demo.records import DemoProduct
from haat.engines.events.postgres_log import until_read
from haat.kit.clock import now
from haat.kit.message import Invalid, Nothing
from haat.kit.money import Money
from haat.kit.startup import StartupFault
from haat.kit.telemetry import start_logging
from haat.settings import Settings

T = TypeVar("T")
ROWS = 100
CLICKS = 5_000
SIDE_BY_SIDE = 4
SHOPPER_EMAIL, SHOPPER_PASSWORD, SHOPPER_NAME = "asha@example.com", "namaste-haat", "Asha Rao"
ACTOR = "seed"
STILL_SECONDS = 120.0


def seed_command(
    *, products: Products = 0, demo: bool = True, past: bool = False, seed: int = 1, background: bool = True
) -> None:
    """Fill the shop: accounts, taxes, and the demo catalogue with its history; or a large catalogue for load work.

    Without HAAT_DATABASE_URL the embedded database of HAAT_DATA is used (a running shop's, too).

    Example: `haat seed --products 100000`

    Parameters
    ----------
    products
        Add this many generated products (up to a million) instead of the demo catalogue.
    demo
        Fill in the demo catalogue, and a shopper whose password everybody knows.
    past
        Place the demo's orders of the last weeks, too: for `haat run`, whose sandboxes do not run yet.
    seed
        The same number gives the same generated products.
    background
        Do the background work (search index, reactions) here; beside a running shop its own worker does it:
        --no-background.
    """
    import uvloop

    from haat.cli.database import database_for

    start_logging("WARNING")
    told = read_settings()
    if past and not (told.carrier_url and told.provider_url and told.webhook_secret):
        raise StartupFault(
            "The last weeks need the sandboxes' addresses.", "`haat run` fills them in at its first start."
        )
    with database_for(told, fill=True) as settings:
        uvloop.run(_seed(settings, products, demo, past, seed, background))


async def _seed(settings: Settings, products: int, demo: bool, past: bool, seed: int, background: bool) -> None:
    house = House(settings)
    names = [name for name in SERVICES if name in house.serves]
    async with working(house, names) if background else opened(house, names):
        with Steps() as steps:
            with steps.step("accounts and taxes"):
                await _owner(house)
                if demo:
                    await _shopper(house)
                await _taxes(house)
            if products:
                await _load(house, products, seed, steps)
            elif demo:
                await _demo(house, past, steps)
            with steps.step("search index"):
                await _drained(house)
            steps.say("seeded")


async def _owner(house: House) -> None:
    identity = house.ask(Identity)
    settings = house.settings
    password = settings.staff_password or os.environ.get("HAAT_STAFF_PASSWORD")
    owner = EnsureStaff(email=settings.staff_email, name="Shop owner", password=password, roles=["owner"])
    try:
        await identity.ensure_staff(owner)
    except Invalid as error:
        said = "; ".join(fault["detail"] for fault in error.facts["errors"])
        raise StartupFault(f"HAAT_STAFF_EMAIL={settings.staff_email} cannot be: {said}", "Choose another.") from error


async def _shopper(house: House) -> None:
    """Everybody knows this password: for a demo only."""
    with suppress(EmailTaken):
        await house.ask(Identity).register(Register(email=SHOPPER_EMAIL, password=SHOPPER_PASSWORD, name=SHOPPER_NAME))


async def _taxes(house: House) -> None:
    from haat.demo.catalogue import tax_classes

    rates = [
        TaxRate(
            tax_class=each.code,
            from_date=rate.from_date,
            price_from_minor=rate.price_min_minor or 0,
            rate_basis_points=rate.rate_basis_points,
        )
        for each in tax_classes()
        for rate in each.rates
    ]
    await house.ask(Checkouts).save_tax_rates(SaveTaxRates(rates=rates))


async def _demo(house: House, past: bool, steps: Steps) -> None:
    from haat.demo.catalogue import products
    from haat.demo.history import history

    catalogue = list(products())
    told = history(catalogue)
    await _categories(house)
    images = await _images(house, catalogue, steps)
    await _products(house, catalogue, images, steps)
    await _reviews(house, catalogue, steps)
    await _coupons(house)
    ids = await _past(house, catalogue, told, steps) if past else {}
    await _history(house, catalogue, told, ids, steps)
    with steps.step("training"):
        await house.ask(Recommender).train(Nothing())


async def _categories(house: House) -> None:
    from haat.demo.catalogue import categories

    made = [
        NewCategory(slug=each.slug, title=each.title, parent_slug=each.parent, position=each.position)
        for each in categories()
    ]
    await house.ask(Catalog).save_categories(SaveCategories(categories=made))


async def _images(house: House, catalogue: Sequence[DemoProduct], steps: Steps) -> dict[str, list[Image]]:
    from haat.demo.drawings import draw

    media = house.ask(MediaStore)

    async def one(product: DemoProduct) -> tuple[str, list[Image]]:
        found = []
        for i, picture in enumerate(product.images):
            svg = await asyncio.to_thread(draw, product, i)
            stored = await media.upload(Upload(body=svg.encode(), media_type="image/svg+xml", alt=picture.alt))
            found.append(
                Image(url=stored.url, alt=picture.alt, width=stored.width, height=stored.height, media_id=stored.id)
            )
        return product.slug, found

    with steps.step("drawing pictures", len(catalogue)) as advance:
        return dict(await _side_by_side(one, catalogue, advance))


async def _products(
    house: House, catalogue: Iterable[DemoProduct], images: dict[str, list[Image]], steps: Steps, total: int = 0
) -> None:
    catalog, line = house.ask(Catalog), 0
    with steps.step("products", total or len(images)) as advance:
        for rows in _chunks(catalogue, ROWS):
            asked = [_row(line + i, product, images) for i, product in enumerate(rows, 1)]
            line += len(rows)
            imported = await catalog.import_rows(ImportRows(rows=asked, actor=ACTOR))
            for fault in imported.faults:
                steps.say(f"line {fault.line}: {fault.pointer} {fault.detail}")
            advance(len(rows))


def _row(line: int, product: DemoProduct, images: dict[str, list[Image]]) -> ImportRow:
    variants = [
        NewVariant(
            sku=variant.sku,
            price=Money(variant.price_minor),
            options=variant.options,
            compare_at=Money(variant.compare_at_minor) if variant.compare_at_minor else None,
            weight_grams=variant.weight_grams,
            stock=variant.stock,
        )
        for variant in product.variants
    ]
    return ImportRow(
        line=line,
        product=NewProduct(
            title=product.title,
            category=product.category,
            variants=variants,
            slug=product.slug,
            description=product.description,
            brand=product.brand,
            product_type=product.product_type,
            attributes=product.attributes,
            hsn=product.hsn,
            tax_class=product.tax_class,
            images=images.get(product.slug, []),
        ),
        published_at=now() - timedelta(days=product.published_days_ago),
    )


async def _reviews(house: House, catalogue: Sequence[DemoProduct], steps: Steps) -> None:
    from haat.contracts.catalog import ProductRef

    catalog = house.ask(Catalog)

    async def one(product: DemoProduct) -> None:
        product_id = (await catalog.product(ProductRef(ref=product.slug))).id
        for i, review in enumerate(product.reviews):
            await catalog.write_review(
                WriteReview(
                    product_id=product_id,
                    user_id=f"usr_seed{i:04}",
                    author=review.author,
                    rating=review.rating,
                    title=review.title,
                    body=review.body,
                    verified=review.verified,
                    created_at=now() - timedelta(days=review.days_ago),
                )
            )

    with steps.step("reviews", len(catalogue)) as advance:
        await _side_by_side(one, catalogue, advance)


async def _coupons(house: House) -> None:
    promotions = house.ask(Promotions)
    for coupon in (
        NewCoupon(code="WELCOME10", title="10 % off your first order", percent_basis_points=1000,
                  maximum_discount_minor=100_000, limit_per_user=1),
        NewCoupon(code="DIWALI500", title="₹500 off from ₹4,999", amount_minor=50_000, minimum_minor=499_900,
                  limit_total=10_000),
    ):  # fmt: skip
        await promotions.save_coupon(SaveCoupon(coupon=coupon, actor=ACTOR))


async def _past(house: House, catalogue: Sequence[DemoProduct], told: History, steps: Steps) -> dict[int, str]:
    """Real orders of some of the history's customers; their user ids by number."""
    from haat.cli.seed_past import Past
    from haat.demo.past import purchases

    plan = purchases(told, catalogue)
    lived = Past(house, catalogue, plan)
    ids = await lived.customers()
    with steps.step("orders", len(plan)) as advance:
        await lived.live(advance)
    return ids


async def _history(
    house: House, catalogue: Sequence[DemoProduct], told: History, ids: dict[int, str], steps: Steps
) -> None:
    from haat.cli.seed_history import clicks_of

    recommender = house.ask(Recommender)
    clicks = await clicks_of(house.ask(Catalog), catalogue, told, ids)
    with steps.step("history", len(clicks)) as advance:
        for i, chunk in enumerate(_chunks(clicks, CLICKS)):
            await recommender.record_history(RecordHistory(source=f"demo-{i}", clicks=list(chunk)))
            advance(len(chunk))


async def _load(house: House, count: int, seed: int, steps: Steps) -> None:
    """Generated products have no pictures: a million drawings would tell nothing new."""
    from haat.demo.bulk import generate

    await _categories(house)
    await _products(house, generate(count, seed), {}, steps, total=count)


async def _drained(house: House, still_seconds: float = STILL_SECONDS) -> None:
    """Wait until every event has been acted on and the index holds every product, for as long as anything moves.

    Raises StartupFault when nothing has moved for `still_seconds`.
    """
    search = house.ask(Search)
    try:
        await until_read(house.dsn("events"), told_by(list(house.serves)), still_seconds)
        left, moved_at = -1, time.monotonic()
        while waiting := (await search.waiting(Nothing())).products:
            if waiting != left:
                left, moved_at = waiting, time.monotonic()
            elif time.monotonic() - moved_at > still_seconds:
                raise TimeoutError(f"{waiting} products wait for the search index")
            await asyncio.sleep(0.2)
    except TimeoutError as error:
        raise StartupFault(
            f"The background work stands still: {error}.",
            "What was filled in is kept; a running worker goes on with it.",
        ) from error


async def _side_by_side(one: Any, items: Sequence[Any], advance: Callable[[int], None]) -> list[Any]:
    gate = asyncio.Semaphore(SIDE_BY_SIDE)

    async def guarded(item: Any) -> Any:
        async with gate:
            done = await one(item)
            advance(1)
            return done

    return list(await asyncio.gather(*(guarded(item) for item in items)))


def _chunks(items: Iterable[T], size: int) -> Iterable[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
