"""The embedded search engine, writing side: one process, held to it by a lock."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import tantivy

from haat.engines.text_search.cards import CardReader, CardWriter, cards_bytes
from haat.engines.text_search.generations import (
    Pointer,
    WriterLock,
    finished,
    is_due,
    read_pointer,
    remove_others,
    unfinished_folder,
    write_pointer,
)
from haat.engines.text_search.reading import count_of
from haat.engines.text_search.schema import (
    CARD,
    FORMAT,
    LIVE,
    SHELF,
    build_schema,
    register_analysers,
    to_tantivy,
    to_tombstone,
)
from haat.engines.text_search.view import open_index
from haat.ports.text_search import Applied, IndexNotReady, IndexState, ProductDocument, Removal

_T = TypeVar("_T")
Change = ProductDocument | Removal
# One writing thread makes few, large segments, which is what makes searching fast.
_THREADS: Final = 1
_BUFFER_BYTES: Final = 48_000_000
_REBUILD_BUFFER_BYTES: Final = 256_000_000


class _Known(NamedTuple):
    """What the committed index holds of a product; `card` is None when it is a tombstone."""

    version: int
    card: int | None


class _Generation:
    """One index being written to. Without `versions` it asks the committed index what it holds."""

    def __init__(self, folder: Path, index: tantivy.Index, minor_per_major: int, fresh: bool) -> None:
        self._folder = folder
        self._index = index
        self._schema = index.schema
        self._minor_per_major = minor_per_major
        self._versions: dict[str, int] | None = {} if fresh else None
        self._cards = CardWriter(folder)
        self._committed_cards = CardReader(folder)
        self._settled = False
        self._writer = index.writer(_REBUILD_BUFFER_BYTES if fresh else _BUFFER_BYTES, _THREADS)

    def put(self, changes: Sequence[Change]) -> Applied:
        newest: dict[str, Change] = {}
        for change in changes:
            known = newest.get(change.id)
            if known is None or change.version > known.version:
                newest[change.id] = change
        accepted = 0
        for change in newest.values():
            held = self._known(change.id)
            if held is not None and held.version >= change.version:
                continue
            self._put_one(change, held)
            accepted += 1
        return Applied(accepted, len(changes) - accepted)

    def _put_one(self, change: Change, known: _Known | None) -> None:
        if known is not None:
            self._writer.delete_documents_by_term("id", change.id)
        if isinstance(change, Removal):
            self._writer.add_document(to_tombstone(change))
        else:
            self._writer.add_document(to_tantivy(change, self._minor_per_major, self._card(change, known)))
        if self._versions is not None:
            self._versions[change.id] = change.version

    def _card(self, product: ProductDocument, known: _Known | None) -> int:
        """The place of its card. A product that only became more popular keeps the card it has."""
        place = None if known is None else known.card
        if place is not None and self._committed_cards.card(place)[1] == product.card:
            return place
        return self._cards.put(product.id, product.card)

    def _known(self, product_id: str) -> _Known | None:
        if self._versions is not None:
            version = self._versions.get(product_id)
            return None if version is None else _Known(version, None)
        searcher = self._index.searcher()
        query = tantivy.Query.term_query(self._schema, "id", product_id)
        hits = searcher.search(query, 1, count=False).hits
        if not hits:
            return None
        found, card = (searcher.fast_field_values(name, [hits[0][1]])[0] for name in ("version", CARD))
        return None if found is None else _Known(int(found), None if card is None else int(card))

    def forget(self) -> None:
        """Takes back what was put since the last commit: half a batch is never seen."""
        self._writer.rollback()

    def commit(self) -> None:
        self._cards.sync()
        self._writer.commit()
        self._index.reload()
        self._committed_cards = CardReader(self._folder)

    def settle(self) -> None:
        """Commits, and lets running merges end; nothing can be put, or dropped, afterwards."""
        self._cards.sync()
        self._writer.commit()
        self._settled = True
        self._writer.wait_merging_threads()
        self._index.reload()
        self._cards.close()

    def drop(self) -> None:
        if self._settled:
            return
        self._writer.rollback()
        self._writer.wait_merging_threads()
        self._cards.close()

    def leave(self) -> None:
        """Nothing more is written here: another generation follows."""
        self._cards.close()

    def documents(self) -> int:
        live = tantivy.Query.term_query(self._schema, "live", LIVE)
        return count_of(self._index.searcher(), live)


class TantivyWriter:
    """`TextIndexWriter` on a folder; WriterBusy when another process, or another writer here, holds it."""

    def __init__(self, root: Path, minor_per_major: int = 100) -> None:
        self._root = root
        self._minor_per_major = minor_per_major
        self._lock = WriterLock(root)
        self._turn = asyncio.Lock()
        self._building: _Generation | None = None
        self._closed = False
        try:
            self._current, self._pointer = self._opened()
        except BaseException:
            self._lock.release()
            raise

    def _opened(self) -> tuple[_Generation | None, Pointer | None]:
        """An index of another format is left alone until its successor is complete."""
        pointer = read_pointer(self._root)
        if pointer is None:
            remove_others(self._root, set())
            return self._empty()
        remove_others(self._root, {pointer.generation})
        if pointer.format != FORMAT:
            return None, pointer
        try:
            current = self._continued(self._root / pointer.generation)
        except (OSError, ValueError):
            return None, pointer
        # A crash between a commit and its announcement: readers must be told of that commit.
        return current, self._announce(msgspec.structs.replace(pointer, commit=pointer.commit + 1))

    def _empty(self) -> tuple[_Generation, Pointer]:
        folder = unfinished_folder(self._root)
        _create(folder)
        folder = finished(folder)
        pointer = self._announce(Pointer(FORMAT, folder.name, 1, complete=False))
        return self._continued(folder), pointer

    def _continued(self, folder: Path) -> _Generation:
        """Raises OSError or ValueError when it cannot be."""
        return _Generation(folder, open_index(folder), self._minor_per_major, fresh=False)

    def _announce(self, pointer: Pointer) -> Pointer:
        write_pointer(self._root, pointer)
        return pointer

    async def apply(self, changes: Sequence[Change]) -> Applied:
        """Durable and visible to readers when it returns. IndexNotReady: rebuild first."""
        async with self._turn:
            return await asyncio.to_thread(self._apply, changes)

    def _apply(self, changes: Sequence[Change]) -> Applied:
        if self._current is None or self._pointer is None:
            raise IndexNotReady("the search index must be rebuilt before it takes changes")
        if self._building is not None:
            self._building.put(changes)
        try:
            applied = self._current.put(changes)
        except BaseException:
            self._current.forget()
            raise
        if applied.accepted:
            self._current.commit()
            self._pointer = self._announce(msgspec.structs.replace(self._pointer, commit=self._pointer.commit + 1))
        return applied

    async def rebuild(self, batches: AsyncIterator[Sequence[ProductDocument]]) -> int:
        """One at a time; searches and `apply` go on meanwhile."""
        if self._building is not None:
            raise WriterBusyRebuilding("a rebuild is already running")
        folder = unfinished_folder(self._root)
        self._building = building = _Generation(folder, _create(folder), self._minor_per_major, fresh=True)
        try:
            async for batch in batches:
                async with self._turn:
                    await _to_its_end(building.put, batch)
            async with self._turn:
                return await _to_its_end(self._switch, building, folder)
        except BaseException:
            await asyncio.to_thread(building.drop)
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._building = None

    def _switch(self, building: _Generation, folder: Path) -> int:
        building.settle()
        previous = {self._pointer.generation} if self._pointer else set()
        lasting = finished(folder)
        following = self._continued(lasting)
        built_bytes = cards_bytes(lasting)
        self._pointer = self._announce(Pointer(FORMAT, lasting.name, 1, complete=True, cards_bytes=built_bytes))
        if self._current is not None:
            self._current.leave()
        self._current = following
        # The generation before stays until the next switch, for readers that are just opening it.
        remove_others(self._root, {lasting.name} | previous)
        return following.documents()

    async def state(self) -> IndexState:
        if self._current is None or self._pointer is None:
            return IndexState(needs_rebuild=True, documents=0, generation=None)
        return IndexState(is_due(self._root, self._pointer), self._current.documents(), self._pointer.generation)

    async def close(self) -> None:
        """Lets the next writer in."""
        async with self._turn:
            if self._closed:
                return
            self._closed = True
            if self._current is not None:
                await asyncio.to_thread(self._current.settle)
                self._current = None
            self._lock.release()


async def _to_its_end(work: Callable[..., _T], *args: Any) -> _T:
    """In a thread; who is canceled meanwhile waits for it: nothing else may touch the index before."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class WriterBusyRebuilding(RuntimeError):
    """A second rebuild was asked for while one runs."""


def _create(folder: Path) -> tantivy.Index:
    index = tantivy.Index(build_schema(), str(folder), sort_by_field=SHELF, sort_order=tantivy.Order.Desc)
    index.config_reader("Manual")
    register_analysers(index)
    return index
