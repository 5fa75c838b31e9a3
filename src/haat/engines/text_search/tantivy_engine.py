"""The embedded search engine, reading side: any number of processes, one event loop each."""

from pathlib import Path
from typing import Final

import tantivy

from haat.engines.text_search import cursors
from haat.engines.text_search.dsl_queries import run_dsl
from haat.engines.text_search.facets import filters_of, narrowed
from haat.engines.text_search.planning import MUST, Plan, Query
from haat.engines.text_search.reading import count_of, stored_bytes, stored_id
from haat.engines.text_search.schema import ORDER_FIELDS
from haat.engines.text_search.suggestions import suggest
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

    def __init__(self, root: Path, minor_per_major: int = 100) -> None:
        self._finder = ViewFinder(root)
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
        return IndexState(not view.pointer.complete, documents, view.pointer.generation)

    def _answer(self, view: View, ask: SearchQuery) -> SearchAnswer:
        place = cursors.decode(ask.cursor, ask) if ask.cursor else None
        plan = view.plan(ask)
        order = ORDER_FIELDS.get("popularity" if ask.sort == "relevance" and plan is view.everything else ask.sort)
        seen = place.seen if place else ask.offset
        if seen > DEEPEST_RESULT and not (place and order):
            raise BadCursor(f"results are shown to a depth of {DEEPEST_RESULT}; sort otherwise to go on")
        found = _by_order(view, ask, plan, order, place) if order else _by_score(view, ask, plan, place)
        facets = view.facets(ask, plan) if ask.facets else None
        total = view.total(ask, plan)
        more = 0 < len(found) == ask.limit and seen + len(found) < total
        return SearchAnswer(
            hits=tuple(hit for _, hit in found),
            total=total,
            facets=facets,
            did_you_mean=plan.did_you_mean,
            next_cursor=_next(view, ask, found, seen) if more else None,
        )


def _next(view: View, ask: SearchQuery, found: _Found, seen: int) -> str:
    key, hit = found[-1]
    return cursors.encode(cursors.Place(cursors.fingerprint(ask), key, hit.id, seen + len(found), view.state))


def _by_order(view: View, ask: SearchQuery, plan: Plan, order: tuple[str, bool], place: cursors.Place | None) -> _Found:
    """Keys of a sort are unique, so the next page is simply what lies beyond the last key."""
    field, descending = order
    query = narrowed(plan.match, filters_of(view.schema, ask))
    if place:
        key = int(place.key)
        low, high = (None, key) if descending else (key, None)
        beyond = Query.range_query(view.schema, field, tantivy.FieldType.Integer, low, high, low is None, high is None)
        query = Query.boolean_query([(MUST, query), (MUST, beyond)])
    result = view.searcher.search(
        query,
        ask.limit,
        count=False,
        order_by_field=field,
        offset=0 if place else ask.offset,
        order=tantivy.Order.Desc if descending else tantivy.Order.Asc,
    )
    return [(key, _hit(view, address, 0.0)) for key, address in result.hits]


def _by_score(view: View, ask: SearchQuery, plan: Plan, place: cursors.Place | None) -> _Found:
    """By offset while the index stands still; after a commit the last hit, or its score, marks the place."""
    query = narrowed(plan.ranked, filters_of(view.schema, ask))
    offset = place.seen if place else ask.offset
    if place is None or place.state == view.state:
        return _scored(view, query, offset, ask.limit)
    start = max(0, offset - _OVERLAP)
    found = _scored(view, query, start, ask.limit + 2 * _OVERLAP)
    at = next((i for i, (_, hit) in enumerate(found) if hit.id == place.id), None)
    rest = found[at + 1 :] if at is not None else [each for each in found if each[0] < place.key]
    return rest[: ask.limit]


def _scored(view: View, query: Query, offset: int, limit: int) -> _Found:
    result = view.searcher.search(query, limit, count=False, offset=offset, weight_by_field="prior")
    return [(score, _hit(view, address, score)) for score, address in result.hits]


def _hit(view: View, address: tantivy.DocAddress, score: float) -> SearchHit:
    stored = view.searcher.doc(address)
    return SearchHit(stored_id(stored), score, stored_bytes(stored, "card"))
