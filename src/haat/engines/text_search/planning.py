"""From the words a shopper typed to what must match and how it ranks.

Every word counts where the title has it, and for less where only the rest of the product's text does (BM25); the
word that names the thing ("desk" in "oak desk for kids") counts a quarter more. Words next to each other in the
query earn more when they are neighbours in a title. A brand or a category that is asked for earns a bonus, and so
does being without what is said to be unwanted. A synonym of a word counts a fifth less than the word. Weights come
from the ESCI judgments and lie on a wide plateau: halving or doubling one changes nDCG@10 by about 0.005.
"""

from itertools import combinations, pairwise
from math import comb, log1p
from typing import Final

import msgspec
import tantivy

from haat.engines.text_search.analysis import (
    NEGATIONS,
    OPTIONAL_WORDS,
    head_word,
    named_key,
    negated_word,
    neighbours_of,
    stem_of,
    with_words_replaced,
    words_of,
)
from haat.engines.text_search.reading import Tally, count_of, tally_of
from haat.engines.text_search.schema import LIVE
from haat.engines.text_search.spelling import Speller
from haat.engines.text_search.synonyms import Synonyms

Query = tantivy.Query
MUST: Final = tantivy.Occur.Must
SHOULD: Final = tantivy.Occur.Should
MUST_NOT: Final = tantivy.Occur.MustNot

BESIDE_WEIGHT: Final = 0.6
NEIGHBOURS_WEIGHT: Final = 0.4
EVERY_WORD_BONUS: Final = 4.0
NEGATION_BONUS: Final = 6.0
UNNAMED_BONUS: Final = 3.0
BRAND_BONUS: Final = 2.0
CATEGORY_BONUS: Final = 4.0
HEAD_WEIGHT: Final = 1.25
SYNONYM_WEIGHT: Final = 0.8
MOST_WORDS: Final = 24
MOST_LETTERS: Final = 512
# "firestick" is also tried as "fire stick" when so few products contain it.
_RARE: Final = 20
_SHORTEST_COMPOUND: Final = 6
_MOST_CHOICES: Final = 32
_BRAND_SHARE: Final = 0.3


class Plan(msgspec.Struct, frozen=True):
    """`match` decides what is found, `tally` of it in this state; `ranked` finds the same and scores it.

    When most of them lack some of the words, `nearest` finds the few that lack the fewest.
    """

    match: Query
    ranked: Query
    tally: Tally
    nearest: Query | None = None
    did_you_mean: str | None = None


class _Other(msgspec.Struct, frozen=True):
    """Another way to say a word, as the stems of one word or of several side by side; worth this part of the word."""

    stems: tuple[str, ...]
    weight: float


class _Word(msgspec.Struct, frozen=True):
    """What `match` finds, each of `scores` finds a part of; they add up."""

    stem: str
    match: Query
    scores: tuple[Query, ...]
    required: bool
    corrected_to: str | None = None


