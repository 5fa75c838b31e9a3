"""Words that shoppers use for the same thing: "tv" finds televisions."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from haat.engines.text_search.analysis import words_of

_OURS: Final = Path(__file__).with_name("synonyms.txt")


class Synonyms(msgspec.Struct, frozen=True):
    """`groups` of members in plain words; `others`: by a member's stem what else is said, as the stems of its words."""

    groups: tuple[tuple[str, ...], ...] = ()
    others: Mapping[str, tuple[tuple[str, ...], ...]] = {}

    def beginning(self, prefix: str) -> list[str]:
        """The other words of the groups in which a word begins so."""
        return [
            each
            for group in self.groups
            if any(word.startswith(prefix) for word in group)
            for each in group
            if " " not in each and not each.startswith(prefix)
        ]


def read_synonyms(merchants: Path | None = None) -> Synonyms:
    """Our own groups, and those of the merchant's file; `OSError` when it cannot be read."""
    lines = _OURS.read_text("utf-8").splitlines()
    if merchants is not None:
        lines += merchants.read_text("utf-8").splitlines()
    return synonyms_of(lines)


def synonyms_of(lines: Iterable[str]) -> Synonyms:
    """Groups, one a line, members between commas; what follows a # is a comment."""
    groups: list[tuple[str, ...]] = []
    others: dict[str, dict[tuple[str, ...], None]] = {}
    for line in lines:
        members = [words for each in line.partition("#")[0].split(",") if (words := words_of(each))]
        groups.append(tuple(" ".join(word for word, _ in words) for words in members))
        stems = [tuple(stem for _, stem in words) for words in members]
        for member in stems:
            if len(member) == 1:
                others.setdefault(member[0], {}).update(dict.fromkeys(each for each in stems if each != member))
    return Synonyms(tuple(groups), {stem: tuple(each) for stem, each in others.items()})
