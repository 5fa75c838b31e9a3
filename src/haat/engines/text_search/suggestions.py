"""Completing what is being typed."""

from typing import Final

import tantivy

from haat.engines.text_search.analysis import stem_of, words_of
from haat.engines.text_search.facets import count_facets
from haat.engines.text_search.planning import MUST, Query
from haat.engines.text_search.view import View
from haat.ports.text_search import CategoryFacet, SearchHit, SuggestAnswer, SuggestQuery

_COMPLETIONS: Final = 10
_CATEGORIES: Final = 50
_LONGEST: Final = 128


def suggest(view: View, ask: SuggestQuery) -> SuggestAnswer:
    """Products by what they are called, then by popularity; categories by whether their name is meant; queries by how
    much they find."""
    typed = words_of(ask.text[:_LONGEST])
    if not typed:
        return SuggestAnswer()
    last = typed[-1][0]
    given_words = [_given_word(view, word, stem) for word, stem in typed[:-1]]
    before, known = [word for word, _ in given_words], [query for _, query in given_words]
    given = Query.boolean_query([(MUST, each) for each in known]) if known else None
    terms = _completions(view, last, given)
    if not terms:
        return SuggestAnswer()
    ending = Query.term_set_query(view.schema, "words", terms)
    found = Query.boolean_query([(MUST, ending), *((MUST, each) for each in known)])
    return SuggestAnswer(
        products=_products(view, found, terms, ask.limit),
        categories=_categories(view, found, last, ask.limit),
        queries=_queries(before, terms)[: ask.limit],
    )


def _queries(before: list[str], terms: list[str]) -> tuple[str, ...]:
    """One query per stem: "laptop" and "laptops" find the same."""
    by_stem: dict[str, str] = {}
    for term in terms:
        if not term.isdigit():
            by_stem.setdefault(stem_of(term), term)
    return tuple(" ".join([*before, term]) for term in by_stem.values())


def _given_word(view: View, word: str, stem: str) -> tuple[str, Query]:
    """A word before the last, and what it finds; one that nothing contains is itself completed or corrected."""
    if view.searcher.doc_freq("all", stem):
        return word, Query.term_query(view.schema, "all", stem)
    terms = _completions(view, word, None)
    return (terms[0], Query.term_set_query(view.schema, "words", terms)) if terms else (word, Query.empty_query())


def _completions(view: View, prefix: str, given: Query | None) -> list[str]:
    """The most frequent words that begin so, next to the words already there; else what is said for one that does;
    else the likely correction."""
    terms = _beginning(view, prefix, given)
    others = (
        [] if terms else [term for word in view.synonyms.beginning(prefix) for term in _beginning(view, word, given)]
    )
    return terms or others or list(view.speller.candidates(prefix))


def _beginning(view: View, prefix: str, given: Query | None) -> list[str]:
    return [term for term, count in view.searcher.terms_with_prefix("words", prefix, given, _COMPLETIONS) if count]


def _products(view: View, found: Query, terms: list[str], limit: int) -> tuple[SearchHit, ...]:
    """Laptops before their bags, and these before what else says "laptop" somewhere."""
    stems = list({stem_of(term): None for term in terms})
    otherwise = [other[0] for stem in stems for other in view.synonyms.others.get(stem, ()) if len(other) == 1]
    titled = Query.term_set_query(view.schema, "title", stems + otherwise)
    named = Query.term_set_query(view.schema, "category_named", stems)
    addresses: list[tantivy.DocAddress] = []
    for tier in ([titled, named], [titled], []):
        wanted = Query.boolean_query([(MUST, each) for each in (found, *tier)])
        result = view.searcher.search(
            wanted, limit, count=False, order_by_field="order_popularity", order=tantivy.Order.Desc
        )
        addresses += [address for _, address in result.hits if address not in addresses]
        if len(addresses) >= limit:
            break
    cards = view.cards(addresses[:limit])
    return tuple(SearchHit(product_id, 0.0, card) for product_id, card in cards)


def _categories(view: View, found: Query, prefix: str, limit: int) -> tuple[CategoryFacet, ...]:
    facets = count_facets(view, found, ["category"], 0).values["category"][:_CATEGORIES]

    def meant(facet: CategoryFacet) -> bool:
        return any(word.startswith(prefix) for word, _ in words_of(facet.name))

    return tuple(sorted(facets, key=lambda facet: (not meant(facet), -facet.count))[:limit])
