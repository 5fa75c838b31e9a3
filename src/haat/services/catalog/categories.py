"""Categories: the tree with its counts, and the making and renaming of its nodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from haat.contracts.catalog import CategoryNode, Encoded, NewCategory, ProductSaved
from haat.kit.database import Connection, Transaction
from haat.kit.ids import new_id
from haat.kit.message import Invalid, Page, encode
from haat.ports.cache import Cache
from haat.services.catalog.model import Category, page_of, slug_of
from haat.services.catalog.store import CatalogStore

BATCH = 500


def tree_of(categories: Sequence[Category], counts: Mapping[str, int]) -> list[CategoryNode]:
    """The nodes below no parent, each with its children; `categories` come parents first."""
    children: dict[str | None, list[CategoryNode]] = {None: []}
    for each in categories:
        below = children.setdefault(each.category_id, [])
        node = CategoryNode(
            id=each.category_id,
            slug=each.slug,
            title=each.title,
            path=each.path,
            count=counts.get(each.category_id, 0),
            children=below,
        )
        children[each.parent_id].append(node)
    return children[None]


def tree_page(categories: Sequence[Category], counts: Mapping[str, int]) -> Encoded:
    """The tree as the ready answer."""
    body = encode(Page(data=tree_of(categories, counts)))
    return Encoded(body=body, etag=f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"')


class CategoryWriter:
    """Makes and renames categories, one writer at a time."""

    def __init__(self, store: CatalogStore, cache: Cache) -> None:
        self._store = store
        self._cache = cache

    async def save(self, transaction: Transaction, asked: Sequence[NewCategory]) -> list[str]:
        """Create or rename; the ids of products shown with a new title. Raises Invalid."""
        await self._store.lock_categories(transaction.connection)
        known = {each.slug: each for each in await self._store.categories(transaction.connection)}
        changed: list[str] = []
        for number, each in enumerate(asked):
            parent = known.get(each.parent_slug) if each.parent_slug is not None else None
            if each.parent_slug is not None and parent is None:
                raise Invalid(errors=[_fault(number, "not_found", f"there is no category {each.parent_slug}")])
            old = known.get(each.slug)
            if old is None:
                made = child_of(parent, each.slug, each.title, each.position)
            elif old.parent_id != (parent.category_id if parent else None):
                raise Invalid(errors=[_fault(number, "not_allowed", "a category does not move")])
            else:
                made = msgspec.structs.replace(old, title=each.title, position=each.position)
            if made != old:
                await self._store.save_category(transaction.connection, made)
                known[each.slug] = made
            if old is not None and old.title != made.title:
                changed += await self._retitle(transaction, made)
        return changed

    async def ensure(self, paths: Iterable[Sequence[str]]) -> dict[tuple[str, ...], Category]:
        """The category at the end of each path of titles; missing ones are made."""
        wanted = {tuple(path) for path in paths}
        async with self._store.connection() as connection:
            found = _found(await self._store.categories(connection), wanted)
        if len(found) == len(wanted):
            return found
        async with self._store.transaction() as transaction:
            await self._store.lock_categories(transaction.connection)
            known = await self._store.categories(transaction.connection)
            for path in sorted(wanted):
                known += await self._make(transaction.connection, known, path)
        # Before their products are told: whoever hears of one asks what the categories above it are called.
        await self._cache.invalidate("categories")
        return _found(known, wanted)

    async def _make(self, connection: Connection, known: list[Category], path: Sequence[str]) -> list[Category]:
        places = _places(known)
        slugs = {each.slug for each in known}
        parent: Category | None = None
        made: list[Category] = []
        for title in path:
            there = _there(places, parent, title)
            if there is None:
                there = child_of(parent, _free_slug(title, parent, slugs), title, 0)
                await self._store.save_category(connection, there)
                slugs.add(there.slug)
                made.append(there)
            parent = there
        return made

    async def _retitle(self, transaction: Transaction, category: Category) -> list[str]:
        """Products carry the title of their category: show them with the new one, and tell it.

        Those further below are found by it too, so they are told again, though not a byte of them changes.
        """
        after = ""
        changed: list[str] = []
        while True:
            locked = await self._store.lock_products_of_category(
                transaction.connection, category.category_id, after, BATCH
            )
            if not locked:
                return changed
            products = [
                msgspec.structs.replace(each.product, category=category.ref(), version=each.version + 1)
                for each in locked
                if each.product.category.id == category.category_id
            ]
            below = [each.product for each in locked if each.product.category.id != category.category_id]
            await self._store.save_pages(transaction.connection, [(each, page_of(each)) for each in products])
            told = (each for each in (*products, *below) if each.status == "published")
            transaction.publish(*(ProductSaved(product=each) for each in told))
            after = locked[-1].product_id
            changed += [each.id for each in products]


def child_of(parent: Category | None, slug: str, title: str, position: int) -> Category:
    """A new category below `parent`, or a root."""
    category_id = new_id("cat")
    above_path, above_ids = (parent.path, parent.ancestors) if parent else ([], [])
    return Category(
        category_id,
        slug,
        title,
        [*above_path, slug],
        [*above_ids, category_id],
        parent.category_id if parent else None,
        position,
    )


def _found(known: Sequence[Category], wanted: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Category]:
    places = _places(known)
    found = {}
    for path in wanted:
        category: Category | None = None
        for title in path:
            category = _there(places, category, title)
            if category is None:
                break
        if category is not None:
            found[path] = category
    return found


def _places(known: Iterable[Category]) -> dict[tuple[str | None, str], Category]:
    """Categories by the one above them and their titles; a renamed one also by what its slug was made of."""
    known = list(known)
    renamed = {(each.parent_id, f"/{each.slug}"): each for each in known if _was_renamed(each)}
    return {**renamed, **{(each.parent_id, each.title.lower()): each for each in known}}


def _was_renamed(category: Category) -> bool:
    # A slug that another category had already was made longer at one of its ends.
    return f"-{slug_of(category.title)}-" not in f"-{category.slug}-"


def _there(places: Mapping[tuple[str | None, str], Category], parent: Category | None, title: str) -> Category | None:
    above = parent.category_id if parent else None
    return places.get((above, title.lower())) or places.get((above, f"/{slug_of(title)}"))


def _free_slug(title: str, parent: Category | None, taken: set[str]) -> str:
    plain = slug_of(title) or f"category-{hashlib.blake2b(title.encode(), digest_size=4).hexdigest()}"
    for slug in (plain, f"{parent.slug}-{plain}"[-200:].strip("-") if parent else plain):
        if slug not in taken:
            return slug
    return f"{plain}-{new_id('cat')[-8:]}"


def _fault(number: int, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/categories/{number}", "code": code, "detail": detail}
