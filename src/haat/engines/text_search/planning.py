"""From the words a shopper typed to what must match and how it ranks.

Every word is looked for in the title and in all text of a product, the better of the two counts (BM25); the
word that names the thing ("desk" in "oak desk for kids") counts a quarter more. Words next to each other in the
query earn more when they are neighbours in a title. A brand or a category that is asked for earns a bonus, and so
does being without what is said to be unwanted. Weights come from the ESCI judgments and lie on a wide plateau:
halving or doubling one changes nDCG@10 by about 0.005.
"""

from itertools import combinations, pairwise
from math import comb
from typing import Final

import msgspec
import tantivy

from haat.engines.text_search.analysis import (
    NEGATIONS,
    OPTIONAL_WORDS,
    head_word,
    named_key,
    negated_word,
    stem_of,
    with_words_replaced,
    words_of,
)
from haat.engines.text_search.reading import count_of
from haat.engines.text_search.schema import LIVE
from haat.engines.text_search.spelling import Speller

Query = tantivy.Query
MUST: Final = tantivy.Occur.Must
SHOULD: Final = tantivy.Occur.Should
MUST_NOT: Final = tantivy.Occur.MustNot

ALL_WEIGHT: Final = 0.6
# The better of two scores takes a union, which costs by how often the words occur and not by what is found: from so
# many occurrences on, title and all text are added instead (cross-validated: nDCG@10 0.657 where the better has 0.664).
HEAVY: Final = 5_000
HEAVY_TITLE_WEIGHT: Final = 0.7
HEAVY_ALL_WEIGHT: Final = 0.2
NEIGHBOURS_WEIGHT: Final = 0.4
EVERY_WORD_BONUS: Final = 4.0
NEGATION_BONUS: Final = 6.0
UNNAMED_BONUS: Final = 3.0
BRAND_BONUS: Final = 2.0
CATEGORY_BONUS: Final = 4.0
HEAD_WEIGHT: Final = 1.25
CORRECTED_SCORE: Final = 5.0
MOST_WORDS: Final = 24
MOST_LETTERS: Final = 512
# "firestick" is also tried as "fire stick" when so few products contain it.
_RARE: Final = 20
_SHORTEST_COMPOUND: Final = 6
_MOST_CHOICES: Final = 32
_BRAND_SHARE: Final = 0.3


class Plan(msgspec.Struct, frozen=True):
    """`match` decides what is found, `count` products in this state; `ranked` finds the same and scores it.

    `relaxed`: most of them lack some of the words.
    """

    match: Query
    ranked: Query
    count: int
    relaxed: bool = False
    did_you_mean: str | None = None


class _Word(msgspec.Struct, frozen=True):
    stem: str
    match: Query
    score: Query
    required: bool
    corrected_to: str | None = None


