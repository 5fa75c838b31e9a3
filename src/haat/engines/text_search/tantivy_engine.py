"""The embedded search engine, reading side: any number of processes, one event loop each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import tantivy

from haat.engines.text_search import cursors
from haat.engines.text_search.breadth import CHAMPION
from haat.engines.text_search.dsl_queries import run_dsl
from haat.engines.text_search.facets import filters_of, narrowed
from haat.engines.text_search.generations import is_due
from haat.engines.text_search.planning import MUST, MUST_NOT, SHOULD, Plan, Query
from haat.engines.text_search.reading import count_of
from haat.engines.text_search.schema import ORDER_FIELDS
from haat.engines.text_search.suggestions import suggest
from haat.engines.text_search.synonyms import read_synonyms
from haat.engines.text_search.table import Table
from haat.engines.text_search.view import View, ViewFinder
from haat.ports.text_search import (
    DEEPEST_RESULT,
    BadCursor,
    DslAnswer,
    DslQuery,
    IndexNotReady,
    IndexState,
    SearchAnswer,
    SearchHit,
    SearchQuery,
    SuggestAnswer,
    SuggestQuery,
)

_Found = list[tuple[float | int, SearchHit]]
# How far back a page by relevance looks for its place after the index has changed.
_OVERLAP: Final = 20


class TantivySearch:
    """`TextSearch` on a folder that a `TantivyWriter`, here or in another process, keeps current."""

    def __init__(self, root: Path, minor_per_major: int = 100, synonyms: Path | None = None) -> None:
        """`synonyms` is a merchant's file of such words; OSError when it cannot be read."""
        self._root = root
        self._finder = ViewFinder(root, synonyms=read_synonyms(synonyms))
        self._minor_per_major = minor_per_major

    async def search(self, ask: SearchQuery) -> SearchAnswer:
        view = self._finder.view()
        answer = view.answers.get(ask)
        if answer is None:
            answer = view.answers[ask] = self._answer(view, ask)
        return answer

    async def suggest(self, ask: SuggestQuery) -> SuggestAnswer:
        return suggest(self._finder.view(), ask)

    async def query(self, ask: DslQuery) -> DslAnswer:
        return run_dsl(self._finder.view(), ask, self._minor_per_major)

    async def revision(self) -> str:
        return self._finder.view().state

    async def state(self) -> IndexState:
        try:
            view = self._finder.view()
        except IndexNotReady:
            return IndexState(needs_rebuild=True, documents=0, generation=None)
        documents = count_of(view.searcher, view.everything.match)
        return IndexState(is_due(self._root, view.pointer), documents, view.pointer.generation)

    def _answer(self, view: View, ask: SearchQuery) -> SearchAnswer:
        place = cursors.decode(ask.cursor, ask) if ask.cursor else None
        plan = view.plan(ask)
        order = ORDER_FIELDS.get("popularity" if ask.sort == "relevance" and plan is view.everything else ask.sort)
        seen = place.seen if place else ask.offset
        if seen > DEEPEST_RESULT and not (place and order):
            raise BadCursor(f"results are shown to a depth of {DEEPEST_RESULT}; sort otherwise to go on")
        table = view.table(ask, plan)
        facets = view.facets(ask, plan, table) if ask.facets else None
        total, exact = view.total(ask, plan, table)
        level = place.level if place else 0 if table else view.champions.level_for(total, plan.nearest is not None)
        if order:
            found = _by_order(view, ask, plan, order, place)
        else:
            seen, found = _by_score(view, ask, plan, place, level, table)
        page, more = found[: ask.limit], len(found) > ask.limit
        return SearchAnswer(
            hits=tuple(hit for _, hit in page),
            total=total,
            total_exact=exact,
            facets=facets,
            did_you_mean=plan.did_you_mean,
            next_cursor=_next(view, ask, page, seen, level) if more and page else None,
        )


