"""One opened state of the index, and what has been worked out on it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import tantivy
from cachetools import LRUCache

from haat.engines.text_search.breadth import COUNTED_EXACTLY, ENOUGH, SAMPLED, Champions, level_for
from haat.engines.text_search.cards import CardReader
from haat.engines.text_search.facets import (
    FACETS,
    SHAPES,
    TOTAL,
    Counted,
    count_facets,
    filters_of,
    narrowed,
    without_selection,
)
from haat.engines.text_search.generations import Pointer, pointer_signature, read_pointer
from haat.engines.text_search.names import Names
from haat.engines.text_search.planning import Plan, Planner, Query
from haat.engines.text_search.reading import Tally, tally_of
from haat.engines.text_search.schema import CARD, FORMAT, LIVE, register_analysers
from haat.engines.text_search.spelling import Speller
from haat.engines.text_search.synonyms import Synonyms
from haat.engines.text_search.table import Table, Tables
from haat.ports.text_search import Facets, IndexNotReady, SearchAnswer, SearchQuery

_PLANS: Final = 4096
_COUNTS: Final = 4096
_ANSWERS: Final = 512
_OPENING_TRIES: Final = 5
_NO_SYNONYMS: Final = Synonyms()


class View:
    """Answers asked again are kept until the next commit: they die with the state they tell of."""

    def __init__(self, folder: Path, pointer: Pointer, index: tantivy.Index, names: Names, synonyms: Synonyms) -> None:
        self.pointer = pointer
        self.index = index
        self.schema = index.schema
        self.searcher = index.searcher()
        # After the searcher: the cards of all that it sees were there before.
        self._cards = CardReader(folder)
        self.speller = Speller(self.searcher)
        self.names = names
        self.synonyms = synonyms
        self.champions = Champions(self.searcher)
        self.answers: LRUCache[SearchQuery, SearchAnswer] = LRUCache(_ANSWERS)
        self.state = f"{pointer.generation}.{pointer.commit}"
        self._planner = Planner(self.searcher, self.schema, self.speller, synonyms)
        self._plans: LRUCache[tuple[str, int], Plan] = LRUCache(_PLANS)
        self._counts: LRUCache[tuple[SearchQuery, str], tuple[Any, bool]] = LRUCache(_COUNTS)
        self._tables = Tables(self)
        live = Query.term_query(self.schema, "live", LIVE)
        self.everything = Plan(live, live, tally_of(self.searcher, live))
        nothing = Query.empty_query()
        self._nothing = Plan(nothing, nothing, Tally(0, {}))

    def plan(self, ask: SearchQuery) -> Plan:
        text = ask.text.strip()
        if not text:
            return self.everything
        plan = self._plans.get((text, ask.relax_below))
        if plan is None:
            # Signs, or a word longer than any that is indexed, are no wish to see everything.
            plan = self._planner.plan(text, ask.relax_below) or self._nothing
            self._plans[text, ask.relax_below] = plan
        return plan

    def table(self, ask: SearchQuery, plan: Plan) -> Table | None:
        """The table of this text, if it has one; to be asked for once a search."""
        return self._tables.table_of(ask, plan)

    def total(self, ask: SearchQuery, plan: Plan, table: Table | None) -> tuple[int, bool]:
        """How many products match, and whether that is exact."""
        same = _without_page(ask)
        if not filters_of(self.schema, same):
            return plan.tally.products, True
        known = self._counts.get((same, TOTAL))
        return known if known is not None and (known[1] or table is None) else self._count(same, plan, (), table)[TOTAL]

    def facets(self, ask: SearchQuery, plan: Plan, table: Table | None) -> Facets:
        """Facets without a selection of their own count the same hits: they are counted in one pass."""
        same = _without_page(ask)
        values: dict[str, tuple[Any, bool]] = {}
        missing: dict[SearchQuery, list[str]] = {}
        for name in FACETS:
            counted = without_selection(same, name)
            if name == "price" and not filters_of(self.schema, counted):
                values[name] = SHAPES[name](self, plan.tally.prices), True
                continue
            known = self._counts.get((counted, name))
            # An estimate serves until it can be known better.
            if known is None or (table is not None and not known[1]):
                missing.setdefault(counted, []).append(name)
            else:
                values[name] = known
        for counted, names in missing.items():
            counts = self._count(counted, plan, names, table)
            values.update({name: counts[name] for name in names})
        return Facets(
            **{name: value for name, (value, _) in values.items()}, exact=all(exact for _, exact in values.values())
        )

    def _count(
        self, ask: SearchQuery, plan: Plan, names: Sequence[str], table: Table | None
    ) -> dict[str, tuple[Any, bool]]:
        """Count and remember: all that match, or where many do a sample of them."""
        if table is not None:
            counted = table.count(table.rows(ask), names)
        else:
            found = self._found(ask, plan)
            counted = self._sampled(found, plan, names) or count_facets(self, found, names, 0)
        counts = {name: (value, counted.scale == 1) for name, value in counted.values.items()}
        counts[TOTAL] = counted.total, counted.scale == 1
        self._counts.update({(ask, name): value for name, value in counts.items()})
        return counts

    def _sampled(self, found: Query, plan: Plan, names: Sequence[str]) -> Counted | None:
        """None when all are to be counted: few have the words, or few of those pass the filters."""
        if plan.tally.products <= COUNTED_EXACTLY:
            return None
        counted = count_facets(self, found, names, level_for(plan.tally.products, SAMPLED))
        return counted if counted.total >= ENOUGH * counted.scale else None

    def cards(self, addresses: Sequence[tantivy.DocAddress]) -> list[tuple[str, bytes]]:
        """The ids and cards of the products at these places of the index."""
        places = self.searcher.fast_field_values(CARD, list(addresses))
        return [self._cards.card(cast(int, place)) for place in places]

    def _found(self, ask: SearchQuery, plan: Plan) -> Query:
        return narrowed(plan.match, filters_of(self.schema, ask))


def _without_page(ask: SearchQuery) -> SearchQuery:
    return msgspec.structs.replace(ask, sort="relevance", limit=0, offset=0, cursor=None, facets=True)


class ViewFinder:
    """Follows the pointer: a commit or a switch of the writer is seen by the next search."""

    def __init__(
        self,
        root: Path,
        opener: Callable[[Path], tantivy.Index] | None = None,
        synonyms: Synonyms = _NO_SYNONYMS,
    ) -> None:
        self._root = root
        self._synonyms = synonyms
        self._opener = opener or open_index
        self._path = str(root)
        self._signature: tuple[int, int] | None = None
        self._view: View | None = None
        self._names = Names()

    def view(self) -> View:
        """Raises IndexNotReady when there is nothing that this version can read."""
        signature = pointer_signature(self._path)
        if self._view is None or signature != self._signature:
            self._view = self._opened()
            self._signature = signature
        return self._view

    def _opened(self) -> View:
        for _ in range(_OPENING_TRIES):
            pointer = read_pointer(self._root)
            if pointer is None:
                raise IndexNotReady("there is no search index yet")
            if pointer.format != FORMAT:
                raise IndexNotReady(f"the search index has format {pointer.format}, this version reads {FORMAT}")
            try:
                folder, index = self._root / pointer.generation, self._index(pointer)
                return View(folder, pointer, index, self._names, self._synonyms)
            except (OSError, ValueError):
                # The writer may have removed this generation after switching to the next: look again.
                if pointer == read_pointer(self._root):
                    break
        raise IndexNotReady("the search index cannot be opened")

    def _index(self, pointer: Pointer) -> tantivy.Index:
        if self._view is not None and self._view.pointer.generation == pointer.generation:
            self._view.index.reload()
            return self._view.index
        return self._opener(self._root / pointer.generation)


def open_index(folder: Path) -> tantivy.Index:
    """Raises OSError or ValueError when the folder is gone, broken, or of another version of the engine."""
    if not tantivy.Index.is_compatible(str(folder)):
        raise ValueError(f"{folder} was written by another version of the engine")
    index = tantivy.Index.open(str(folder))
    # Reloaded by hand when the pointer moves: no watching thread.
    index.config_reader("Manual")
    register_analysers(index)
    index.reload()
    return index
