"""How text becomes terms: the same for documents and for queries."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import tantivy

STEMMED: Final = "haat_stemmed"
PLAIN: Final = "haat_plain"
READY: Final = "haat_ready"
LONGEST_TERM: Final = 40

# A query word of this list may be missing from a product; the others are asked for first.
OPTIONAL_WORDS: Final = frozenset(
    {"a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "no", "non", "not"}
    | {"of", "on", "or", "the", "to", "w", "with", "without", "your"}
)
NEGATIONS: Final = ("without", "no", "not", "non")
_TURNS: Final = frozenset({"for", "with", "without", "in", "of", "w", "not", "no"})
_ARTICLES: Final = frozenset({"a", "an", "any", "the"})

# Joined to their number, so that "16 GB", "16-gb" and "16gb" are one term.
_UNIT_NAMES: Final = {
    "gigabyte": "gb",
    "gigabytes": "gb",
    "terabyte": "tb",
    "terabytes": "tb",
    "kgs": "kg",
    "kilogram": "kg",
    "kilograms": "kg",
    "gm": "g",
    "gms": "g",
    "gram": "g",
    "grams": "g",
    "ltr": "l",
    "litre": "l",
    "litres": "l",
    "liter": "l",
    "liters": "l",
    "millilitre": "ml",
    "milliliter": "ml",
    "inches": "inch",
    "watt": "w",
    "watts": "w",
    "volt": "v",
    "volts": "v",
    "metre": "m",
    "metres": "m",
    "meter": "m",
    "meters": "m",
    "lbs": "lb",
    "gallons": "gallon",
    "quarts": "quart",
    "pints": "pint",
    "ounce": "oz",
    "ounces": "oz",
}
_UNITS: Final = sorted(
    {"gb", "tb", "mb", "kg", "g", "mg", "ml", "l", "cm", "mm", "m", "w", "v", "mah", "hz", "ghz", "mhz"}
    | {"gallon", "quart", "pint", "ft", "inch", "lb", "oz", "mp", "pcs", "rpm"}
    | set(_UNIT_NAMES),
    key=lambda unit: (-len(unit), unit),
)
_NUMBER_WITH_UNIT: Final = re.compile(rf"(\d)[ \t-]?({'|'.join(_UNITS)})\b")
_INCH_MARK: Final = re.compile(r"(\d) ?(?:\"|”|″|'')")
_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?:s\b)?")
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{2,3}\b)")
_WORD: Final = re.compile(r"\w+")


def normalised(text: str) -> str:
    """Lower case, one spelling of apostrophes, thousands and units; what the analysers take."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'")
    text = text.lower()
    if "'" in text:
        text = _APOSTROPHE.sub("", text)
    text = _THOUSANDS.sub("", _INCH_MARK.sub(r"\1inch ", text))
    return _NUMBER_WITH_UNIT.sub(_join_unit, text)


def _join_unit(match: re.Match[str]) -> str:
    unit = match.group(2)
    return match.group(1) + _UNIT_NAMES.get(unit, unit)


def _analyser(stem: bool) -> tantivy.TextAnalyzer:
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    return builder.filter(tantivy.Filter.stemmer("english")).build() if stem else builder.build()


stemmed_analyser: Final = _analyser(stem=True)
plain_analyser: Final = _analyser(stem=False)
# For stems with spaces between them.
ready_analyser: Final = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def words_of(text: str) -> list[tuple[str, str]]:
    """The words of a text as (word, stem), in order; both analysers cut alike."""
    clean = normalised(text)
    return list(zip(plain_analyser.analyze(clean), stemmed_analyser.analyze(clean), strict=True))


def neighbours_of(stems: Sequence[str]) -> list[str]:
    """Each two stems that stand next to each other, as one term."""
    return [f"{left} {right}" for left, right in pairwise(stems)]


def stem_of(word: str) -> str:
    terms = stemmed_analyser.analyze(word)
    return terms[0] if terms else word


def negated_word(words: list[str]) -> str | None:
    """What a shopper does not want: "belt without buckle" → "buckle"."""
    for at, word in enumerate(words):
        if word in NEGATIONS:
            rest = [later for later in words[at + 1 :] if later not in _ARTICLES]
            return rest[0] if rest else None
    return None


def head_word(words: list[str]) -> str | None:
    """What is looked for, as opposed to how it is or whom it is for: "oak desk for kids" → "desk"."""
    head = None
    for word in words:
        if word in _TURNS:
            break
        head = word
    return head


def named_key(text: str) -> str:
    """A category's name as shoppers ask for it, in any number: "Laptops" and "laptop" are the same key."""
    return " ".join(stem for _, stem in words_of(text))


def with_words_replaced(text: str, replacements: dict[str, str]) -> str:
    """The shopper's own text with single words exchanged, compared in their plain form."""

    def swap(match: re.Match[str]) -> str:
        plain = plain_analyser.analyze(normalised(match.group(0)))
        return replacements.get(plain[0], match.group(0)) if len(plain) == 1 else match.group(0)

    return _WORD.sub(swap, text)