class Planner:
    """Plans for one state of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, speller: Speller) -> None:
        self._searcher = searcher
        self._schema = schema
        self._speller = speller

    def plan(self, text: str, relax_below: int) -> Plan | None:
        """None when the text holds no word."""
        by_stem: dict[str, str] = {}
        for word, stem in words_of(text[:MOST_LETTERS]):
            by_stem.setdefault(stem, word)
        if not by_stem:
            return None
        typed = [(word, stem) for stem, word in by_stem.items()][:MOST_WORDS]
        head = head_word([word for word, _ in typed])
        asked = [stem for word, stem in typed if word not in OPTIONAL_WORDS]
        heavy = sum(self._searcher.doc_freq("all", stem) for stem in asked) > HEAVY
        words = [self._word(word, stem, HEAD_WEIGHT if word == head else 1.0, heavy) for word, stem in typed]
        corrections = {
            word: meant.corrected_to for (word, _), meant in zip(typed, words, strict=True) if meant.corrected_to
        }
        extras = self._extras(words, [word for word, _ in typed])
        plan = self._joined(words, extras, relax_below)
        meant = with_words_replaced(text, corrections) if corrections else None
        return msgspec.structs.replace(plan, did_you_mean=meant)

    def _word(self, word: str, stem: str, weight: float, heavy: bool) -> _Word:
        matches = [self._term("all", stem)]
        title = self._term("title", stem)
        if heavy:
            everywhere = Query.boost_query(matches[0], HEAVY_ALL_WEIGHT * weight)
            scores = [_preferring(everywhere, [Query.boost_query(title, HEAVY_TITLE_WEIGHT * weight)])]
        else:
            scores = [Query.boost_query(title, weight), Query.boost_query(matches[0], ALL_WEIGHT * weight)]
        frequency = self._searcher.doc_freq("all", stem)
        corrected = None
        parts = self._compound(word) if frequency < _RARE and len(word) >= _SHORTEST_COMPOUND else None
        if parts:
            matches.append(self._phrase("all", parts))
            scores.append(self._phrase("title", parts))
            scores.append(Query.boost_query(matches[-1], ALL_WEIGHT))
        elif frequency == 0:
            terms = self._speller.candidates(word)
            corrected = terms[0] if terms else None
            for term in terms:
                matches.append(self._term("all", stem_of(term)))
                scores.append(Query.const_score_query(matches[-1], CORRECTED_SCORE))
        return _Word(
            stem=stem,
            match=matches[0] if len(matches) == 1 else Query.boolean_query([(SHOULD, each) for each in matches]),
            score=scores[0] if len(scores) == 1 else Query.disjunction_max_query(scores, 0.0),
            required=word not in OPTIONAL_WORDS,
            corrected_to=corrected,
        )

    def _compound(self, word: str) -> tuple[str, str] | None:
        """The split of a word into two neighbours that most products have; None when no product has one."""
        best: tuple[int, tuple[str, str]] | None = None
        for cut in range(2, len(word) - 1):
            parts = stem_of(word[:cut]), stem_of(word[cut:])
            if min(self._searcher.doc_freq("all", part) for part in parts) == 0:
                continue
            count = self.count(self._phrase("all", parts))
            if count and (best is None or count > best[0]):
                best = count, parts
        return best[1] if best else None

    def _extras(self, words: list[_Word], typed: list[str]) -> list[Query]:
        extras = [
            Query.boost_query(self._phrase("title", (left.stem, right.stem)), NEIGHBOURS_WEIGHT)
            for left, right in pairwise(words)
        ]
        extras += [
            Query.const_score_query(self._term("brand_text", word.stem), BRAND_BONUS)
            for word in words
            if self._names_a_brand(word.stem)
        ]
        category = named_key(" ".join(typed))
        if self._searcher.doc_freq("category", category):
            extras.append(Query.const_score_query(self._term("category", category), CATEGORY_BONUS))
        unwanted = negated_word(typed)
        if unwanted:
            extras.append(Query.const_score_query(self._without(unwanted), NEGATION_BONUS))
            extras.append(Query.const_score_query(self._unnamed(unwanted), UNNAMED_BONUS))
        return extras

    def _names_a_brand(self, stem: str) -> bool:
        """Most products that contain the word are of a brand called so."""
        made = self._searcher.doc_freq("brand_text", stem)
        return made > 0 and made >= _BRAND_SHARE * self._searcher.doc_freq("all", stem)

    def _unnamed(self, word: str) -> Query:
        """Products whose title does not speak of what is unwanted."""
        named = self._term("title", stem_of(word))
        return Query.boolean_query([(MUST, self._term("live", LIVE)), (MUST_NOT, named)])

    def _without(self, word: str) -> Query:
        """Products that say they lack it: "no buckle", "buckle free", "buckleless"."""
        stem = stem_of(word)
        said = [self._phrase("all", (stem_of(negation), stem), slop=1) for negation in NEGATIONS]
        said.append(self._phrase("all", (stem, stem_of("free"))))
        said.append(self._term("all", stem_of(word.removesuffix("s") + "less")))
        return Query.boolean_query([(SHOULD, each) for each in said])

    def _joined(self, words: list[_Word], extras: list[Query], relax_below: int) -> Plan:
        required = [word for word in words if word.required] or words
        bonus = [word.score for word in words if word not in required] + extras
        every = _all_of([word.match for word in required])
        count = self.count(every)
        if len(required) == 1 or count >= relax_below:
            return Plan(every, _preferring(_all_of([word.score for word in required]), bonus), count)
        some = self._most_words(required, relax_below)
        prize = Query.const_score_query(every, EVERY_WORD_BONUS)
        found = Query.const_score_query(some, 0.0)
        ranked = _preferring(found, [*(word.score for word in required), prize, *bonus])
        return Plan(some, ranked, self.count(some), relaxed=True)

    def _most_words(self, required: list[_Word], relax_below: int) -> Query:
        """As many of the words as leave enough products."""
        words = [word.match for word in required]
        for least in range(len(words) - 1, 1, -1):
            some = _at_least(words, least)
            if self.count(some) >= relax_below:
                return some
        return _at_least(words, 1)

    def count(self, query: Query) -> int:
        return count_of(self._searcher, query)

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term)

    def _phrase(self, field: str, parts: tuple[str, str], slop: int = 0) -> Query:
        return Query.phrase_query(self._schema, field, list(parts), slop)


def _all_of(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(MUST, each) for each in queries])


def _preferring(found: Query, preferred: list[Query]) -> Query:
    """What `found` finds, scored by it and by each of `preferred` that matches, too.

    One around the other: of several optional queries side by side the engine makes a union, which scores everything in
    it, found or not.
    """
    for each in preferred:
        found = Query.boolean_query([(MUST, found), (SHOULD, each)])
    return found


def _at_least(words: list[Query], least: int) -> Query:
    """The engine skips through intersections: spelling out the choices takes a third of the time of counting words."""
    if least == 1 or comb(len(words), least) > _MOST_CHOICES:
        return Query.boolean_query([(SHOULD, word) for word in words], least)
    choices = [Query.boolean_query([(MUST, word) for word in choice]) for choice in combinations(words, least)]
    return Query.boolean_query([(SHOULD, choice) for choice in choices])
