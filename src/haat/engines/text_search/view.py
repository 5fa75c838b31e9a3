"""One opened state of the index, and what has been worked out on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import tantivy
from cachetools import LRUCache

from haat.engines.text_search.facets import (
    FACETS,
    TOTAL,
    count_facets,
    filters_of,
    narrowed,
    without_selection,
)
from haat.engines.text_search.generations import Pointer, pointer_signature, read_pointer
from haat.engines.text_search.planning import Plan, Planner, Query
from haat.engines.text_search.reading import count_of
from haat.engines.text_search.schema import FORMAT, LIVE, register_analysers
from haat.engines.text_search.spelling import Speller
from haat.ports.text_search import Facets, IndexNotReady, SearchAnswer, SearchQuery

_PLANS: Final = 4096
_COUNTS: Final = 4096
_ANSWERS: Final = 512
_OPENING_TRIES: Final = 5


class View:
    """Answers asked again are kept until the next commit: counts must be exact, so they die with their state."""

    def __init__(self, pointer: Pointer, index: tantivy.Index) -> None:
        self.pointer = pointer
        self.index = index
        self.schema = index.schema
        self.searcher = index.searcher()
        self.speller = Speller(self.searcher)
        self.answers: LRUCache[SearchQuery, SearchAnswer] = LRUCache(_ANSWERS)
        self.state = f"{pointer.generation}.{pointer.commit}"
        self._planner = Planner(self.searcher, self.schema, self.speller)
        self._plans: LRUCache[tuple[str, int], Plan] = LRUCache(_PLANS)
        self._counts: LRUCache[tuple[SearchQuery, str], Any] = LRUCache(_COUNTS)
        live = Query.term_query(self.schema, "live", LIVE)
        self.everything = Plan(live, live)

    def plan(self, ask: SearchQuery) -> Plan:
        text = ask.text.strip()
        if not text:
            return self.everything
        plan = self._plans.get((text, ask.relax_below))
        if plan is None:
            plan = self._planner.plan(text, ask.relax_below) or self.everything
            self._plans[text, ask.relax_below] = plan
        return plan

    def total(self, ask: SearchQuery, plan: Plan) -> int:
        key = _without_page(ask), TOTAL
        total = self._counts.get(key)
        if total is None:
            total = self._counts[key] = count_of(self.searcher, self._found(ask, plan))
        return int(total)

    def facets(self, ask: SearchQuery, plan: Plan) -> Facets:
        """Facets without a selection of their own count the same hits: they are counted in one pass."""
        same = _without_page(ask)
        values: dict[str, Any] = {}
        missing: dict[SearchQuery, list[str]] = {}
        for name in FACETS:
            counted = without_selection(same, name)
            known = self._counts.get((counted, name))
            if known is None:
                missing.setdefault(counted, []).append(name)
            values[name] = known
        for counted, names in missing.items():
            counts = count_facets(self.searcher, self._found(counted, plan), names)
            self._counts.update({(counted, name): value for name, value in counts.items()})
            values.update({name: counts[name] for name in names})
        return Facets(**values)

    def _found(self, ask: SearchQuery, plan: Plan) -> Query:
        return narrowed(plan.match, filters_of(self.schema, ask))


def _without_page(ask: SearchQuery) -> SearchQuery:
    return msgspec.structs.replace(ask, sort="relevance", limit=0, offset=0, cursor=None, facets=True)


class ViewFinder:
    """Follows the pointer: a commit or a switch of the writer is seen by the next search."""

    def __init__(self, root: Path, opener: Callable[[Path], tantivy.Index] | None = None) -> None:
        self._root = root
        self._opener = opener or open_index
        self._path = str(root)
        self._signature: tuple[int, int] | None = None
        self._view: View | None = None

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
                return View(pointer, self._index(pointer))
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