def _next(view: View, ask: SearchQuery, page: _Found, seen: int, level: int) -> str:
    ids = tuple(hit.id for _, hit in page[-cursors.REMEMBERED :])
    return cursors.encode(
        cursors.Place(cursors.fingerprint(ask), page[-1][0], ids, seen + len(page), view.state, level)
    )


def _by_order(view: View, ask: SearchQuery, plan: Plan, order: tuple[str, bool], place: cursors.Place | None) -> _Found:
    """Keys of a sort are unique, so the next page is simply what lies beyond the last key: it, and one hit more."""
    field, descending = order
    query = narrowed(plan.match, filters_of(view.schema, ask))
    if place:
        key = int(place.key)
        low, high = (None, key) if descending else (key, None)
        beyond = Query.range_query(view.schema, field, tantivy.FieldType.Integer, low, high, low is None, high is None)
        query = Query.boolean_query([(MUST, query), (MUST, beyond)])
    result = view.searcher.search(
        query,
        ask.limit + 1,
        count=False,
        order_by_field=field,
        offset=0 if place else ask.offset,
        order=tantivy.Order.Desc if descending else tantivy.Order.Asc,
    )
    return _fetched(view, result.hits, scored=False)


def _by_score(
    view: View, ask: SearchQuery, plan: Plan, place: cursors.Place | None, level: int, table: Table | None
) -> tuple[int, _Found]:
    """How many come before the page, the page, and one hit more.

    By offset while the index stands still; after a commit the last hit that is still there marks the place.
    """
    query = narrowed(plan.ranked, filters_of(view.schema, ask))
    champions = _champions(view, plan, level) if level else None
    offset = place.seen if place else ask.offset
    if place is None or place.state == view.state:
        if table is not None and not level:
            return offset, _fetched(view, table.page(table.rows(ask), offset, ask.limit + 1), scored=True)
        return offset, _ranked(view, query, offset, ask.limit + 1, champions)
    start = max(0, offset - _OVERLAP)
    found = _ranked(view, query, start, ask.limit + 1 + 2 * _OVERLAP, champions)
    places = {hit.id: start + at for at, (_, hit) in enumerate(found, 1)}
    there = (places[each] for each in reversed(place.ids) if each in places)
    # None of them there: as far on as before, less what has gone.
    offset = next(there, max(start, offset - len(place.ids)))
    return offset, found[offset - start :][: ask.limit + 1]


def _champions(view: View, plan: Plan, level: int) -> Query:
    """Those of a level; of a text whose words few products have together, these as well."""
    champions = Query.term_query(view.schema, CHAMPION, str(level))
    if plan.nearest is not None:
        champions = Query.boolean_query([(SHOULD, champions), (SHOULD, plan.nearest)])
    return Query.const_score_query(champions, 0.0)


def _ranked(view: View, query: Query, offset: int, limit: int, champions: Query | None) -> _Found:
    """The champions, if there are any, come first, and all others after them."""
    if champions is None:
        return _scored(view, query, offset, limit)
    first = Query.boolean_query([(MUST, query), (MUST, champions)])
    found = _scored(view, first, offset, limit)
    if len(found) < limit:
        others = Query.boolean_query([(MUST, query), (MUST_NOT, champions)])
        before = count_of(view.searcher, first)
        found += _scored(view, others, max(0, offset - before), limit - len(found))
    return found


def _scored(view: View, query: Query, offset: int, limit: int) -> _Found:
    result = view.searcher.search(query, limit, count=False, offset=offset, weight_by_field="prior")
    return _fetched(view, result.hits, scored=True)


def _fetched(view: View, found: Sequence[tuple[Any, tantivy.DocAddress]], scored: bool) -> _Found:
    cards = view.cards([address for _, address in found])
    return [
        (key, SearchHit(product_id, key if scored else 0.0, card))
        for (key, _), (product_id, card) in zip(found, cards, strict=True)
    ]