class Planner:
    """Plans for one state of the index."""

    def __init__(
        self, searcher: tantivy.Searcher, schema: tantivy.Schema, speller: Speller, synonyms: Synonyms
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self._speller = speller
        self._synonyms = synonyms

    def plan(self, text: str, relax_below: int) -> Plan | None:
        """None when the text holds no word."""
        by_stem: dict[str, str] = {}
        for word, stem in words_of(text[:MOST_LETTERS]):
            by_stem.setdefault(stem, word)
        if not by_stem:
            return None
        typed = [(word, stem) for stem, word in by_stem.items()][:MOST_WORDS]
        head = head_word([word for word, _ in typed])
        joined = self._joined_neighbours([word for word, _ in typed])
        words = [
            self._word(word, stem, HEAD_WEIGHT if word == head else 1.0, joined.get(word, [])) for word, stem in typed
        ]
        corrections = {
            word: meant.corrected_to for (word, _), meant in zip(typed, words, strict=True) if meant.corrected_to
        }
        extras = self._extras(words, [corrections.get(word, word) for word, _ in typed])
        plan = self._joined(words, extras, relax_below)
        meant = with_words_replaced(text, corrections) if corrections else None
        return msgspec.structs.replace(plan, did_you_mean=meant)

    def _word(self, word: str, stem: str, weight: float, joined: list[_Other]) -> _Word:
        matches = [self._said((stem,))]
        frequency = self._searcher.doc_freq("all", stem)
        titled, besides = [Query.boost_query(self._term("title", stem), weight)], []
        beside = self._searcher.doc_freq("beside", stem)
        if beside:
            # As rare as the word is altogether.
            rarity = self._rarity(frequency) / self._rarity(beside)
            besides.append(Query.boost_query(self._term("beside", stem), BESIDE_WEIGHT * weight * rarity))
        others = self._synonyms_of(stem) + joined
        if frequency < _RARE and len(word) >= _SHORTEST_COMPOUND:
            others += self._compound(word)
        corrected = self._speller.candidates(word) if frequency == 0 and not others else ()
        for right in map(stem_of, corrected):
            others += [_Other((right,), 1.0), *self._synonyms_of(right)]
        for other in others:
            matches.append(self._said(other.stems))
            # A rare way to say it is no better than the shopper's own.
            rarest = max(self._rarity(self._searcher.doc_freq("all", part)) for part in other.stems)
            less = other.weight * weight * min(1.0, self._rarity(frequency) / rarest)
            titled.append(Query.boost_query(self._phrase("title", other.stems), less))
            said = self._term("beside", other.stems[0]) if len(other.stems) == 1 else matches[-1]
            besides.append(Query.boost_query(said, BESIDE_WEIGHT * less))
        return _Word(
            stem=stem,
            match=matches[0] if len(matches) == 1 else Query.boolean_query([(SHOULD, each) for each in matches]),
            scores=tuple(_best_of(each) for each in (titled, besides) if each),
            required=word not in OPTIONAL_WORDS,
            corrected_to=corrected[0] if corrected else None,
        )

    def _said(self, stems: tuple[str, ...]) -> Query:
        """Products that say so anywhere. Only whether it occurs is asked: its frequencies need not be read."""
        if len(stems) == 1:
            return Query.term_query(self._schema, "all", stems[0], index_option="basic")
        return self._phrase("all", stems)

    def _synonyms_of(self, stem: str) -> list[_Other]:
        """Those that some product may have."""
        return [
            _Other(other, SYNONYM_WEIGHT)
            for other in self._synonyms.others.get(stem, ())
            if all(self._searcher.doc_freq("all", part) for part in other)
        ]

    def _joined_neighbours(self, typed: list[str]) -> dict[str, list[_Other]]:
        """ "bed sheet" may be a bedsheet: that says both words."""
        found: dict[str, list[_Other]] = {}
        for left, right in pairwise(typed):
            stem = stem_of(left + right)
            if self._searcher.doc_freq("all", stem):
                for word in (left, right):
                    found.setdefault(word, []).append(_Other((stem,), 1.0))
        return found

    def _compound(self, word: str) -> list[_Other]:
        """The split of a word into two neighbours that most products have; none when no product has one."""
        best: tuple[int, tuple[str, str]] | None = None
        for cut in range(2, len(word) - 1):
            parts = stem_of(word[:cut]), stem_of(word[cut:])
            if min(self._searcher.doc_freq("all", part) for part in parts) == 0:
                continue
            count = count_of(self._searcher, self._phrase("all", parts))
            if count and (best is None or count > best[0]):
                best = count, parts
        return [_Other(best[1], 1.0)] if best else []

    def _extras(self, words: list[_Word], typed: list[str]) -> list[Query]:
        extras = [
            Query.boost_query(self._term("neighbours", pair), weight)
            for pair in neighbours_of([word.stem for word in words])
            if (weight := self._neighbours_weight(pair))
        ]
        extras += [
            Query.const_score_query(self._term("brand_text", word.stem), BRAND_BONUS)
            for word in words
            if self._names_a_brand(word.stem)
        ]
        category = named_key(" ".join(typed))
        if self._searcher.doc_freq("category_named", category):
            extras.append(Query.const_score_query(self._term("category_named", category), CATEGORY_BONUS))
        unwanted = negated_word(typed)
        if unwanted:
            extras.append(Query.const_score_query(self._without(unwanted), NEGATION_BONUS))
            extras.append(Query.const_score_query(self._unnamed(unwanted), UNNAMED_BONUS))
        return extras

    def _neighbours_weight(self, pair: str) -> float:
        """What two neighbours earn together follows from how rare each of them is; 0 when no title has them."""
        together = self._searcher.doc_freq("neighbours", pair)
        if not together:
            return 0.0
        apart = sum(self._rarity(self._searcher.doc_freq("title", stem)) for stem in pair.split(" "))
        return NEIGHBOURS_WEIGHT * apart / self._rarity(together)

    def _rarity(self, frequency: int) -> float:
        """The engine's own measure (the idf of BM25). Frequencies count what was deleted, too."""
        return log1p((max(self._searcher.num_docs - frequency, 0) + 0.5) / (frequency + 0.5))

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
        scores = [score for word in required for score in word.scores]
        bonus = [score for word in words if word not in required for score in word.scores] + extras
        every = _all_of([word.match for word in required])
        tally = tally_of(self._searcher, every)
        if len(required) == 1 or tally.products >= relax_below:
            return Plan(every, _preferring(Query.const_score_query(every, 0.0), [*scores, *bonus]), tally)
        least, some, tally, nearest = self._most_words(required, relax_below)
        bonus.append(Query.const_score_query(every, EVERY_WORD_BONUS))
        if least == 1:
            ranked = _preferring(Query.boolean_query([(SHOULD, score) for score in scores]), bonus)
        else:
            ranked = _preferring(Query.const_score_query(some, 0.0), [*scores, *bonus])
        return Plan(some, ranked, tally, nearest)

    def _most_words(self, required: list[_Word], relax_below: int) -> tuple[int, Query, Tally, Query]:
        """As many of the words as leave enough products: how many, what has them, its tally, what has one more."""
        words = [word.match for word in required]
        nearest = _all_of(words)
        for least in range(len(words) - 1, 0, -1):
            some = _at_least(words, least)
            tally = tally_of(self._searcher, some)
            if least == 1 or tally.products >= relax_below:
                break
            nearest = some
        return least, some, tally, nearest

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term)

    def _phrase(self, field: str, parts: tuple[str, ...], slop: int = 0) -> Query:
        """The words side by side; a single one is a term."""
        if len(parts) == 1:
            return self._term(field, parts[0])
        return Query.phrase_query(self._schema, field, list(parts), slop)


def _all_of(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(MUST, each) for each in queries])


def _best_of(scores: list[Query]) -> Query:
    return scores[0] if len(scores) == 1 else Query.disjunction_max_query(scores, 0.0)


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
